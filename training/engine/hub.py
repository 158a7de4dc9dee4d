"""Fetch an encoder from the Hugging Face hub: safetensors and plain text alone, nothing that could run."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from tqdm import tqdm

from training.engine import shelf
from training.engine.progress import Progress
from training.engine.shelf import EncoderError

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "README.md"]
UNWANTED = ["*/*"]  # folders hold other forms of the same weights
ANSWERS_WITHIN = 10.0  # seconds
STALLED_AFTER = 90.0  # seconds in which not one byte has come
LOOK_EVERY = 0.5
SPARE = 1 << 30  # bytes that stay free on the disk

Report = Callable[[Progress], None]


def fetch(name: str, report: Report) -> Path:
    """Fetch the latest state of a repository into the hub's own cache, and answer its folder.

    `report` hears of the megabytes, and may raise to end it. Raises EncoderError, in bounded time.
    """
    size = _look(name)
    _check_room(size)
    done = _Fetching(name)
    done.start()
    _watch(done, size, report)
    folder = shelf.place(name)
    if folder is None:
        raise EncoderError(f"{name} was fetched, but not all of it has arrived. Try again.")
    return folder


def _look(name: str) -> int:
    """See whether it can be of use before anything is fetched, and how many bytes that would be."""
    try:
        files = HfApi().model_info(name, timeout=ANSWERS_WITHIN, files_metadata=True).siblings or []
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise in_words(name, error) from error
    here = {file.rfilename: file.size or 0 for file in files if "/" not in file.rfilename}
    if reason := _why_not(name, set(here)):
        raise EncoderError(reason)
    return sum(size for file, size in here.items() if Path(file).suffix == ".safetensors")


def _why_not(name: str, files: set[str]) -> str:
    if shelf.CONFIG not in files:
        return f"{name} holds no encoder: there is no {shelf.CONFIG} in it."
    if not any(file.endswith(".safetensors") for file in files):
        return (
            f"{name} has no model.safetensors. Other forms of weights, such as pytorch_model.bin, can run a stranger's"
            " code when they are opened, so Tagdesk opens none. Ask its authors for the new form, or choose another."
        )
    if not files & set(shelf.TOKENIZERS):
        return f"{name} has no tokenizer: there is no tokenizer.json in it."
    return ""


def _check_room(size: int) -> None:
    cache = Path(constants.HF_HUB_CACHE).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if size + SPARE > free:
        raise EncoderError(
            f"It takes {size / 1e9:.1f} GB, and {cache} has {free / 1e9:.1f} GB left. Free some space, then try again."
        )


class _Fetching(threading.Thread):
    """The fetching itself, apart, so that whoever waits for it can give up."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"fetching {name}", daemon=True)
        self.repository = name
        self.bytes = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            snapshot_download(
                self.repository,
                allow_patterns=WANTED,
                ignore_patterns=UNWANTED,
                etag_timeout=ANSWERS_WITHIN,
                tqdm_class=self._counter(),
            )
        except Exception as error:  # whoever waits is told
            self.error = error

    def _counter(self) -> Any:
        fetching = self

        class Counter(tqdm):  # type: ignore[misc]
            """A progress bar that shows nothing, and counts bytes."""

            def __init__(self, *args: Any, **others: Any) -> None:
                others.pop("name", None)
                super().__init__(*args, **{**others, "disable": True})
                self.counts = others.get("unit") == "B"

            def update(self, n: float | None = 1) -> bool | None:
                if self.counts:
                    fetching.bytes += int(n or 0)
                return None

        return Counter


def _watch(fetching: _Fetching, size: int, report: Report) -> None:
    seen, since = -1, time.monotonic()
    while fetching.is_alive():
        fetching.join(LOOK_EVERY)
        if fetching.bytes != seen:
            seen, since = fetching.bytes, time.monotonic()
        if time.monotonic() - since > STALLED_AFTER:
            raise EncoderError(f"The hub stopped sending {fetching.repository}. Try again; what has come is kept.")
        report(Progress("fetching", min(seen, size) >> 20, max(size >> 20, 1)))
    if fetching.error is not None:
        raise in_words(fetching.repository, fetching.error) from fetching.error


def in_words(name: str, error: Exception) -> EncoderError:
    """Say what a refusal or a silence of the hub means for the person who asked for this encoder."""
    hub = constants.ENDPOINT.partition("://")[2]
    if isinstance(error, OfflineModeIsEnabled):
        said = f"{name} is not on this machine, and Tagdesk runs with HF_HUB_OFFLINE set, so {hub} is not asked."
    elif isinstance(error, GatedRepoError):
        said = (
            f"The authors of {name} ask that their terms are accepted first: do so at {hub}/{name}, then start Tagdesk"
            " with a token of yours in HF_TOKEN."
        )
    elif isinstance(error, RepositoryNotFoundError):
        said = (
            f"{hub} has no model {name} that anybody may read. Is it spelled right? If it is private, start Tagdesk"
            " with a token of yours in HF_TOKEN."
        )
    elif isinstance(error, HfHubHTTPError) and error.response is not None:
        said = f"{hub} answered with error {error.response.status_code} when asked for {name}. Try again later."
    elif isinstance(error, httpx2.HTTPError | OSError):
        said = (
            f"{hub} cannot be reached from this machine, and {name} is not here. Fetch it on a machine that reaches the"
            " hub, copy the folder over, and choose the folder."
        )
    else:
        said = f"{name} cannot be fetched: {error}"
    return EncoderError(said)
