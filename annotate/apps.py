from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate


class AnnotateConfig(AppConfig):
    name = "annotate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotate import triggers

        connection_created.connect(triggers.teach)
        pre_migrate.connect(_before_migrations, sender=self)
        post_migrate.connect(_after_migrations, sender=self)


def _before_migrations(using: str, plan: Any = None, **kwargs: Any) -> None:
    from annotate import triggers

    if plan:
        triggers.drop(connections[using])


def _after_migrations(using: str, plan: Any = None, **kwargs: Any) -> None:
    from annotate import triggers

    connection = connections[using]
    if plan and triggers.fit(connection):
        triggers.create(connection)
        triggers.refill(connection)
