"""What a client may send, how much of it waits, pings, and compression."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
import zlib
from typing import Any

import pytest

from plait.server.websocket import WebSocketOptions

from .peer import Client, Script, run, turns

DEFLATE = (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits")
MASK = b"\x00\x00\x00\x00"


def frame(first: int, payload: bytes) -> bytes:
    """A masked frame, however wrong; the mask changes nothing."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + MASK + payload
    return bytes((first, 0x80 | 126)) + size.to_bytes(2) + MASK + payload


def quiet(**limits: Any) -> WebSocketOptions:
    return WebSocketOptions(**{"ping_interval": None, **limits})


FAULTS = {
    "unmasked": (b"\x81\x01a", 1002),
    "reserved bit": (frame(0xC1, b"a"), 1002),
    "reserved opcode": (frame(0x83, b""), 1002),
    "continuation of nothing": (frame(0x80, b"a"), 1002),
    "message in a message": (frame(0x01, b"a") + frame(0x81, b"b"), 1002),
    "fragmented ping": (frame(0x09, b""), 1002),
    "long ping": (frame(0x89, b"p" * 126), 1002),
    "code of one octet": (frame(0x88, b"\x03"), 1002),
    "code that is never sent": (frame(0x88, b"\x03\xed"), 1002),
    "text that is no UTF-8": (frame(0x81, b"\xff"), 1007),
    "text that ends too early": (frame(0x81, b"\xc3"), 1007),
    "reason that is no UTF-8": (frame(0x88, b"\x03\xe8\xff"), 1007),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str) -> None:
    octets, code = FAULTS[name]

    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        client.says("before")
        client.exchange.data(octets)
        await turns()
        assert app.messages == ["before"]
        assert app.verdict is not None
        assert app.verdict[0] == code
        ((kind, payload),) = client.hears()
        assert (kind, payload[0]) == ("close", code)
        assert client.exchange.finished
        # what comes still has credit, and no effect
        before = client.exchange.credit
        client.exchange.data(b"\xff" * 100)
        assert client.exchange.credit == before + 100
        client.exchange.end()
        assert client.exchange.released
        assert not client.exchange.errors

    run(main)


def test_a_message_octet_by_octet() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        octets = client.frames.send_data("hé", fin=False) + client.frames.ping(b"?")
        octets += client.frames.send_data("llö", fin=True)
        for octet in octets:
            client.exchange.data(bytes((octet,)))
        await turns()
        assert app.messages == ["héllö"]
        assert client.hears() == [("pong", b"?")]
        assert client.exchange.credit == len(octets)

    run(main)


@pytest.mark.parametrize("message", ["x" * 3000, b"x" * 3000])
def test_a_message_in_very_many_pieces(message: str | bytes) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        for _ in range(3000):
            client.says(message[:1], fin=False)
        client.says(message[:0])
        await turns()
        assert app.messages == [message]

    run(main)


@pytest.mark.parametrize(
    ("data", "limit", "fits"),
    [
        ("é" * 50, 100, True),
        ("é" * 51, 100, False),
        (b"x" * 100, 100, True),
        (b"x" * 101, 100, False),
    ],
)
@pytest.mark.parametrize("deflated", [False, True])
def test_the_size_of_a_message(data: Any, limit: int, fits: bool, deflated: bool) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(max_message_size=limit), headers=[DEFLATE])
        await turns()
        if deflated:
            client.compress()
        client.says(data)
        await turns()
        if fits:
            client.says(data)
            await turns()
            assert app.messages == [data, data]
        else:
            assert app.verdict == (1009, "message is too big")

    run(main)


def test_a_message_has_so_many_fragments() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(max_fragments=3))
        await turns()
        for fin in (False, False, True) * 2 + (False,) * 4:
            client.says("", fin)
        await turns()
        assert app.messages == ["", ""]
        assert app.verdict == (1009, "message has too many fragments")

    run(main)


def test_a_bomb_is_not_inflated() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(max_message_size=1 << 20), headers=[DEFLATE])
        await turns()
        compressor = zlib.compressobj(wbits=-12)
        bomb = compressor.compress(bytes(1 << 24)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        octets = frame(0xC2, bomb[:-4])
        tracemalloc.start()
        client.exchange.data(octets)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20
        await turns()
        assert app.verdict == (1009, "message is too big")

    run(main)


def test_final_blocks() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, headers=[DEFLATE])
        await turns()
        # RFC 7692 §7.2.3.4: "Hello" in a block with BFINAL, and an empty one
        client.exchange.data(frame(0xC1, bytes.fromhex("f348cdc9c9070000")))
        client.exchange.data(frame(0xC1, bytes.fromhex("f248cdc9c90700")))
        client.exchange.data(frame(0xC1, b"\x03\x00" * 1000))
        await turns()
        assert app.messages == ["Hello", "Hello"]
        assert app.verdict is not None
        assert app.verdict[0] == 1008

    run(main)


