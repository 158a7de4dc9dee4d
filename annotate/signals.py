"""What annotate tells whoever listens, always after the commit. It does not know who does."""

from django.dispatch import Signal

document_finished = Signal()  # document
documents_imported = Signal()  # project
suggestions_wanted = Signal()  # project, where whoever suggests has something to do
