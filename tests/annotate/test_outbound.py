import io
import socket
import sys
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest

from annotate import outbound
from tests.web import Names, Site, serving

HERE = [ip_network("127.0.0.0/8")]
two_hosts = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no 127.0.0.2 of its own")


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.fixture
def inside(settings):
    """This machine's own addresses may be asked, as somebody on their own network allows them."""
    settings.TAGDESK_INTERNAL = HERE


def fetched(address):
    target = io.BytesIO()
    return outbound.fetch(address, target), target.getvalue()


INTERNAL = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.9", "192.88.99.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fe80::1%1",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::1", "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1",
]  # fmt: skip
OPEN = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INTERNAL)
def test_what_is_internal_reserved_or_stands_for_such_is_not_open(address):
    assert not outbound.is_open(ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_hosts_of_the_internet_are_open(address):
    assert outbound.is_open(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.1",
        "127.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_no_spelling_of_this_machine_is_asked(site: Site, host):
    # Where the resolver does not know a spelling, or it is no address at all, that will do as well.
    with pytest.raises(outbound.NoAnswer, match=r"internal network|no host of the name|no address of the web"):
        outbound.post(site.address(host=host), b"{}", {})
    assert site.asked == []


def test_a_name_with_one_internal_address_among_others_is_not_asked(site: Site, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names(mixed_example=[["93.184.216.34", "127.0.0.1"]]))
    with pytest.raises(outbound.NotAllowed, match=r"mixed\.example leads into an internal network"):
        outbound.post(site.address(host="mixed.example"), b"{}", {})
    assert site.asked == []


@two_hosts
def test_a_name_that_is_answered_otherwise_the_second_time_leads_nowhere_else(monkeypatch, settings):
    settings.TAGDESK_INTERNAL = [ip_network("127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", Names(rebound_example=[["127.0.0.1"], ["127.0.0.2"]]))
    with serving("127.0.0.1") as allowed, serving("127.0.0.2", allowed.port) as forbidden:
        allowed.says("/", "first")
        assert outbound.post(allowed.address(host="rebound.example"), b"{}", {}).beginning == "first"
        with pytest.raises(outbound.NotAllowed):
            outbound.post(allowed.address(host="rebound.example"), b"{}", {})
    assert (len(allowed.asked), len(forbidden.asked)) == (1, 0)


def test_the_host_is_named_as_it_was_typed(site: Site, inside, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names(desk_example=[["127.0.0.1"]]))
    site.says("/here", "yes")
    outbound.post(site.address("/here", "desk.example"), b'{"a": 1}', {"X-Own": "1"})
    [asked] = site.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/here", b'{"a": 1}')
    assert (asked.headers["host"], asked.headers["x-own"]) == (f"desk.example:{site.port}", "1")


def test_of_several_addresses_the_next_is_taken_where_one_does_not_answer(site: Site, inside, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names(two_example=[["127.0.0.9", "127.0.0.1"]]))
    assert outbound.post(site.address(host="two.example"), b"", {}).status == 404


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://example.org/a", "begins with https://"),
        ("file:///etc/passwd", "begins with https://"),
        ("gopher://example.org", "begins with https://"),
        ("example.org/a", "begins with https://"),
        ("https://", "begins with https://"),
        ("https://[::1", "begins with https://"),
        ("https://exa mple.org\x00/", "begins with https://"),
        ("https://example.org/" + "a" * 2_000, "begins with https://"),
        ("", "begins with https://"),
        ("https://user@example.org/", "name or password"),
        ("https://example.org:secret@10.0.0.1/", "name or password"),
        ("http://example.org:22/", "Port 22"),
        ("http://example.org:25/", "Port 25"),
        ("http://10.0.0.1/", "internal network"),
        ("http://[fd00:ec2::254]/latest", "internal network"),
    ],
)
def test_what_is_no_address_to_ask_is_told_before_anything_is_looked_up(address, words):
    with pytest.raises(outbound.NotAllowed, match=words):
        outbound.checked(address)


@pytest.mark.parametrize("address", ["https://example.org/a?b=1", "http://example.org:8080/", "https://bücher.example"])
def test_an_address_of_the_web_may_be_asked(address):
    assert outbound.checked(address).host


def test_a_name_that_is_not_known_is_told(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(outbound.NoAnswer, match=r"no host of the name nobody\.example"):
        outbound.post("https://nobody.example/", b"", {})


def test_nobody_listening_is_told(inside):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(outbound.NoAnswer, match="cannot be reached: Connection refused"):
            outbound.post(f"http://127.0.0.1:{port}/", b"", {})


def test_what_does_not_speak_tls_is_told(site: Site, inside):
    with pytest.raises(outbound.NoAnswer, match="does not speak TLS"):
        outbound.post(f"https://127.0.0.1:{site.port}/", b"", {})


def test_a_redirect_answers_a_webhook_and_is_not_followed(site: Site, inside):
    site.says("/a", status=307, Location=site.address("/b"))
    assert outbound.post(site.address("/a"), b"{}", {}).status == 307
    assert [asked.path for asked in site.asked] == ["/a"]


def test_of_a_long_answer_the_beginning_is_kept_as_text(site: Site, inside):
    answer = outbound.post(site.says("/", b"\x00\xff\x1b[31mred" + b"a" * 1_000_000), b"", {})
    assert answer.beginning.startswith("\ufffd\ufffd\ufffd[31mreda")
    assert len(answer.beginning) <= outbound.BEGINNING


def drip(handler):
    """A header that goes on for ten seconds, a byte at a time: each comes well within the time of a read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    with suppress(OSError):  # until who has asked goes away
        for _ in range(500):
            handler.wfile.write(b"a")
            time.sleep(0.02)


def test_a_server_that_sends_a_byte_now_and_then_wins_no_time(site: Site, inside, monkeypatch):
    monkeypatch.setattr(outbound, "POST_WITHIN", 0.3)
    site.pages["/"] = drip
    with pytest.raises(outbound.NoAnswer, match=r"did not answer within 0\.3 seconds"):
        outbound.post(site.address(), b"", {})


def test_a_page_is_fetched_through_redirects(site: Site, inside):
    site.says("/a", status=302, Location="/b?c=1")
    site.says("/b?c=1", "the page", Content_Type="text/HTML; charset=utf-8")
    found, data = fetched(site.address("/a"))
    assert (found.address, found.content_type) == (site.address("/b?c=1"), "text/html; charset=utf-8")
    assert data == b"the page"


@two_hosts
def test_a_redirect_into_an_internal_network_is_not_followed(site: Site, settings, monkeypatch):
    settings.TAGDESK_INTERNAL = [ip_network("127.0.0.1")]
    with serving("127.0.0.2") as forbidden:
        monkeypatch.setattr(socket, "getaddrinfo", Names(inner_example=[["127.0.0.2"]]))
        for place in (forbidden.address("/secret"), forbidden.address("/secret", "inner.example"), "http://0x7f.2/"):
            site.says("/a", status=302, Location=place)
            with pytest.raises(outbound.NotAllowed, match="internal network"):
                fetched(site.address("/a"))
    assert forbidden.asked == []


@pytest.mark.parametrize("elsewhere", ["file:///etc/passwd", "http://a:b@127.0.0.1/", "http://127.0.0.1:22/"])
def test_a_redirect_to_what_is_not_asked_is_not_followed(site: Site, inside, elsewhere):
    site.says("/a", status=301, Location=elsewhere)
    with pytest.raises(outbound.NotAllowed):
        fetched(site.address("/a"))


def test_redirects_end(site: Site, inside):
    site.says("/a", status=302, Location="/a")
    with pytest.raises(outbound.NoAnswer, match="from one address to the next"):
        fetched(site.address("/a"))
    assert len(site.asked) == outbound.MOST_REDIRECTS + 1


def test_what_is_too_large_is_cut_off(site: Site, inside, monkeypatch):
    monkeypatch.setattr(outbound, "LARGEST", 2**20)
    target = io.BytesIO()
    with pytest.raises(outbound.NoAnswer, match="larger than 1 MB"):
        outbound.fetch(site.says("/", b"a" * 2**23), target)
    assert len(target.getvalue()) <= 2**20


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": 404}, "127.0.0.1 answered 404 Not Found"),
        ({"status": 599}, "127.0.0.1 answered 599"),
        ({"body": b"x", "Content_Encoding": "gzip"}, "compressed"),
    ],
)
def test_what_is_no_page_is_told(site: Site, inside, said, words):
    with pytest.raises(outbound.NoAnswer, match=words):
        fetched(site.says("/", **said))


def test_a_proxy_of_the_environment_is_not_asked(site: Site, inside, monkeypatch):
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address())
        monkeypatch.setenv("ALL_PROXY", proxy.address())
        fetched(site.says("/", "direct"))
    assert proxy.asked == []
