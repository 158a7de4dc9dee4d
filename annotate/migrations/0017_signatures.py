from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from annotate import split, triggers

AT_ONCE = 200


def sign_anew(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What finds near-duplicates is computed in another way. Groups and sides stay as they are."""
    Document, NearKey = (apps.get_model('annotate', name) for name in ('Document', 'NearKey'))
    NearKey.objects.all().delete()
    signed = Document.objects.exclude(signature=b'').only('text', 'tokens', 'split', 'project')
    seen: set[bytes] = set()
    last = 0
    while some := list(signed.filter(pk__gt=last).order_by('pk')[:AT_ONCE]):
        last = some[-1].pk
        rows = []
        for document in some:
            document.signature = split.signature([document.text[start:end] for start, end in document.tokens])
            known = document.signature + f'{document.project_id} {document.split}'.encode()
            if known not in seen:
                seen.add(known)
                keys = set(split.keys(document.signature))
                rows += [NearKey(project_id=document.project_id, key=key, document=document) for key in keys]
        Document.objects.bulk_update(some, ['signature'], batch_size=50)
        NearKey.objects.bulk_create(rows)


def read_again(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The index is to have nothing of what an import has not shown yet."""
    triggers.drop_index(schema_editor.connection)
    triggers.create_index(schema_editor.connection)
    triggers.fill_index(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0016_webhooks'),
    ]

    operations = [
        migrations.AlterField(
            model_name='nearkey',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='annotate.project'),
        ),
        migrations.RunPython(sign_anew, migrations.RunPython.noop),
        migrations.RunPython(read_again, migrations.RunPython.noop),
    ]
