"""The preset dictionaries are fixed octet for octet: the sums are those that are known of them."""

from __future__ import annotations

from hashlib import sha256
from zlib import adler32

import pytest

from plait.spdy.constants import Version
from plait.spdy.dictionaries import SPDY2, SPDY3, dictionary
from tests.support.project import ROOT
from tools import make_spdy_dictionaries as tool


@pytest.mark.parametrize(
    ("octets", "length", "adler", "sha"),
    [
        (
            SPDY2,
            907,
            "dfa251b2",
            "0088d05d3b07b510aae796d67857c83308247ae79078d5743f412e483c23fbc6",
        ),
        (
            SPDY3,
            1423,
            "e3c6a7c2",
            "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02",
        ),
    ],
    ids=["SPDY2", "SPDY3"],
)
def test_sums(octets: bytes, length: int, adler: str, sha: str) -> None:
    assert len(octets) == length
    assert f"{adler32(octets):08x}" == adler
    assert sha256(octets).hexdigest() == sha


def test_begin_and_end() -> None:
    assert SPDY2.startswith(b"optionsgetheadpost")
    assert SPDY2.endswith(b"HTTP/1.1statusversionurl\0")
    assert SPDY3.startswith(b"\0\0\0\x07options\0\0\0\x04head")
    assert SPDY3.endswith(b",utf-,*,enq=0.")


def test_each_version_has_its_own() -> None:
    assert dictionary(Version.SPDY2) is SPDY2
    assert dictionary(Version.SPDY3) is SPDY3
    assert dictionary(Version.SPDY3_1) is SPDY3


def test_the_file_is_what_the_tool_writes() -> None:
    target = ROOT / "src" / "plait" / "spdy" / "dictionaries.py"
    assert target.read_text(encoding="utf-8") == tool.render()


@pytest.mark.parametrize("name", ["SPDY2_RUN", "SPDY3_WORDS", "SPDY3_RUN"])
def test_the_tool_notices_a_slip_of_the_pen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = getattr(tool, name).split()
    monkeypatch.setattr(tool, name, " ".join([*rest, first]))
    with pytest.raises(SystemExit, match="checksums do not fit"):
        tool.render()
