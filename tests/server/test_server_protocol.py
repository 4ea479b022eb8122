"""A connection from its first octet to its last."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest

from plait.http2 import Config
from plait.server import HTTP2Server
from plait.server.preface import HTTP1, HTTP2, UNDECIDED, judge_opening
from tests.server.rawclient import (
    ACK,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    PREFACE,
    SETTINGS,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
    settings,
)


async def talk(server: HTTP2Server, *pieces: bytes, pause: float = 0.005) -> bytes:
    """Everything that comes back for the given octets, up to the end of the connection."""
    reader, writer = await asyncio.open_connection(*server.addresses[0][:2])
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(pause)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


# --- the first octets ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (b"", UNDECIDED),
        (b"P", UNDECIDED),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", UNDECIDED),
        (PREFACE, HTTP2),
        (PREFACE + b"more", HTTP2),
        (b"PR", UNDECIDED),
        (b"PRO", UNDECIDED),
        (b"PROPFIND ", HTTP1),
        (b"GET / HTTP/1.1\r\n\r\n", HTTP1),
        (b"GET", UNDECIDED),
        (b"M-SEARCH *", HTTP1),
        (b"A" * 33, HTTP2),
        (b" GET", HTTP2),
        (b"get / ", HTTP1),
        (b"\r\n", UNDECIDED),
        (b"\r\nGET / HTTP/1.1", HTTP1),
        (b"\x16\x03\x01", HTTP2),
        (b"PRI * HTTP/1.1", HTTP1),
    ],
)
def test_what_the_first_octets_say(head: bytes, verdict: int) -> None:
    assert judge_opening(head) == verdict


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",),
        (b"P", b"OST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", b"x" * 100_000),
        (b"GE", b"T / HT", b"TP/1.0\r\n\r\n"),
    ],
)
def test_http1_is_told_what_is_spoken_here(pieces: tuple[bytes, ...], loop: str) -> None:
    async def main() -> bytes:
        async with HTTP2Server(("127.0.0.1", 0), recorder()) as server:
            return await talk(server, *pieces)

    head, _, body = run(main(), loop).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 505 ")
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert body.count(b"\n") == 1
    assert b"HTTP/2 only" in body


def test_head_of_http1_gets_no_body() -> None:
    async def main() -> bytes:
        async with HTTP2Server(("127.0.0.1", 0), recorder()) as server:
            return await talk(server, b"HEAD / HTTP/1.1\r\n\r\n")

    assert run(main()).endswith(b"\r\n\r\n")


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00", b"\0" * 30, b"{hello: there}\r\n\r\n"])
def test_other_junk_gets_goaway(junk: bytes) -> None:
    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), recorder()) as server,
            client_of(server, greet=False) as client,
        ):
            client.send(junk)
            frames = await client.rest()
            assert [each.type for each in frames if each.type != 8] == [SETTINGS, GOAWAY]
            assert frames[-1].code == 1

    run(main())


@pytest.mark.parametrize("size", [1, 5, 23, 24, 25, 40])
def test_the_preface_may_come_in_pieces(size: int) -> None:
    kind = recorder()

    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, greet=False) as client,
        ):
            octets = PREFACE + settings() + client.request(1)
            for at in range(0, len(octets), size):
                client.send(octets[at : at + size])
                await asyncio.sleep(0.001)
            assert (await client.response(1))[1] == b"hello"

    run(main())
    assert kind.calls[-1] == (1, "close", 0)


def test_our_settings_come_first_and_once() -> None:
    async def main() -> None:
        config = Config(
            initial_window_size=65_535,
            connection_window_size=65_535,
            announce_defaults=True,
            announce_header_list_size=False,
            enable_connect_protocol=False,
            no_rfc7540_priorities=False,
        )
        async with (
            HTTP2Server(("127.0.0.1", 0), recorder(), config=config) as server,
            client_of(server, greet=False) as client,
        ):
            client.send(PREFACE, settings())
            first = await client.next()
            assert first is not None
            assert first.payload.hex() == "000300000064" + "00040000ffff"
            await client.settled()
            assert [each.type for each in client.seen if not each.flags & ACK] == [SETTINGS]

    run(main())


def test_nodelay_is_set() -> None:
    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), recorder()) as server, client_of(server):
            (connection,) = server._connections
            sock = connection.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(main())


# --- the end ------------------------------------------------------------------------------------


def test_a_fault_of_the_client_is_told_before_the_end() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server:
            async with client_of(server) as client:
                client.send(client.request(1))
                await client.settled()
                client.send(frame(6, 0, 0, b"short"), b"x" * 500_000)
                frames = await client.rest()
                assert frames[-1].type == GOAWAY
                assert frames[-1].code == 6
            await eventually(lambda: kind.calls[-1] == (1, "close", 2))

    run(main())


def test_a_client_that_says_goaway_is_served_and_then_left() -> None:
    kind = recorder()

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1), frame(GOAWAY, 0, 0, bytes(8)))
            assert (await client.response(1))[1] == b"hello"
            await client.rest()
            client.writer.close()
            await eventually(lambda: server.connection_count == 0)

    run(main())


def test_a_client_that_does_not_read_cannot_hold_the_server() -> None:
    async def main() -> None:
        kind = recorder(
            on_request_done=lambda self: self.send_response(200, body=lambda n: (bytes(n), 0))
        )
        server = HTTP2Server(("127.0.0.1", 0), kind)
        await server.start()
        async with client_of(server, {INITIAL_WINDOW_SIZE: 2**31 - 1}) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            more = (2**30).to_bytes(4, "big")
            client.send(frame(8, 0, 0, more), client.request(1))
            await eventually(lambda: kind.handlers)
            async with asyncio.timeout(8):
                await server.close(0.1)
            assert server.connection_count == 0
            assert kind.calls[-1] == (1, "close", 2)

    run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nothing_of_a_connection_remains(loop: str) -> None:
    dead: list[weakref.ref[Any]] = []

    class Noted:
        pass

    def on_request_done(self: Recorder) -> None:
        noted = Noted()
        dead.append(weakref.ref(noted))
        self.noted = noted  # type: ignore[attr-defined]
        if self.path == b"/endless":
            self.send_response(200, body=lambda n: (None, 2))
            self.push("/pushed", body=self.generate)  # type: ignore[attr-defined]
        else:
            self.answer()

    def generate(self: Recorder, n: int) -> tuple[None, int]:
        return None, 2

    kind = recorder(on_request_done=on_request_done, generate=generate)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server:
            async with client_of(server) as client:
                for number in range(1, 21, 2):
                    client.send(client.request(number, "/endless" if number > 15 else "/"))
                await client.settled()
                dead.extend(weakref.ref(each) for each in server._connections)
            await eventually(lambda: server.connection_count == 0)
            kind.handlers.clear()
            kind.calls.clear()
            gc.collect()
            assert len(dead) == 11
            assert [ref() for ref in dead] == [None] * 11

    run(main(), loop)


def test_finished_streams_leave_without_the_garbage_collector() -> None:
    handlers: list[weakref.ref[Any]] = []

    def on_request_done(self: Recorder) -> None:
        handlers.append(weakref.ref(self))
        self.send_response(200, body=self.generate)  # type: ignore[attr-defined]
        self.handlers.clear()

    kind = recorder(on_request_done=on_request_done, generate=lambda self, n: (b"x", 1))

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            gc.disable()
            try:
                for number in range(1, 41, 2):
                    client.send(client.request(number))
                    await client.response(number)
                await client.settled()
                assert [ref() for ref in handlers] == [None] * 20
            finally:
                gc.enable()

    run(main())


def test_chunking_changes_nothing() -> None:
    async def briefs(size: int) -> list[tuple[Any, ...]]:
        kind = recorder()
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, greet=False) as client,
        ):
            octets = (
                PREFACE
                + settings()
                + client.request(1, "/", ("cookie", "a=b"))
                + client.request(3, method="POST", end=False)
                + client.data(3, b"body", end=True)
                + client.request(5, "/", ("connection", "x"))
                + client.request(7)
            )
            for at in range(0, len(octets), size):
                client.send(octets[at : at + size])
                await client.writer.drain()
                await asyncio.sleep(0)
            await client.stream(1, 3, 5, 7)
            await client.settled()
        return sorted(kind.calls, key=lambda call: call[0])

    whole = run(briefs(10_000))
    assert len(whole) > 10
    for size in (1, 7, 100):
        assert run(briefs(size)) == whole
