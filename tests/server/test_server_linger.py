"""The end of a connection: nothing of an accepted response is lost, and nobody stays for ever."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from plait.server import HTTP2Server, TimeLimits
from plait.server.linger import unacknowledged_octets
from tests.server.rawclient import (
    DATA,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    LOCAL,
    LOOPS,
    PREFACE,
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
from tests.support.clock import clock, pass_time, run_with_clock

BODY = bytes(range(256)) * 4096  # a megabyte

MUCH = frame(8, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big"))
LITTLE = frame(8, 0, 0, (1).to_bytes(4, "big"))


def giving() -> type[Recorder]:
    return recorder(on_request_done=lambda self: self.send_response(200, body=BODY))


def narrow() -> socket.socket:
    """A listening socket whose connections keep little on their way out."""
    listener = socket.create_server(LOCAL)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    return listener


async def reluctant(server: HTTP2Server, tls: ssl.SSLContext | None) -> RawClient:
    """A client that has asked for the body, granted all credit, and does not read yet."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.connect(server.addresses[0][:2])
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name)
    client = RawClient(reader, writer)
    client.send(PREFACE, settings({INITIAL_WINDOW_SIZE: 2**31 - 1}), MUCH, client.request(1))
    transport: Any = writer.transport
    transport.pause_reading()
    await eventually(lambda: server.stats().octets_sent > 60_000)
    return client


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_reads_slowly_gets_all_of_its_response(
    loop: str, secure: bool, tls_files: TLSFiles
) -> None:
    """The server closes meanwhile, and the client goes on to give credit, as clients do."""
    kind = giving()

    async def main() -> None:
        context = tls_files.server_context() if secure else None
        tls = tls_files.client_context("h2") if secure else None
        server = HTTP2Server(narrow(), kind, context)
        await server.start()
        client = await reluctant(server, tls)
        (connection,) = server._connections
        closing = asyncio.ensure_future(server.close(30))
        transport: Any = client.writer.transport
        transport.resume_reading()
        got = 0
        while (each := await client.next()) is not None:
            if each.type == DATA:
                got += len(each.payload)
                client.send(LITTLE)
                if connection.linger is not None:
                    await asyncio.sleep(0.01)  # all is written, as far as the server is concerned
        assert got == len(BODY)
        client.writer.close()
        await closing
        assert kind.calls[-1] == (1, "close", 0)
        assert server.stats().refusals == {}

    run(main(), loop)


def test_a_client_that_stops_reading_at_the_end_is_left() -> None:
    """All its body is in the transport, and there it stays for as long as the write limit says."""
    kind = recorder(on_request_done=lambda self: self.send_response(200, body=BODY[:120_000]))

    async def main() -> None:
        limits = TimeLimits(write=100, idle=None)
        server = HTTP2Server(narrow(), kind, time_limits=limits)
        await server.start()
        client = await reluctant(server, None)
        (connection,) = server._connections
        transport: Any = client.writer.transport
        client.send(frame(GOAWAY, 0, 0, bytes(8)))
        await eventually(lambda: connection.linger is not None)
        assert kind.calls[-1] == (1, "close", 0)
        assert connection.waiting_octets() + unacknowledged_octets(connection.transport) > 0
        await pass_time(90, step=0.5)
        assert server.connection_count == 1
        await pass_time(15, step=0.5)
        await eventually(lambda: server.connection_count == 0)
        transport.abort()
        await server.close()

    run_with_clock(main())


@pytest.mark.parametrize("secure", [False, True])
def test_a_client_that_has_read_everything_and_stays_is_left_soon(
    secure: bool, tls_files: TLSFiles
) -> None:
    kind = recorder()

    async def main() -> None:
        context = tls_files.server_context() if secure else None
        tls = tls_files.client_context("h2") if secure else None
        async with (
            HTTP2Server(LOCAL, kind, context) as server,
            client_of(server, tls=tls) as client,
        ):
            (connection,) = server._connections
            client.send(client.request(1), frame(GOAWAY, 0, 0, bytes(8)))
            await client.response(1)
            before = clock().time()
            while server.connection_count:
                await asyncio.sleep(0.02)  # the system takes its time with acknowledgements
                await pass_time(0.2)
            assert connection.linger is not None
            assert clock().time() - before < 30
            assert server.stats().refusals == {}

    run_with_clock(main())


def test_a_client_that_ignores_our_ping_is_left_when_its_streams_have_ended() -> None:
    """Without an answer the final GOAWAY is said after a second, and open streams go on."""
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        async with client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            closing = asyncio.ensure_future(server.close(60))
            transport: Any = client.writer.transport
            await eventually(lambda: server.is_closing)
            transport.pause_reading()  # and so no PING is answered
            (connection,) = server._connections
            while not connection.engine.goaway_sent:
                await pass_time(0.2, step=0.1)
            client.send(client.request(3))  # too late
            await pass_time(10, step=0.5)
            assert not closing.done()
            kind.handlers[0].answer()
            transport.resume_reading()
            assert (await client.response(1))[1] == b"hello"
            await client.rest()
            ends = [each.payload[:4] for each in client.seen if each.type == GOAWAY]
            assert ends[1:] == [(1).to_bytes(4, "big")] * len(ends[1:])
            assert ends[1:]
            client.writer.close()
            while not closing.done():
                await pass_time(0.1, step=0.1)

    run_with_clock(main())
    assert {call[0] for call in kind.calls} == {1}


def test_a_client_that_has_only_connected_is_served_while_the_server_closes() -> None:
    kind = recorder()

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        async with client_of(server, greet=False) as client:
            await eventually(lambda: server.connection_count == 1)
            closing = asyncio.ensure_future(server.close(30))
            await eventually(lambda: server.is_closing)
            client.send(PREFACE, settings(), client.request(1))
            assert (await client.response(1))[1] == b"hello"
            await client.rest()
            client.writer.close()
            await closing

    run(main())
    assert kind.calls[-1] == (1, "close", 0)


def test_who_has_just_connected_may_ask_before_it_is_told_of_the_end() -> None:
    """HAProxy would not send what it connected for, and fail its clients' requests."""

    async def main() -> None:
        loop: Any = clock()
        now = loop.time()
        server = HTTP2Server(LOCAL, recorder())
        await server.start()
        async with client_of(server) as client:
            await client.settled()
            loop.time = lambda: now + loop.moved  # it stands still from here on
            closing = asyncio.ensure_future(server.close(30))
            await pass_time(0.2, step=0.1)
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"
            assert GOAWAY not in [each.type for each in client.seen]
            await pass_time(0.1, step=0.1)
            del loop.time
            await client.rest()
            ends = [each.payload[:4] for each in client.seen if each.type == GOAWAY]
            assert ends == [(2**31 - 1).to_bytes(4, "big"), (1).to_bytes(4, "big")]
            client.writer.close()
            while not closing.done():
                await pass_time(0.1, step=0.1)

    run_with_clock(main())
