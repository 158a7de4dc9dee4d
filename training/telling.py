"""How a run is told to people: phases, spans of time, the loss curve, the tables of scores. Pure; plain values only."""

from collections.abc import Sequence
from typing import Any, NamedTuple

PHASES = {
    "preparing": "Reading the articles and loading the encoder",
    "training": "Learning",
    "scoring": "Tagging the held-out articles to score it",
    "saving": "Writing the model down",
    "comparing": "Tagging the same articles with the model before, to compare",
    "asking": "Asking the hub for it",
    "fetching": "Fetching it from the hub",
    "trying": "Loading it, and reading a sentence with it",
}


LENIENT = {
    "strict": "The right words and the right label",
    "exact": "The right words, whatever the label",
    "type": "The right label, on words that overlap",
    "partial": "The right words, or half for some of them, whatever the label",
}
# As `engine.calibration` has it, which the web process does not import.
ENOUGH_SPANS, ENOUGH_ARTICLES = 300, 10
FAMILIES = {
    "bert": "BERT",
    "camembert": "CamemBERT",
    "deberta": "DeBERTa",
    "deberta-v2": "DeBERTa v2 or v3",
    "distilbert": "DistilBERT",
    "electra": "ELECTRA",
    "modernbert": "ModernBERT",
    "roberta": "RoBERTa",
    "xlm-roberta": "XLM-R",
}

ENOUGH_TO_SAY = 20  # fewer verdicts than this make no share


