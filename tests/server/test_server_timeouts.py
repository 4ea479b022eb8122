"""Time limits: what is too slow ends, with its slug; what is only slow does not.

Time is moved on by hand. A limit may take two sweeps longer than it says, and never less.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from plait.http2 import Config
from plait.server import HTTP2Server, TimeLimits
from tests.server.rawclient import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LOCAL,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    Frame,
    RawClient,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    settings,
)
from tests.support.certs import TLSFiles
from tests.support.clock import clock, pass_time, run_with_clock, turns

NONE = dict.fromkeys(
    (
        "handshake",
        "preface",
        "settings",
        "field_section",
        "body",
        "write",
        "idle",
        "connection",
    )
)
LIMIT = 100.0
CODES = {"NO_ERROR": 0, "PROTOCOL_ERROR": 1, "SETTINGS_TIMEOUT": 4, "CANCEL": 8, "CALM": 11}


def only(*names: str, **more: Any) -> TimeLimits:
    """These limits, of a hundred seconds, and no others."""
    return TimeLimits(**{**NONE, **dict.fromkeys(names, LIMIT), **more})


def server_with(limits: TimeLimits, kind: Any = None, context: Any = None) -> HTTP2Server:
    """A server whose engine has the clock of the loop."""
    return HTTP2Server(
        LOCAL,
        recorder() if kind is None else kind,
        context,
        config=Config(clock=asyncio.get_running_loop().time),
        time_limits=limits,
        close_timeout=20.0,
    )


async def nearly(each: Any = lambda: None, of: float = LIMIT) -> None:
    """Let all but the last seconds of the limit pass."""
    await pass_time(of - 5, each=each)


async def overdue() -> None:
    """Let the rest pass, and the two sweeps that it may take longer."""
    await pass_time(7.5)


def refused(server: HTTP2Server) -> dict[str, int]:
    return server.stats().refusals


@contextlib.asynccontextmanager
async def connected(
    limits: TimeLimits, kind: Any = None, values: dict[int, int] | None = None
) -> AsyncIterator[tuple[HTTP2Server, RawClient]]:
    """A server with these limits, and a client that has greeted it."""
    async with server_with(limits, kind) as server, client_of(server, values) as client:
        yield server, client
        client.writer.close()
        await eventually(lambda: server.connection_count == 0)


@contextlib.contextmanager
def one_line(caplog: pytest.LogCaptureFixture, slug: str, level: int) -> Iterator[None]:
    """What happens here is logged in one line at this level, which has the slug."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "plait.server"):
        yield
    lines = [record for record in caplog.records if record.getMessage().startswith("refused")]
    assert [record.levelno for record in lines] == [level]
    assert slug in lines[0].getMessage()
    above = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(above) == (level == logging.WARNING)


# --- what can be said of the limits -------------------------------------------------------------


