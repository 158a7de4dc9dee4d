"""Requests to addresses that people typed: webhooks, and pages to import.

Whoever types an address must not reach by it what this host alone can reach. So every connection, that of a redirect
too, looks its name up here, is refused where any address of that name is internal, and goes to an address that was
looked at: a name that is answered otherwise a moment later gains nothing. Proxies named in the environment are not
asked, since these would look the name up again.

Slow to import: do so in the functions that need it.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, BinaryIO, NamedTuple

import httpcore2
from django.conf import settings
from httpx2 import URL, InvalidURL, create_ssl_context

POST_WITHIN = 10.0  # seconds, from the look-up of the name to the end of the answer
FETCH_WITHIN = 60.0
CONNECT_WITHIN = 5.0  # to one of a name's addresses, before the next one is tried
LARGEST = 50 * 2**20  # bytes of what is fetched
BEGINNING = 1_000  # bytes of a webhook's answer that are kept
MOST_REDIRECTS = 5
LONGEST = 2_000  # characters of an address
AGENT = "Tagdesk"
REDIRECTS = (301, 302, 303, 307, 308)
FAULTS = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)

_WHOLE_V6 = ip_network("2000::/3")  # all that was ever given out; the rest of IPv6 is for other purposes
_NAT64 = ip_network("64:ff9b::/96")  # IPv4 hosts as a network without IPv4 sees them
# What Python takes for global, all versions of it or some: protocol assignments, relays of 6to4 and its addresses,
# which hold any IPv4 address, documentation, and Azure's metadata.
_NOT_OPEN = [
    ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
]


class NoAnswer(Exception):
    """Nothing was sent, or nothing came back that can be used. The message is a sentence for people."""


class NotAllowed(NoAnswer):
    """The address is none that Tagdesk asks."""


class Answer(NamedTuple):
    status: int
    beginning: str


class Fetched(NamedTuple):
    address: str  # where it was found at last
    content_type: str


def checked(address: str) -> URL:
    """The address, where Tagdesk would ask it at all; where its name leads is looked at by each connection.

    Raises NotAllowed.
    """
    try:
        url = URL(address.strip()) if len(address) <= LONGEST else None
    except InvalidURL:
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise NotAllowed("This is no address of the web: one begins with https:// or http://.")
    if url.userinfo:
        raise NotAllowed("An address with a name or password in it is not asked.")
    if url.port is not None and url.port < 1024 and url.port not in (80, 443):
        raise NotAllowed(f"Port {url.port} is not asked: only 80, 443 and those from 1024 on.")
    with suppress(ValueError):
        _refuse_internal(url.host, ip_address(url.host))
    return url


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send this, and see what is answered. A redirect is an answer, and not followed. Raises NoAnswer."""
    with _asked("POST", checked(address), headers, body, _Clock(POST_WITHIN)) as response:
        beginning = b""
        with suppress(*FAULTS):  # it has answered: that counts, whatever becomes of the rest
            for piece in response.iter_stream():
                beginning += piece
                if len(beginning) >= BEGINNING:
                    break
    return Answer(response.status, _readable(beginning[:BEGINNING]))


def fetch(address: str, target: BinaryIO, within: float = FETCH_WITHIN) -> Fetched:
    """Write what lies at the address into `target`. Redirects are followed. Raises NoAnswer."""
    clock = _Clock(within)
    url = checked(address)
    for _ in range(MOST_REDIRECTS + 1):
        with _asked("GET", url, {"Accept": "*/*", "Accept-Encoding": "identity"}, None, clock) as response:
            elsewhere = _header(response, b"location")
            if response.status not in REDIRECTS or not elsewhere:
                _write(response, url.host, target)
                return Fetched(str(url), _header(response, b"content-type").lower())
        url = checked(_joined(url, elsewhere))
    raise NoAnswer(f"{url.host} leads from one address to the next, and to no page.")


