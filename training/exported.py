"""A version's folder as ONNX, made where somebody asks for it: below the cache, since it can be made again."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from django.conf import settings

from training import trouble
from training.folders import folder_of
from training.models import Version

MADE_WITHIN = 300.0  # seconds, after which one may ask anew: the worker has died

log = logging.getLogger(__name__)


def folder_as_onnx(version: Version) -> Path:
    return Path(settings.TAGDESK_DATA) / "cache" / "exported" / str(version.pk)


def is_under_way(version: Version) -> bool:
    asked = _asked(version)
    return asked.exists() and time.time() - asked.stat().st_mtime < MADE_WITHIN


def why_not(version: Version) -> str:
    """Why the last attempt came to nothing, in words; empty where it did not."""
    told = _trouble(version)
    return told.read_text(encoding="utf-8") if told.exists() else ""


def note_asked(version: Version) -> None:
    _trouble(version).unlink(missing_ok=True)
    _asked(version).parent.mkdir(parents=True, exist_ok=True)
    _asked(version).touch()


def take_back(version: Version) -> None:
    _asked(version).unlink(missing_ok=True)


def make(version: Version) -> None:
    """Make it, or leave word why not."""
    from training.engine import onnx
    from training.engine.shelf import EncoderError

    folder = folder_as_onnx(version)
    try:
        if not folder.is_dir():
            onnx.write_folder(folder_of(version), folder)
            _drop_if_deleted(version)
    except (onnx.NotExported, EncoderError) as error:
        _trouble(version).write_text(str(error), encoding="utf-8")
    except Exception as error:  # whatever it is: somebody waits, and must read why there is none
        log.exception("Version %s could not be written as ONNX.", version.pk)
        _trouble(version).write_text(trouble.no_answer(error), encoding="utf-8")
    finally:
        take_back(version)


def _drop_if_deleted(version: Version) -> None:
    """Leave nothing of a version that was deleted while it was written: who deleted it has swept here already."""
    if not Version.objects.filter(pk=version.pk, deleted_at=None).exists():
        shutil.rmtree(folder_as_onnx(version), ignore_errors=True)


def _asked(version: Version) -> Path:
    return folder_as_onnx(version).with_suffix(".asked")


def _trouble(version: Version) -> Path:
    return folder_as_onnx(version).with_suffix(".trouble")
