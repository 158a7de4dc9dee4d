"""A web server of the test's own, on this machine, and a resolver that says what the test wants."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

Said = tuple[int, dict[str, str], bytes]


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Site:
    """What it answers by path (404 otherwise), and what it was asked."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.pages: dict[str, Said | Callable[[Any], None]] = {}
        self.asked: list[Asked] = []

    def address(self, path: str = "/", host: str = "") -> str:
        return f"http://{host or self.host}:{self.port}{path}"

    def says(self, path: str, body: bytes | str = b"", status: int = 200, **headers: str) -> str:
        """Answer so from now on; gives the address."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, data)
        return self.address(path)


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append(Asked(self.command, self.path, headers, body))
            said = site.pages.get(self.path, (404, {}, b"nothing here"))
            if callable(said):
                said(self)
                return
            status, more, data = said
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Nothing: pytest shows what is of interest."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    site = Site(host, server.server_address[1])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


class Names:
    """A resolver that answers from lists, the next answer at each question; the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(said) for name, said in answers.items()}
        self.real = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        known = self.answers.get(host)
        if known is None:
            return list(self.real(host, port, *args, **kwargs))
        addresses = known.pop(0) if len(known) > 1 else known[0]
        return [found for address in addresses for found in self.real(address, port, *args, **kwargs)]
