"""A model folder: weights, tokenizer and config as transformers writes them, and a manifest that makes it whole."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

MANIFEST = "tagdesk.json"
LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "safetensors", "numpy", "seqeval")


def write(folder: Path, model: Any, tokenizer: Any, manifest: dict[str, Any]) -> None:
    """Write a model folder so that it survives a power cut; the manifest comes last and says the rest is there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    flush(folder)
    aside = folder / f"{MANIFEST}.part"
    aside.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    flush_one(aside)
    aside.replace(folder / MANIFEST)
    flush_one(folder)


def versions() -> dict[str, str]:
    """Name the versions of all that a model's weights depend on."""
    return {"python": platform.python_version(), **{library: version(library) for library in LIBRARIES}}


def flush(folder: Path) -> None:
    """Have all below a folder, and then the folder itself, on the disk. Raises OSError."""
    for path in (*folder.rglob("*"), folder):
        flush_one(path)


def flush_one(path: Path) -> None:
    """Have a file, or what a folder holds by name, on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
