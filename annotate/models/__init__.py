from annotate.models.access_token import AccessToken, RepeatableRequest, Scope
from annotate.models.annotation import Annotation, Ask, Conflict, Edit, How, Needless, Refused
from annotate.models.bulk import BulkAction, BulkChange
from annotate.models.discussion import Note
from annotate.models.document import HELD_OUT, Document, NearKey, Split, State
from annotate.models.exchange import Import
from annotate.models.gazetteer import Gazetteer
from annotate.models.label_count import DocumentLabel
from annotate.models.listed import Listed, Tally
from annotate.models.prediction import Kept, Offer, Prediction, Source, Suggestion, Verdict
from annotate.models.project import COLORS, Label, Membership, Project, Role
from annotate.models.relabelling import LabelChange, RelabelledDocument
from annotate.models.webhook import Delivery, Event, Webhook

__all__ = [
    "COLORS",
    "HELD_OUT",
    "AccessToken",
    "Annotation",
    "Ask",
    "BulkAction",
    "BulkChange",
    "Conflict",
    "Delivery",
    "Document",
    "DocumentLabel",
    "Edit",
    "Event",
    "Gazetteer",
    "How",
    "Import",
    "Kept",
    "Label",
    "LabelChange",
    "Listed",
    "Membership",
    "NearKey",
    "Needless",
    "Note",
    "Offer",
    "Prediction",
    "Project",
    "Refused",
    "RelabelledDocument",
    "RepeatableRequest",
    "Role",
    "Scope",
    "Source",
    "Split",
    "State",
    "Suggestion",
    "Tally",
    "Verdict",
    "Webhook",
]
