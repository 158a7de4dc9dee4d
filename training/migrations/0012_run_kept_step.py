from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("training", "0011_one_curve")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="kept_step",
            field=models.PositiveIntegerField(default=0, help_text="The step of its last checkpoint; 0 without one"),
        ),
    ]
