"""Who may do what. Every view begins here, from the person: what they may not see does not exist for them."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from annotate.models import BulkAction, Document, Import, LabelChange, Membership, Project, Role, Webhook
from annotate.prepared import prepared


def get_project(user: Any, slug: str, role: Role = Role.VIEWER) -> Project:
    projects = Project.objects.visible_to(user).select_related("current_source")
    return _allowed(user, get_object_or_404(projects, slug=slug), role)


def get_document(user: Any, pk: int, role: Role = Role.VIEWER) -> Document:
    documents = Document.objects.visible_to(user).present().select_related("project__current_source")
    document = get_object_or_404(documents.defer("signature"), pk=pk)
    _allowed(user, document.project, role)
    return document


def get_role(user: Any, pk: int, role: Role) -> Role:
    """The person's role where this article is, in one query: for those who load the article under a lock anyway."""
    if user.is_superuser:
        get_object_or_404(Document.objects.present().only("pk"), pk=pk)
        return Role.MANAGER
    mine = _role_at(user.pk, pk)
    if not mine:
        raise Http404
    held = Role(mine[0])
    if held.rank < role.rank:
        raise PermissionDenied(f"This needs the role {role.label.lower()}.")
    return held


@prepared
def _role_at(user: Any, document: Any) -> QuerySet[Membership, str]:
    there = Membership.objects.filter(user=user, project__documents=document, project__documents__deleted_at=None)
    return there.values_list("role", flat=True)


def get_import(user: Any, pk: int, role: Role = Role.MANAGER) -> Import:
    row = get_object_or_404(Import.objects.visible_to(user).select_related("project"), pk=pk)
    _allowed(user, row.project, role)
    return row


def get_bulk(user: Any, pk: int, role: Role = Role.MANAGER) -> BulkAction:
    rows = BulkAction.objects.visible_to(user).select_related("project__current_source", "created_by", "undoes")
    row = get_object_or_404(rows.defer("chosen", "undoes__chosen"), pk=pk)
    _allowed(user, row.project, role)
    return row


def get_label_change(user: Any, pk: int, role: Role = Role.MANAGER) -> LabelChange:
    rows = LabelChange.objects.visible_to(user).select_related("project__current_source", "undoes")
    row = get_object_or_404(rows, pk=pk)
    _allowed(user, row.project, role)
    return row


def get_webhook(user: Any, pk: int, role: Role = Role.MANAGER) -> Webhook:
    rows = Webhook.objects.filter(project__in=Project.objects.visible_to(user)).select_related("project")
    row = get_object_or_404(rows, pk=pk)
    _allowed(user, row.project, role)
    return row


def _allowed(user: Any, project: Project, role: Role) -> Project:
    held = project.role_of(user)
    if held is None or Role(held).rank < role.rank:
        raise PermissionDenied(f"This needs the role {role.label.lower()} in “{project}”.")
    return project
