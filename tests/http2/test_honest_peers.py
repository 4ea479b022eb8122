"""Honest peers at their liveliest: none of them meets a limit, with the limits as they are.

The clock is moved by hand, at the pace of whoever is played here.
"""

from __future__ import annotations

import pytest

from plait.http2 import (
    DATA_OK,
    Config,
    Connection,
    ConnectionTerminated,
    DataReceived,
    DirectConnection,
    RequestReceived,
    StreamReset,
)

from . import frames as f
from .frames import (
    GET,
    OK,
    POST,
    data,
    headers,
    octets,
    ping,
    ping_ack,
    rst_stream,
    settings,
    settings_ack,
    window_update,
)
from .script import Clock, Peer, facing_client, facing_server, made_of


class Honest:
    """A client in front of a server's engine, and the time."""

    def __init__(self, *their_settings: tuple[int, int], **changes: object) -> None:
        self.clock = Clock()
        self.peer = facing_server(Config(clock=self.clock), *their_settings, **changes)
        self.connection: Connection = self.peer.connection
        self.stream = 1
        self.requests = 0

    def later(self, seconds: float) -> None:
        self.clock.now += seconds

    def next(self) -> int:
        stream = self.stream
        self.stream += 2
        return stream

    def sends(self, *frames: f.Frame | bytes) -> list[object]:
        """Send, and see to it that nothing was refused."""
        events = self.connection.receive_data(octets(frames))
        for event in events:
            assert not isinstance(event, ConnectionTerminated), event
            assert not isinstance(event, StreamReset) or event.remote_reset, event
            self.requests += isinstance(event, RequestReceived)
        return events

    def reads(self) -> list[f.Frame]:
        self.connection.take_events()
        frames = self.peer.pull()
        self.peer.frames.clear()
        return frames


