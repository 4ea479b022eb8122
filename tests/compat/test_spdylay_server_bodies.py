"""Bodies at `ThreadedSPDYServer`: larger than windows, than memory, and than what is allowed."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from plait.compat import spdylay
from plait.compat.spdylay.bodies import RequestBody, ResponseBody, SpooledBody
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK
from plait.spdy import Config
from plait.spdy import frames as spdy

from .spdylay_peers import PATIENCE, Client, echo, handling, logged, ok, port_of, serving

VERSIONS = [spdylay.PROTO_SPDY2, spdylay.PROTO_SPDY3, spdylay.PROTO_SPDY3_1]
LARGE = bytes(range(256)) * 2048  # 512 KiB: eight windows


def waits(octets: int) -> tuple[None, int]:
    """A body that never comes."""
    return None, DATA_DEFERRED


def read(file: io.BytesIO, octets: int) -> tuple[bytes, int]:
    """A file as a body source of the engine."""
    data = file.read(octets)
    return data, DATA_OK if data else DATA_EOF


class Source(io.BytesIO):
    """A file that tells when it is closed."""

    def __init__(self, content: bytes = b"", problem: Exception | None = None) -> None:
        super().__init__(content)
        self.closings: Queue[None] = Queue()
        self.problem = problem
        self.largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.problem is not None and self.tell() >= 8192:
            raise self.problem
        data = super().read(size)
        self.largest = max(self.largest, len(data))
        return data

    def close(self) -> None:
        super().close()
        self.closings.put(None)

    def wait_closed(self) -> None:
        self.closings.get(timeout=PATIENCE)


def sending(*files: Any, **options: Any) -> Any:
    """A `do_` method that sends files, after a few octets of its own."""

    def do(self: Any) -> None:
        self.send_response(200)
        self.wfile.write(b"first")
        for file in files:
            self.send_file(file, **options)

    return do


# --- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_larger_than_the_windows_go_both_ways(version: int) -> None:
    notes: Queue[Any] = Queue()

    def do_put(self: Any) -> None:
        notes.put((type(self.rfile), self.rfile.tell(), self.rfile.getvalue() == LARGE))
        echo(self)

    handler = handling(do_PUT=do_put)
    with serving(handler, version=version) as server, Client(port_of(server), version) as client:
        for stream_id in [client.request("/", "PUT", LARGE) for _ in range(3)]:
            assert client.answer(stream_id).body == LARGE
    # too large for memory: a file, which looks like the other kind
    assert [notes.get_nowait() for _ in range(3)] == [(SpooledBody, 0, True)] * 3


def test_what_lies_on_disk_is_given_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept: Queue[Any] = Queue()

    def do_put(self: Any) -> None:
        kept.put((self.rfile, os.fstat(self.rfile.fileno()).st_size))

    handler = handling(do_PUT=do_put)
    limits = {"max_body_memory": 1000}
    with serving(handler, attributes=limits) as server, Client(port_of(server)) as client:
        client.get("/", "PUT", bytes(1000))
        # that is still in memory: it has no descriptor, and the handler has failed
        assert logged(handler, "error")[1] is io.UnsupportedOperation
        client.get("/", "PUT", bytes(1001))
        rfile, size = kept.get(timeout=PATIENCE)
        assert [logged(handler, "close") for _ in range(2)] == [("close", 1, 0), ("close", 3, 0)]
        assert rfile.closed
        # a request that is given up half-way
        stream_id = client.connection.send_syn_stream([(b":method", b"PUT")])
        client.connection.send_data(stream_id, bytes(5000), end_stream=False)
        client.flush()
        client.connection.reset_stream(stream_id)
        client.flush()
        assert logged(handler, "close") == ("close", 5, spdylay.CANCEL)
    assert size == 1001
    assert list(tmp_path.iterdir()) == []


def test_a_body_beyond_the_limit_is_answered_before_its_end() -> None:
    handler = handling(do_PUT=echo)
    with (
        serving(handler, attributes={"max_body_size": 10_000}) as server,
        Client(port_of(server)) as client,
    ):
        assert client.get("/", "PUT", bytes(10_000)).body == bytes(10_000)
        answer = client.get("/", "PUT", lambda octets: (bytes(octets), 0))
        assert answer.status == "413 Request Entity Too Large"
        assert answer.body.startswith(b"<!DOCTYPE")
        assert answer.ended
        assert answer.closed == spdylay.CANCEL  # it need not send the rest
        # nothing is left of it, and the others go on
        assert client.get("/", "PUT", b"small").body == b"small"
    assert [entry for entry in handler.log.queue if entry[0] == "close"] == [
        ("close", 1, spdylay.OK),
        ("close", 3, spdylay.CANCEL),
        ("close", 5, spdylay.OK),
    ]


def test_a_connection_holds_only_so_much() -> None:
    handler = handling(do_PUT=echo)
    with (
        serving(handler, attributes={"max_bodies_size": 10_000}) as server,
        Client(port_of(server)) as client,
    ):
        engine = client.connection
        streams = [engine.send_syn_stream([(b":method", b"PUT")]) for _ in range(2)]
        for _ in range(2):
            engine.send_data(streams[0], bytes(4000), end_stream=False)
            client.flush()
        engine.send_data(streams[1], bytes(4000), end_stream=False)
        refused = client.answer(streams[1])
        assert refused.status == "503 Service Unavailable"
        engine.send_data(streams[0], bytes(2000))
        assert client.answer(streams[0]).body == bytes(10_000)
        # all of it has been given back
        assert client.get("/", "PUT", bytes(10_000)).body == bytes(10_000)
        assert client.get("/", "PUT", bytes(10_001)).status == "503 Service Unavailable"
        assert client.get("/", "PUT", bytes(10_000)).body == bytes(10_000)


@pytest.mark.parametrize("length", ["10001", "9" * 5000])
def test_a_body_that_will_be_too_large_is_not_waited_for(length: str) -> None:
    with (
        serving(handling(), attributes={"max_body_size": 10_000}) as server,
        Client(port_of(server)) as client,
    ):
        answer = client.get("/", "PUT", waits, ("content-length", length))
    assert answer.status == "413 Request Entity Too Large"
    assert answer.closed == spdylay.CANCEL


def test_without_a_limit_any_body_is_taken() -> None:
    attributes = {"max_body_size": None, "max_bodies_size": None, "max_body_memory": 0}
    with (
        serving(handling(do_PUT=echo), attributes=attributes) as server,
        Client(port_of(server)) as client,
    ):
        answer = client.get("/", "PUT", LARGE, ("content-length", "many"))
    assert answer.body == LARGE


def test_headers_without_end_are_refused() -> None:
    with (
        serving(handling(), attributes={"max_header_size": 1000}) as server,
        Client(port_of(server)) as client,
    ):
        stream_id = client.connection.send_syn_stream([(b":method", b"PUT")])
        for _ in range(3):
            client.connection.send_headers(stream_id, [(b"x", b"y" * 400)])
        answer = client.answer(stream_id)
    assert answer.status == "431 Request Header Fields Too Large"


def test_a_request_that_begins_with_too_many_headers_is_refused() -> None:
    with (
        serving(handling(do_GET=echo), attributes={"max_header_size": 1000}) as server,
        Client(port_of(server)) as client,
    ):
        assert client.get("/", "GET", None, ("x", "y" * 400)).status == "200 OK"
        answer = client.get("/", "GET", None, ("x", "y" * 3000))
    assert answer.status == "431 Request Header Fields Too Large"


def test_a_full_disk_is_an_error_of_that_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No room")

    handler = handling(do_PUT=echo)
    with (
        serving(handler, attributes={"max_body_memory": 10}) as server,
        Client(port_of(server)) as client,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "TemporaryFile", no_room)
            assert client.get("/", "PUT", bytes(11)).status.startswith("503 ")
        assert logged(handler, "error")[1:] == (
            OSError,
            "[Errno 28] No room",
            1,
        )
        assert client.get("/", "PUT", bytes(11)).body == bytes(11)


def test_a_peer_is_held_back_while_a_handler_works() -> None:
    entered, leave = Queue[None](), Queue[None]()

    def do_get(self: Any) -> None:
        entered.put(None)
        leave.get(timeout=PATIENCE)

    with (
        serving(handling(do_GET=do_get, do_PUT=echo)) as server,
        Client(port_of(server)) as client,
    ):
        blocking = client.request()
        entered.get(timeout=PATIENCE)
        body = io.BytesIO(LARGE)
        upload = client.request("/", "PUT", lambda octets: read(body, octets))
        # what can leave has left, and no credit comes back
        assert body.tell() == 65_536
        leave.put(None)
        assert client.answer(blocking).status == "200 OK"
        assert client.answer(upload).body == LARGE


# --- responses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_files_are_sent_piece_by_piece_and_closed(version: int) -> None:
    source, second = Source(LARGE), Source(b"second")
    handler = handling(do_GET=sending(source, second))
    with serving(handler, version=version) as server, Client(port_of(server), version) as client:
        assert client.get().body == b"first" + LARGE + b"second"
    source.wait_closed()
    second.wait_closed()
    assert source.largest == 4096


def test_a_part_of_a_file_is_sent_from_where_it_stands() -> None:
    source = Source(b"0123456789")
    source.seek(2)
    handler = handling(do_GET=sending(source, length=5))
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get()
    assert answer.body == b"first23456"
    assert answer.frames == 2  # no empty one at the end, since the length was known
    source.wait_closed()


def test_a_file_that_is_shorter_than_was_said_ends_where_it_ends() -> None:
    handler = handling(do_GET=sending(Source(b"01"), length=5))
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get().body == b"first01"


def test_anything_that_can_be_read_will_do() -> None:
    class Reader:
        left = 3

        def read(self, size: int) -> bytes:
            self.left -= 1
            return b"piece" if self.left >= 0 else b""

    with serving(handling(do_GET=sending(Reader()))) as server, Client(port_of(server)) as client:
        assert client.get().body == b"first" + b"piece" * 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Source(LARGE, OSError("the disk is gone")),
        lambda: io.StringIO("text"),
        type("Greedy", (), {"read": lambda self, size: bytes(size + 1)}),
    ],
)
def test_a_file_that_fails_resets_its_stream_and_no_other(make: Callable[[], Any]) -> None:
    source = make()
    handler = handling(do_GET=sending(source), do_POST=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        failing, other = client.request(), client.request("/", "POST", b"other")
        assert client.answer(failing).closed == spdylay.INTERNAL_ERROR
        assert client.answer(failing).status == "200 OK"
        assert client.answer(other).body == b"other"
        _, kind, _, stream_id = logged(handler, "error")
    assert (kind in (OSError, TypeError, ValueError), stream_id) == (True, failing)
    assert getattr(source, "closed", True)


def test_files_are_closed_whatever_happens() -> None:
    never = Source(LARGE)
    unsent, head, reset, lost = Source(LARGE), Source(LARGE), Source(LARGE), Source(LARGE)

    def do_get(self: Any) -> None:
        self.send_file(never)
        raise ValueError("on purpose")

    def do_put(self: Any) -> None:
        self.send_response(200)
        self.send_file(unsent)
        self.send_error(404)

    members = {"do_HEAD": sending(head), "do_RESET": sending(reset), "do_LOSE": sending(lost)}
    handler = handling(do_GET=do_get, do_PUT=do_put, **members)
    with serving(handler) as server:
        config = Config(manual_credit=True)  # no credit, so nothing comes to its end
        with Client(port_of(server), config=config) as client:
            assert client.get().status == "500 Internal Server Error"
            never.wait_closed()
            assert client.get("/", "PUT").status == "404 Not Found"
            unsent.wait_closed()
            assert client.get("/", "HEAD").body == b""
            head.wait_closed()
            stream_id = client.request("/", "RESET")
            client.until(lambda: client.answers[stream_id].frames)
            assert not reset.closed
            client.connection.reset_stream(stream_id)
            client.flush()
            reset.wait_closed()
            stream_id = client.request("/", "LOSE")
            client.until(lambda: client.answers[stream_id].fields)
            assert not lost.closed
        lost.wait_closed()
        assert logged(handler, "error")[1:3] == (ValueError, "on purpose")


def test_a_file_that_cannot_be_closed_is_told_of() -> None:
    class Stubborn(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError("will not close")

    another = Source()

    def do_get(self: Any) -> None:
        self.send_file(Stubborn())
        self.send_file(another)
        self.send_error(404) if self.path == "/" else self.send_response(200)

    handler = handling(do_GET=do_get, do_HEAD=do_get, do_PUT=ok())
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get("/", "HEAD").status == "404 Not Found"
        another.wait_closed()
        assert logged(handler, "error")[1:] == (OSError, "will not close", 1)
        # while it is being sent, it is an error like one of reading
        assert client.get("/sent").closed == spdylay.INTERNAL_ERROR
        assert client.get("/", "PUT").body == b"fine"


def test_streams_share_the_connection() -> None:
    """A small response does not wait for the end of a large one of the same urgency."""
    with (
        serving(handling(do_GET=sending(Source(LARGE * 4)), do_PUT=echo)) as server,
        Client(port_of(server)) as client,
    ):
        large = client.request()
        small = client.request("/", "PUT", b"small")
        assert client.answer(small).body == b"small"
        assert client.answers[large].closed is None
        assert len(client.answer(large).body) == len(LARGE) * 4 + 5


def test_a_peer_that_gives_no_credit_gets_one_window() -> None:
    with (
        serving(handling(do_GET=sending(Source(LARGE)))) as server,
        Client(port_of(server), config=Config(manual_credit=True)) as client,
    ):
        stream_id = client.request()
        client.until(lambda: len(client.answers[stream_id].data) == 65_536)
        ping = client.connection.ping()
        client.flush()
        client.until(lambda: client.received(spdy.Ping))
        assert client.received(spdy.Ping)[0].unique_id == ping
        assert len(client.answers[stream_id].data) == 65_536


# --- the parts by themselves --------------------------------------------------------------------


def test_getvalue_of_a_file_leaves_the_position() -> None:
    body = RequestBody(2)
    body.write(b"")
    assert body.file() is None
    body.write(b"ab")
    assert isinstance(body.file(), io.BytesIO)
    body.write(b"cd")
    body.write(b"ef")
    file = body.file()
    assert isinstance(file, SpooledBody)
    assert file.read(3) == b"abc"
    assert file.getvalue() == b"abcdef"
    assert file.read() == b"def"
    assert body.size == 6
    body.close()
    body.close()
    assert file.closed


def test_nothing_to_send_is_the_end() -> None:
    body = ResponseBody()
    body.begin_with(b"")
    assert body.read(10) == (b"", True)
    body.add(io.BytesIO(b""), 0)
    assert body.read(10) == (b"", True)
