"""Find the encoder that a project starts from, and load it without ever unpickling or running what came with it."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import normalizers
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer, conversion_mapping

from training.engine import hub, shelf
from training.engine.shelf import DEFAULT as DEFAULT
from training.engine.shelf import EncoderError as EncoderError

WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OFFSET_POSITIONS = {"roberta", "xlm-roberta", "camembert", "longformer", "xlm-roberta-xl", "data2vec-text", "mpnet"}


@cache
def default_encoder() -> Path:
    """Find the folder of the packaged encoder, and check its weights (once per process).

    Raises EncoderError where the package is missing or its weights are not the ones we know.
    """
    folder = shelf.packaged()
    if folder is None:
        missing = shelf.DEFAULT
        raise EncoderError(f"The default encoder is not installed: the package {missing} is missing. Run: make setup")
    check_weights(folder / WEIGHTS, SHA256)
    return folder


def check_weights(path: Path, sha256: str) -> None:
    """Compare a file with its known hash. Raises EncoderError where it is missing or differs."""
    if not path.is_file():
        raise EncoderError(f"The encoder's weights are missing: there is no {path.name} in {path.parent}.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise EncoderError(
            f"The encoder's weights in {path.parent} are not the ones we know (their SHA-256 begins with {found[:12]},"
            f" not {sha256[:12]}). They were changed or damaged: reinstall the package they came with."
        )


def locate(encoder: str) -> str:
    """Find the folder of the encoder that settings name; one of the hub's that is not here is fetched.

    Raises EncoderError.
    """
    if encoder == DEFAULT:
        return str(default_encoder())
    folder = shelf.place(encoder)
    if folder is None and shelf.is_folder(encoder):
        raise EncoderError(shelf.why_not(Path(encoder)))
    return str(folder or hub.fetch(encoder, lambda progress: None))


def load_tokenizer(source: str) -> Any:
    """Load a fast tokenizer that takes words as they are. Raises EncoderError."""
    local = Path(source).is_dir()
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=local)
        if getattr(tokenizer, "add_prefix_space", None) is False:  # byte-level: else words would be glued together
            tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local, add_prefix_space=True)
    except (OSError, ValueError, ImportError) as error:
        raise EncoderError(f"The tokenizer of {source} cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise EncoderError(f"{source} has no fast tokenizer, so its sub-words cannot be matched with words.")
    _keep_words_apart(tokenizer)
    return tokenizer


def _keep_words_apart(tokenizer: Any) -> None:
    """Have a byte-level tokenizer that knows no option for it read a blank before each word, as in running text."""
    if _reads_words_apart(tokenizer):
        return
    backend = tokenizer.backend_tokenizer
    before, blank = backend.normalizer, normalizers.Prepend(" ")
    backend.normalizer = normalizers.Sequence([before, blank]) if before else blank
    if not _reads_words_apart(tokenizer):
        backend.normalizer = before


def _reads_words_apart(tokenizer: Any) -> bool:
    apart = tokenizer(["a", "a"], is_split_into_words=True, add_special_tokens=False)
    running = tokenizer("a a", add_special_tokens=False)
    return bool(apart["input_ids"] == running["input_ids"])


def prepare_to_load() -> None:
    """Have transformers compile now, once, what it asks of any model's weights. It touches no tensor, so that whoever
    has called it may fork.
    """
    conversions: Any = conversion_mapping
    conversions.get_checkpoint_conversion_mapping("bert")


def load_model(source: str, tags: Sequence[str] | None = None) -> Any:
    """Load a model for token classification in float32, with a new head where `tags` are given. Raises EncoderError."""
    head: dict[str, Any] = {}
    if tags is not None:
        head = {"id2label": dict(enumerate(tags)), "label2id": {tag: i for i, tag in enumerate(tags)}}
    try:
        model, told = AutoModelForTokenClassification.from_pretrained(
            source,
            local_files_only=Path(source).is_dir(),
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=tags is not None,
            output_loading_info=True,
            **head,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(f"The encoder {source} cannot be loaded: {error}") from error
    _check_whole(source, model, told, all_of_it=tags is None)
    return model


def _check_whole(source: str, model: Any, told: dict[str, Any], all_of_it: bool) -> None:
    """Refuse weights that do not cover the encoder: transformers would fill in random ones without a word."""
    lacking = {*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])}
    wanted = "" if all_of_it else f"{model.base_model_prefix}."
    if lost := sorted(key for key in lacking if key.startswith(wanted)):
        raise EncoderError(
            f"The weights of {source} are not those of such a model: {len(lost)} parts lack, as {lost[0]}."
        )


def longest_input(source: str, tokenizer: Any) -> int:
    """Say how many sub-words, special tokens included, the encoder can read at once. Raises EncoderError."""
    try:
        config: Any = AutoConfig.from_pretrained(source, local_files_only=Path(source).is_dir())
    except (OSError, ValueError) as error:
        raise EncoderError(f"The configuration of {source} cannot be loaded: {error}") from error
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    if config.model_type in OFFSET_POSITIONS:  # these count positions from behind the padding id
        positions -= (config.pad_token_id or 0) + 1
    return int(min(positions, tokenizer.model_max_length))
