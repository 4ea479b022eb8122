"""What the server counts, what it logs, and whom it turns away."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import socket
import ssl
import time
from typing import Any

import pytest

from plait.http2 import Config
from plait.server import HTTP2Server, ServerStats, TimeLimits
from plait.server.addresses import peer_address
from tests.server.rawclient import (
    DATA,
    LOCAL,
    LOOPS,
    PREFACE,
    RST_STREAM,
    RawClient,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
    settings,
)
from tests.support.certs import TLSFiles
from tests.support.clock import ClockLoop, pass_time, run_with_clock, turns


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged at WARNING and above, the client's address left out."""
    return [
        record.getMessage().partition(": ")[2]
        for record in caplog.records
        if record.levelno >= logging.WARNING
    ]


async def attempt(port: int, *octets: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """What a connection brings that says this; nothing if it is closed, however that is done."""
    received = b""
    with contextlib.suppress(OSError):
        name = "localhost" if tls else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname=name
        )
        with contextlib.suppress(OSError):
            writer.write(b"".join(octets))
            async with asyncio.timeout(10):
                received = await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return received


# --- figures ------------------------------------------------------------------------------------


def test_a_server_that_has_done_nothing() -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            assert server.stats() == ServerStats()

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_living_and_past_connections_are_counted_together(loop: str) -> None:
    def on_request_done(self: Recorder) -> None:
        if self.path == b"/":
            self.answer()

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(LOCAL, kind) as server:
            async with client_of(server) as client:
                client.send(client.request(1), client.request(3), client.request(5, "/never"))
                await client.stream(1, 3)
                stats = server.stats()
                assert (stats.requests, stats.streams_open) == (3, 1)
                assert (stats.connections_open, stats.connections_accepted) == (1, 1)
                assert 100 < stats.octets_received < 1000
                assert 100 < stats.octets_sent < 1000
                sent = stats.octets_sent
            await eventually(lambda: server.connection_count == 0)
            past = server.stats()
            assert (past.requests, past.streams_open, past.connections_open) == (3, 0, 0)
            assert past.octets_sent >= sent
            async with client_of(server) as client:
                client.send(client.request(1))
                await client.response(1)
                stats = server.stats()
                assert (stats.requests, stats.streams_open) == (4, 0)
                assert (stats.connections_open, stats.connections_accepted) == (1, 2)
                assert stats.octets_received > past.octets_received
        assert server.stats().connections_open == 0
        assert dataclasses.replace(stats, requests=0) != stats

    run(main(), loop)


def test_octets_of_a_large_body_are_counted() -> None:
    body = bytes(300_000)
    kind = recorder(on_request_done=lambda self: self.send_response(200, body=body))

    async def main() -> None:
        async with (
            HTTP2Server(LOCAL, kind) as server,
            client_of(server, {4: 2**31 - 1}) as client,
        ):
            client.send(frame(8, 0, 0, (10**6).to_bytes(4, "big")), client.request(1))
            assert len((await client.response(1))[1]) == len(body)
            assert len(body) < server.stats().octets_sent < len(body) + 2000

    run(main())


def test_a_copy_of_the_refusals_is_given() -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            server.stats().refusals["x"] = 1
            assert server.stats().refusals == {}

    run(main())


# --- the log ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_a_thousand_refusals_are_one_line(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    def malformed(client: RawClient, number: int) -> bytes:
        return client.request(number, "/", ("connection", "x"))

    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            async with client_of(server) as client:
                client.send(*(malformed(client, number) for number in range(1, 2001, 2)))
                client.send(client.request(2001))
                await client.until(DATA, 2001)
                assert not warnings_in(caplog), "before the end there is nothing to be said"
                client.send(frame(6, 0, 0, b"short"))
                await client.rest()
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {
                "field.connection_specific": 1000,
                "ping.length": 1,
            }

    run(main(), loop)
    assert warnings_in(caplog) == ["field.connection_specific (1000 times), ping.length"]


