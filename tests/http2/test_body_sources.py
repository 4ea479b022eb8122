"""Bodies that are asked for as they can be sent."""

from __future__ import annotations

import gc
import weakref
from array import array

import pytest

from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK, StreamClosed

from . import frames as f
from .frames import GET, OK, POST, data, headers, rst_stream, window_update
from .script import Peer, facing_client, facing_server, refused_stream

INITIAL = f.INITIAL_WINDOW_SIZE
HEAD = headers(1, OK, end_stream=False)


class Scripted:
    """A source that answers from a list, and notes how much it was asked for."""

    def __init__(self, *answers: tuple[object, int]) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    def read(self, most: int) -> tuple[object, int]:
        self.asked.append(most)
        return self.answers.pop(0)


class Endless:
    """Gives as much as it is asked for, `total` octets in all."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.asked: list[int] = []

    def __call__(self, most: int) -> tuple[bytes, int]:
        self.asked.append(most)
        given = min(most, self.left)
        self.left -= given
        return b"z" * given, DATA_OK if self.left else DATA_EOF


def asked(*their_settings: tuple[int, int], streams: int = 1) -> Peer:
    peer = facing_server(None, *their_settings)
    return peer.sends(*(headers(2 * n + 1, GET) for n in range(streams))).clear()


def content(frames: list[f.Frame]) -> bytes:
    return b"".join(x.payload for x in frames if x.type == f.DATA)


def test_a_source_is_an_object_that_reads():
    peer = asked()
    peer.connection.send_response(1, 200, [], Scripted((b"one", DATA_OK), (b"two", DATA_EOF)))
    frames = peer.reads()
    assert frames[0] == HEAD
    assert content(frames) == b"onetwo"
    assert frames[-1].end_stream
    peer.expect(StreamClosed(1, 0))


def test_a_source_is_a_function():
    peer = asked()
    source = Endless(40_000)
    peer.connection.send_response(1, 200, [], source)
    frames = peer.reads()
    assert content(frames) == b"z" * 40_000
    assert sum(x.end_stream for x in frames) == 1
    peer.expect(StreamClosed(1, 0))


def test_a_source_is_asked_only_when_octets_can_leave():
    peer = asked()
    source = Endless(10)
    peer.connection.send_response(1, 200, [], source)
    assert source.asked == []
    assert peer.connection.wants_write
    peer.pull()
    assert source.asked


def test_a_source_is_never_asked_for_more_than_windows_and_frames_allow():
    peer = asked((INITIAL, 20_000))
    source = Endless(100_000)
    peer.connection.send_response(1, 200, [], source)
    peer.pull()
    assert all(1 <= most <= 20_000 for most in source.asked)
    assert source.left == 80_000
    asked_before = len(source.asked)
    peer.pull()
    assert len(source.asked) == asked_before
    peer.sends(window_update(1, 5)).pull()
    assert source.asked[asked_before:] == [5]


def test_a_source_is_asked_for_no_more_than_the_transport_takes():
    peer = asked((INITIAL, 60_000))
    source = Endless(60_000)
    peer.connection.send_response(1, 200, [], source)
    written = peer.connection.data_to_send(1000)
    assert len(written) <= 1000 + 16_384 + 9
    assert 60_000 - source.left <= 1000 + 16_384


@pytest.mark.parametrize("last", [b"", None])
def test_the_end_may_come_without_octets(last):
    peer = asked()
    peer.connection.send_response(1, 200, [], Scripted((b"all", DATA_OK), (last, DATA_EOF)))
    frames = peer.reads()
    assert content(frames) == b"all"
    assert frames[-1].end_stream
    peer.expect(StreamClosed(1, 0))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_source_may_give_any_octets(kind):
    peer = asked()
    peer.connection.send_response(1, 200, [], Scripted((kind(b"given"), DATA_EOF)))
    peer.wire(HEAD, data(1, b"given", end_stream=True))


@pytest.mark.parametrize("size", [5, 15_000])
@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_source_that_reuses_its_buffer_sends_what_it_gave(kind, size):
    # What `file.readinto` is used for.
    buffer = bytearray(size)
    peer = asked()

    def source(most: int) -> tuple[object, int]:
        turns.append(1)
        buffer[:] = b"%d" % len(turns) * size
        return buffer if kind is bytearray else memoryview(buffer), DATA_OK if turns[
            1:
        ] == [] else DATA_EOF

    turns: list[int] = []
    peer.connection.send_response(1, 200, [], source)
    assert content(peer.reads()) == b"1" * size + b"2" * size


@pytest.mark.parametrize("octets", [8, 12_000])
def test_a_source_may_give_memory_of_another_shape(octets):
    # Its length counts items, not octets: taken at face value it would break the framing.
    peer = asked(streams=2)
    wide = memoryview(array("I", b"abcd" * (octets // 4)))
    spread = memoryview(b"a-b-c-d-" * (octets // 8))[::2]
    peer.connection.send_response(1, 200, [], Scripted((wide, DATA_EOF)))
    peer.connection.send_response(3, 200, [], Scripted((spread, DATA_EOF)))
    frames = peer.reads()
    for stream, sent in ((1, wide), (3, spread)):
        mine = [x for x in frames if x.stream_id == stream]
        assert content(mine) == sent.tobytes() or mine[-1] == rst_stream(stream, f.INTERNAL_ERROR)


def test_a_source_is_not_asked_again_after_its_end():
    peer = asked()
    source = Scripted((b"x", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.clear()
    peer.connection.resume(1)
    peer.lives()
    assert len(source.asked) == 1


# ------------------------------------------------------------------------------------------------
# Deferring.


def test_a_deferred_source_is_asked_again_after_resume():
    peer = asked()
    source = Scripted((b"a", DATA_OK), (None, DATA_DEFERRED), (b"b", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.wire(HEAD, data(1, b"a"))
    assert not peer.connection.wants_write
    peer.wire()
    assert len(source.asked) == 2
    peer.connection.resume(1)
    assert peer.connection.wants_write
    peer.wire(data(1, b"b", end_stream=True)).expect(StreamClosed(1, 0))


def test_credit_alone_does_not_wake_a_deferred_source():
    peer = asked()
    source = Scripted((None, DATA_DEFERRED))
    peer.connection.send_response(1, 200, [], source)
    peer.clear().sends(window_update(1, 100), window_update(0, 100), f.ping()).clear()
    assert len(source.asked) == 1


def test_octets_given_with_deferred_are_not_sent():
    peer = asked()
    source = Scripted((b"dropped", DATA_DEFERRED), (b"kept", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.wire(HEAD)
    peer.connection.resume(1)
    peer.wire(data(1, b"kept", end_stream=True))


def test_resume_from_inside_the_source_is_not_lost():
    peer = asked()

    def source(most: int) -> tuple[bytes | None, int]:
        if not calls:
            calls.append(1)
            peer.connection.resume(1)
            return None, DATA_DEFERRED
        return b"later", DATA_EOF

    calls: list[int] = []
    peer.connection.send_response(1, 200, [], source)
    frames = peer.reads()
    if content(frames) == b"":
        assert peer.connection.wants_write
        frames += peer.reads()
    assert content(frames) == b"later"


def test_resume_is_never_an_error():
    peer = asked()
    connection = peer.connection
    for stream in (0, 1, 2, 3, 99, -1, 2**40):
        connection.resume(stream)
    connection.send_response(1, 200, [], b"bytes, not a source")
    connection.resume(1)
    peer.wire(HEAD, data(1, b"bytes, not a source", end_stream=True))
    connection.resume(1)
    peer.sends(f.ping(b"2 short")).clear()
    connection.resume(1)


def test_resume_before_the_source_is_asked_changes_nothing():
    peer = asked()
    source = Scripted((None, DATA_DEFERRED), (b"x", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.connection.resume(1)
    peer.wire(HEAD)
    peer.connection.resume(1)
    peer.connection.resume(1)
    peer.wire(data(1, b"x", end_stream=True))


def test_a_deferred_stream_does_not_hold_up_the_others():
    peer = asked(streams=2)
    peer.connection.send_response(1, 200, [], Scripted((None, DATA_DEFERRED)))
    peer.connection.send_response(3, 200, [], b"through")
    assert data(3, b"through", end_stream=True) in peer.reads()


def test_a_source_may_be_resumed_without_window():
    peer = asked((INITIAL, 1))
    source = Scripted((b"a", DATA_OK), (b"b", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.wire(HEAD, data(1, b"a"))
    peer.connection.resume(1)
    peer.wire()
    assert len(source.asked) == 1
    peer.sends(window_update(1, 1))
    peer.wire(data(1, b"b", end_stream=True))


# ------------------------------------------------------------------------------------------------
# Turns without octets.


def test_an_empty_answer_gives_up_the_turn_and_writes_no_frame():
    peer = asked(streams=2)
    source = Scripted(*[(b"", DATA_OK)] * 3, (b"x", DATA_EOF))
    peer.connection.send_response(1, 200, [], source)
    peer.connection.send_response(3, 200, [], b"other")
    frames = f.read_frames(peer.connection.data_to_send())
    assert len(source.asked) == 1
    assert [x.stream_id for x in frames if x.type == f.DATA] == [3]
    for _ in range(3):
        assert peer.connection.wants_write
        written = peer.connection.data_to_send()
    assert f.read_frames(written) == [data(1, b"x", end_stream=True)]


# ------------------------------------------------------------------------------------------------
# Sources that break their contract.


class Breaks(Exception):
    pass


def raising(most: int) -> tuple[bytes, int]:
    raise Breaks("source")


BROKEN = {
    "raises": raising,
    "gives None": lambda most: None,
    "gives octets alone": lambda most: b"octets",
    "gives three things": lambda most: (b"a", DATA_OK, 3),
    "gives text": lambda most: ("text", DATA_OK),
    "gives a number": lambda most: (5, DATA_OK),
    "gives an unknown flag": lambda most: (b"a", 3),
    "gives a negative flag": lambda most: (b"a", -1),
    "gives no flag": lambda most: (b"a", None),
    "gives a text flag": lambda most: (b"a", "DATA_OK"),
    "gives more than asked": lambda most: (b"a" * (most + 1), DATA_OK),
    "gives more than asked at its end": lambda most: (b"a" * (most + 1), DATA_EOF),
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_a_broken_source_resets_its_stream_alone(source):
    peer = asked(streams=2)
    peer.connection.send_response(1, 200, [], source)
    peer.connection.send_response(3, 200, [], b"fine")
    frames = peer.reads()
    assert rst_stream(1, f.INTERNAL_ERROR) in frames
    assert data(3, b"fine", end_stream=True) in frames
    assert not [x for x in frames if x.stream_id == 1 and x.type == f.DATA]
    events = peer.hears()
    assert refused_stream(1, f.INTERNAL_ERROR, slug="body.error") in events
    assert StreamClosed(3, 0) in events
    assert len(events) == 2
    ((stream, error),) = peer.connection.take_source_errors()
    assert stream == 1
    assert isinstance(error, Breaks if source is raising else Exception)
    assert peer.connection.take_source_errors() == []
    assert not peer.connection.stream_is_open(1)
    peer.lives()


def test_a_source_that_breaks_in_the_middle_keeps_what_it_gave():
    peer = asked()

    def source(most: int) -> tuple[bytes, int]:
        if calls:
            raise Breaks
        calls.append(1)
        return b"begun", DATA_OK

    calls: list[int] = []
    peer.connection.send_response(1, 200, [], source)
    peer.wire(HEAD, data(1, b"begun"), rst_stream(1, f.INTERNAL_ERROR))


@pytest.mark.parametrize("body", [5, "text", ["list"], 3.5], ids=repr)
def test_what_is_no_body_at_all_is_our_callers_mistake(body):
    peer = asked()
    with pytest.raises((TypeError, ValueError)):
        peer.connection.send_response(1, 200, [], body)
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


# ------------------------------------------------------------------------------------------------
# Sources and the life of their stream.


def test_a_source_may_reset_its_own_stream():
    peer = asked()

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.reset_stream(1, 8)
        return b"too late", DATA_OK

    peer.connection.send_response(1, 200, [], source)
    peer.wire(HEAD, rst_stream(1, f.CANCEL)).expect(StreamClosed(1, f.CANCEL))


def test_a_source_may_reset_another_stream():
    peer = asked(streams=2)

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.reset_stream(3, 8)
        return b"x", DATA_EOF

    peer.connection.send_response(1, 200, [], source)
    peer.connection.send_response(3, 200, [], b"y" * 100_000)
    frames = peer.reads()
    assert data(1, b"x", end_stream=True) in frames
    assert rst_stream(3, f.CANCEL) in frames
    at = frames.index(rst_stream(3, f.CANCEL))
    assert not [x for x in frames[at:] if x.stream_id == 3 and x.type == f.DATA]


def test_a_source_may_answer_another_stream():
    peer = asked(streams=2)

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.send_response(3, 200, [], b"from inside")
        return b"x", DATA_EOF

    peer.connection.send_response(1, 200, [], source)
    frames = peer.reads()
    assert data(1, b"x", end_stream=True) in frames
    assert data(3, b"from inside", end_stream=True) in frames


def test_a_source_may_end_the_connection():
    peer = asked()

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.terminate(f.INTERNAL_ERROR)
        return b"x", DATA_OK

    peer.connection.send_response(1, 200, [], source)
    frames = peer.reads()
    assert peer.connection.closed
    assert f.error_code(frames[-1]) == f.INTERNAL_ERROR


def test_a_source_is_not_asked_after_the_peer_reset_its_stream():
    peer = asked((INITIAL, 1))
    source = Scripted((b"a", DATA_OK))
    peer.connection.send_response(1, 200, [], source)
    peer.clear().sends(rst_stream(1), window_update(0, 1)).clear()
    peer.connection.resume(1)
    peer.lives()
    assert len(source.asked) == 1


@pytest.mark.parametrize("ending", ["end", "reset by us", "reset by the peer", "connection"])
def test_a_source_is_let_go_when_its_stream_ends(ending):
    peer = asked((INITIAL, 1))
    source = Scripted((b"a", DATA_EOF if ending == "end" else DATA_OK))
    watched = weakref.ref(source)
    peer.connection.send_response(1, 200, [], source)
    peer.pull()
    if ending == "reset by us":
        peer.connection.reset_stream(1)
    elif ending == "reset by the peer":
        peer.sends(rst_stream(1))
    elif ending == "connection":
        peer.connection.terminate(f.NO_ERROR)
    peer.clear()
    del source
    gc.collect()
    assert watched() is None


def test_octets_and_sources_are_sent_in_the_order_given():
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"first ")
    peer.connection.send_body(1, Scripted((b"second ", DATA_EOF)), end_stream=False)
    frames = peer.reads()
    peer.connection.send_data(1, b"third", end_stream=True)
    assert content(frames + peer.reads()) == b"first second third"


def test_a_client_may_send_a_source():
    peer = facing_client()
    stream = peer.connection.send_request(POST, Endless(30_000))
    frames = peer.reads()
    assert frames[0] == headers(stream, POST, end_stream=False)
    assert content(frames) == b"z" * 30_000
    assert frames[-1].end_stream
