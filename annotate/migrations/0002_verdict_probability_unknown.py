from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='verdict',
            name='probability',
            field=models.FloatField(null=True),
        ),
    ]
