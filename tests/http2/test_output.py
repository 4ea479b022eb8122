"""Taking the octets to write: limits, segments, and when there is something to take."""

from __future__ import annotations

import tracemalloc
from array import array

import pytest

from plait.http2 import DATA_EOF, DATA_OK, Connection, Role, StreamClosed, UsageError

from . import frames as f
from .frames import GET, OK, PREFACE, data, headers, octets, settings, settings_ack, window_update
from .script import Peer, facing_server

INITIAL = f.INITIAL_WINDOW_SIZE
WIDE = ((INITIAL, 2**31 - 1),)
OPENING = octets(
    [PREFACE, settings(*WIDE), settings_ack(), window_update(0, 2**31 - 1 - 65_535)]
    + [headers(stream, GET) for stream in (1, 3, 5)]
)
MIB = 1024 * 1024


def server() -> Connection:
    connection = Connection(Role.SERVER)
    connection.initiate_connection()
    connection.receive_data(OPENING)
    connection.data_to_send()
    return connection


def take_all(connection: Connection, limit: int = 65_536) -> bytes:
    taken = []
    while written := connection.data_to_send(limit):
        taken.append(written)
    return b"".join(taken)


def test_there_is_nothing_to_take_when_nothing_happened():
    connection = server()
    assert not connection.wants_write
    assert connection.data_to_send() == b""
    assert connection.segments_to_send() == []


@pytest.mark.parametrize("limit", [1, 100, 1000, 16_384, 65_536, 1_000_000])
def test_a_limit_is_exceeded_by_one_frame_at_most(limit):
    connection = server()
    connection.send_response(1, 200, [], b"x" * 300_000)
    taken = []
    while written := connection.data_to_send(limit):
        assert len(written) <= limit + 9 + 16_384
        taken.append(written)
    frames = f.read_frames(b"".join(taken))
    assert b"".join(x.payload for x in frames if x.type == f.DATA) == b"x" * 300_000


def test_every_part_ends_where_a_frame_ends():
    connection = server()
    connection.send_response(1, 200, [], b"x" * 100_000)
    reader = f.FrameReader()
    while written := connection.data_to_send(5000):
        reader.feed(written)
        assert reader.buffer == b""


def test_a_large_limit_is_used():
    connection = server()
    connection.send_response(1, 200, [], b"x" * 300_000)
    assert len(connection.data_to_send(1_000_000)) > 300_000
    assert not connection.wants_write


def test_wants_write_is_true_until_everything_is_taken():
    connection = server()
    connection.send_response(1, 200, [], b"x" * 100_000)
    count = 0
    while connection.wants_write:
        assert connection.data_to_send(10_000)
        count += 1
    assert count >= 4
    assert connection.data_to_send() == b""


def test_waiting_heads_are_announced_too():
    # Far more than a transport's buffer of heads, to a client that allows no pushes.
    peer = facing_server(
        None, (f.MAX_CONCURRENT_STREAMS, 0), max_concurrent_streams=1000, encoder_table_size=0
    )
    streams = range(1, 1001, 2)
    peer.sends(*(headers(stream, GET) for stream in streams)).clear()
    for stream in streams:
        peer.connection.send_response(stream, 204, [(b"x-large", b"\xff" * 2000)])
    written = []
    while peer.connection.wants_write:
        written.append(peer.connection.data_to_send(65_536))
        assert len(written) < 1000
    ended = [x.stream_id for x in f.read_frames(b"".join(written)) if x.end_stream]
    assert sorted(ended) == list(streams)


# ------------------------------------------------------------------------------------------------
# Segments.


def mixed_traffic(connection: Connection) -> None:
    left = [b"s" * 3000, b"t" * 12_000]

    def source(most: int) -> tuple[bytes, int]:
        chunk, left[0] = left[0][:most], left[0][most:]
        if not left[0] and len(left) > 1:
            left.pop(0)
            return chunk, DATA_OK
        return chunk, DATA_OK if left[0] else DATA_EOF

    connection.send_response(1, 200, [("x", "y")], b"small")
    connection.send_response(3, 200, [], b"L" * 200_000)
    connection.send_response(5, 200, [], source)
    connection.ping(b"pingping")


@pytest.mark.parametrize("limit", [1, 5000, 65_536, 10_000_000])
def test_segments_are_the_same_octets(limit):
    plain, segmented = server(), server()
    mixed_traffic(plain)
    mixed_traffic(segmented)
    while True:
        expected = plain.data_to_send(limit)
        assert b"".join(segmented.segments_to_send(limit)) == expected
        assert segmented.wants_write == plain.wants_write
        if not expected:
            break
    assert segmented.take_events() == plain.take_events()


def test_segments_and_octets_may_be_taken_in_turns():
    mixed, plain = server(), server()
    mixed_traffic(plain)
    mixed_traffic(mixed)
    taken = b""
    while mixed.wants_write:
        taken += b"".join(mixed.segments_to_send(20_000))
        taken += mixed.data_to_send(20_000)
    assert taken == take_all(plain, 20_000)


