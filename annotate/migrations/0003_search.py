from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("annotate", "0002_desk"),
    ]

    operations = []
