"""UIMA's CAS as JSON and as XMI, with the types of DKPro that INCEpTION knows, read and written by dkpro-cassis.

A file is one article, and is held whole. Its offsets count UTF-16 units; cassis gives and takes code points.
"""

import io
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from annotate import iob2
from annotate.exchange.checking import checked
from annotate.exchange.formats.archive import named, zipped
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import pieces
from annotate.exchange.records import CharSpan, FormatError, Options, Problem, Record
from annotate.tokens import Offsets, TokenError, check_offsets

if TYPE_CHECKING:
    from cassis import Cas, TypeSystem

LARGEST = 1 << 26  # bytes of a file; the longest article with a token a word has fewer
TYPES = "de.tudarmstadt.ukp.dkpro.core.api."
TOKEN, SENTENCE = f"{TYPES}segmentation.type.Token", f"{TYPES}segmentation.type.Sentence"
NAMED_ENTITY = f"{TYPES}ner.type.NamedEntity"
METADATA = f"{TYPES}metadata.type.DocumentMetaData"
# What is no layer of spans that somebody chose: tokens and what is said of each, and what is said of the document.
_NO_LAYERS = (f"{TYPES}segmentation.", f"{TYPES}lexmorph.", f"{TYPES}metadata.", "uima.")
_JSON = re.compile(r'\s*\{.{0,2000}"%(?:TYPES|FEATURE_STRUCTURES|VIEWS)"\s*:', re.DOTALL)
_XMI = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<[\w.-]+:XMI[\s>]")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_json(head: Head) -> bool:
    return _JSON.match(head.text) is not None


def is_xmi(head: Head) -> bool:
    return _XMI.match(head.text) is not None


