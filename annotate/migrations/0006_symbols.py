from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from annotate import triggers


def read_again(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The index is to know symbols, too."""
    triggers.drop_index(schema_editor.connection)
    triggers.create_index(schema_editor.connection)
    triggers.fill_index(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0005_changed'),
    ]

    operations = [
        migrations.RunPython(read_again, read_again),
    ]
