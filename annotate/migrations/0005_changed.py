from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0004_label_change'),
    ]

    operations = [
        # The triggers come after all migrations, and with them the moments: see annotate/triggers.
        migrations.AddField(
            model_name='listed',
            name='changed',
            field=models.BigIntegerField(default=0, help_text='When its tags or its state were last changed, in milliseconds since 1970; 0 where it was not begun'),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='listed',
            index=models.Index(fields=['project', 'changed', 'id'], name='listed_changed'),
        ),
    ]
