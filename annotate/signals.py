"""What annotate tells whoever listens, always after the commit, and what it asks of them. It does not know who does."""

from django.dispatch import Signal

document_finished = Signal()  # document
documents_imported = Signal()  # project
suggestions_wanted = Signal()  # project, where whoever suggests has something to do
tags_mended = Signal()  # project; asks for the ids of articles mended by who had seen a model's mistakes in them
