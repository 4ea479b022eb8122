"""Honest peers at their liveliest: none of them meets a limit, with the limits as they are.

The clock stands still: whoever is fast enough to do all this in no time is honest too.
"""

from __future__ import annotations

import pytest

from plait.spdy.events import (
    ConnectionTerminated,
    DataInvalid,
    Event,
    FrameInvalid,
    FrameReceived,
    PeerFinished,
)
from plait.spdy.frames import SynStream

from . import wire as w
from .script import (
    Peer,
    every_version,
    facing_client,
    facing_server,
    mostly_one_version,
    with_windows,
)
from .wire import (
    GET,
    OK,
    POST,
    SPDY3_1,
    data,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
)

FAULTS = (ConnectionTerminated, FrameInvalid, DataInvalid)


def sends(peer: Peer, *frames: w.Frame) -> list[Event]:
    """Send, and see to it that nothing was found fault with."""
    peer.sends(*frames)
    events, peer.events = peer.events, []
    assert not [event for event in events if isinstance(event, FAULTS)]
    return events


def exchanges(version: int, count: int) -> None:
    """So many requests over one session, thirty-two at a time."""
    peer = facing_server(version, max_concurrent_streams=100)
    answered = 0
    stream = 1
    for _ in range(count // 32):
        batch = [syn_stream(n) for n in range(stream, stream + 64, 2)]
        stream += 64
        for event in sends(peer, *batch, window_update(0, 32 * 13)):
            if isinstance(event, PeerFinished):
                peer.connection.send_response(event.stream_id, OK, b"Hello, world!")
                answered += 1
        peer.pull()
        peer.frames.clear()
        peer.events.clear()
    assert answered == count
    assert peer.connection.open_streams == 0
    peer.lives()


@mostly_one_version
def test_hundreds_of_requests_over_one_session(version):
    exchanges(version, 640)


@pytest.mark.slow
@every_version
def test_a_hundred_thousand_requests_over_one_session(version):
    exchanges(version, 99_200)


def download(version: int, octets: int, credit: int) -> None:
    """A body as long as that, whose receiver gives credit in such pieces."""
    peer = facing_server(version).sends(syn_stream(1))
    left = [octets]

    def source(most: int) -> tuple[bytes, int]:
        given = min(most, left[0])
        left[0] -= given
        return bytes(given), 0 if left[0] else 1

    peer.connection.send_response(1, OK, source)
    got = 0
    while got < octets:
        part = sum(len(frame.body) for frame in peer.pull() if frame.kind == w.DATA)
        peer.frames.clear()
        got += part
        for at in range(0, part, credit):
            given = min(credit, part - at)
            session = [window_update(0, given)] * (version == SPDY3_1)
            if peer.connection.open_streams:
                sends(peer, window_update(1, given), *session)
    assert peer.connection.open_streams == 0
    peer.lives()


@with_windows
@pytest.mark.parametrize("credit", [4096, 500])
def test_a_download_with_much_credit(version, credit):
    download(version, 2_000_000, credit)


@pytest.mark.slow
@with_windows
@pytest.mark.parametrize("credit", [4096, 2000])
def test_a_long_download_with_much_credit(version, credit):
    download(version, 60_000_000, credit)


def upload(version: int, octets: int, piece: int) -> None:
    peer = facing_server(version, max_concurrent_streams=100)
    sends(peer, syn_stream(1, POST, end=False))
    window = session = w.WINDOW
    part = data(1, bytes(piece))
    for _ in range(octets // piece):
        if version != w.SPDY2:
            assert min(window, session) >= piece
        sends(peer, part)
        peer.pull()
        peer.frames.clear()
        window += peer.credit.pop(1, 0) - piece
        session += (peer.credit.pop(0, 0) if version == SPDY3_1 else piece) - piece
    sends(peer, data(1, end=True))
    peer.lives()


@mostly_one_version
@pytest.mark.parametrize("piece", [100, 8192])
def test_an_upload(version, piece):
    upload(version, 2000 * piece, piece)


@pytest.mark.slow
@every_version
@pytest.mark.parametrize("piece", [1, 100, 16_384])
def test_a_long_upload(version, piece):
    upload(version, 30_000 * piece, piece)


@mostly_one_version
def test_a_browser_that_cancels_page_after_page(version):
    # A hundred streams at once, a third of them given up half-way, by a client that is ahead.
    peer = facing_server(version, max_concurrent_streams=100)
    sends(peer, settings((w.INITIAL_WINDOW_SIZE, 0, 1_000_000)))
    stream = 1
    for page in range(30):
        batch = list(range(stream, stream + 200, 2))
        stream += 200
        session = [window_update(0, 1_000_000)] * (version == SPDY3_1 and page % 2 == 0)
        for event in sends(peer, *(syn_stream(n) for n in batch), *session):
            if isinstance(event, FrameReceived) and isinstance(event.frame, SynStream):
                peer.connection.send_response(event.frame.stream_id, OK, bytes(6000))
        peer.reader.feed(peer.connection.data_to_send(100_000))
        sends(peer, *(rst_stream(n) for n in batch[::3]), ping(2 * page + 1))
        peer.pull()
        peer.frames.clear()
        peer.events.clear()
    assert not peer.connection.failed


@mostly_one_version
def test_a_client_that_resets_after_each_complete_response(version):
    # spdy-transport answers what comes for streams that it has closed with RST_STREAM.
    peer = facing_server(version)
    for n in range(1, 2401, 2):
        sends(peer, syn_stream(n))
        peer.connection.send_response(n, OK, b"done")
        peer.pull()
        sends(peer, rst_stream(n), rst_stream(n))
        peer.frames.clear()
    peer.lives()


@mostly_one_version
def test_a_client_that_asks_for_more_than_it_may(version):
    # It does not heed MAX_CONCURRENT_STREAMS: bursts of 180 where a hundred are allowed.
    peer = facing_server(version, max_concurrent_streams=100)
    stream = 1
    for _ in range(20):
        answered = 0
        peer.sends(*(syn_stream(n) for n in range(stream, stream + 360, 2)))
        for event in peer.events:
            assert not isinstance(event, ConnectionTerminated)
            if isinstance(event, PeerFinished):
                peer.connection.send_response(event.stream_id, OK, b"x" * 100)
                answered += 1
        assert answered == 100
        stream += 360
        peer.clear().sends(window_update(0, 10_000)).clear()
    peer.lives()


@mostly_one_version
def test_a_ping_with_each_message(version):
    peer = facing_server(version)
    sends(peer, syn_stream(1, POST, end=False))
    for n in range(1, 6001, 2):
        sends(peer, data(1, bytes(200)), ping(n))
        peer.pull()
        peer.frames.clear()
    peer.lives()


@mostly_one_version
def test_a_server_that_pushes_and_answers(version):
    peer = facing_client(version, max_concurrent_streams=100)
    for n in range(1, 2001, 2):
        assert peer.connection.send_request(GET) == n
        peer.pull()
        sends(peer, push(n + 1, n), syn_reply(n), data(n + 1, b"x", end=True), data(n, end=True))
        peer.frames.clear()
    assert peer.connection.open_streams == 0
    peer.lives()


@mostly_one_version
def test_a_server_that_answers_what_a_client_has_cancelled(version):
    # Everything that was on its way arrives for streams that are gone.
    peer = facing_client(version)
    for _ in range(1000):
        n = peer.connection.send_request(GET)
        peer.pull()
        peer.connection.reset_stream(n, w.CANCEL)
        peer.pull()
        peer.sends(data(n, bytes(1000)), data(n, bytes(1000), end=True))
        peer.clear()
    assert not peer.connection.failed


@mostly_one_version
def test_a_client_that_thinks_again_in_the_middle_of_its_uploads(version):
    peer = facing_server(version, max_concurrent_streams=100)
    for n in range(1, 1201, 4):
        sends(peer, syn_stream(n, POST, end=False), data(n, bytes(500)), rst_stream(n))
        sends(peer, syn_stream(n + 2))
        peer.connection.send_response(n + 2, OK, b"done")
        peer.clear()
    peer.lives()
