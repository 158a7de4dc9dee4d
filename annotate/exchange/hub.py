"""Datasets of the Hugging Face hub: their Parquet files alone. No code of a dataset is fetched, none is run.

The hub itself keeps most datasets as Parquet on a branch of its own, by configuration and split, whatever their authors
wrote them as; where it does not, the Parquet files of the authors are taken, in the splits that the card names.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from annotate.exchange import fields
from annotate.exchange.formats import rows
from annotate.exchange.formats.archive import MOST_BYTES
from annotate.exchange.records import FormatError

CONVERTED = "refs/convert/parquet"
PARTIAL = "partial-"
ANSWERS_WITHIN = 10.0  # seconds
LONGEST_NAME = 200
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_ADDRESS = re.compile(r"https?://(www\.)?(huggingface\.co|hf\.co)/datasets/")
DEFAULT = "default"  # what `datasets` calls the configuration of a dataset that has but one


class Wanted(NamedTuple):
    """A dataset by its id; the configuration and the split where not all is meant, or where there are several; once it
    was fetched, the commit. `as_operator`: whether the hub is asked with the token of whoever runs Tagdesk, so that it
    sends what is private of theirs too; never for what somebody asks for on a page.
    """

    name: str
    config: str = ""
    split: str = ""
    commit: str = ""
    as_operator: bool = False

    @property
    def token(self) -> bool | None:
        """As the hub's library has it: False is none, whatever the environment holds; None is what it finds there."""
        return None if self.as_operator else False


class Part(NamedTuple):
    """A file of a dataset. `split` is empty where nothing says it; the hub may have the beginning of it alone."""

    config: str
    split: str
    path: str
    size: int
    is_beginning: bool = False


class Found(NamedTuple):
    """What is to be fetched, at which commit. `labels` names the numbers of its tags, where its card does."""

    name: str
    commit: str
    parts: list[Part]
    labels: list[str]
    token: bool | None

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def beginnings(self) -> list[str]:
        """The splits of which there is the beginning alone."""
        return list(dict.fromkeys(part.split for part in self.parts if part.is_beginning))


def named(typed: str) -> str:
    """Read what a person typed as the id of a dataset. Raises FormatError where it can be none."""
    name = _ADDRESS.sub("", typed.strip()).partition("?")[0].partition("/tree/")[0].partition("/viewer")[0].rstrip("/")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or ".." in name or "--" in name:
        raise FormatError(f"“{name[:80]}” is no id of a dataset: OWNER/NAME, as in the address of its page on the hub.")
    return name


def look(wanted: Wanted) -> Found:
    """See what there is of it, and choose. Raises FormatError, with the reason and what else there is."""
    info, parts = _listed(wanted)
    if not parts:
        raise FormatError(
            f"{wanted.name} has no Parquet files on the hub, and Tagdesk takes no others from there: some come with "
            "code. Download it and hand in its files."
        )
    config = _config(wanted, parts)
    parts = [part for part in parts if part.config == config]
    splits = list(dict.fromkeys(part.split for part in parts if part.split))
    if wanted.split and wanted.split not in splits:
        raise FormatError(f"{wanted.name} has no split “{wanted.split}”. It has: {', '.join(splits) or 'none'}.")
    parts = [part for part in parts if not wanted.split or part.split == wanted.split]
    found = Found(wanted.name, info.sha or "", parts, _label_names(_card(info), config), wanted.token)
    if found.size > MOST_BYTES:
        too_large = f"{found.size:,} bytes, more than the {MOST_BYTES:,} that are taken at once"
        raise FormatError(f"{wanted.name} has {too_large}. Name a split.")
    return found


def fetch(found: Found, folder: Path, tell: Callable[[int], object]) -> Iterator[tuple[Path, str]]:
    """The files, one after the other, each with a name that says its split. `tell` hears of the bytes so far, and may
    raise to end it. Raises FormatError where the hub does not send them.
    """
    from huggingface_hub import hf_hub_download

    done = 0
    for number, part in enumerate(found.parts):
        tell(done)
        try:
            path = hf_hub_download(
                found.name,
                part.path,
                repo_type="dataset",
                revision=found.commit,
                local_dir=folder,
                etag_timeout=ANSWERS_WITHIN,
                token=found.token,
            )
        except _refusals() as error:
            raise _in_words(found.name, error) from error
        done += part.size
        yield Path(path), f"{part.split or 'rows'}-{number:05d}.parquet"