class Row(NamedTuple):
    """One label's line: shares in [0, 1], `support` gold entities, `before` the F1 of the model before."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    before: float | None


class Nearly(NamedTuple):
    """One line of the scores that give credit for less; all in [0, 1]."""

    words: str
    precision: float
    recall: float
    f1: float


class Bin(NamedTuple):
    """The spans whose probability lay between two tenths: how many, what was said of them and how many were right, as
    the model had it and as calibrated; None where there are no such spans.
    """

    said: str
    before: dict[str, Any]
    after: dict[str, Any]


class Cell(NamedTuple):
    """One cell of the confusion table; `kind` is "right" on the diagonal, "wrong" for any mistake, else empty."""

    entities: int | None
    kind: str


def phase(progress: dict[str, Any]) -> str:
    return PHASES.get(progress.get("phase", ""), "Starting")


def encoder(family: str, layers: int, lower_case: bool | None, tags: bool) -> str:
    """Say what an encoder is: `BERT, 6 layers, without capitals`."""
    parts = [
        FAMILIES.get(family, family),
        f"{layers} layers" if layers else "",
        {True: "without capitals", False: "with capitals", None: ""}[lower_case],
        "tags already" if tags else "",
    ]
    return ", ".join(filter(None, parts))


def some(names: Sequence[str], most: int = 6) -> str:
    """List a few names, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def time_span(seconds: float | None) -> str:
    """Say a span of time as one would: `8 s`, `2 min 5 s`, `1 h 20 min`. Empty where there is none."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def about(seconds: float | None) -> str:
    """Say an estimate no finer than it is: `1 min`, `12 min`, `2 h`. Empty where there is none."""
    if seconds is None:
        return ""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 100 else f"{round(minutes / 60)} h"


def course(losses: Sequence[Sequence[float]]) -> str:
    """The loss curve in words. Empty for fewer than two points."""
    return f"From {losses[0][1]:.3f} to {losses[-1][1]:.3f}." if len(losses) > 1 else ""


def rows(scores: dict[str, Any], labels: Sequence[str]) -> list[Row]:
    """The candidate's labels, in the project's order and then by name, beside the model before."""
    candidate = (scores.get("candidate") or {}).get("per_label", {})
    before = (scores.get("current") or {}).get("per_label", {})
    order = [label for label in labels if label in candidate]
    order += sorted(set(candidate) - set(order))
    return [
        Row(
            label,
            candidate[label]["precision"],
            candidate[label]["recall"],
            candidate[label]["f1"],
            candidate[label]["support"],
            before[label]["f1"] if label in before else None,
        )
        for label in order
    ]


def confusion(scores: dict[str, Any]) -> list[tuple[str, list[Cell]]]:
    """The candidate's confusion table by row: the label that people gave, and how often the model gave each. The last
    row and column are "(none)", whose own cell means nothing.
    """
    found = (scores.get("candidate") or {}).get("confusion", {})
    labels, table = found.get("labels", []), found.get("table", [])
    last = len(labels) - 1
    return [
        (label, [_cell(count, row == column, row == column == last) for column, count in enumerate(counts)])
        for row, (label, counts) in enumerate(zip(labels, table, strict=True))
    ]


def _cell(entities: int, on_diagonal: bool, meaningless: bool) -> Cell:
    if meaningless:
        return Cell(None, "")
    return Cell(entities, "right" if on_diagonal else "wrong" if entities else "")


def between(interval: Sequence[float] | None) -> str:
    """An interval of scores, `0.780–0.831`. Empty where there is none."""
    return "–".join(f"{edge:.3f}" for edge in interval) if interval else ""


def how_far_off(candidate: dict[str, Any] | None) -> str:
    """Say in a sentence how much F1 owes to the choice of articles. Empty where nobody has asked."""
    if not candidate or "f1_interval" not in candidate:
        return ""
    if candidate["f1_interval"] is None:
        return "There are too few held-out articles to say how far F1 may be off."
    return (
        f"On other held-out articles of this kind, as many as these, F1 would in 95 of 100 cases lie within "
        f"{between(candidate['f1_interval'])}."
    )


def calibration(found: dict[str, Any] | None) -> str:
    """Say whether probabilities can be trusted. Empty for a run of before that was."""
    if not found:
        return ""
    spans, articles = _counted(found["spans"], "span"), _counted(found["articles"], "held-out article")
    if "after" not in found:
        return (
            f"Probabilities are not calibrated: {ENOUGH_SPANS} predicted spans in {ENOUGH_ARTICLES} held-out articles "
            f"are needed, and so far it is {spans} in {articles}. Until then 90 % does not mean nine in ten."
        )
    what = f"held against {spans} in {articles}"
    if not found["applied"]:
        return f"Probabilities are used as the model gives them: {what}, nothing made them better."
    slope, offset = found.get("slope", 1.0), found.get("offset", 0.0)
    line = "" if (slope, offset) == (1.0, 0.0) else f" and the line {slope:.2f} · log odds {_signed(offset)}"
    return (
        f"Probabilities are calibrated with the temperature {found['temperature']:.2f}{line}, {what}: they are off by "
        f"{_off(found['after'])} on articles that it was not fitted on, before by {_off(found['before'])}. "
        f"Perfect ones would seem off by {found['perfect']:.3f}, by chance, on as many."
    )


def _signed(number: float) -> str:
    return f"{'−' if number < 0 else '+'} {abs(number):.2f}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _off(reliability: dict[str, Any]) -> str:
    return f"{reliability['error']:.3f} ({between(reliability['interval'])})"


def reliability(found: dict[str, Any] | None) -> list[Bin]:
    """What came true of what was said, by tenths that hold a span. Empty where nothing was calibrated."""
    if not found or "after" not in found:
        return []
    pairs = zip(found["before"]["bins"], found["after"]["bins"], strict=True)
    return [
        Bin(f"{before['low']:.0%} to {before['high']:.0%}".replace("%", " %"), before, after)
        for before, after in pairs
        if before["spans"] or after["spans"]
    ]


def lenient(candidate: dict[str, Any] | None) -> list[Nearly]:
    """The strict scores and those that give credit for less, from the strictest on. Empty where there are none."""
    if not candidate or "lenient" not in candidate:
        return []
    measured = {"strict": candidate, **candidate["lenient"]}
    return [
        Nearly(words, *(measured[name][measure] for measure in ("precision", "recall", "f1")))
        for name, words in LENIENT.items()
    ]


def why_no_score(articles: dict[str, int]) -> str:
    """Say why a run that ended well has no score. Empty where it has one."""
    if articles.get("validation"):
        return ""
    return (
        "No score yet: none of the held-out articles was finished when this model was trained, and a score on the"
        " articles that it learnt from would mean nothing. Tag on: held-out articles come up first."
    )


def blind(articles: dict[str, int]) -> str:
    """Say how the held-out gold came about, which is what the score rests on."""
    total, unseen, unknown = (articles.get(key, 0) for key in ("validation", "blind", "unknown"))
    parts = [
        (unseen, "tagged blind, without suggestions in sight"),
        (total - unseen - unknown, "tagged with what a model said in sight, which flatters the score"),
        (unknown, "imported with tags, and nobody knows how those were made"),
    ]
    told = ", ".join(f"{count} {'was' if count == 1 else 'were'} {how}" for count, how in parts if count)
    return f"Of {total} held-out article{'s' if total > 1 else ''} {told}." if total else ""


def share(part: int, whole: int) -> str:
    """A share in per cent, or that the whole is too small for one. Only all is 100 %, and only none is 0 %."""
    if whole < ENOUGH_TO_SAY:
        return "too few to say"
    rounded = round(100 * part / whole)
    return f"{rounded if part in (0, whole) else min(max(rounded, 1), 99)} %"


def kept(accepted: int, looked_at: int, at_finish: int) -> str:
    """One line on what people kept of a model's suggestions. Empty where they have judged none."""
    parts = []
    if looked_at:
        parts.append(f"{accepted:,} of {looked_at:,} looked at ({share(accepted, looked_at)})")
    if at_finish:
        parts.append(f"{at_finish:,} taken unseen at finish")
    return ", ".join(parts)


class PathRow(NamedTuple):
    """One path by which a model can predict. Where it does not work, `trouble` says why and the rest is None."""

    path: str
    name: str
    words_per_s: float | None
    f1: float | None
    equal: str
    trouble: str


def paths(tried: dict[str, Any], choices: Sequence[tuple[str, str]]) -> list[PathRow]:
    """The paths that were tried, in the order of the choices."""
    return [
        PathRow(path, name, found.get("words_per_s"), found.get("f1"), _equal(found), found.get("trouble", ""))
        for path, name in choices
        if (found := tried.get(path))
    ]


def _equal(found: dict[str, Any]) -> str:
    """Only all is 100 %."""
    share = found.get("agreement", 0.0)
    return "100 %" if share == 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


LATELY = 60  # seconds in which a predictor at work has written something, on a slow machine too


def filling(told: dict[str, Any], made: int, now: float) -> str:
    """How far a model's suggestions are, `made` of them so far. Empty where none are being made."""
    left, pace = told.get("left", 0), told.get("articles_per_s", 0.0)
    if not left or not pace or now - told["at"] > LATELY:
        return ""
    each = f"{pace:,.0f} articles a second" if pace >= 1 else f"{60 * pace:,.0f} articles a minute"
    return f"Suggestions: {made:,} of {made + left:,} articles, {each}, about {time_span(left / pace)} left."