def test_damaged_compression() -> None:
    async def main() -> None:
        app, other = Script(), Script()
        client, continued = Client(app, headers=[DEFLATE]), Client(other, headers=[DEFLATE])
        await turns()
        client.exchange.data(frame(0xC1, b"\xff\xff"))
        continued.exchange.data(frame(0x41, b"") + frame(0xC0, b""))
        await turns()
        assert app.verdict == (1007, "compressed data is damaged")
        assert other.verdict is not None
        assert other.verdict[0] == 1002

    run(main)


@pytest.mark.parametrize("takeover", [True, False])
def test_compression_both_ways(takeover: bool) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(context_takeover=takeover), headers=[DEFLATE])
        await turns()
        client.compress()
        noise = os.urandom(2000)
        data: list[Any] = ["a" * 1000, "", "", "a" * 1000, b"", b"b" * 70_000, noise, noise, "é"]
        for message in data:
            client.says(message)
            await turns()
            await app.send(
                {
                    "type": "websocket.send",
                    "bytes" if isinstance(message, bytes) else "text": message,
                }
            )
        client.says("a" * 100, fin=False)
        client.pings(b"between")
        client.says("b" * 100)
        await turns()
        assert app.messages == [*data, "a" * 100 + "b" * 100]
        heard = client.hears()
        whole: list[Any] = []
        for kind, payload in heard[:-1]:
            assert kind in ("text", "binary")
            whole.append(payload)
        assert b"".join(p.encode() if isinstance(p, str) else p for p in whole) == b"".join(
            p.encode() if isinstance(p, str) else p for p in data
        )
        assert heard[-1] == ("pong", b"between")
        # what came twice is sent once where the first is remembered
        assert (client.exchange.octets_out < 3000) is takeover

    run(main)


ANSWERS = [
    ("", "; server_max_window_bits=12"),
    (
        "; client_max_window_bits",
        "; server_max_window_bits=12; client_max_window_bits=12",
    ),
    (
        "; client_max_window_bits=10",
        "; server_max_window_bits=12; client_max_window_bits=10",
    ),
    ('; server_max_window_bits="9"', "; server_max_window_bits=9"),
    (
        "; server_no_context_takeover",
        "; server_no_context_takeover; server_max_window_bits=12",
    ),
    (
        "; client_no_context_takeover",
        "; client_no_context_takeover; server_max_window_bits=12",
    ),
    ("; server_max_window_bits=8", None),
    ("; server_max_window_bits=16", None),
    ("; server_no_context_takeover=1", None),
    ("; client_max_window_bits; client_max_window_bits", None),
    ("; unknown", None),
    ('; a="b,c", permessage-deflate', "; server_max_window_bits=12"),
    ("; unknown, permessage-deflate", "; server_max_window_bits=12"),
    ("-frame, permessage-deflate", "; server_max_window_bits=12"),
]


@pytest.mark.parametrize(("offer", "answer"), ANSWERS)
def test_what_is_agreed_on(offer: str, answer: str | None) -> None:
    async def main() -> None:
        extensions = (b"sec-websocket-extensions", b"permessage-deflate" + offer.encode())
        client = Client(Script(), headers=[extensions])
        off = Client(Script(), quiet(compression=False), headers=[extensions])
        await turns()
        found = dict(client.exchange.response_headers).get(b"sec-websocket-extensions")
        expected = None if answer is None else f"permessage-deflate{answer}".encode()
        assert found == expected
        assert not off.exchange.response_headers

    run(main)


def test_what_waits_is_bounded_and_gets_no_credit() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, quiet(max_queue=1000))
        await turns()
        for number in range(10):
            client.says(f"{number}" * 400)
        client.pings(b"held back")
        # the third message finds no room: 400 octets and 64 for each
        parsed = 3 * 408
        assert client.exchange.credit == parsed - 408
        assert client.hears() == []
        found = [(await app.receive())["text"][0] for _ in range(10)]
        assert found == [f"{number}" for number in range(10)]
        assert client.hears() == [("pong", b"held back")]
        assert client.exchange.credit == 10 * 408 + 6 + len("held back")
        app.ends.set()

    run(main)


def test_a_message_larger_than_queue_and_window_comes_through() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(max_queue=1000))
        await turns()
        octets = bytes(client.frames.send_data(b"x" * 300_000))
        for start in range(0, len(octets), 50_000):
            piece = octets[start : start + 50_000]
            client.exchange.data(piece)
            if start + 50_000 < len(octets):
                assert client.exchange.credit == start + len(piece)
        await turns()
        assert app.messages == [b"x" * 300_000]
        assert client.exchange.credit == len(octets)

    run(main)


