"""Which of a project's labels those of a ready model or of a file most likely stand for, by their names alone. Pure."""

from collections.abc import Sequence

# Names of one thing in the usual tag sets: CoNLL-2003, OntoNotes, WikiNEuRal, GMB, ACE, and plain words.
SAME = (
    {"PER", "PERS", "PERSON", "PEOPLE", "PERSONNE", "PERSONA"},
    {"ORG", "ORGANIZATION", "ORGANISATION", "CORP", "CORPORATION", "COMPANY", "GROUP"},
    {"LOC", "LOCATION", "GPE", "PLACE", "GEO", "GEO-LOC", "LIEU", "ORT"},
    {"MISC", "MISCELLANEOUS", "OTHER", "OTH"},
    {"DATE", "TIM", "TIME"},
    {"EVENT", "EVE", "EVT"},
    {"PRODUCT", "PROD", "PRO"},
    {"NORP", "NAT", "NATIONALITY"},
    {"WORK_OF_ART", "WORK", "ART", "CREATIVE-WORK", "TITLE"},
    {"FAC", "FACILITY"},
    {"MONEY", "MON"},
    {"LAW"},
    {"LANGUAGE", "LANG"},
)


def likely(its: Sequence[str], ours: Sequence[str]) -> dict[str, str]:
    """Give each of these labels the project's of the same name, else of the same meaning, else "" (left out)."""
    return {label: _like(label, ours) for label in its}


def _like(label: str, ours: Sequence[str]) -> str:
    wanted = label.upper()
    same = next((group for group in SAME if wanted in group), set())
    named = (mine for mine in ours if mine.upper() == wanted)
    meant = (mine for mine in ours if mine.upper() in same)
    return next(named, next(meant, ""))