def read_json(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of a CAS JSON file. Raises FormatError where it cannot be read."""
    yield _record(_loaded(lambda: _from_json(_text(stream))), name)


def read_xmi(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The one article of an XMI file; layers of one's own are known where its TypeSystem.xml is beside it."""
    yield _record(_loaded(lambda: _from_xmi(_text(stream), options.beside)), name)


def write_json(records: Iterable[Record]) -> Iterator[bytes]:
    """A zip with a file an article, each with its types."""
    return zipped((f"{name}.json", _cas(record).to_json().encode()) for name, record in named(records))


def write_xmi(records: Iterable[Record]) -> Iterator[bytes]:
    """A zip with a file an article, and the types of all."""
    return zipped(_xmi_files(records))


def _xmi_files(records: Iterable[Record]) -> Iterator[tuple[str, bytes]]:
    yield "TypeSystem.xml", _types().to_xml().encode()
    for name, record in named(records):
        yield f"{name}.xmi", _cas(record, of_xml=True).to_xmi().encode()


def _text(stream: BinaryIO) -> str:
    parts: list[str] = []
    length = 0
    for piece in pieces(stream):
        parts.append(piece)
        length += len(piece)
        if length > LARGEST:
            raise FormatError(f"The file is longer than {LARGEST:,} characters: no article is.")
    return "".join(parts)


def _from_json(text: str) -> "Cas":
    from cassis import load_cas_from_json

    return load_cas_from_json(text)


def _from_xmi(text: str, types: bytes | None) -> "Cas":
    from cassis import load_cas_from_xmi, load_typesystem

    system = _dkpro() if types is None else load_typesystem(io.BytesIO(_harmless(_text(io.BytesIO(types)))))
    return load_cas_from_xmi(io.BytesIO(_harmless(text)), typesystem=system, lenient=True)


def _harmless(xml: str) -> bytes:
    """XML as UTF-8, whatever it declared, and without entities of its own: neither files nor bombs come in by these."""
    if "<!" in xml.replace("<!--", "").replace("<![CDATA[", ""):
        raise FormatError("The XML has a DOCTYPE, which no CAS has and which is not read here.")
    return _DECLARATION.sub("", xml, count=1).encode()


@lru_cache(maxsize=1)
def _dkpro() -> "TypeSystem":
    from cassis import load_dkpro_core_typesystem

    return load_dkpro_core_typesystem()


def _loaded(load: Callable[[], "Cas"]) -> "Cas":
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of types that nobody knows
            # cassis would take an offset between the halves of an emoji, or past the text, for a code point.
            warnings.filterwarnings("error", "Not mapping external offset")
            return load()
    except FormatError:
        raise
    except UserWarning as warning:
        raise FormatError(f"The CAS has a place outside its text, or in the middle of a sign: {warning}.") from None
    except Exception as error:  # cassis lets through whatever its parts raise at what they do not expect
        raise FormatError(f"The CAS cannot be read: {type(error).__name__}, {str(error)[:200]}.") from error


def _record(cas: "Cas", name: str) -> Record:
    text = cas.sofa_string
    if not isinstance(text, str):
        raise FormatError("The CAS has no text.")
    found: dict[str, list[Any]] = {}
    for annotation in cas.select_all_annotations():
        found.setdefault(annotation.type.name, []).append(annotation)
    record = Record(text=text, title=_title(found) or PurePath(name).stem, language=_language(cas))
    offsets, starts, problems = _tokens(record, found)
    spans, notices = _entities(record, found)
    filled = replace(record, offsets=offsets, sentence_starts=starts, spans=spans)
    return checked(filled.having([*problems, *notices]))


def _title(found: dict[str, list[Any]]) -> str:
    told = [str(one.get("documentTitle") or "") for one in found.get(METADATA, [])]
    return next(filter(None, told), "")


def _language(cas: "Cas") -> str:
    language = cas.document_language
    return language if isinstance(language, str) and language != "x-unspecified" else ""


def _tokens(record: Record, found: dict[str, list[Any]]) -> tuple[Offsets | None, list[int] | None, list[Problem]]:
    """The file's tokens and where its sentences start; none where the file has none that can be kept."""
    offsets = sorted({_range(token) for token in found.get(TOKEN, [])})
    if not offsets:
        return None, None, []
    try:
        check_offsets(record.text or "", offsets)
    except TokenError as error:
        message = f"The tokens of the file cannot be kept ({error}): the text was cut anew."
        return None, None, [record.notice("tokens", message)]
    begins = [_range(sentence)[0] for sentence in found.get(SENTENCE, [])]
    ends = [end for _, end in offsets]
    starts = {0, *(place for begin in begins if 0 < (place := bisect_right(ends, begin)) < len(offsets))}
    return offsets, sorted(starts) if begins else None, []


def _entities(record: Record, found: dict[str, list[Any]]) -> tuple[list[CharSpan], list[Problem]]:
    """The named entities, else the spans of the first layer that has a value for them."""
    layers = {name: feature for name in found if not name.startswith(_NO_LAYERS) and (feature := _feature(found[name]))}
    chosen = NAMED_ENTITY if NAMED_ENTITY in layers else next(iter(sorted(layers)), "")
    others = sorted(name for name in found if name != chosen and name not in {TOKEN, SENTENCE, METADATA})
    others = [name for name in others if not name.startswith("uima.")]
    problems = []
    if others:
        told = ", ".join(others)
        problems.append(record.notice("layer", f"Other layers of the file were left out: {told[:500]}."))
    if not chosen:
        problems.append(
            record.notice("no-entities", "The file has no entities: an article that was read, without any.")
        )
        return [], problems
    values = [(_range(one), one.get(layers[chosen])) for one in found[chosen]]
    spans = [CharSpan(*place, str(value)) for place, value in values if value]
    if unnamed := len(values) - len(spans):
        problems.append(record.notice("no-label", f"Entities without a value were left out: {unnamed:,}."))
    return spans, problems


def _feature(annotations: Sequence[Any]) -> str:
    """The feature of a layer that names the kind of an entity: a text, which some annotation has."""
    texts = [one.name for one in annotations[0].type.all_features if one.rangeType.name == "uima.cas.String"]
    by_name = sorted(texts, key=lambda name: (name not in {"value", "label"}, name == "identifier"))
    return next((name for name in by_name if any(annotation.get(name) for annotation in annotations)), "")


def _range(annotation: Any) -> tuple[int, int]:
    start, end = annotation.begin, annotation.end
    if not isinstance(start, int) or not isinstance(end, int):
        raise FormatError(
            f"An annotation of {annotation.type.name} goes from {start!r} to {end!r}: no place in a text."
        )
    return start, end


@lru_cache(maxsize=1)
def _types() -> "TypeSystem":
    """As much of DKPro's types as an article of ours needs."""
    from cassis import TypeSystem

    types = TypeSystem()
    for name in (TOKEN, SENTENCE, NAMED_ENTITY):
        types.create_type(name, supertypeName="uima.tcas.Annotation")
    metadata = types.create_type(METADATA, supertypeName="uima.tcas.DocumentAnnotation")
    types.create_feature(metadata, name="documentTitle", rangeType="uima.cas.String")
    types.create_feature(types.get_type(NAMED_ENTITY), name="value", rangeType="uima.cas.String")
    return types


def _cas(record: Record, of_xml: bool = False) -> "Cas":
    from cassis import Cas

    def kept(text: str) -> str:
        return _NOT_XML.sub("\ufffd", text) if of_xml else text  # XML has no way to write these

    types = _types()
    cas = Cas(typesystem=types, sofa_string=kept(record.text or ""), document_language=record.language or None)
    cas.sofa_mime = "text/plain"
    offsets, starts = record.offsets or [], record.sentence_starts or [0]
    spans = iob2.spans_of(record.tags or [])
    made = [
        types.get_type(METADATA)(begin=0, end=len(record.text or ""), documentTitle=kept(record.title)),
        *(types.get_type(TOKEN)(begin=start, end=end) for start, end in offsets),
        *(
            types.get_type(SENTENCE)(begin=offsets[first][0], end=offsets[after - 1][1])
            for first, after in pairwise([*starts, len(offsets)])
        ),
        *(
            types.get_type(NAMED_ENTITY)(
                begin=offsets[span.start][0], end=offsets[span.end - 1][1], value=kept(span.label)
            )
            for span in spans
        ),
    ]
    cas.add_all(made)
    return cas
