"""The ASGI cycle of a WebSocket, on an exchange that keeps a record."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from plait.server.asgi import ClientDisconnected, MessageError
from plait.server.websocket import WebSocketOptions

from .peer import Client, Script, run, turns

CONNECT = {"type": "websocket.connect"}


def text(data: str) -> dict[str, Any]:
    return {"type": "websocket.send", "text": data}


@pytest.mark.parametrize(("version", "status"), [("2", 200), ("1.1", 101)])
def test_an_application_accepts_and_talks(version: str, status: int) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, http_version=version)
        await turns()
        assert client.exchange.status == status
        client.says("hello")
        client.says(b"\x00\xff")
        await turns()
        assert app.heard == [
            CONNECT,
            {"type": "websocket.receive", "text": "hello"},
            {"type": "websocket.receive", "bytes": b"\x00\xff"},
        ]
        await app.send(text("héllo"))
        await app.send({"type": "websocket.send", "bytes": b"\x01", "text": None})
        await app.send({"type": "websocket.send", "bytes": memoryview(b"\x02")})
        assert client.hears() == [("text", "héllo"), ("binary", b"\x01"), ("binary", b"\x02")]
        client.closes(4001, "that was it")
        assert client.hears() == [("close", (4001, ""))]
        assert client.exchange.finished
        client.exchange.end()
        await turns()
        assert app.verdict == (4001, "that was it")
        assert client.exchange.released
        assert not client.host.running
        assert not client.exchange.errors

    run(main)


def test_the_scope() -> None:
    async def main() -> None:
        app = Script()
        offered = [
            (b"sec-websocket-protocol", b"chat, superchat"),
            (b"sec-websocket-protocol", b"x"),
        ]
        clear = Script()
        Client(clear)
        Client(app, headers=offered, path=b"/a%20b?c=d", scheme=b"https")
        await turns()
        scope = app.scope
        assert scope["type"] == "websocket"
        assert scope["asgi"]["version"] == "3.0"
        assert scope["http_version"] == "2"
        assert scope["scheme"] == "wss"
        assert clear.scope["scheme"] == "ws"
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
            "/a b",
            b"/a%20b",
            b"c=d",
        )
        assert scope["subprotocols"] == ["chat", "superchat", "x"]
        assert scope["headers"][0] == (b"host", b"example.org")
        assert scope["client"] == ("192.0.2.1", 50_000)
        assert scope["extensions"] == {"websocket.http.response": {}}
        assert "method" not in scope

    run(main)


def test_headers_and_subprotocol_of_the_handshake() -> None:
    async def main() -> None:
        app = Script(subprotocol="chat", headers=[(b"X-Session", b"7")])
        client = Client(app, headers=[(b"sec-websocket-protocol", b"chat")])
        await turns()
        assert client.exchange.response_headers == [
            (b"x-session", b"7"),
            (b"sec-websocket-protocol", b"chat"),
        ]

    run(main)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"subprotocol": "other"}, "does not offer the subprotocol 'other'"),
        ({"headers": [(b"sec-websocket-protocol", b"chat")]}, "not for applications to set"),
        ({"headers": [(b"Connection", b"close")]}, "not for applications to set"),
        ({"headers": [("x", b"y")]}, "is not of bytes"),
        ({"headers": [(b"x", b"a\nb")]}, "websocket.accept: "),
    ],
)
def test_what_a_handshake_may_not_say(message: Any, complaint: str) -> None:
    async def main() -> None:
        app = Script(accept=False, listen=False)
        client = Client(app, headers=[(b"sec-websocket-protocol", b"chat")])
        await turns()
        with pytest.raises(MessageError, match=complaint):
            await app.send({"type": "websocket.accept", **message})
        # nothing was sent: it can be accepted still
        await app.send({"type": "websocket.accept", "subprotocol": "chat"})
        assert client.exchange.status == 200
        app.ends.set()
        await turns()

    run(main)


def test_close_before_accept_is_403() -> None:
    async def main() -> None:
        app = Script(accept=False)
        client = Client(app)
        await turns()
        client.exchange.data(b"early")
        await app.send({"type": "websocket.close", "code": 4000})
        assert client.exchange.status == 403
        assert client.exchange.credit == 5
        client.exchange.data(b"later")
        assert client.exchange.credit == 10
        await turns()
        assert app.verdict == (1006, "")
        with pytest.raises(MessageError, match="after the WebSocket was closed"):
            await app.send({"type": "websocket.accept"})

    run(main)


def test_a_denial_with_a_response_of_its_own() -> None:
    async def main() -> None:
        app = Script(accept=False)
        client = Client(app)
        await turns()
        start = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"a", b"b")]}
        await app.send(start)
        assert not client.exchange.sent
        await app.send({"type": "websocket.http.response.body", "body": b"no"})
        assert client.exchange.sent == [("respond", 401, [(b"a", b"b")], b"no")]

    run(main)


def test_a_denial_in_pieces_waits_for_room() -> None:
    async def main() -> None:
        app = Script(accept=False, listen=False)
        client = Client(app, room=2)
        await turns()
        await app.send({"type": "websocket.http.response.start", "status": 503})
        piece = {"type": "websocket.http.response.body", "body": b"sorry", "more_body": True}
        sending = asyncio.ensure_future(app.send(piece))
        await turns()
        assert not sending.done()
        client.exchange.take()
        await sending
        await app.send({"type": "websocket.http.response.body"})
        assert client.exchange.finished
        assert client.exchange.body == b"sorry"
        app.ends.set()

    run(main)


@pytest.mark.parametrize("status", [101, 200, 299, 1000, "404"])
def test_a_denial_must_deny(status: Any) -> None:
    async def main() -> None:
        app = Script(accept=False, listen=False)
        client = Client(app)
        await turns()
        with pytest.raises(MessageError, match="denies nothing"):
            await app.send({"type": "websocket.http.response.start", "status": status})
        await app.send({"type": "websocket.close"})
        assert client.exchange.status == 403

    run(main)


@pytest.mark.parametrize(
    ("accepted", "message", "complaint"),
    [
        (False, text("x"), "before websocket.accept"),
        (False, {"type": "websocket.http.response.body"}, "before websocket.accept"),
        (False, {"type": "http.response.start", "status": 200}, "there is no message"),
        (True, {"type": "websocket.accept"}, "after websocket.accept"),
        (True, {"type": "websocket.send"}, "neither text nor bytes"),
        (True, {"type": "websocket.send", "text": "a", "bytes": b"a"}, "both text and bytes"),
        (True, {"type": "websocket.send", "text": b"a"}, "text is not bytes"),
        (True, {"type": "websocket.send", "bytes": "a"}, "neither text nor bytes"),
        (True, text("\ud800"), "surrogates"),
        (True, {"type": "websocket.close", "code": 1005}, "no code to close with"),
        (True, {"type": "websocket.close", "code": 999}, "no code to close with"),
        (True, {"type": "websocket.close", "code": 5000}, "no code to close with"),
        (True, {"type": "websocket.close", "reason": b"a"}, "not text"),
        (True, {"type": "websocket.http.response.start", "status": 404}, "after websocket.accept"),
    ],
)
def test_messages_that_are_wrong(accepted: bool, message: Any, complaint: str) -> None:
    async def main() -> None:
        app = Script(accept=accepted, listen=False)
        client = Client(app)
        await turns()
        before = list(client.exchange.sent)
        with pytest.raises(MessageError, match=complaint):
            await app.send(message)
        assert client.exchange.sent == before
        app.ends.set()
        await turns()

    run(main)


def test_the_application_closes() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        await app.send({"type": "websocket.close", "code": 3000, "reason": "r" * 200})
        assert client.hears() == [("close", (3000, "r" * 123))]
        assert ("finish", None) not in client.exchange.sent
        await turns()
        assert app.verdict == (3000, "r" * 200)
        with pytest.raises(MessageError, match="send after the WebSocket was closed"):
            await app.send(text("late"))
        # what still comes is dropped, with credit, up to the client's CLOSE
        client.says("late")
        client.closes(3000)
        assert client.exchange.finished
        client.exchange.end()
        assert client.exchange.released
        assert not client.exchange.errors

    run(main)


def test_a_client_that_does_not_end_is_cut_off() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, WebSocketOptions(close_timeout=0.01, ping_interval=None))
        await turns()
        await app.send({"type": "websocket.close"})
        await client.exchange.cut.wait()
        assert client.exchange.released

    run(main)


def test_the_connection_is_lost() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        client.says("before")
        client.exchange.disconnect()
        with pytest.raises(ClientDisconnected):
            await app.send(text("late"))
        await turns()
        assert app.messages == ["before"]
        assert app.verdict == (1006, "")
        with pytest.raises(ClientDisconnected):
            await app.send({"type": "websocket.close"})

    run(main)


def test_closing_what_the_client_has_just_closed_is_no_fault() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app)
        await turns()
        client.closes(1000)
        client.exchange.end()
        assert client.exchange.released
        await app.send({"type": "websocket.close"})
        assert [kind for kind, _ in client.hears()] == ["close"]
        app.ends.set()

    run(main)


def test_the_clients_side_ends_without_close() -> None:
    async def main() -> None:
        app = Script()
        client = Client(app)
        await turns()
        client.exchange.end()
        await turns()
        assert app.verdict == (1006, "")
        assert client.exchange.finished
        assert client.exchange.released

    run(main)


def test_the_client_goes_before_it_is_answered() -> None:
    async def main() -> None:
        ended = Script(accept=False)
        client = Client(ended)
        lost = Script(accept=False)
        other = Client(lost)
        await turns()
        client.exchange.end()
        other.exchange.disconnect()
        await turns()
        assert client.exchange.status == 400
        assert ended.verdict == lost.verdict == (1006, "")
        with pytest.raises(ClientDisconnected):
            await lost.send({"type": "websocket.accept"})

    run(main)


def test_what_comes_before_the_answer_waits() -> None:
    async def main() -> None:
        app = Script(accept=False)
        client = Client(app)
        await turns()
        client.says("early")
        assert client.exchange.credit == 0
        await app.send({"type": "websocket.accept"})
        await turns()
        assert app.messages == ["early"]
        assert client.exchange.credit == 11

    run(main)


def test_the_server_leaves() -> None:
    async def main() -> None:
        talking, asked = Script(), Script(accept=False)
        client, other = Client(talking), Client(asked)
        await turns()
        client.says("before")
        client.exchange.leaving()
        other.exchange.leaving()
        assert client.hears() == [("close", (1012, ""))]
        assert other.exchange.status == 503
        with pytest.raises(ClientDisconnected):
            await talking.send(text("late"))
        with pytest.raises(ClientDisconnected):
            await asked.send({"type": "websocket.accept"})
        await turns()
        assert talking.messages == ["before"]
        assert talking.verdict == asked.verdict == (1012, "")
        client.closes(1012)
        assert client.exchange.finished

    run(main)


def test_an_application_that_returns_closes(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app)
        await turns()
        app.ends.set()
        await turns()
        assert client.hears() == [("close", (1000, ""))]

    run(main)
    assert not caplog.records


def raising(*, accept: bool) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if accept:
            await send({"type": "websocket.accept"})
        raise ZeroDivisionError

    return app


def test_an_application_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        before, after = Client(raising(accept=False)), Client(raising(accept=True))
        await turns()
        assert before.exchange.status == 500
        assert after.hears() == [("close", (1011, ""))]

    run(main)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.exc_info for record in caplog.records)


def test_an_application_that_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def halfway(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 404})
        await send({"type": "websocket.http.response.body", "body": b"a", "more_body": True})

    async def main() -> None:
        first, second = Client(silent), Client(halfway)
        await turns()
        assert first.exchange.status == 500
        assert second.exchange.aborted

    run(main)
    assert "without an answer" in caplog.text
    assert "without the end of the body" in caplog.text


def test_a_disconnect_that_was_not_expected_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    ready = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await ready.wait()
        await send(text("late"))

    async def main() -> None:
        client = Client(app)
        await turns()
        client.exchange.disconnect()
        ready.set()
        await turns()
        assert not client.host.running

    run(main)
    assert not caplog.records


def test_send_waits_for_room() -> None:
    async def main() -> None:
        app = Script(listen=False)
        client = Client(app, room=10)
        await turns()
        sending = asyncio.ensure_future(app.send(text("x" * 100)))
        await turns()
        assert not sending.done()
        client.exchange.take()
        await sending
        blocked = asyncio.ensure_future(app.send(text("y" * 1000)))
        await turns()
        assert not blocked.done()
        client.exchange.disconnect()
        await blocked
        app.ends.set()

    run(main)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_message_size", 0),
        ("max_queue", 0),
        ("max_fragments", 0),
        ("max_control_frames", 0),
        ("ping_interval", 0),
        ("ping_timeout", 0),
        ("close_timeout", -1),
        ("window_bits", 8),
        ("window_bits", 16),
    ],
)
def test_options_are_checked(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        WebSocketOptions(**{name: value})