def exchanges(count: int) -> None:
    """So many requests over one connection, thirty-two at a time, as fast as can be."""
    client = Honest()
    block = f.block(GET)
    for _ in range(count // 32):
        batch = b"".join(bytes(f.raw_headers(client.next(), block)) for _ in range(32))
        batch += bytes(window_update(0, 32 * 13))
        for event in client.connection.receive_data(batch):
            if isinstance(event, RequestReceived):
                client.connection.send_response(event.stream_id, 200, [], b"Hello, world!")
                client.requests += 1
        client.connection.data_to_send()
        assert len(client.connection.take_events()) == 32
        client.later(0.001)
    assert client.requests == count
    assert client.connection.open_streams == 0
    assert not client.connection.closed


def test_thousands_of_requests_over_one_connection():
    exchanges(6400)


@pytest.mark.slow
def test_a_million_requests_over_one_connection():
    exchanges(1_000_000)


def test_a_client_that_resets_after_each_complete_response():
    client = Honest()
    for _ in range(3000):
        stream = client.next()
        client.sends(headers(stream, GET))
        client.connection.send_response(stream, 200, [], b"done")
        client.reads()
        client.sends(rst_stream(stream, f.NO_ERROR))
    client.peer.lives()


@pytest.mark.parametrize("length", [None, b"5000"])
@pytest.mark.parametrize("early", ["asked to stop", "let go on", "frame by frame"])
def test_a_client_that_gives_up_each_upload_once_it_has_the_answer(early, length):
    # 401 and 413 to whoever goes on sending; and the other side of a bidirectional call.
    kind = DirectConnection if early == "frame by frame" else Connection
    with made_of(kind):
        client = Honest(reset_unread_request=early == "asked to stop")
    fields = POST if length is None else [*POST, (b"content-length", length)]
    for _ in range(1500):
        stream = client.next()
        client.sends(headers(stream, fields, end_stream=False), data(stream, bytes(100)))
        client.connection.send_headers(stream, OK)
        client.connection.send_data(stream, b"no more", end_stream=True)
        client.reads()
        client.sends(rst_stream(stream))
        assert not client.connection.stream_is_open(stream)
    assert client.connection.open_streams == 0
    client.peer.lives()


def test_a_client_that_resets_each_upload_the_server_has_answered_early():
    client = Honest()
    for _ in range(1500):
        stream = client.next()
        client.sends(headers(stream, POST, end_stream=False), data(stream, bytes(100)))
        client.connection.send_response(stream, 413, [])
        client.reads()
        # Its RST_STREAM crosses ours, and so does some of the body.
        client.sends(data(stream, bytes(1000)), rst_stream(stream))
    client.peer.lives()


def test_a_video_player_that_seeks():
    # Hundreds of ranges, each given up midway, five a second, with credit for each frame.
    client = Honest((f.INITIAL_WINDOW_SIZE, 131_072))
    for _ in range(300):
        client.later(0.2)
        stream = client.next()
        client.sends(headers(stream, [*GET, (b"range", b"bytes=1000000-")]))
        client.connection.send_response(stream, 206, [], lambda most: (bytes(most), DATA_OK))
        for _ in range(3):
            for frame in client.reads():
                if frame.type == f.DATA:
                    size = len(frame.payload)
                    client.sends(window_update(stream, size), window_update(0, size))
        client.sends(rst_stream(stream))
        client.connection.take_events()
    client.peer.lives()


def test_a_browser_that_gives_up_a_page_of_a_hundred_streams_again_and_again():
    # A page every three seconds, for ten minutes; none is waited for.
    client = Honest()
    for _ in range(200):
        client.later(3.0)
        page = [client.next() for _ in range(100)]
        client.sends(*(headers(stream, GET) for stream in page))
        client.sends(*(rst_stream(stream) for stream in page))
        client.reads()
    assert client.requests == 20_000
    client.peer.lives()


def test_a_reader_who_leafs_through_pictures_faster_than_they_come():
    # Of sixty pictures a second a third has come when the next page is asked for.
    client = Honest()
    for _ in range(200):
        client.later(1.0)
        page = [client.next() for _ in range(60)]
        client.sends(*(headers(stream, GET) for stream in page))
        for stream in page[:20]:
            client.connection.send_response(stream, 200, [], bytes(5000))
        client.reads()
        client.sends(window_update(0, 100_000), *(rst_stream(stream) for stream in page[20:]))
    client.peer.lives()


def test_a_proxy_whose_users_give_up_one_request_in_ten():
    # Ten thousand requests a second of many users over one connection.
    client = Honest()
    for turn in range(1500):
        client.later(0.001)
        streams = [client.next() for _ in range(10)]
        client.sends(*(headers(stream, GET) for stream in streams))
        given_up = streams[turn % 10]
        client.sends(rst_stream(given_up))
        for stream in streams:
            if stream != given_up:
                client.connection.send_response(stream, 200, [])
        client.reads()
    client.peer.lives()


def test_grpc_with_a_ping_for_each_message():
    # Small messages both ways on one stream: a PING of each side's for each that it hears.
    client = Honest()
    call = client.next()
    client.sends(headers(call, POST, end_stream=False))
    client.connection.send_headers(call, OK)
    client.reads()
    for _ in range(6000):
        for event in client.sends(data(call, b"\0\0\0\0\5hello"), ping()):
            if isinstance(event, DataReceived):
                client.connection.acknowledge_received_data(event.flow_controlled_length, call)
        client.connection.send_data(call, b"\0\0\0\0\5hello")
        client.connection.ping()
        client.reads()
        client.sends(ping_ack(bytes(8)), window_update(call, 10), window_update(0, 10))
    client.peer.lives()


def test_idle_bidirectional_streams_that_are_kept_alive():
    # A hundred open calls for a day, and a PING every ten seconds.
    client = Honest()
    calls = [client.next() for _ in range(100)]
    for call in calls:
        client.sends(headers(call, POST, end_stream=False))
        client.connection.send_headers(call, OK)
    client.reads()
    for _ in range(8640):
        client.later(10.0)
        client.sends(ping())
        client.reads()
    assert client.connection.open_streams == 100
    client.peer.lives()


def test_a_client_that_types_its_body_octet_by_octet():
    client = Honest()
    stream = client.next()
    client.sends(headers(stream, POST, end_stream=False))
    for _ in range(30_000):
        (event,) = client.sends(data(stream, b"x"))
        client.connection.acknowledge_received_data(event.flow_controlled_length, stream)
    client.sends(data(stream, b"", end_stream=True))
    client.peer.clear().lives()


def test_a_client_that_gives_credit_for_each_frame_at_once():
    client = Honest()
    granted = 0
    for _ in range(100):
        stream = client.next()
        client.sends(headers(stream, GET))
        client.connection.send_response(stream, 200, [], bytes(1_000_000))
        while sizes := [len(x.payload) for x in client.reads() if x.type == f.DATA]:
            for size in filter(None, sizes):
                client.sends(window_update(stream, size), window_update(0, size))
                granted += 2
    assert granted > 12_000
    client.peer.lives()


def test_a_client_with_small_windows():
    # A device with four kilobytes to spare: every frame is cut by its window.
    client = Honest((f.INITIAL_WINDOW_SIZE, 4096))
    stream = client.next()
    client.sends(headers(stream, GET))
    client.connection.send_response(stream, 200, [], bytes(30_000_000))
    for _ in range(7000):
        for frame in client.reads():
            if frame.type == f.DATA:
                size = len(frame.payload)
                client.sends(window_update(stream, size), window_update(0, size))
    client.peer.lives()


def test_events_streamed_for_days_with_credit_for_each():
    client = Honest()
    stream = client.next()
    client.sends(headers(stream, GET))
    client.connection.send_headers(stream, OK)
    for _ in range(8000):
        client.connection.send_data(stream, b"data: 1\n\n")
        client.reads()
        client.sends(window_update(0, 9), window_update(stream, 9))
    client.peer.lives()


def test_firefox_of_old_and_its_priorities():
    # Six frames on idle streams first, and a dependency with each request.
    client = Honest()
    client.sends(*(f.priority(s, 0 if s < 9 else 3) for s in (3, 5, 7, 9, 11, 13)))
    client.stream = 15
    for _ in range(4000):
        stream = client.next()
        client.sends(headers(stream, GET, depends_on=11), f.priority(stream, 9))
        client.connection.send_response(stream, 200, [], b"hello")
        client.reads()
    client.peer.lives()


def test_a_browser_that_reprioritises_what_comes_into_view():
    client = Honest()
    for _ in range(2000):
        client.later(0.01)
        stream = client.next()
        client.sends(headers(stream, GET), f.priority_update(stream, b"u=1, i"))
        client.sends(f.priority_update(stream, b"u=5"))
        client.connection.send_response(stream, 200, [], b"hello")
        client.reads()
    client.peer.lives()


def test_a_client_that_measures_its_window_anew_each_second():
    client = Honest()
    for turn in range(3600):
        client.later(1.0)
        client.sends(settings((f.INITIAL_WINDOW_SIZE, 65_535 + turn)))
        client.reads()
    client.peer.lives()


def test_a_hundred_streams_at_once_before_our_settings_are_read():
    # Clients guess a limit of a hundred until they know better.
    client = Honest(handshake=False, max_concurrent_streams=10)
    refused = client.connection.receive_data(
        octets([f.PREFACE, settings(), *(headers(client.next(), GET) for _ in range(100))])
    )
    assert sum(isinstance(event, StreamReset) for event in refused) == 90
    client.peer.sends(settings_ack()).clear().lives()


def test_headers_in_pieces_as_large_as_they_may_be():
    # Cookies of fifty kilobytes, as some sites have them, in four frames.
    client = Honest()
    fields = [*GET, *((b"cookie", b"c%03d=" % n + b"v" * 300) for n in range(150))]
    block = f.block(fields)
    for _ in range(50):
        stream = client.next()
        pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
        rest = [f.continuation(stream, x, end_headers=x is pieces[-1]) for x in pieces[1:]]
        client.sends(f.raw_headers(stream, pieces[0], end_headers=False), *rest)
        client.connection.send_response(stream, 200, [])
        client.reads()
    assert client.requests == 50
    client.peer.lives()


# ------------------------------------------------------------------------------------------------
# Servers, in front of a client's engine.


def honest_server() -> Peer:
    return facing_client(Config(clock=Clock()))


def test_a_server_that_hints_and_pushes_with_each_page():
    server = honest_server()
    promised = 2
    for _ in range(300):
        page = server.connection.send_request(GET)
        pushes = range(promised, promised + 20, 2)
        promised += 20
        server.sends(headers(page, [(b":status", b"103")], end_stream=False))
        server.sends(*(f.push_promise(page, s, GET) for s in pushes))
        server.sends(headers(page, OK))
        for stream in pushes:
            server.sends(headers(stream, OK, end_stream=False), data(stream, b"x", end_stream=True))
        server.clear()
    server.lives()


def test_a_download_of_small_frames():
    server = honest_server()
    stream = server.connection.send_request(GET)
    server.sends(headers(stream, OK, end_stream=False))
    for _ in range(20_000):
        for event in server.sends(data(stream, b"tick")).hears():
            if isinstance(event, DataReceived):
                server.connection.acknowledge_received_data(event.flow_controlled_length, stream)
    server.lives()


def test_a_server_that_keeps_a_long_poll_alive():
    server = honest_server()
    stream = server.connection.send_request(GET)
    for _ in range(5000):
        server.sends(headers(stream, [(b":status", b"102")], end_stream=False))
    server.sends(headers(stream, OK)).lives()


def test_a_stream_of_tiny_messages_that_is_cancelled_while_they_are_under_way():
    # What gRPC calls of telemetry do: a window of small messages comes late.
    client = Honest()
    stream = client.next()
    client.sends(headers(stream, POST, end_stream=False))
    client.connection.reset_stream(stream)
    for _ in range(100):
        client.sends(*[data(stream, b"tiny!", end_stream=False)] * 500)
        client.reads()
    client.peer.lives()


def test_a_client_that_answers_each_late_message_of_a_cancelled_stream():
    # h2 does: RST_STREAM for every DATA frame behind its own.
    client = Honest((f.INITIAL_WINDOW_SIZE, 2**20))
    client.sends(window_update(0, 2**20))
    stream = client.next()
    client.sends(headers(stream, GET))
    client.connection.send_headers(stream, OK)
    sent = 0
    for _ in range(25_000):
        client.connection.send_data(stream, b"tiny!")
        sent += len(client.reads())
    client.sends(*[rst_stream(stream, 8)] * sent)
    client.peer.lives()
