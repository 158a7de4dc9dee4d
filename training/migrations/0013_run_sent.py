from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("training", "0012_run_kept_step")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="sent",
            field=models.PositiveSmallIntegerField(default=1, help_text="How many times it has been sent to a worker"),
        ),
    ]
