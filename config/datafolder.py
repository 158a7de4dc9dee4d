"""The one folder that holds all state, and what must be in it before Django can start."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path


class DataFolderError(Exception):
    """The folder cannot be used. The message is one line for the person who started Tagdesk."""


def prepare(folder: Path) -> None:
    """Make the folder and those in it that Django's own checks look for. Raises DataFolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "uploads").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DataFolderError(_cannot_write(folder, error)) from error


def check_writable(folder: Path) -> None:
    """Write a file: modes alone do not tell (a read-only mount, a full disk, root). Raises DataFolderError."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".write-check-") as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        raise DataFolderError(_cannot_write(folder, error)) from error


def secret_key(folder: Path) -> str:
    """The installation's secret, made once. Raises DataFolderError."""
    path = folder / "secret_key"
    try:
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(64))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataFolderError(_cannot_write(folder, error)) from error
    if len(key) < 50:
        raise DataFolderError(f"{path} holds no secret key. Remove it and a new one is made; everybody signs in again.")
    return key


def socket_path(folder: Path, runtime: Path | None = None) -> Path:
    """Where the embedded queue of a data folder listens."""
    name = hashlib.sha256(f"{os.getuid()}:{folder}".encode()).hexdigest()[:16]
    path = (runtime or Path(tempfile.gettempdir())) / f"tagdesk-{name}" / "valkey.sock"
    # The system takes no socket path longer than 103 bytes (macOS) or 107 (Linux).
    return path if len(bytes(path)) < 100 else Path("/tmp", *path.parts[-2:])  # noqa: S108


def _write_once(path: Path, text: str) -> None:
    # Written aside and linked: of two processes that start together one wins, and nobody reads half a key.
    aside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def _cannot_write(folder: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"the data folder {folder} cannot be written ({reason}). Set TAGDESK_DATA to a folder that can."
