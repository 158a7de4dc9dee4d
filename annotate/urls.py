from django.urls import path

from annotate.views import desk, documents, exchange, mentions, projects

urlpatterns = [
    path("", projects.projects, name="projects"),
    path("projects/new", projects.project_new, name="project_new"),
    path("projects/<slug:slug>/", projects.project, name="project"),
    path("projects/<slug:slug>/settings", projects.project_settings, name="project_settings"),
    path("projects/<slug:slug>/labels", projects.label_save, name="label_new"),
    path("projects/<slug:slug>/labels/<int:pk>", projects.label_save, name="label_save"),
    path("projects/<slug:slug>/articles", documents.documents, name="documents"),
    path("projects/<slug:slug>/mentions", mentions.mentions, name="mentions"),
    path("projects/<slug:slug>/mentions/mark", mentions.mentions_mark, name="mentions_mark"),
    path("projects/<slug:slug>/mentions/<uuid:batch>/undo", mentions.mentions_undo, name="mentions_undo"),
    path("projects/<slug:slug>/mentions/<uuid:batch>/redo", mentions.mentions_redo, name="mentions_redo"),
    path("projects/<slug:slug>/next", desk.document_next, name="document_next"),
    path("projects/<slug:slug>/import", exchange.import_new, name="import_new"),
    path("imports/<int:pk>", exchange.import_show, name="import"),
    path("imports/<int:pk>/confirm", exchange.import_confirm, name="import_confirm"),
    path("imports/<int:pk>/cancel", exchange.import_cancel, name="import_cancel"),
    path("imports/<int:pk>/problems", exchange.import_problems, name="import_problems"),
    path("projects/<slug:slug>/export", exchange.export, name="export"),
    path("projects/<slug:slug>/export/<str:kind>", exchange.export_file, name="export_file"),
    path("articles/<int:pk>/", desk.document, name="document"),
    path("articles/<int:pk>/awaited", desk.document_awaited, name="document_awaited"),
    path("articles/<int:pk>/edit", desk.document_edit, name="document_edit"),
    path("articles/<int:pk>/delete", desk.document_delete, name="document_delete"),
    path("articles/<int:pk>/restore", desk.document_restore, name="document_restore"),
]