def test_a_client_that_does_no_wrong_makes_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server, client_of(server) as client:
            client.send(client.request(1), client.request(3))
            client.send(frame(RST_STREAM, 0, 3, (8).to_bytes(4, "big")))
            await client.response(1)

    with caplog.at_level(logging.DEBUG, "plait.server"):
        run(main())
    assert warnings_in(caplog) == []
    assert "connection_lost" in caplog.messages


# --- who is turned away -------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_http1_is_refused(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            answer = await attempt(server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 505 ")
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {"preface.http1": 1}

    run(main(), loop)
    assert warnings_in(caplog) == ["preface.http1"]


def test_junk_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            await attempt(server.port, bytes(100))
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {"preface.invalid": 1}

    run(main())
    assert warnings_in(caplog) == ["preface.invalid"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_without_h2_is_refused(
    loop: str, tls_files: TLSFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder(), tls_files.server_context()) as server:
            assert await attempt(server.port, b"GET /", tls=tls_files.client_context()) == b""
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {"tls.alpn": 1}

    run(main(), loop)
    assert warnings_in(caplog) == ["tls.alpn"]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
def test_a_handshake_that_fails(
    loop: str, first: bytes, tls_files: TLSFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder(), tls_files.server_context()) as server:
            await attempt(server.port, first)
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {"tls.handshake": 1}
            assert server.stats().connections_accepted == 1
            tls = tls_files.client_context("h2")
            async with client_of(server, tls=tls) as client:
                client.send(client.request(1))
                assert (await client.response(1))[1] == b"hello"

    run(main(), loop)
    (line,) = warnings_in(caplog)
    assert line.startswith("tls.handshake (")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_client_that_leaves_before_its_handshake_has_done_no_wrong(
    loop: str, first: bytes, tls_files: TLSFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """Load balancers look in like this, every second."""

    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder(), tls_files.server_context()) as server:
            for _ in range(5):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(first)
                writer.close()
                await writer.wait_closed()
            await eventually(lambda: server.stats().connections_accepted == 5)
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {}

    run(main(), loop)
    assert warnings_in(caplog) == []


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_does_not_wait_for_handshakes(loop: str, tls_files: TLSFiles) -> None:
    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder(), tls_files.server_context())
        await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await eventually(lambda: server.connection_count == 1)
        async with asyncio.timeout(8):
            await server.close(30)
        assert server.connection_count == 0
        assert not server._tasks
        writer.close()

    run(main(), loop)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_connections_beyond_the_limit_are_closed_at_once(
    loop: str, secure: bool, tls_files: TLSFiles
) -> None:
    async def main() -> None:
        context = tls_files.server_context() if secure else None
        tls = tls_files.client_context("h2") if secure else None
        kind = recorder()
        async with HTTP2Server(LOCAL, kind, context, max_connections=2) as server:
            async with client_of(server, tls=tls) as first, client_of(server, tls=tls):
                for _ in range(3):
                    assert await attempt(server.port, PREFACE, settings(), tls=tls) == b""
                first.send(first.request(1))
                assert (await first.response(1))[1] == b"hello"
                stats = server.stats()
                assert stats.refusals == {"connections.limit": 3}
                assert (stats.connections_open, stats.connections_accepted) == (2, 5)
            await eventually(lambda: server.connection_count == 0)
            async with client_of(server, tls=tls) as client:
                client.send(client.request(1))
                assert (await client.response(1))[1] == b"hello"

    run(main(), loop)


def test_who_never_makes_a_handshake_counts_as_a_connection(tls_files: TLSFiles) -> None:
    async def main() -> None:
        context = tls_files.server_context()
        async with HTTP2Server(LOCAL, recorder(), context, max_connections=1) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await eventually(lambda: server.connection_count == 1)
            assert await attempt(server.port, b"hello") == b""
            assert server.stats().refusals == {"connections.limit": 1}
            writer.close()

    run(main())


