from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery


def from_uncertainty(apps: Any, schema_editor: Any) -> None:
    """As `training.engine.order` has it. Ceilings are found with the next suggestions."""
    Document, Prediction = (apps.get_model('annotate', name) for name in ('Document', 'Prediction'))
    words = Document.objects.filter(pk=OuterRef('document')).values('token_count')[:1]
    Prediction.objects.filter(uncertainty__isnull=False).update(to_mend=F('uncertainty') * Subquery(words))


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0013_access_tokens'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='prediction', name='prediction_most_useful'),
        migrations.RenameField(model_name='prediction', old_name='usefulness', new_name='to_mend'),
        migrations.AlterField(
            model_name='prediction',
            name='to_mend',
            field=models.FloatField(help_text="How much is likely to be wrong in the article, for the queue's order; null as above", null=True),
        ),
        migrations.AddField(
            model_name='source',
            name='ceiling',
            field=models.FloatField(help_text='Articles with more to mend than this come last in the queue; null where there is no limit', null=True),
        ),
        migrations.RunPython(from_uncertainty, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(models.F('source'), models.OrderBy(models.F('to_mend'), descending=True), models.F('document'), name='prediction_most_to_mend'),
        ),
    ]
