"""The access log: formats, escaping, JSON, and files that are moved away."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.server.access_log import AccessLog, _escaped_before, compile_format, escaped
from plait.server.host import Peer
from plait.server.observer import Observer, Observers
from tests.server.rawclient import run
from tests.support.exchange import RecordingExchange


def lines(form: str, *exchanges: dict[str, Any]) -> list[str]:
    """What is logged of some exchanges."""

    async def main() -> str:
        stream = io.StringIO()
        log = AccessLog(stream, form)
        for each in exchanges:
            status, octets = each.pop("status", 200), each.pop("octets", 13)
            error_code, seconds = each.pop("error_code", 0), each.pop("seconds", 0.0)
            exchange = RecordingExchange(**each)
            exchange.status, exchange.octets_out = status, octets
            exchange.began = time.monotonic() - seconds
            log.ended(exchange, error_code)
        assert stream.getvalue() == ""
        await asyncio.sleep(0)
        return stream.getvalue()

    text = run(main())
    assert text.endswith("\n")
    return text[:-1].split("\n")


WHEN = r"\[\d\d/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/20\d\d:\d\d:\d\d:\d\d \+0000\]"


def test_common_and_combined() -> None:
    request = {
        "path": b"/a?b=c",
        "headers": [(b"user-agent", b"curl/8"), (b"referer", b"http://x/")],
        "http_version": "1.1",
    }
    [common] = lines("common", dict(request))
    assert re.fullmatch(rf'192\.0\.2\.1 - - {WHEN} "GET /a\?b=c HTTP/1\.1" 200 13', common)
    [combined] = lines("combined", dict(request))
    assert re.fullmatch(re.escape(common[:14]) + r'.* "http://x/" "curl/8"', combined)
    [empty] = lines("combined", {"status": 0, "octets": 0})
    assert empty.endswith('"GET / HTTP/2" - - "-" "-"')


ATOMS = {
    "%(h)s": "192.0.2.1",
    "%(l)s%(u)s": "--",
    "%(m)s": "POST",
    "%(U)s": "/p%20q",
    "%(q)s": "x=%22",
    "%(H)s": "HTTP/2",
    "%(S)s://%(v)s": "https://example.org",
    "%(r)s": "POST /p%20q?x=%22 HTTP/2",
    "%(s)s": "404",
    "%(b)s %(B)s": "7 7",
    "%(f)s %(a)s": "- a b",
    "%({X-Request-Id}i)s %({none}i)s": "42 -",
    "%(T)s": "2",
    "%(M)s": r"2\d\d\d",
    "%(D)s": r"2\d{6}",
    "%(L)s": r"2\.\d{6}",
    "%(p)s": str(os.getpid()),
    "%(e)s": "CANCEL",
    "100%% %(s)s%%": "100% 404%",
}


@pytest.mark.parametrize("form", ATOMS)
def test_atoms(form: str) -> None:
    [line] = lines(
        form,
        {
            "method": b"POST",
            "path": b"/p%20q?x=%22",
            "scheme": b"https",
            "headers": [(b"user-agent", b"a b"), (b"x-request-id", b"42"), (b"x-request-id", b"1")],
            "status": 404,
            "octets": 7,
            "error_code": 8,
            "seconds": 2.25,
        },
    )
    assert re.fullmatch(ATOMS[form].replace("?x", r"\?x"), line)


def test_clients_and_errors_of_other_kinds() -> None:
    unix, hidden = Peer(None, ("/run/x", None), None), Peer(("_a", 0), None, None)
    assert lines("%(h)s", {"peer": unix}, {"peer": hidden}) == ["unix", "_a"]
    assert lines("%(e)s", {}, {"error_code": 0x1234}, {"error_code": 2}) == [
        "-", "0x1234", "INTERNAL_ERROR",
    ]  # fmt: skip
    assert lines("%(U)s|%(q)s|%(v)s", {"path": b"", "host": None}) == ["-|-|-"]


def test_json() -> None:
    [line, bare] = lines(
        "json",
        {
            "path": b"/a?b",
            "headers": [(b"user-agent", b"\xc3\xa4\xff\n\x1b[2J\"'"), (b"referer", b"http://x/")],
            "seconds": 1.5,
        },
        {"status": 0, "octets": 0, "error_code": 8, "peer": Peer(None, None, None), "host": None},
    )
    assert line.isascii()
    found = json.loads(line)
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert 1.5 <= found.pop("seconds") < 60
    assert found == {
        "client": "192.0.2.1",
        "method": "GET",
        "scheme": "http",
        "host": "example.org",
        "path": "/a",
        "query": "b",
        "protocol": "HTTP/2",
        "status": 200,
        "octets": 13,
        "referer": "http://x/",
        "user_agent": "ä\\xff\n\x1b[2J\"'",
        "error": None,
    }
    found = json.loads(bare)
    assert (found["status"], found["error"], found["client"]) == (None, "CANCEL", "unix")
    assert (found["host"], found["referer"], found["user_agent"]) == (None, None, None)


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_nobody_writes_into_the_log(octets: bytes) -> None:
    text = escaped(octets)
    assert text.isascii()
    assert text.isprintable()
    assert '"' not in text
    # it can be undone: no two values look the same
    back = re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), text)
    assert back.encode("latin-1") == octets


def test_long_values_are_escaped_and_not_kept() -> None:
    long = b'a"' * 500
    assert escaped(long) == "a\\x22" * 500
    before = _escaped_before.cache_info().currsize
    escaped(long + b"b")
    assert _escaped_before.cache_info().currsize == before


def test_what_clients_send_is_escaped_everywhere() -> None:
    evil = b'\r\n" 200 1 \\ \x1b[2J\x7f\xc2\x85'
    atoms = ["h", "r", "m", "U", "q", "S", "v", "f", "a", "{x-evil}i"]
    peer = Peer((evil.decode("latin-1"), 1), None, None)
    fields = [(b"user-agent", evil), (b"referer", evil), (b"x-evil", evil)]
    found = lines(
        "|".join(f"%({atom})s" for atom in atoms),
        {"method": evil, "path": evil + b"?" + evil, "scheme": evil, "headers": fields,
         "host": evil, "peer": peer},
    )  # fmt: skip
    [line] = found
    assert line.isprintable()
    assert line.isascii()
    assert '"' not in line
    assert line.count("\\x0d\\x0a\\x22 200 1 \\x5c \\x1b[2J\\x7f") == len(atoms) + 2


def test_one_write_for_a_turn_of_the_loop() -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    async def main() -> None:
        stream = Counting()
        log = AccessLog(stream, "%(U)s")
        for turn in range(3):
            for number in range(10):
                log.ended(RecordingExchange(path=b"/%d/%d" % (turn, number)), 0)
            await asyncio.sleep(0)
        assert stream.writes == 3
        log.ended(RecordingExchange(path=b"/last"), 0)
        log.close()
        log.flush()
        assert stream.writes == 4
        assert stream.getvalue().split() == [
            *(f"/{turn}/{number}" for turn in range(3) for number in range(10)),
            "/last",
        ]

    run(main())


def test_a_file_is_appended_to_and_reopened(tmp_path: Path) -> None:
    path, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    path.write_text("before\n")

    async def main() -> None:
        log, other = AccessLog(path, "%(U)s"), AccessLog(str(path), "other %(U)s")
        log.ended(RecordingExchange(path=b"/1"), 0)
        other.ended(RecordingExchange(path=b"/1"), 0)
        await asyncio.sleep(0)
        log.ended(RecordingExchange(path=b"/2"), 0)
        path.rename(moved)
        log.reopen()  # what was gathered still goes to the old file
        log.ended(RecordingExchange(path=b"/3"), 0)
        await asyncio.sleep(0)
        assert moved.read_text() == "before\n/1\nother /1\n/2\n"
        assert path.read_text() == "/3\n"
        tmp_path.joinpath("x").mkdir()
        path.rename(tmp_path / "x" / "log")
        path.mkdir()
        with pytest.raises(OSError, match="Is a directory"):
            log.reopen()
        log.ended(RecordingExchange(path=b"/4"), 0)
        log.close()
        log.close()
        other.close()
        assert (tmp_path / "x" / "log").read_text() == "/3\n/4\n"

    run(main())
    with pytest.raises(OSError, match="No such file"):
        AccessLog(tmp_path / "none" / "log")


def test_a_pipe_gets_whole_lines_in_pieces_that_it_does_not_mix() -> None:
    class Pipe(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.pieces: list[str] = []

        def write(self, text: str) -> int:
            self.pieces.append(text)
            return len(text)

    async def main() -> None:
        pipe = Pipe()
        log = AccessLog(pipe, "%(U)s")
        sizes = [100] * 90 + [4094, 4095, 5000, 10, 10]
        for size in sizes:
            log.ended(RecordingExchange(path=b"/" * size), 0)
        log.close()
        assert [len(line) for line in "".join(pipe.pieces).splitlines()] == sizes
        assert all(piece.endswith("\n") for piece in pipe.pieces)
        assert [len(piece) for piece in pipe.pieces if len(piece) > 4096] == [5001]
        assert len(pipe.pieces) == 7

    run(main())


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        log = AccessLog("-", "%(s)s")
        log.ended(RecordingExchange(), 0)
        log.reopen()
        log.close()

    run(main())
    assert capsys.readouterr().out == "-\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_a_log_that_cannot_be_written_is_told_of_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    async def main() -> None:
        log = AccessLog(Broken(), "common")
        for _ in range(3):
            log.ended(RecordingExchange(), 0)
            await asyncio.sleep(0)

    run(main())
    [record] = caplog.records
    assert record.getMessage() == f"cannot write the access log: {error}"


def test_writing_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write: Callable[[int, bytes], int] = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    async def main() -> None:
        log = AccessLog(tmp_path / "log", "%(U)s")
        log.ended(RecordingExchange(path=b"/something-long"), 0)
        log.close()

    run(main())
    assert (tmp_path / "log").read_text() == "/something-long\n"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (
            "",
            "is no format of the access log: wanted atoms such as %(h)s, or common, combined, json",
        ),
        ("JSON", "is no format of the access log"),
        ("%(h)s %(zz)s", "'%(h)s %(zz)s' has an atom %(zz)s, which is none of h, l, u, t, r,"),
        ("%(h)s %d", "has a % that begins no atom; %% is a percent sign"),
        ("%(h)s %({x}o)s", "has a % that begins no atom"),
        ("%(h)", "has a % that begins no atom"),
        ("%(h)s\n", "is one line of printable ASCII"),
        ("%(h)s ä", "is one line of printable ASCII"),
    ],
)
def test_formats_that_make_no_sense(form: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        compile_format(form)
    assert "\n" not in str(caught.value)


def test_observers_are_all_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, Any, int]] = []

    class Telling(Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        def ended(self, exchange: Any, error_code: int) -> None:
            told.append((self.name, exchange, error_code))
            if self.name == "b":
                raise RuntimeError("broken")

    Observers(*map(Telling, "abc")).ended("exchange", 8)
    assert told == [(name, "exchange", 8) for name in "abc"]
    assert "an observer failed" in caplog.text
    with pytest.raises(NotImplementedError):
        Observer().ended("exchange", 0)