def test_a_large_body_is_handed_over_without_a_copy():
    body = bytes(MIB)
    connection = server()
    connection.send_response(1, 200, [], body)
    segments = connection.segments_to_send(2 * MIB)
    shared = [x for x in segments if isinstance(x, memoryview) and x.obj is body]
    assert sum(len(view) for view in shared) > MIB * 9 // 10


def test_a_large_source_is_handed_over_without_a_copy():
    chunk = bytes(16_384)
    left = [64]

    def source(most: int) -> tuple[bytes, int]:
        left[0] -= 1
        return chunk, DATA_OK if left[0] else DATA_EOF

    connection = server()
    connection.send_response(1, 200, [], source)
    segments = connection.segments_to_send(2 * MIB)
    assert sum(1 for x in segments if x is chunk or getattr(x, "obj", None) is chunk) == 64


def test_sending_a_large_body_takes_no_memory_of_its_size():
    body = bytes(16 * MIB)
    connection = server()
    connection.send_response(1, 200, [], body)
    tracemalloc.start()
    sent = 0
    while segments := connection.segments_to_send():
        sent += sum(len(x) for x in segments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent > 16 * MIB
    assert peak < MIB


# ------------------------------------------------------------------------------------------------
# What may be given to be sent.


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 16_384, 16_385, 100_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_size_of_every_kind_arrives_whole(kind, size):
    body = bytes(n % 251 for n in range(size))
    connection = server()
    connection.send_response(1, 200, [], kind(body))
    frames = f.read_frames(take_all(connection))
    assert b"".join(x.payload for x in frames if x.type == f.DATA) == body
    assert [x.end_stream for x in frames].count(True) == 1
    assert connection.take_events() == [StreamClosed(1, 0)]


@pytest.mark.parametrize("size", [10, 50_000])
@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_was_given_may_be_changed_afterwards(kind, size):
    # asyncio's transports take a copy for the same reason.
    buffer = bytearray(b"a" * size)
    connection = server()
    connection.send_headers(1, OK)
    connection.send_data(1, buffer if kind is bytearray else memoryview(buffer), end_stream=True)
    buffer[:] = b"b" * size
    frames = f.read_frames(take_all(connection))
    assert b"".join(x.payload for x in frames if x.type == f.DATA) == b"a" * size


@pytest.mark.parametrize("count", [8, 30_000])
def test_memory_of_another_shape_is_sent_whole_or_not_at_all(count):
    shapes = [memoryview(array("I", range(count))), memoryview(bytes(count))[::2]]
    for given in shapes:
        connection = server()
        connection.send_headers(1, OK)
        try:
            connection.send_data(1, given, end_stream=True)
        except (TypeError, ValueError, BufferError, UsageError):
            connection.send_data(1, b"instead", end_stream=True)
            expected = b"instead"
        else:
            expected = given.tobytes()
        frames = f.read_frames(take_all(connection))
        assert b"".join(x.payload for x in frames if x.type == f.DATA) == expected


@pytest.mark.parametrize("bad", ["text", 5, None, ["x"]], ids=repr)
def test_what_is_not_octets_is_our_callers_mistake(bad):
    connection = server()
    connection.send_headers(1, OK)
    with pytest.raises((TypeError, UsageError)):
        connection.send_data(1, bad)
    connection.send_data(1, b"x", end_stream=True)
    assert f.read_frames(take_all(connection)) == [
        headers(1, OK, end_stream=False),
        data(1, b"x", end_stream=True),
    ]


def test_nothing_is_written_for_no_octets():
    # Empty frames look like an attack to some peers (CVE-2019-9518).
    connection = server()
    connection.send_headers(1, OK)
    for _ in range(100):
        connection.send_data(1, b"")
    assert f.read_frames(take_all(connection)) == [headers(1, OK, end_stream=False)]
    connection.send_data(1, b"", end_stream=True)
    assert f.read_frames(take_all(connection)) == [data(1, b"", end_stream=True)]


def test_many_small_pieces_arrive_in_order():
    connection = server()
    connection.send_headers(1, OK)
    for n in range(1000):
        connection.send_data(1, b"%03d" % n)
    connection.send_data(1, b"", end_stream=True)
    frames = f.read_frames(take_all(connection))
    body = b"".join(x.payload for x in frames if x.type == f.DATA)
    assert body == b"".join(b"%03d" % n for n in range(1000))
    assert frames[-1].end_stream


def test_frames_that_answer_the_peer_leave_before_bodies():
    peer = facing_server(None, *WIDE).sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 200, [], b"x" * 60_000)
    peer.sends(f.ping())
    assert peer.pull(1)[:1] in ([f.ping_ack()], [headers(1, OK, end_stream=False)])
    assert f.ping_ack() in peer.frames


def test_a_reset_takes_back_what_was_not_sent():
    peer: Peer = facing_server(None, *WIDE).sends(headers(1, GET), headers(3, GET)).clear()
    peer.connection.send_response(1, 200, [], b"x" * 60_000)
    peer.connection.send_response(3, 200, [], b"y")
    peer.connection.reset_stream(1)
    frames = peer.reads()
    assert [x.type for x in frames if x.stream_id == 1][-1] == f.RST_STREAM
    assert not [x for x in frames if x.stream_id == 1 and x.type == f.DATA]
    assert data(3, b"y", end_stream=True) in frames