def test_connections_beyond_the_limit_are_one_line_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with (
            HTTP2Server(LOCAL, recorder(), max_connections=1) as server,
            client_of(server),
        ):
            for times in (5, 3):
                for _ in range(times):
                    await attempt(server.port)
                await pass_time(2)

    run_with_clock(main())
    lines = [each for each in caplog.messages if "connections.limit" in each]
    told = "refused %d connections: connections.limit"
    assert lines == [told % 5, told % 3]


def test_the_limit_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="max_connections"):
        HTTP2Server(LOCAL, recorder(), max_connections=-1)


# --- what handlers are told ---------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["http", "https"])
@pytest.mark.parametrize("secure", [False, True])
def test_the_scheme_is_what_the_connection_is(
    secure: bool, claim: str, tls_files: TLSFiles
) -> None:
    kind = recorder()

    async def main() -> None:
        context = tls_files.server_context() if secure else None
        tls = tls_files.client_context("h2") if secure else None
        async with (
            HTTP2Server(LOCAL, kind, context) as server,
            client_of(server, tls=tls) as client,
        ):
            client.send(client.headers(1, [(":method", "GET"), (":scheme", claim), (":path", "/")]))
            await client.response(1)

    run(main())
    (handler,) = kind.handlers
    assert handler.scheme == (b"https" if secure else b"http")
    assert (b":scheme", claim.encode()) in handler.headers


def test_behind_a_proxy_the_configuration_tells_the_scheme() -> None:
    kind = recorder()

    async def main() -> None:
        config = Config(transport_scheme=b"https")
        async with HTTP2Server(LOCAL, kind, config=config) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.response(1)

    run(main())
    assert kind.handlers[0].scheme == b"https"


# --- a client that does not read ----------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_read_of_a_client_that_does_not_read(loop: str) -> None:
    """It asks and asks, and takes no answer: its own socket is full before our memory is."""
    filler = 1000 * "{"  # of what Huffman's code makes longer: so it is sent as it is

    def on_request_done(self: Recorder) -> None:
        self.send_response(200, [("x", f"{self.stream_id} " + filler)])

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        listener = socket.create_server(LOCAL)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        server = HTTP2Server(
            listener,
            kind,
            config=Config(max_concurrent_streams=1_000_000),
            # who does not read does not acknowledge our SETTINGS either
            time_limits=TimeLimits(settings=None),
        )
        await server.start()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
            sock.connect(("127.0.0.1", server.port))
            reader, writer = await asyncio.open_connection(sock=sock)
            transport: Any = writer.transport
            transport.pause_reading()
            client = RawClient(reader, writer)
            client.send(PREFACE, settings())
            await eventually(lambda: server.stats().octets_received)
            (connection,) = server._connections
            asked = 0
            while not (connection.held_back and transport.get_write_buffer_size() > 10_000):
                if transport.get_write_buffer_size() < 10_000:
                    numbers = range(asked, asked + 10)
                    client.send(*(client.request(2 * n + 1, f"/{n}{filler}") for n in numbers))
                    asked += 10
                await asyncio.sleep(0)
            assert connection.engine is not None
            assert connection.engine.unsent_octets < 300_000
            assert connection.waiting_octets() < 300_000
            assert len(kind.handlers) < asked
            # it thinks better of it, and gets all of its answers
            transport.resume_reading()
            answered = 0
            while answered < asked:
                each = await client.next()
                assert each is not None
                answered += each.ends
            assert not connection.held_back
            assert server.stats().refusals == {}
            writer.close()
        await server.close()

    run(main(), loop)


# --- a client that sends little things by the thousand ------------------------------------------


