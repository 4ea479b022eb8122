"""Python's own clients: httpx, and h2 driven by hand over a socket."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx
import pytest

from tests.interop.application import pattern
from tests.interop.conftest import Served

UPLOAD = pattern(1_000_000)


def keywords(served: Served) -> dict[str, Any]:
    verify: Any = served.tls.client_context() if served.tls else True
    return {
        "http1": False,
        "http2": True,
        "verify": verify,
        "trust_env": False,
        "base_url": served.url,
        "timeout": 20,
    }


def test_httpx_one_after_the_other(either: Served) -> None:
    with httpx.Client(**keywords(either)) as client:
        answer = client.get("/hello")
        assert (answer.http_version, answer.text) == ("HTTP/2", "Hello, world\n")
        assert client.get("/bytes?n=1000000").content == pattern(1_000_000)
        assert client.post("/echo", content=UPLOAD).content == UPLOAD
        found = client.post("/sink", content=iter([UPLOAD[:500], UPLOAD[500:]])).json()
        assert found == [len(UPLOAD), hashlib.sha256(UPLOAD).hexdigest()]
        assert client.head("/bytes?n=5").headers["content-length"] == "5"
        assert client.get("/status?code=204").status_code == 204
        jar = {"a": "1", "b": "2"}
        client.cookies.update(jar)
        assert dict(client.get("/fields").json())["cookie"] == "a=1; b=2"


def test_httpx_hundreds_at_once_and_some_left_alone(either: Served) -> None:
    async def talk() -> None:
        async with httpx.AsyncClient(**keywords(either)) as client:
            answers = await asyncio.gather(*(client.get("/delay?ms=2") for _ in range(200)))
            assert {answer.text for answer in answers} == {"/delay?ms=2"}
            # httpx leaves a stream without a word and keeps its credit: not many of them
            for _ in range(2):
                async with client.stream("GET", "/bytes?n=1000000000") as answer:
                    async for chunk in answer.aiter_raw():
                        assert chunk
                        break
            assert (await client.get("/hello")).status_code == 200

    asyncio.run(talk())
    while either.report()["open"]:
        time.sleep(0.02)


class Client:
    """h2 over a plain socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration())
        self.connection.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def events(self) -> Iterator[h2.events.Event]:
        """Everything the server says; credit is given for every octet."""
        while octets := self.socket.recv(65536):
            for event in self.connection.receive_data(octets):
                if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                    self.connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                yield event
            self.flush()

    def ask(self, path: str, *, end: bool = True) -> int:
        stream_id = self.connection.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
        self.connection.send_headers(stream_id, fields, end_stream=end)
        self.flush()
        return stream_id


@pytest.fixture
def client(clear: Served) -> Iterator[Client]:
    client = Client(clear.port)
    with client.socket:
        yield client


def test_h2_streams_side_by_side(client: Client) -> None:
    sizes = {client.ask(f"/bytes?n={n * 10_007}"): n * 10_007 for n in range(1, 41)}
    bodies = dict.fromkeys(sizes, b"")
    left = set(sizes)
    for event in client.events():
        if isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] += event.data or b""
        if isinstance(event, h2.events.StreamEnded):
            left.discard(event.stream_id)
            if not left:
                break
    assert bodies == {stream_id: pattern(size) for stream_id, size in sizes.items()}


def test_h2_takes_pushes_and_trailers(client: Client) -> None:
    stream_id = client.ask("/push?n=50000")
    promised: dict[int, str] = {}
    bodies: dict[int, bytes] = {}
    ended: set[int] = set()
    for event in client.events():
        if isinstance(event, h2.events.PushedStreamReceived):
            assert event.parent_stream_id == stream_id
            promised[event.pushed_stream_id] = dict(event.headers)[b":path"].decode()
        elif isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] = bodies.get(event.stream_id, b"") + (event.data or b"")
        elif isinstance(event, h2.events.StreamEnded):
            ended.add(event.stream_id)
            if len(ended) == 3:
                break
    assert promised == {2: "/pushed/one", 4: "/pushed/two"}
    assert bodies == {stream_id: b"pushing", 2: pattern(50_000), 4: pattern(50_000)}
    client.ask("/trailers?n=100000")
    for event in client.events():
        if isinstance(event, h2.events.TrailersReceived):
            assert dict(event.headers)[b"x-sum"] == b"100000"
            break


def test_h2_shrinks_its_windows_under_a_running_download(client: Client) -> None:
    initial = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
    table = h2.settings.SettingCodes.HEADER_TABLE_SIZE
    stream_id = client.ask("/bytes?n=600000")
    got = b""
    turns = iter([0, 65_535, 10, 0, 5_000, 1_000_000])
    for event in client.events():
        if isinstance(event, h2.events.DataReceived):
            got += event.data or b""
        if isinstance(event, (h2.events.SettingsAcknowledged, h2.events.ResponseReceived)):
            if (window := next(turns, None)) is not None:
                client.connection.update_settings({initial: window, table: window % 3000})
        if isinstance(event, h2.events.StreamEnded):
            break
    assert event.stream_id == stream_id
    assert got == pattern(600_000)
