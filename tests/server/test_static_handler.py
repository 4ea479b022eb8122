"""The handler over static files, at the end of a real connection."""

from __future__ import annotations

import asyncio
import os

import pytest

from plait.http2 import Connection
from plait.http2.constants import Role
from plait.server import HTTP2Server
from plait.server.static import StaticFiles, static_handler

LARGE = 8_000_000


@pytest.fixture
def root(tmp_path):
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "large.bin").touch()
    os.truncate(tmp_path / "large.bin", LARGE)
    return tmp_path


def exchange(handler, requests, *, body=b"", meanwhile=None, enough=1 << 60):
    """Make requests one after the other; return the events of each, up to its stream's end.

    With `enough`, a stream that has given so many octets is reset. `meanwhile` is called when the
    first octets have come.
    """

    async def talk():
        async with HTTP2Server(("127.0.0.1", 0), handler) as server:
            reader, writer = await asyncio.open_connection(*server.addresses[0][:2])
            client = Connection(Role.CLIENT)
            client.initiate_connection()
            answers = []
            for number, headers in enumerate(requests):
                answers.append(await one(client, reader, writer, 2 * number + 1, headers))
            writer.close()
            await writer.wait_closed()
            return answers

    async def one(client, reader, writer, stream_id, headers):
        method = dict(headers)[":method"]
        open_ended = bool(body) or method == "CONNECT"
        client.send_headers(stream_id, headers, end_stream=not open_ended)
        if body:
            client.send_data(stream_id, body, end_stream=True)
        events, octets = [], 0
        while True:
            while data := client.data_to_send():
                writer.write(data)
            async with asyncio.timeout(10):
                for event in client.receive_data(await reader.read(65536)):
                    if getattr(event, "stream_id", None) != stream_id:
                        continue
                    events.append(event)
                    if type(event).__name__ == "DataReceived":
                        if not octets and meanwhile is not None:
                            meanwhile()
                        octets += len(event.data)
                        client.acknowledge_received_data(event.flow_controlled_length, stream_id)
                    if getattr(event, "end_stream", False) or "Reset" in type(event).__name__:
                        return events
            if octets > enough:
                client.reset_stream(stream_id)
                writer.write(client.data_to_send())
                return events

    return asyncio.run(talk())


def fields(path, method="GET", *more):
    head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "here")]
    return [*head, *more]


def status(events):
    [response] = [e for e in events if type(e).__name__ == "ResponseReceived"]
    return dict(response.headers)[b":status"]


def body_of(events):
    return b"".join(e.data for e in events if type(e).__name__ == "DataReceived")


@pytest.mark.parametrize("make", [str, os.fspath, StaticFiles])
def test_a_directory_is_served(root, make):
    [events] = exchange(static_handler(make(root)), [fields("/hello.txt")])
    assert (status(events), body_of(events)) == (b"200", b"hello\n")


def test_a_handler_needs_a_directory(root):
    with pytest.raises(NotADirectoryError):
        static_handler(root / "hello.txt")


def test_two_handlers_serve_two_directories(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    one, two = static_handler(root), static_handler(other)
    assert status(exchange(one, [fields("/hello.txt")])[0]) == b"200"
    assert status(exchange(two, [fields("/hello.txt")])[0]) == b"404"


def test_a_large_file_ends_with_its_last_octets(root):
    [events] = exchange(static_handler(root), [fields("/large.bin")])
    assert body_of(events) == bytes(LARGE)
    assert events[-1].end_stream
    assert events[-1].data


def test_head_and_304_have_no_body(root):
    handler = static_handler(root)
    head, known = exchange(
        handler,
        [fields("/large.bin", "HEAD"), fields("/large.bin", "GET", ("if-none-match", "*"))],
    )
    assert (status(head), body_of(head)) == (b"200", b"")
    assert dict(head[0].headers)[b"content-length"] == b"%d" % LARGE
    assert (status(known), body_of(known)) == (b"304", b"")


def test_a_request_with_a_body_is_refused_when_the_body_has_passed_by(root):
    [events] = exchange(static_handler(root), [fields("/hello.txt", "POST")], body=bytes(LARGE))
    assert status(events) == b"405"
    assert events[-1].end_stream


def test_a_tunnel_is_refused_at_once(root):
    [events] = exchange(
        static_handler(root), [[(":method", "CONNECT"), (":authority", "example.com:443")]]
    )
    assert status(events) == b"405"


def test_a_file_that_is_cut_short_resets_the_stream(root, capsys):
    def cut():
        os.truncate(root / "large.bin", 1_000_000)

    [events] = exchange(static_handler(root), [fields("/large.bin")], meanwhile=cut)
    assert type(events[-1]).__name__ == "StreamReset"
    assert events[-1].error_code == 2
    assert "EOFError: the file was cut short" in capsys.readouterr().err


def test_files_are_closed_when_their_streams_are(root):
    def open_here():
        links = [f"/dev/fd/{fd}" for fd in os.listdir("/dev/fd")]
        return [link for link in links if os.path.realpath(link) == str(root / "large.bin")]

    seen = []
    handler = static_handler(root)
    exchange(
        handler,
        [fields("/large.bin"), fields("/large.bin"), fields("/hello.txt")],
        meanwhile=lambda: seen.append(len(open_here())),
        enough=1_000_000,
    )
    # open while the file is sent; of the small one nothing stays open, nor of the streams reset
    assert seen == [1, 1, 0]
    assert open_here() == []
