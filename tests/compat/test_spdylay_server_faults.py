"""What goes wrong at `ThreadedSPDYServer`: handlers fail, peers are slow, rude or gone."""

from __future__ import annotations

import io
import logging
import select
import socket
import struct
import time
import types
from queue import Queue
from typing import Any

import pytest

from plait.compat import spdylay
from plait.compat.spdylay import connection
from plait.http2 import DATA_DEFERRED, Role
from plait.spdy import Config, Connection
from plait.spdy import frames as spdy

from .spdylay_peers import (
    PATIENCE,
    Client,
    Handler,
    echo,
    handling,
    logged,
    ok,
    port_of,
    serving,
)

SHORT = 0.05  # seconds; nothing is asserted about how long anything takes


class OnPurpose(Exception):
    """What handlers raise here."""


def failing(self: Any) -> None:
    self.send_response(200)
    self.send_header("x-secret", "1")
    self.wfile.write(b"half of it")
    raise OnPurpose("wrong")


def small_buffer(self: Any) -> None:
    """`setup` that lets the system take little of what is sent."""
    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)


def never(octets: int) -> tuple[None, int]:
    return None, DATA_DEFERRED


# --- handlers -----------------------------------------------------------------------------------


def test_an_exception_is_a_500_and_the_other_streams_go_on() -> None:
    handler = handling(do_GET=failing, do_PUT=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        streams = [client.request(), client.request("/", "PUT", b"other"), client.request()]
        first, other, last = [client.answer(stream_id) for stream_id in streams]
    for answer in (first, last):
        assert answer.status == "500 Internal Server Error"
        assert b"Server got itself in trouble" in answer.body
        assert b"half" not in answer.body
        assert "x-secret" not in answer.head
    assert other.body == b"other"
    assert [logged(handler, "error") for _ in range(2)] == [
        ("error", OnPurpose, "wrong", streams[0]),
        ("error", OnPurpose, "wrong", streams[2]),
    ]


def test_exceptions_are_logged_with_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Plain(spdylay.BaseSPDYRequestHandler):
        do_GET = failing  # noqa: N815

    with serving(Plain) as server, Client(port_of(server)) as client:
        client.get("/path")
        peer = client.socket.getsockname()
    (record,) = [entry for entry in caplog.records if entry.name == "spdylay"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"error while serving {peer}, <stream 1: GET /path>"
    assert "OnPurpose: wrong" in caplog.text
    assert "in failing" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-value", None),
        ("x-value", 5),
        ("x-value", b"octets"),
        ("x-value", "a\r\nb"),
        ("x-value", "nul\0"),
        ("x-value", "\x7f"),
        ("x-value", "\ud800"),
        (None, "value"),
        ("", "value"),
        ("näme", "value"),
        ("line\n", "value"),
    ],
)
def test_headers_that_cannot_be_sent_are_a_500(name: Any, value: Any) -> None:
    def do_get(self: Any) -> None:
        self.send_response(200)
        self.send_header(name, value)
        self.done = True

    handler = handling(do_GET=do_get, do_PUT=echo, done=False)
    handler.setup = lambda self: self.log.put(("made", self))  # type: ignore[method-assign]
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get().status == "500 Internal Server Error"
        assert client.get("/", "PUT", b"next").body == b"next"
        # nothing fails before all is prepared
        assert logged(handler, "made")[1].done
        assert logged(handler, "error")[3] == 1


@pytest.mark.parametrize("name", [":status", ":path", ":"])
def test_a_header_of_the_protocols_own_is_a_500(name: str) -> None:
    def do_get(self: Any) -> None:
        self.send_response(200)
        self.send_header(name, "404")

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        assert client.get().status == "500 Internal Server Error"


def test_a_status_that_cannot_be_sent_is_a_500() -> None:
    handler = handling(do_GET=lambda self: self.send_error(404, "two\nlines"))
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get().status == "500 Internal Server Error"
    assert "control character" in logged(handler, "error")[2]


def test_a_header_that_is_too_long_for_spdy2_is_a_500() -> None:
    def do_get(self: Any) -> None:
        self.send_response(200)
        self.send_header("x", "y" * 65_536)

    handler = handling(do_GET=do_get)
    with serving(handler, version=2) as server, Client(port_of(server), 2) as client:
        assert client.get().status == "500 Internal Server Error"
    assert logged(handler, "error")[1] is spdylay.InvalidArgumentError