def tiny(client: RawClient, number: int) -> bytes:
    return client.data(1, b"x") * number


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_others_have_their_turn_between_small_frames(
    loop: str, secure: bool, tls_files: TLSFiles
) -> None:
    kind = recorder()

    async def main() -> None:
        context = tls_files.server_context() if secure else None
        tls = tls_files.client_context("h2") if secure else None
        async with (
            HTTP2Server(LOCAL, kind, context) as server,
            client_of(server, tls=tls) as busy,
            client_of(server, tls=tls) as other,
        ):
            busy.send(busy.request(1, method="POST", end=False))
            await busy.settled()
            (connection,) = [each for each in server._connections if each.streams]
            kind.calls.clear()
            busy.send(tiny(busy, 20_000))
            await eventually(lambda: kind.calls)
            other.send(other.request(1, "/other"))
            await other.response(1)
            between = sum(call[1] == "data" for call in kind.calls)
            await busy.settled()
            assert sum(call[1] == "data" for call in kind.calls) == 20_000
            assert between < 20_000
            # what it sends last is heard as well, and it is trusted again in the end
            busy.send(busy.data(1, b"", end=True))
            assert (await busy.until(DATA, 1)).payload == b"hello"
            small = connection.portion
            busy.send(busy.request(3, method="POST", end=False))
            for _ in range(20):
                busy.send(busy.data(3, bytes(16_384)) * 4)
                await busy.settled()
            assert connection.portion > small
            assert server.stats().refusals == {}

    run(main(), loop)


def test_an_upload_is_trusted() -> None:
    kind = recorder(on_data=lambda self, data: None)

    async def main() -> None:
        async with HTTP2Server(LOCAL, kind) as server, client_of(server) as client:
            (connection,) = server._connections
            client.send(client.request(1, method="POST", end=False))
            for _ in range(20):
                client.send(client.data(1, bytes(16_384)) * 4)
                await client.settled()
            client.send(client.data(1, b"", end=True))
            await client.until(DATA, 1)
            assert connection.portion >= 16_384

    run(main())


def burn(self: Any, data: bytes) -> None:
    """Takes five milliseconds of CPU, however busy the machine is."""
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass


def test_a_handler_that_takes_long_lets_others_have_their_turn() -> None:
    kind = recorder(on_data=burn)

    async def main() -> None:
        async with HTTP2Server(LOCAL, kind) as server, client_of(server) as client:
            (connection,) = server._connections
            client.send(client.request(1, method="POST", end=False))
            await client.settled()
            client.send(client.data(1, bytes(16_384)) * 15)
            await client.settled()
            assert connection.portion == 4096
            client.send(client.data(1, b"", end=True))
            await client.until(DATA, 1)

    run(main())


@pytest.mark.parametrize("leaves", [False, True])
def test_what_waits_for_its_turn_does_not_outlive_the_connection(leaves: bool) -> None:
    kind = recorder()

    async def main() -> None:
        async with HTTP2Server(LOCAL, kind) as server:
            async with client_of(server) as client:
                (connection,) = server._connections
                client.send(client.request(1, method="POST", end=False))
                client.send(tiny(client, 10_000))
                await eventually(lambda: connection.unheard)
                if leaves:
                    client.writer.transport.abort()
                else:
                    connection.terminate(0, "enough")
                    assert connection.unheard == b""
                    await client.rest()
            await eventually(lambda: server.connection_count == 0)
            assert connection.unheard == b""
            assert kind.calls[-1] == (1, "close", 2)

    run(main())


class Gone:
    """A transport whose client has reset it."""

    def __init__(self, family: int) -> None:
        self.family = family

    def get_extra_info(self, name: str) -> Any:
        return self if name == "socket" else None


def test_the_address_of_a_client_that_has_gone_is_unknown() -> None:
    gone: Any = Gone(socket.AF_INET)
    local: Any = Gone(socket.AF_UNIX)
    assert peer_address(gone) == ("unknown", 0)
    assert peer_address(local) == ("unix", 0)
    assert peer_address(None) == ("unknown", 0)


def test_the_clock_of_the_tests_is_a_loop_like_others() -> None:
    """Time that is moved on makes timers due, and a loop that waits sees it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClockLoop)
        called: list[float] = []
        began = loop.time()
        loop.call_later(3600, lambda: called.append(loop.time()))
        await pass_time(3599)
        assert called == []
        await pass_time(2)
        assert len(called) == 1
        assert called[0] - began >= 3600
        sleeping = asyncio.ensure_future(asyncio.sleep(10_000))
        await turns()
        loop.advance(10_000)
        async with asyncio.timeout(5):
            await sleeping

    run_with_clock(main())
