"""Whatever bytes a reader is given, it reads them or refuses them in words, with the place."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.exchange.formats import READERS
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import FOUND, TARGETS, put_through

SEEDS = seeds()
# What formats stumble over: ends, marks and signs of other encodings, numbers, what opens and never closes.
PIECES = [
    *(b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xc3", b"\xff", "😀".encode()),
    *(b"\r", b"\n", b"\r\n", b"\n\n", b"\t", b" ", b"\xe2\x80\xa8", b"\x0b", b"\x1c", b"\xc2\x85", b""),
    *(b"-1", b"0", b"999999999999999999999", b"1e999", b"NaN", b"null", b"true", b"0.5"),
    *(
        b'"',
        b"'",
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b";",
        b"|",
        b"\\",
        b"#",
        b"-",
        b"_",
        b"*",
        b"<",
        b">",
        b"&",
        b"=",
    ),
    *(b"[" * 2_000, b'{"a":' * 300, b"-DOCSTART-", b"B-", b"I-PER", b"#Text=", b"T1\t", b"<!DOCTYPE a>", b"]]>"),
]


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A file of a target with some of it replaced, left out, or said twice."""
    data = draw(st.sampled_from(SEEDS[name]))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 1, 2, 7, 40])))
        copied = draw(st.integers(0, len(data)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=3) | st.just(data[copied : copied + 30]))
        data = data[:start] + piece + data[end:]
    return data


def test_every_format_is_fuzzed_from_a_file_of_its_own() -> None:
    assert READERS.keys() <= TARGETS.keys()
    assert all(SEEDS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_the_files_to_begin_with_are_read(name: str) -> None:
    for data in SEEDS[name]:
        put_through(name, data)


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_once_is_read_or_refused_in_words(path: Path) -> None:
    put_through(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=30)
def test_whatever_is_damaged_is_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    put_through(name, data.draw(damaged(name)))
