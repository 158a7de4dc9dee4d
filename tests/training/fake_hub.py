"""A Hugging Face hub of one's own: serves folders as repositories, and refuses as the real one does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

COMMIT = "c0ffee" + 34 * "0"
CONVERTED = "bad" + 37 * "0"  # the commit of the hub's own branch of Parquet files


class FakeHub:
    """`refusals`: {name: (status, the hub's own word for it)}. A dataset's name begins with "datasets/"; what the hub
    has converted of it is the folder of that name with "@" behind it, and `cards` has its card.
    """

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.fetched: list[str] = []
        self.tokens: set[str | None] = set()  # with which it was asked
        self.address = ""

    def files(self, name: str) -> list[Path]:
        return sorted(path for path in self.folders[name].rglob("*") if path.is_file())

    def listed(self, name: str) -> list[dict[str, Any]]:
        root = self.folders[name]
        return [
            {"type": "file", "path": str(path.relative_to(root)), "size": path.stat().st_size, "oid": f"{number:040d}"}
            for number, path in enumerate(self.files(name))
        ]


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            hub.tokens.add(self.headers["Authorization"])
            self._resolve(body=False)

        def do_GET(self) -> None:
            hub.tokens.add(self.headers["Authorization"])
            path = self.path.partition("?")[0]
            if not path.startswith(("/api/models/", "/api/datasets/")):
                return self._resolve(body=True)
            name = "/".join(path.split("/")[3:5])
            name = f"datasets/{name}" if path.startswith("/api/datasets/") else name
            if name in hub.refusals or name not in hub.folders:
                return self._refuse(name)
            if "/tree/" in path:
                return self._json(hub.listed(name))
            commit = COMMIT
            if "/revision/refs%2Fconvert%2Fparquet" in path:
                card, name, commit = {}, f"{name}@", CONVERTED
                if name not in hub.folders:
                    return self._json({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
            else:
                card = hub.cards.get(name, {})
            siblings = [{"rfilename": file["path"], "size": file["size"]} for file in hub.listed(name)]
            told = {"id": name, "sha": commit, "siblings": siblings, "private": False, "gated": False, "cardData": card}
            return self._json(told)

        def _resolve(self, body: bool) -> None:
            name, _, rest = self.path.removeprefix("/").partition("/resolve/")
            commit, _, file = rest.partition("/")
            content = (hub.folders[f"{name}@" if commit == CONVERTED else name] / file).read_bytes()
            if body:
                hub.fetched.append(file)
            self.send_response(200)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", f'"{file.replace("/", "-")}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def _refuse(self, name: str) -> None:
            status, word = hub.refusals.get(name, (401, "RepoNotFound"))
            self._json({"error": word}, status, {"X-Error-Code": word})

        def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            for key, header in (headers or {}).items():
                self.send_header(key, header)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving() -> Iterator[FakeHub]:
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