def _listed(wanted: Wanted) -> tuple[Any, list[Part]]:
    """What the hub says of a dataset, and its Parquet files: on the hub's own branch, else among its authors'."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    api, name = HfApi(token=wanted.token), wanted.name
    try:
        try:
            info = api.dataset_info(name, revision=CONVERTED, timeout=ANSWERS_WITHIN, files_metadata=True)
            parts = list(_converted(_files(info)))
        except RevisionNotFoundError:
            parts = []
        if not parts:
            info = api.dataset_info(name, timeout=ANSWERS_WITHIN, files_metadata=True)
            parts = _of_authors(_files(info), _card(info))
    except _refusals() as error:
        raise _in_words(name, error) from error
    return info, parts


def _files(info: Any) -> dict[str, int]:
    """The Parquet files with their sizes."""
    named = {file.rfilename: file.size or 0 for file in info.siblings or []}
    return {path: size for path, size in named.items() if path.endswith(".parquet")}


def _converted(files: Mapping[str, int]) -> Iterator[Part]:
    """CONFIG/SPLIT/0000.parquet; of what is too large the hub converts the beginning, in CONFIG/partial-SPLIT."""
    for path, size in files.items():
        config, *folders, file = path.split("/")
        split = folders[0].removeprefix(PARTIAL) if folders else fields.split_of(file) or ""
        yield Part(config, split, path, size, is_beginning=bool(folders) and folders[0].startswith(PARTIAL))


def _of_authors(files: Mapping[str, int], card: Mapping[str, Any]) -> list[Part]:
    """By the configurations of the card; without any, one with all files, in the splits that their names say."""
    found: list[Part] = []
    for config in _objects(card.get("configs")):
        for split, pattern in _patterns(config.get("data_files")):
            matching = [path for path in files if fnmatchcase(path, pattern)]
            name = str(config.get("config_name", DEFAULT))
            found += [Part(name, split or fields.split_of(path) or "", path, files[path]) for path in matching]
    return found or [Part(DEFAULT, fields.split_of(path) or "", path, size) for path, size in files.items()]


def _patterns(told: Any) -> Iterator[tuple[str, str]]:
    """(split, pattern) of the card's `data_files`: a pattern, several, or some for each split."""
    for each in told if isinstance(told, list) else [told]:
        if isinstance(each, str):
            yield "", each
        elif isinstance(each, dict):
            paths = each.get("path")
            for path in paths if isinstance(paths, list) else [paths]:
                yield str(each.get("split", "")), str(path)


def _config(wanted: Wanted, parts: Iterable[Part]) -> str:
    configs = list(dict.fromkeys(part.config for part in parts))
    if wanted.config in configs:
        return wanted.config
    there = ", ".join(configs[:50])
    if wanted.config:
        raise FormatError(f"{wanted.name} has no configuration “{wanted.config}”. It has: {there}.")
    if len(configs) == 1:
        return configs[0]
    if DEFAULT in configs:
        return DEFAULT
    raise FormatError(f"{wanted.name} has several configurations. Name one of them: {there}.")


def _card(info: Any) -> dict[str, Any]:
    return info.card_data.to_dict() if info.card_data else {}


def _label_names(card: Mapping[str, Any], config: str) -> list[str]:
    """What the numbers of the tags mean, as the card's `dataset_info` has it."""
    told = _objects(card.get("dataset_info"))
    mine = [one for one in told if len(told) == 1 or one.get("config_name") == config]
    features = {one.get("name"): one for about in mine for one in _objects(about.get("features"))}
    for tags in (features[key] for key in rows.TAGS if key in features):
        inner = _object(tags.get("sequence")) or _object(tags.get("list"))
        names = _object(inner.get("class_label")).get("names")
        if isinstance(names, dict) and names and all(str(key).isdigit() for key in names):
            return [str(names[key]) for key in sorted(names, key=int)]
        if isinstance(names, list) and names:
            return [str(name) for name in names]
    return []


def _object(told: Any) -> dict[str, Any]:
    return told if isinstance(told, dict) else {}


def _objects(told: Any) -> list[dict[str, Any]]:
    return [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict)]


def _refusals() -> tuple[type[Exception], ...]:
    import httpx2
    from huggingface_hub.errors import EntryNotFoundError

    return httpx2.HTTPError, EntryNotFoundError, ConnectionError, TimeoutError


def _in_words(name: str, error: Exception) -> FormatError:
    """Say what a refusal or a silence of the hub means for the person who asked for this dataset."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    hub = constants.ENDPOINT.partition("://")[2]
    privately = "import it with the command import_documents and a token in HF_TOKEN: a page asks without one."
    by_hand = "Fetch it on a machine that reaches the hub, and hand in its files, or its folder as a zip."
    if isinstance(error, OfflineModeIsEnabled):
        return FormatError(f"Tagdesk runs with HF_HUB_OFFLINE set, so {hub} is not asked for {name}. {by_hand}")
    if isinstance(error, GatedRepoError):
        said = f"The authors of {name} ask that their terms are accepted first: do so at {hub}/datasets/{name}, then"
        return FormatError(f"{said} {privately}")
    if isinstance(error, RepositoryNotFoundError):
        said = f"{hub} has no dataset {name} that anybody may read. Is it spelled right? If it is private,"
        return FormatError(f"{said} {privately}")
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        said = f"{hub} answered with error {error.response.status_code} when asked for {name}."
        return FormatError(f"{said} Try again later.")
    return FormatError(f"{hub} cannot be reached from this machine, or stopped answering. {by_hand}")