def test_a_response_that_cannot_be_sent_resets_its_stream() -> None:
    source = io.BytesIO(b"content")

    def do_get(self: Any) -> None:
        self.session.submit_syn_reply(0, self.stream.stream_id, [(":status", "200 By hand")])
        self.send_response(200)  # is one too many
        self.send_file(source)

    handler = handling(do_GET=do_get, do_PUT=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get()
        assert (answer.status, answer.closed) == ("200 By hand", spdylay.INTERNAL_ERROR)
        assert client.get("/", "PUT", b"next").body == b"next"
    assert "cannot be sent" in logged(handler, "error")[2]
    assert source.closed


def test_where_even_the_error_page_fails_the_stream_is_reset() -> None:
    def broken(self: Any, code: int, message: str | None = None) -> None:
        raise OnPurpose("no page")

    handler = handling(do_GET=failing, do_PUT=echo, send_error=broken)
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get().closed == spdylay.INTERNAL_ERROR
        assert client.get("/", "PUT", b"next").body == b"next"
    assert [logged(handler, "error")[2] for _ in range(2)] == ["wrong", "no page"]


def test_hooks_that_fail_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken(self: Any, *arguments: Any) -> None:
        raise OnPurpose("in a hook")

    handler = handling(do_GET=failing, on_error=broken, on_stream_close=broken)
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get().status == "500 Internal Server Error"
        assert client.get().status == "500 Internal Server Error"
    assert "on_error failed to take OnPurpose('wrong')" in caplog.messages
    assert "on_error failed to take OnPurpose('in a hook')" in caplog.messages


def test_what_ends_a_connection_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(spdylay.Session):
        def recv(self, data: Any = None) -> None:
            raise OnPurpose("in the session")

    handler = handling(session_class=Broken)
    with serving(handler) as server, Client(port_of(server)) as client:
        client.request()
        client.until_end()
        peer = client.socket.getsockname()
    assert f"{peer}: the connection failed" in caplog.messages
    assert "OnPurpose: in the session" in caplog.text


def test_sessions_can_be_of_ones_own_class() -> None:
    seen: Queue[Any] = Queue()

    class Tracing(spdylay.Session):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.on_ctrl_send_cb = lambda session, frame: seen.put(type(frame))

    with (
        serving(handling(do_GET=ok(), session_class=Tracing)) as server,
        Client(port_of(server)) as client,
    ):
        client.get()
    assert list(seen.queue) == [spdylay.SettingsFrame, spdylay.SynReplyFrame]


# --- peers --------------------------------------------------------------------------------------


def test_a_request_that_stops_half_way_is_answered_and_given_up() -> None:
    handler = handling(do_PUT=echo)
    with (
        serving(handler, attributes={"request_timeout": SHORT}) as server,
        Client(port_of(server)) as client,
    ):
        answer = client.get("/", "PUT", never)
        assert answer.status == "408 Request Timeout"
        assert answer.closed == spdylay.CANCEL
        assert client.get("/", "PUT", b"next").body == b"next"
    assert logged(handler, "error")[1:] == (
        TimeoutError,
        f"no more of a request within {SHORT} s",
        1,
    )


def test_slowness_counts_like_silence() -> None:
    """An octet now and then does not keep a request alive."""
    handler = handling()
    with (
        serving(handler, attributes={"request_timeout": 2 * SHORT}) as server,
        Client(port_of(server)) as client,
    ):
        stream_id = client.connection.send_syn_stream([(b":method", b"PUT")])
        while not client.answers[stream_id].fields:
            client.connection.send_data(stream_id, b"x", end_stream=False)
            client.flush()
            if select.select([client.socket], [], [], SHORT / 2)[0]:
                client.read()
        assert client.answers[stream_id].status == "408 Request Timeout"


def test_a_response_that_nobody_takes_is_given_up() -> None:
    handler = handling(do_GET=ok(bytes(100_000)), do_PUT=echo)
    config = Config(manual_credit=True)
    with (
        serving(handler, version=3, attributes={"send_timeout": SHORT}) as server,
        Client(port_of(server), 3, config=config) as client,
    ):
        answer = client.get()
        assert (answer.status, answer.closed) == ("200 OK", spdylay.CANCEL)
        assert len(answer.body) == 65_536
        assert client.get("/", "PUT", b"next").body == b"next"
    assert logged(handler, "error")[1:] == (
        TimeoutError,
        f"nobody took a response for {SHORT} s",
        1,
    )


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    handler = handling(do_GET=ok(bytes(2**24)), setup=small_buffer)
    with (
        serving(handler, version=2, attributes={"send_timeout": SHORT}) as server,
        Client(port_of(server), 2) as client,
    ):
        client.request()
        entry = logged(handler, "error")
    assert entry[1:] == (TimeoutError, f"the peer has read nothing for {SHORT} s", None)
    assert logged(handler, "close")[1:] == (1, spdylay.INTERNAL_ERROR)


def test_a_connection_that_nobody_uses_ends_in_good_order() -> None:
    handler = handling(do_GET=ok())
    with (
        serving(handler, attributes={"idle_timeout": SHORT}) as server,
        Client(port_of(server)) as client,
    ):
        client.until_end()
        (goaway,) = client.received(spdy.Goaway)
    assert (goaway.status, goaway.last_good_stream_id) == (spdylay.GOAWAY_OK, 0)
    assert handler.log.empty()


def test_the_time_of_handlers_is_not_the_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one handler takes its time, the other requests of the connection do not grow old."""
    passed = [0.0]
    clock = types.SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0])
    monkeypatch.setattr(connection, "time", clock)

    def do_get(self: Any) -> None:
        passed[0] += 10_000

    handler = handling(do_GET=do_get, do_PUT=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        stream_id = client.connection.send_syn_stream([(b":method", b"PUT")])
        assert client.get().status == "200 OK"
        client.connection.send_data(stream_id, b"late")
        assert client.answer(stream_id).body == b"late"


def test_the_limits_of_time_can_be_lifted() -> None:
    names = ("handshake", "request", "send", "idle")
    limits = dict.fromkeys(f"{name}_timeout" for name in names)
    with (
        serving(handling(do_PUT=echo), attributes=limits) as server,
        Client(port_of(server)) as client,
    ):
        for _ in range(2):  # in between there is nothing that the server waits for
            assert client.get("/", "PUT", b"body").body == b"body"


@pytest.mark.parametrize("abortive", [False, True])
def test_a_peer_that_vanishes_half_way(abortive: bool) -> None:
    handler = handling(do_GET=ok(bytes(10**6)))
    with (
        serving(handler) as server,
        Client(port_of(server), config=Config(manual_credit=True)) as client,
    ):
        request = client.request("/", "PUT", never)
        response = client.request()
        client.until(lambda: client.answers[response].data)
        if abortive:  # the system answers nothing but a reset from now on
            linger = struct.pack("ii", 1, 0)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    entries = list(handler.log.queue)
    # the system resets the connection too when octets arrive that nobody reads any more
    errors = [entry[1:] for entry in entries if entry[0] == "error"]
    assert all(issubclass(kind, ConnectionError) and stream is None for kind, _, stream in errors)
    assert errors or not abortive
    closed = [entry for entry in entries if entry[0] == "close"]
    assert closed == [("close", n, spdylay.INTERNAL_ERROR) for n in (request, response)]


def test_a_lost_connection_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    class Plain(Handler):
        on_error = spdylay.BaseSPDYRequestHandler.on_error
        setup = small_buffer
        do_GET = ok(bytes(2**24))  # noqa: N815
        log: Queue[Any] = Queue()

    caplog.set_level(logging.INFO, "spdylay")
    with (
        serving(Plain, version=2, attributes={"send_timeout": SHORT}) as server,
        Client(port_of(server), 2) as client,
    ):
        client.request()
        logged(Plain, "close")
        peer = client.socket.getsockname()
    assert f"{peer}: TimeoutError: the peer has read nothing for {SHORT} s" in caplog.messages
    assert "Traceback" not in caplog.text


def test_what_is_not_spdy_is_not_answered_and_ends() -> None:
    # to SPDY it is a part of a long DATA frame
    with (
        serving(handling(), attributes={"idle_timeout": SHORT}) as server,
        socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE) as raw,
    ):
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        received = b"".join(iter(lambda: raw.recv(65536), b""))
    engine = Connection(Role.CLIENT, 4)
    kinds = [type(event.frame) for event in engine.receive_data(received)]
    assert kinds == [spdy.Settings, spdy.Goaway]


def test_a_fault_of_the_peer_reaches_it_although_it_goes_on_sending() -> None:
    """GOAWAY is not lost to a reset of the system for octets that came too late."""
    with serving(handling()) as server, Client(port_of(server)) as client:
        client.socket.sendall(bytes.fromhex("8003000600000001 00"))  # PING of one octet
        try:
            for _ in range(100):
                client.socket.sendall(bytes(10_000))
        except OSError:
            pass
        client.until_end()
    (goaway,) = client.received(spdy.Goaway)
    assert goaway.status == spdylay.GOAWAY_PROTOCOL_ERROR


def test_a_request_that_is_reset_before_its_turn_is_not_answered() -> None:
    begun, leave = Queue[None](), Queue[None]()
    paths: Queue[str] = Queue()

    def do_get(self: Any) -> None:
        paths.put(self.path)
        if self.path == "/first":
            begun.put(None)
            leave.get(timeout=PATIENCE)

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        client.request("/first")
        begun.get(timeout=PATIENCE)
        reset = client.request("/second")
        client.connection.reset_stream(reset)
        client.flush()
        leave.put(None)
        assert client.get("/third").status == "200 OK"
    assert list(paths.queue) == ["/first", "/third"]


def test_headers_that_are_no_text_reset_their_stream() -> None:
    handler = handling(do_GET=ok())
    with serving(handler) as server, Client(port_of(server)) as client:
        stream_id = client.connection.send_request([(b":method", b"GET"), (b"x", b"\xff")])
        assert client.answer(stream_id).closed == spdylay.PROTOCOL_ERROR
        stream_id = client.connection.send_request([(b"x", b"\xff")], b"with a body")
        assert client.answer(stream_id).closed == spdylay.PROTOCOL_ERROR
        assert client.get().body == b"fine"
    assert logged(handler, "error")[1] is UnicodeDecodeError