def test_empty_messages_fill_the_queue_too() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, quiet(max_queue=640))
        await turns()
        client.exchange.data(frame(0x81, b"") * 1000)
        assert client.exchange.credit == 0
        for _ in range(1000):
            assert (await app.receive())["text"] == ""
        assert client.exchange.credit == 6000
        app.ends.set()

    run(main)


@pytest.mark.parametrize("ends", [False, True])
def test_very_many_frames_leave_turns_to_others(ends: bool) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        octets = frame(0x01, b"a") + frame(0x00, b"") * 1000 + frame(0x80, b"z")
        client.exchange.data(octets)
        if ends:
            client.exchange.end([])
        assert client.exchange.credit == 0
        others = 0
        while client.exchange.credit < len(octets):
            others += 1
            await asyncio.sleep(0)
        assert others >= 3
        await turns()
        assert app.messages == ["az"]
        assert app.verdict == ((1006, "") if ends else None)

    run(main)


def test_what_was_held_back_is_taken_after_the_end() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, quiet(max_queue=1))
        await turns()
        for word in ("one", "two", "three"):
            client.says(word)
        client.closes(4000, "enough")
        client.exchange.disconnect()
        for word in ("one", "two", "three"):
            assert (await app.receive())["text"] == word
        end = {"type": "websocket.disconnect", "code": 4000, "reason": "enough"}
        assert await app.receive() == end
        assert await app.receive() == end
        app.ends.set()

    run(main)


def test_close_is_found_behind_what_was_held_back() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, quiet(max_queue=1))
        await turns()
        for _ in range(5):
            client.says("x")
        client.closes(1000)
        await app.send({"type": "websocket.close"})
        assert client.exchange.finished
        app.ends.set()

    run(main)


def test_the_end_comes_after_what_was_held_back() -> None:
    async def main() -> None:
        app, other = Script(listen=False), Script(listen=False)
        client, leaving = Client(app, quiet(max_queue=1)), Client(other, quiet(max_queue=1))
        await turns()
        for each in (client, leaving):
            each.says("one")
            each.says("two")
        client.exchange.end()
        assert ("finish", None) not in client.exchange.sent
        assert (await app.receive())["text"] == "one"
        assert (await app.receive())["text"] == "two"
        assert client.exchange.finished
        assert (await app.receive())["code"] == 1006
        # when the server leaves, what still waits to be parsed does not hide the client's CLOSE
        leaving.closes(1000)
        leaving.exchange.leaving()
        assert leaving.exchange.finished
        assert (await other.receive())["text"] == "one"
        assert (await other.receive())["code"] == 1012
        app.ends.set()
        other.ends.set()

    run(main)


def test_only_the_latest_ping_is_answered_while_there_is_no_room() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, room=1)
        await turns()
        sending = asyncio.ensure_future(app.send({"type": "websocket.send", "text": "long"}))
        await turns()
        for payload in (b"1", b"2", b"3"):
            client.pings(payload)
        client.exchange.take(100)
        await sending
        assert client.hears() == [("text", "long"), ("pong", b"3")]
        app.ends.set()

    run(main)


def test_a_flood_of_control_frames() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, quiet(max_control_frames=5))
        await turns()
        for _ in range(3):
            client.pings(b"")
            client.pongs(b"")
        await turns()
        assert app.verdict == (1008, "too many control frames")

    run(main)


def test_silence_after_a_ping() -> None:
    async def main() -> None:
        app = Script()
        client = Client(
            app, WebSocketOptions(ping_interval=0.01, ping_timeout=0.01, close_timeout=0.01)
        )
        await client.exchange.cut.wait()
        await turns()
        assert client.hears() == [("ping", b""), ("close", (1011, "ping timeout"))]
        assert app.verdict == (1006, "ping timeout")
        assert client.exchange.released

    run(main)


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_pings_go_on(timeout: float | None) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, WebSocketOptions(ping_interval=0.005, ping_timeout=timeout))
        await turns()
        pinged = 0
        while pinged < (1 if timeout else 3):
            await asyncio.sleep(0.001)
            pinged += client.hears().count(("ping", b""))
        client.pongs(b"")
        client.exchange.disconnect()
        await turns()
        assert app.verdict == (1006, "")

    run(main)


def test_a_client_that_is_made_to_wait_is_not_asked() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, WebSocketOptions(max_queue=1, ping_interval=0.001, ping_timeout=0.001))
        await turns()
        client.says("one")
        client.says("two")
        await asyncio.sleep(0.02)
        assert client.hears() == []
        assert await app.receive() == {"type": "websocket.receive", "text": "one"}
        client.exchange.disconnect()
        app.ends.set()

    run(main)