def is_open(address: IPv4Address | IPv6Address) -> bool:
    """Whether this is a host of the open internet, the same for whoever asks it."""
    plain = _unwrapped(address)
    if isinstance(plain, IPv6Address) and plain not in _WHOLE_V6:
        return False
    return plain.is_global and not plain.is_multicast and not any(plain in network for network in _NOT_OPEN)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _refuse_internal(host: str, address: IPv4Address | IPv6Address) -> None:
    # Not which address it is: that would tell of the network's inside.
    if not is_open(address) and not any(_unwrapped(address) in network for network in settings.TAGDESK_INTERNAL):
        raise NotAllowed(f"{host} leads into an internal network, which Tagdesk does not ask.")


def _looked_up(host: str, port: int) -> list[str]:
    """The addresses of a host, none of them internal. Raises NoAnswer."""
    try:  # the system's resolver gives up by itself
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"There is no host of the name {host}.") from error
    addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
    for address in addresses:
        _refuse_internal(host, ip_address(address))
    return addresses


class _Clock:
    """What is left of the time for a request as a whole; a server that sends a byte now and then wins none."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends = time.monotonic() + seconds

    def left(self) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left


class _Network(httpcore2.NetworkBackend):
    """Connects to addresses that were looked at, and no others."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        fault: Exception = NoAnswer(f"There is no host of the name {host}.")
        for address in _looked_up(host, port):
            try:
                within = min(CONNECT_WITHIN, self.clock.left())
                stream = httpcore2.SyncBackend().connect_tcp(address, port, within, socket_options=socket_options)
                return _Stream(stream, self.clock)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                fault = error
        raise fault


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step has but the time that is left."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: _Clock) -> None:
        self.stream = stream
        self.clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.clock.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, self.clock.left()), self.clock)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


@contextmanager
def _asked(
    method: str, url: URL, headers: Mapping[str, str], body: bytes | None, clock: _Clock
) -> Iterator[httpcore2.Response]:
    """The answer, whose body is still to be read. Raises NoAnswer."""
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    own: list[tuple[bytes | str, bytes | str]] = [("Host", url.netloc), ("User-Agent", AGENT), ("Connection", "close")]
    sent = [*own, *headers.items()]
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=create_ssl_context(), network_backend=_Network(clock)) as pool,
            pool.stream(method, target, headers=sent, content=body) as response,
        ):
            yield response
    except httpcore2.TimeoutException as error:
        raise NoAnswer(f"{url.host} did not answer within {clock.seconds:g} seconds.") from error
    except httpcore2.ConnectError as error:
        raise NoAnswer(_not_connected(url.host, error)) from error
    except httpcore2.NetworkError as error:
        raise NoAnswer(f"{url.host} broke the connection off.") from error
    except httpcore2.ProtocolError as error:
        raise NoAnswer(f"{url.host} does not answer as a web server does.") from error


def _not_connected(host: str, error: Exception) -> str:
    cause = error.args[0] if error.args else None  # httpcore hands on what it was
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The certificate of {host} is not trusted: {cause.verify_message}."
    if isinstance(cause, ssl.SSLError):
        return f"{host} does not speak TLS there."
    return f"{host} cannot be reached: {getattr(cause, 'strerror', None) or error}."


def _header(response: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _joined(url: URL, elsewhere: str) -> str:
    try:
        return str(url.join(elsewhere))
    except InvalidURL as error:
        raise NoAnswer(f"{url.host} leads to what is no address.") from error


def _write(response: httpcore2.Response, host: str, target: BinaryIO) -> None:
    if response.status != 200:
        raise NoAnswer(f"{host} answered {in_words(response.status)}.")
    if (packed := _header(response, b"content-encoding")) not in ("", "identity"):
        raise NoAnswer(f"{host} answered with what is compressed ({packed[:20]}), which it was asked not to do.")
    size = 0
    for piece in response.iter_stream():
        size += len(piece)
        if size > LARGEST:
            raise NoAnswer(f"What lies there is larger than {LARGEST // 2**20} MB.")
        target.write(piece)


def in_words(status: int) -> str:
    """“404 Not Found”."""
    with suppress(ValueError):
        return f"{status} {HTTPStatus(status).phrase}"
    return str(status)


def _readable(data: bytes) -> str:
    """Text that a page can show and a database store."""
    text = data.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
