"""The opening handshake, and requests that are none."""

from __future__ import annotations

from typing import Any

import pytest

from plait.server.websocket import opening
from plait.server.websocket.handshake import accept

from .peer import KEY, Client, Script, run, turns

# with these twice the handshake is wrong
AGAIN = (b"sec-websocket-version", b"13")


def test_the_proof_of_rfc_6455() -> None:
    assert accept(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_proof_is_sent_in_http_1_1_alone() -> None:
    async def main() -> None:
        old, new = Client(Script(), http_version="1.1"), Client(Script())
        await turns()
        assert old.exchange.response_headers == [(b"sec-websocket-accept", accept(KEY))]
        assert new.exchange.response_headers == []

    run(main)


@pytest.mark.parametrize(
    ("version", "drop", "extra", "status"),
    [
        ("1.1", b"sec-websocket-version", [(b"sec-websocket-version", b"8")], 426),
        ("1.1", b"sec-websocket-version", [], 400),
        ("2", b"sec-websocket-version", [(b"sec-websocket-version", b"12")], 400),
        ("2", b"", [AGAIN], 400),
        ("1.1", b"sec-websocket-key", [], 400),
        ("1.1", b"sec-websocket-key", [(b"sec-websocket-key", b"c2hvcnQ=")], 400),
        ("1.1", b"sec-websocket-key", [(b"sec-websocket-key", b"not base64")], 400),
        ("1.1", b"", [(b"sec-websocket-key", KEY)], 400),
        ("2", b"", [(b"sec-websocket-protocol", b"a, a")], 400),
        ("2", b"", [(b"sec-websocket-protocol", b"a b")], 400),
    ],
)
def test_what_is_no_handshake(version: str, drop: bytes, extra: Any, status: int) -> None:
    async def main() -> None:
        app = Script()
        client = Client(app, headers=extra, http_version=version, without=drop)
        await turns()
        assert client.exchange.status == status
        assert app.scope is None
        versions = dict(client.exchange.response_headers).get(b"sec-websocket-version")
        assert versions == (b"13" if drop == b"sec-websocket-version" or extra == [AGAIN] else None)
        client.exchange.data(b"later")
        assert client.exchange.credit == 5
        client.exchange.leaving()
        client.exchange.end()
        assert client.exchange.released
        assert not client.exchange.errors

    run(main)


def test_a_request_that_is_complete_opens_nothing() -> None:
    async def main() -> None:
        client = Client(Script(), complete=True)
        assert client.exchange.status == 400

    run(main)


def test_without_wsproto(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        for _ in range(2):
            assert Client(Script()).exchange.status == 501

    monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    monkeypatch.setattr(opening._Said, "missing", False)
    run(main)
    assert [r.getMessage() for r in caplog.records] == [
        "WebSocket needs wsproto: pip install 'plait[websocket]'"
    ]
