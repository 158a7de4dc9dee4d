"""UIMA's CAS as JSON and as XMI, with the types of DKPro that INCEpTION knows, read and written by dkpro-cassis.

A file is one article, and is held whole. Its offsets count UTF-16 units; cassis gives and takes code points.
"""

import io
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from annotate import iob2
from annotate.exchange.checking import checked
from annotate.exchange.formats.archive import named, zipped
from annotate.exchange.formats.head import Head
from annotate.exchange.lines import pieces
from annotate.exchange.records import CharSpan, FormatError, Options, Problem, Record
from annotate.exchange.utf16 import units_of
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
_OF_CAS, _OF_XMI = "http:///uima/cas.ecore", "http://www.omg.org/XMI"
_XMI_ID = f"{{{_OF_XMI}}}id"
_SPACES = {
    "cas": _OF_CAS,
    "xmi": _OF_XMI,
    "ner": f"http:///{TYPES.replace('.', '/')}ner/type.ecore",
    "segmentation": f"http:///{TYPES.replace('.', '/')}segmentation/type.ecore",
    "metadata": f"http:///{TYPES.replace('.', '/')}metadata/type.ecore",
}
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
    return zipped((f"{name}.json", _json(record)) for name, record in named(records))


def write_xmi(records: Iterable[Record]) -> Iterator[bytes]:
    """A zip with a file an article, and the types of all."""
    return zipped(_xmi_files(records))


def _xmi_files(records: Iterable[Record]) -> Iterator[tuple[str, bytes]]:
    yield "TypeSystem.xml", _types().to_xml().encode()
    for name, record in named(records):
        yield f"{name}.xmi", _xmi(record)


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


@lru_cache(maxsize=1)
def _types_told() -> Any:
    from cassis import Cas

    return json.loads(Cas(typesystem=_types()).to_json())["%TYPES"]


def _cas(record: Record, kept: Callable[[str], str] = str) -> "Cas":
    """The article's text, and what is said of it as a whole."""
    from cassis import Cas

    cas = Cas(typesystem=_types(), sofa_string=kept(record.text or ""))
    cas.sofa_mime = "text/plain"
    said = {"documentTitle": kept(record.title), "language": kept(record.language) or None}
    cas.add(_types().get_type(METADATA)(begin=0, end=len(record.text or ""), **said))
    return cas


class _Place(NamedTuple):
    """A token, a sentence or an entity, in UTF-16 units; what is no entity has no value."""

    kind: str
    begin: int
    end: int
    value: str = ""


def _places(record: Record) -> Iterator[_Place]:
    units, offsets, starts = units_of(record.text or ""), record.offsets or [], record.sentence_starts or [0]
    for start, end in offsets:
        yield _Place(TOKEN, units[start], units[end])
    for first, after in pairwise([*starts, len(offsets)]):
        yield _Place(SENTENCE, units[offsets[first][0]], units[offsets[after - 1][1]])
    for start, end, label in iob2.spans_of(record.tags or []):
        yield _Place(NAMED_ENTITY, units[offsets[start][0]], units[offsets[end - 1][1]], label)


# The library makes the file; some hundred places are put into it here, each of which takes the library 0.2 ms.
def _json(record: Record) -> bytes:
    from cassis.typesystem import TypeSystemMode

    told = json.loads(_cas(record).to_json(type_system_mode=TypeSystemMode.NONE))
    structures, view = told["%FEATURE_STRUCTURES"], told["%VIEWS"]["_InitialView"]
    first = 1 + max(one["%ID"] for one in structures)
    for number, (kind, begin, end, value) in enumerate(_places(record), first):
        structure = {"%ID": number, "%TYPE": kind, "@sofa": view["%SOFA"], "begin": begin, "end": end}
        structures.append({**structure, "value": value} if value else structure)
        view["%MEMBERS"].append(number)
    return json.dumps({"%TYPES": _types_told(), **told}, ensure_ascii=False).encode()


def _xmi(record: Record) -> bytes:
    from lxml import etree

    def kept(text: str) -> str:
        return _NOT_XML.sub("\ufffd", text)  # XML has no way to write these

    root = etree.fromstring(_cas(record, kept).to_xmi().encode())
    view, sofa = root.find(f"{{{_OF_CAS}}}View"), root.find(f"{{{_OF_CAS}}}Sofa")
    members = view.get("members").split()
    first = 1 + max(int(one.get(_XMI_ID)) for one in root if one.get(_XMI_ID))
    for number, (kind, begin, end, value) in enumerate(_places(record), first):
        space, _, name = kind.rpartition(".")
        told = {_XMI_ID: str(number), "sofa": view.get("sofa"), "begin": str(begin), "end": str(end)}
        sofa.addprevious(root.makeelement(f"{{http:///{space.replace('.', '/')}.ecore}}{name}", told))
        if value:
            sofa.getprevious().set("value", kept(value))
        members.append(str(number))
    view.set("members", " ".join(members))
    etree.cleanup_namespaces(root, top_nsmap=_SPACES)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