def test_the_limits_that_hold_by_default() -> None:
    assert dataclasses.asdict(TimeLimits()) == {
        "handshake": 5.0,
        "preface": 10.0,
        "settings": 5.0,
        "field_section": 10.0,
        "body": 60.0,
        "body_progress": 4096,
        "write": 60.0,
        "write_progress": 4096,
        "idle": 180.0,
        "connection": None,
    }
    assert TimeLimits().sweep == 1.0
    assert TimeLimits(idle=0.4).sweep == 0.1
    assert TimeLimits(**NONE).sweep == 1.0  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NONE)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_more_than_nothing(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0 seconds"):
        TimeLimits(**{name: value})


@pytest.mark.parametrize("name", ["body_progress", "write_progress"])
def test_progress_is_at_least_an_octet(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least one octet"):
        TimeLimits(**{name: 0})  # type: ignore[arg-type]


# --- the whole connection ends ------------------------------------------------------------------


async def goodbye(client: RawClient) -> list[Frame]:
    """The frames up to the end of the connection, WINDOW_UPDATE and the like not included."""
    frames = await client.rest()
    return [each for each in frames if each.type in (GOAWAY, RST_STREAM, HEADERS, DATA)]


def half_a_request(client: RawClient) -> bytes:
    """HEADERS of which the last octet has yet to come."""
    return client.request(1)[:-1]


def half_a_block(client: RawClient) -> bytes:
    """HEADERS that a CONTINUATION is to follow."""
    whole = client.request(1)
    assert whole[4] == END_HEADERS | END_STREAM
    return whole[:4] + bytes([END_STREAM]) + whole[5:]


# What a client that has connected sends, and what it goes on to send, an octet each second.
SLOW: dict[str, tuple[str, str, Any, bytes]] = {
    "nothing at all": ("preface", "timeout.preface", None, b""),
    "half a preface": ("preface", "timeout.preface", PREFACE[:10], b""),
    "a preface without settings": ("preface", "timeout.preface", PREFACE, b""),
    "a trickle of preface": ("preface", "timeout.preface", b"P", PREFACE[1:20]),
    "no acknowledgement": ("settings", "timeout.settings", PREFACE + settings(), b""),
    "half a header": ("field_section", "timeout.fields", half_a_request, b""),
    "half a frame header": ("field_section", "timeout.fields", b"\0\0", b""),
    "a trickle of settings": (
        "field_section",
        "timeout.fields",
        (6 * 500).to_bytes(3, "big") + bytes([4, 0, 0, 0, 0, 0]),
        bytes(200),
    ),
    "no continuation": ("field_section", "timeout.fields", half_a_block, b""),
    "a trickle of continuations": (
        "field_section",
        "timeout.fields",
        half_a_block,
        frame(9, 0, 1) * 15,
    ),
}
GOODBYE = {"timeout.preface": 1, "timeout.settings": 4, "timeout.fields": 11}


@pytest.mark.parametrize("what", SLOW)
def test_who_is_slow_to_speak(what: str, caplog: pytest.LogCaptureFixture) -> None:
    limit, slug, first, trickle = SLOW[what]

    async def main() -> None:
        kind = recorder()
        greets = limit == "field_section"
        async with server_with(only(limit), kind) as server:
            async with client_of(server, greet=greets) as client:
                client.send(first(client) if callable(first) else first or b"")
                await turns(10)
                left = [trickle[at : at + 1] for at in range(len(trickle))]
                await nearly(lambda: client.send(left.pop(0) if left else b""))
                assert refused(server) == {}
                assert server.connection_count == 1
                await overdue()
                assert refused(server) == {slug: 1}
                (last,) = await goodbye(client)
                assert (last.type, last.code) == (GOAWAY, GOODBYE[slug])
                assert last.payload[8:].startswith(slug.encode())
                client.writer.close()
                await eventually(lambda: server.connection_count == 0)
            assert refused(server) == {slug: 1}
        assert kind.calls == []

    with one_line(caplog, slug, logging.WARNING):
        run_with_clock(main())


def test_a_frame_that_arrives_in_time_starts_the_time_anew() -> None:
    """An octet each ten seconds makes a request in five times the limit; each frame in time."""

    async def main() -> None:
        async with connected(only("field_section")) as (server, client):
            for _ in range(5):
                ping = frame(6, 0, 0, b"12345678")
                client.send(ping[:5])
                await nearly()
                client.send(ping[5:])
                await turns(10)
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"
            assert refused(server) == {}

    run_with_clock(main())


def test_settings_acknowledged_in_time() -> None:
    async def main() -> None:
        async with (
            server_with(only("settings")) as server,
            client_of(server, greet=False) as client,
        ):
            client.send(PREFACE, settings())
            await turns(10)
            await nearly()
            await client.until(SETTINGS)  # and acknowledge it
            await turns(10)
            await pass_time(2 * LIMIT)
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"
            assert refused(server) == {}

    run_with_clock(main())


# --- bodies of requests -------------------------------------------------------------------------


def upload(client: RawClient, number: int = 1) -> bytes:
    return client.request(number, method="POST", end=False)


@pytest.mark.parametrize("trickle", [b"", b"x", b"x" * 40])
def test_a_body_that_does_not_come(trickle: bytes, caplog: pytest.LogCaptureFixture) -> None:
    kind = recorder()

    async def main() -> None:
        async with connected(only("body"), kind) as (server, client):
            client.send(upload(client))
            await client.settled()
            await nearly(lambda: client.send(client.data(1, trickle)) if trickle else None)
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.body": 1}
            assert (await client.until(RST_STREAM, 1)).code == CODES["CANCEL"]
            client.send(client.request(3))
            assert (await client.response(3))[1] == b"hello"

    with one_line(caplog, "timeout.body", logging.WARNING):
        run_with_clock(main())
    assert (1, "close", 8) in kind.calls


def test_a_slow_upload_is_taken() -> None:
    """Two kilobytes a second, for half an hour."""
    kind = recorder(on_data=lambda self, data: self.calls.append((self.stream_id, len(data))))

    async def main() -> None:
        async with connected(TimeLimits(), kind) as (server, client):
            client.send(upload(client))

            def more() -> None:
                client.send(client.data(1, bytes(10_240)), client.data(1, bytes(10_240)))

            await pass_time(1800, step=10, each=more)
            client.send(client.data(1, b"", end=True))
            assert (await client.until(DATA, 1)).payload == b"hello"
            assert refused(server) == {}

    run_with_clock(main())
    assert sum(call[1] for call in kind.calls if isinstance(call[1], int)) == 180 * 20_480


def test_a_slow_application_is_not_the_clients_fault() -> None:
    """The client has used up its credit: it is not its turn."""
    gate = asyncio.Event()

    async def on_data(self: Recorder, data: bytes) -> None:
        await gate.wait()

    kind = recorder(on_data=on_data)

    async def main() -> None:
        config = Config(clock=clock().time, initial_window_size=1000)
        async with (
            HTTP2Server(LOCAL, kind, config=config, time_limits=only("body")) as server,
            client_of(server) as client,
        ):
            client.send(upload(client), client.data(1, bytes(1000)))
            await client.settled()
            await pass_time(10 * LIMIT, step=10)
            gate.set()
            client.send(client.data(1, b"", end=True))
            assert (await client.until(DATA, 1)).payload == b"hello"
            assert refused(server) == {}

    run_with_clock(main())


def test_a_conversation_may_pause_for_hours() -> None:
    """The handler has begun to answer; the client says more three hours later."""
    kind = recorder(
        on_headers=lambda self: self.send_response(200, body=self.talk),
        on_data=lambda self, data: self.hear(data),
        on_request_done=lambda self: None,
        said=None,
        talk=lambda self, n: (self.said, 1) if self.said else (None, 2),
        hear=lambda self, data: (setattr(self, "said", data), self.resume()),
    )

    async def main() -> None:
        async with connected(TimeLimits(), kind) as (server, client):
            client.send(upload(client))
            await client.until(HEADERS, 1)
            await pass_time(3 * 3600, step=20)
            client.send(client.data(1, b"good morning"))
            assert (await client.until(DATA, 1)).payload == b"good morning"
            assert refused(server) == {}

    run_with_clock(main())


def test_a_long_poll_and_events_hours_apart() -> None:
    """A handler answers after ten minutes; another has something to say every hour."""
    handlers: list[Any] = []
    kind = recorder(
        on_request_done=lambda self: (handlers.append(self), None)[1],
        waiting=[],
        events=lambda self, n: (self.waiting.pop(), 0) if self.waiting else (None, 2),
    )

    async def main() -> None:
        async with connected(TimeLimits(), kind) as (server, client):
            client.send(client.request(1), client.request(3))
            await client.settled()
            await pass_time(600, step=5)
            poll, events = handlers
            poll.answer()
            assert (await client.response(1))[1] == b"hello"
            events.send_response(200, body=events.events)
            await client.until(HEADERS, 3)
            for number in range(3):
                await pass_time(3600, step=20)
                events.waiting.append(b"event %d" % number)
                events.resume()
                assert (await client.until(DATA, 3)).payload == b"event %d" % number
            assert refused(server) == {}

    run_with_clock(main())


# --- clients that do not take what they asked for -----------------------------------------------

MEGABYTE = bytes(1 << 20)


def giving(body: bytes = MEGABYTE) -> type[Recorder]:
    return recorder(on_request_done=lambda self: self.send_response(200, body=body))


@pytest.mark.parametrize("trickle", [0, 1, 40])
def test_a_stream_without_credit(trickle: int, caplog: pytest.LogCaptureFixture) -> None:
    kind = giving()

    async def main() -> None:
        async with connected(only("write"), kind, {INITIAL_WINDOW_SIZE: 10}) as (server, client):

            def credit() -> None:
                if trickle:
                    client.send(frame(8, 0, 1, trickle.to_bytes(4, "big")))

            client.send(client.request(1))
            await client.until(DATA, 1)
            await nearly(credit)
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.write": 1}
            assert (await client.until(RST_STREAM, 1)).code == CODES["CANCEL"]
            await client.settled()

    with one_line(caplog, "timeout.write", logging.WARNING):
        run_with_clock(main())
    assert kind.calls[-1] == (1, "close", 8)


def test_a_connection_without_credit(caplog: pytest.LogCaptureFixture) -> None:
    kind = giving()
    much = {INITIAL_WINDOW_SIZE: 2**31 - 1}

    async def main() -> None:
        async with connected(only("write"), kind, much) as (server, client):
            client.send(client.request(1), client.request(3))
            await eventually(lambda: len(kind.handlers) == 2)
            await nearly()
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.write": 1}
            last = (await goodbye(client))[-1]
            assert (last.type, last.code) == (GOAWAY, CODES["CALM"])
            assert last.payload[8:].startswith(b"timeout.write")

    with one_line(caplog, "timeout.write", logging.WARNING):
        run_with_clock(main())
    assert [call for call in kind.calls if call[1] == "close"] == [
        (1, "close", 2),
        (3, "close", 2),
    ]


def test_a_video_that_is_paused_goes_on_when_it_resumes_in_time() -> None:
    async def main() -> None:
        kind = giving()
        async with connected(only("write"), kind, {INITIAL_WINDOW_SIZE: 4096}) as (server, client):
            client.send(client.request(1))
            await client.until(DATA, 1)
            for _ in range(4):
                await nearly()
                client.send(frame(8, 0, 1, (5000).to_bytes(4, "big")))
                await client.settled()
            assert refused(server) == {}
            assert kind.calls[-1] == (1, "headers")

    run_with_clock(main())


def deaf(server: HTTP2Server) -> socket.socket:
    """A connection whose client reads only when told to, and then from little buffers."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(server.addresses[0][:2])
    sock.setblocking(False)
    return sock


def greeting(client: RawClient) -> bytes:
    """Everything at once that lets a server send as much as it can."""
    more = frame(8, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big"))
    return (
        PREFACE
        + settings({INITIAL_WINDOW_SIZE: 2**31 - 1})
        + frame(SETTINGS, ACK, 0)
        + more
        + client.request(1)
    )


def endless() -> type[Recorder]:
    return recorder(
        on_request_done=lambda self: self.send_response(200, body=lambda n: (bytes(n), 0))
    )


@pytest.mark.parametrize("secure", [False, True])
def test_a_client_that_does_not_read(
    secure: bool, caplog: pytest.LogCaptureFixture, tls_files: TLSFiles
) -> None:
    kind = endless()

    async def main() -> None:
        context = tls_files.server_context() if secure else None
        async with server_with(only("write"), kind, context) as server:
            tls = tls_files.client_context("h2") if secure else None
            sock = deaf(server)
            _, writer = await asyncio.open_connection(
                sock=sock, ssl=tls, server_hostname="localhost" if secure else None
            )
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(greeting(RawClient(None, None)))  # type: ignore[arg-type]
            await eventually(lambda: server._connections and full(server))
            await nearly()
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.write": 1}
            await eventually(lambda: server.connection_count == 0)
            writer.transport.abort()

    with one_line(caplog, "timeout.write", logging.WARNING):
        run_with_clock(main())
    assert kind.calls[-1] == (1, "close", 2)


def full(server: HTTP2Server) -> bool:
    """Whether the only connection has more to write than its socket takes."""
    (connection,) = server._connections
    return connection.paused


def test_a_client_that_reads_slowly_is_borne() -> None:
    kind = endless()

    async def main() -> None:
        async with server_with(only("write"), kind) as server:
            sock = deaf(server)
            await asyncio.get_running_loop().sock_sendall(
                sock,
                greeting(RawClient(None, None)),  # type: ignore[arg-type]
            )
            await eventually(lambda: server._connections and full(server))
            (connection,) = server._connections
            for _ in range(10):
                await nearly()
                before = connection.octets_out - connection.waiting_octets()
                while connection.octets_out - connection.waiting_octets() < before + 4096:
                    with contextlib.suppress(BlockingIOError):
                        sock.recv(65_536)
                    await turns()
            assert refused(server) == {}
            sock.close()
            await eventually(lambda: server.connection_count == 0)

    run_with_clock(main())


# --- connections that have lasted long enough ---------------------------------------------------


@pytest.mark.parametrize("served", [False, True])
def test_an_idle_connection_ends_gracefully(served: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with connected(only("idle")) as (server, client):
            if served:
                client.send(client.request(1))
                await client.response(1)
            await nearly()
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.idle": 1}
            frames = await goodbye(client)
            assert [each.type for each in frames] == [GOAWAY, GOAWAY]
            assert frames[0].payload[:4] == (2**31 - 1).to_bytes(4, "big")
            assert frames[1].payload == int(served).to_bytes(4, "big") + bytes(4)

    with one_line(caplog, "timeout.idle", logging.INFO):
        run_with_clock(main())


def test_a_request_that_crosses_the_end_of_an_idle_connection_is_answered() -> None:
    async def main() -> None:
        async with connected(only("idle")) as (server, client):
            await nearly()
            while not refused(server):
                await pass_time(0.5)
            # the client has not read the GOAWAY yet
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"
            await client.rest()
            ends = [each.payload for each in client.seen if each.type == GOAWAY]
            assert ends[1] == (1).to_bytes(4, "big") + bytes(4)

    run_with_clock(main())


def test_a_request_after_the_end_of_an_idle_connection_may_be_made_again() -> None:
    """The client never answered the PING: the final GOAWAY tells that it was not handled."""
    kind = recorder()

    async def main() -> None:
        async with connected(only("idle"), kind) as (server, client):
            await nearly()
            await overdue()
            await pass_time(3)
            client.send(client.request(1))
            last = (await goodbye(client))[-1]
            assert (last.type, last.payload) == (GOAWAY, bytes(8))
            await eventually(lambda: server.connection_count == 1)

    run_with_clock(main())
    assert kind.calls == []


def test_a_client_that_pings_is_not_idle() -> None:
    async def main() -> None:
        async with connected(only("idle")) as (server, client):
            for _ in range(10):
                await nearly()
                await client.settled()
            assert refused(server) == {}

    run_with_clock(main())


def test_idleness_begins_when_the_last_stream_has_ended() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        async with connected(only("idle"), kind) as (server, client):
            client.send(client.request(1))
            await client.settled()
            await pass_time(5 * LIMIT, step=5)
            kind.handlers[0].answer()
            assert (await client.response(1))[1] == b"hello"
            await nearly()
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.idle": 1}

    run_with_clock(main())


@pytest.mark.parametrize("answers", [False, True])
def test_a_connection_that_lasts_too_long(answers: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It ends gracefully; what is not done after `close_timeout` is cut."""
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        async with connected(only("connection"), kind) as (server, client):
            client.send(client.request(1))
            await client.settled()
            await nearly(lambda: client.send(frame(6, 0, 0, b"12345678")))
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.connection": 1}
            await pass_time(10)
            if answers:
                kind.handlers[0].answer()
                assert (await client.response(1))[1] == b"hello"
            else:
                await pass_time(15)
            await client.rest()
            assert {each.code for each in client.seen if each.type == GOAWAY} == {0}

    with one_line(caplog, "timeout.connection", logging.INFO):
        run_with_clock(main())
    assert kind.calls[-1] == (1, "close", 0 if answers else 2)


# --- over TLS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trickle", [b"", b"\x16"])
def test_a_handshake_that_is_never_made(
    trickle: bytes, tls_files: TLSFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        context = tls_files.server_context()
        async with server_with(only("handshake"), context=context) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"\x16\x03\x01\x02\x00")  # a ClientHello that says it has 512 octets
            await eventually(lambda: server.connection_count == 1)
            await nearly(lambda: writer.write(trickle))
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {"timeout.handshake": 1}
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            assert server.connection_count == 0
            assert server.stats().connections_accepted == 1

    with one_line(caplog, "timeout.handshake", logging.WARNING):
        run_with_clock(main())


def test_a_handshake_in_time_begins_the_connection(tls_files: TLSFiles) -> None:
    async def main() -> None:
        context = tls_files.server_context()
        async with server_with(only("handshake"), context=context) as server:
            async with client_of(server, tls=tls_files.client_context("h2")) as client:
                await pass_time(3 * LIMIT, step=5)
                client.send(client.request(1))
                assert (await client.response(1))[1] == b"hello"
            assert refused(server) == {}

    run_with_clock(main())


@pytest.mark.parametrize("limit", ["preface", "idle"])
def test_limits_over_tls(limit: str, tls_files: TLSFiles) -> None:
    async def main() -> None:
        context = tls_files.server_context()
        tls = tls_files.client_context("h2")
        async with (
            server_with(only(limit), context=context) as server,
            client_of(server, tls=tls, greet=limit == "idle") as client,
        ):
            await eventually(lambda: server._connections)
            await nearly()
            assert refused(server) == {}
            await overdue()
            assert refused(server) == {f"timeout.{limit}": 1}
            reading = asyncio.ensure_future(goodbye(client))
            await pass_time(3, step=0.1)
            frames = await reading
            assert [each.type for each in frames] == [GOAWAY] * (2 if limit == "idle" else 1)
            assert frames[-1].code == (1 if limit == "preface" else 0)

    run_with_clock(main())


# --- the timer ----------------------------------------------------------------------------------


def timers() -> int:
    """How many calls the loop has been asked to make later."""
    loop: Any = clock()
    return len([each for each in loop._scheduled if not each.cancelled()])


def test_there_is_one_timer_and_only_while_there_are_connections() -> None:
    async def main() -> None:
        async with server_with(TimeLimits()) as server:
            assert timers() == 0
            async with client_of(server), client_of(server), client_of(server):
                assert timers() == 1
            await eventually(lambda: server.connection_count == 0)
            await pass_time(2)
            assert timers() == 0

    run_with_clock(main())
