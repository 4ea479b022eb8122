"""Windows, of streams since SPDY/3 and of the session since SPDY/3.1 (§2.6.8)."""

from __future__ import annotations

import pytest

from plait.spdy.events import ConnectionTerminated, StreamClosed

from . import wire as w
from .script import Got, Peer, every_version, facing_client, facing_server, with_windows
from .wire import (
    OK,
    POST,
    SPDY2,
    SPDY3,
    SPDY3_1,
    WINDOW,
    data,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
)

INITIAL = w.INITIAL_WINDOW_SIZE
HALF = WINDOW // 2


def responding(version: int, size: int, *, streams: int = 1, window: int = WINDOW) -> Peer:
    """A server that has so many octets to send on each of the streams 1, 3, 5..."""
    peer = facing_server(version)
    if window != WINDOW:
        peer.sends(settings((INITIAL, 0, window)))
    for at in range(streams):
        peer.sends(syn_stream(2 * at + 1))
        peer.connection.send_response(2 * at + 1, OK, bytes(size))
    peer.hears()
    return peer


def receiving(version: int, **changes: object) -> Peer:
    """A server to which a request with a body is on its way."""
    return facing_server(version, **changes).sends(syn_stream(1, POST, end=False)).clear()


def sent(peer: Peer, stream_id: int = 1) -> int:
    """Octets of body since the last time."""
    count = len(peer.body(stream_id))
    peer.frames.clear()
    return count


# ------------------------------------------------------------------------------------------------
# Sending.


def test_spdy_2_has_no_windows():
    peer = responding(SPDY2, 300_000)
    assert sent(peer) == 300_000
    peer.expect(StreamClosed(1, 0))


def test_spdy_2_ignores_credit():
    peer = responding(SPDY2, 10)
    peer.sends(window_update(1, 10), window_update(0, 10), window_update(1, w.MAX_WINDOW))
    peer.expect()
    assert sent(peer) == 10


@with_windows
def test_no_more_is_sent_than_the_window_takes(version):
    peer = responding(version, 100_000)
    assert sent(peer) == WINDOW
    assert not peer.connection.want_write()
    assert peer.connection.resume(1) is False
    assert sent(peer) == 0


@with_windows
def test_credit_lets_a_body_go_on(version):
    peer = responding(version, 100_000)
    sent(peer)
    peer.sends(*[window_update(0, 50_000)] * (version == SPDY3_1), window_update(1, 100))
    assert peer.connection.want_write()
    assert sent(peer) == 100
    peer.sends(window_update(1, 99_999))
    assert sent(peer) == 100_000 - WINDOW - 100
    assert peer.hears()[-1] == StreamClosed(1, 0)


@with_windows
def test_an_empty_window_does_not_hold_fin(version):
    peer = responding(version, 0, window=0)
    peer.wire(syn_reply(1), data(1, end=True)).expect(StreamClosed(1, 0))


def test_streams_have_windows_of_their_own_in_spdy_3():
    peer = responding(SPDY3, 100_000, streams=3)
    peer.pull()
    assert [len(peer.body(stream)) for stream in (1, 3, 5)] == [WINDOW] * 3


def test_streams_share_the_window_of_the_session_in_spdy_3_1():
    peer = responding(SPDY3_1, 100_000, streams=3)
    peer.pull()
    bodies = [len(peer.body(stream)) for stream in (1, 3, 5)]
    assert sum(bodies) == WINDOW
    assert max(bodies) - min(bodies) <= 4096
    assert not peer.connection.want_write()
    peer.frames.clear()
    peer.sends(window_update(0, 3000)).hears()
    assert peer.connection.want_write()
    assert sum(sent(peer, stream) for stream in (1,)) <= 3000


def test_all_that_waits_for_the_session_goes_on_when_it_opens():
    peer = responding(SPDY3_1, 40_000, streams=3)
    peer.pull()
    before = [len(peer.body(stream)) for stream in (1, 3, 5)]
    assert sum(before) == WINDOW
    peer.sends(window_update(0, 200_000))
    peer.pull()
    assert [len(peer.body(stream)) for stream in (1, 3, 5)] == [40_000] * 3
    closed = [event for event in peer.hears() if isinstance(event, StreamClosed)]
    assert sorted(event.stream_id for event in closed) == [1, 3, 5]


def test_the_session_does_not_stop_control_frames():
    peer = responding(SPDY3_1, 100_000)
    peer.pull()
    peer.frames.clear()
    peer.sends(syn_stream(3))
    peer.connection.send_response(3, OK)
    peer.wire(syn_reply(3, end=True)).lives()


@pytest.mark.parametrize("stream_id", [0, 99])
def test_credit_for_no_stream_is_ignored_in_spdy_3(stream_id):
    peer = responding(SPDY3, 100_000)
    sent(peer)
    peer.hears()
    peer.sends(window_update(stream_id, 50_000)).expect()
    assert sent(peer) == 0


@with_windows
def test_credit_of_nothing_is_accepted(version):
    peer = responding(version, 100_000)
    sent(peer)
    peer.clear().sends(window_update(1, 0)).expect(Got(window_update(1, 0)))
    assert sent(peer) == 0
    peer.lives()


@with_windows
def test_the_reserved_bit_of_a_delta_is_ignored(version):
    peer = responding(version, 100_000)
    sent(peer)
    peer.sends(*[window_update(0, 9000)] * (version == SPDY3_1), window_update(1, 2**31 + 5))
    assert sent(peer) == 5


@with_windows
def test_settings_change_the_windows_of_open_streams_by_the_difference(version):
    peer = responding(version, 100_000)
    sent(peer)
    peer.sends(*[window_update(0, 100_000)] * (version == SPDY3_1))
    peer.sends(settings((INITIAL, 0, WINDOW + 1000)))
    assert peer.connection.want_write()
    assert sent(peer) == 1000
    # Below nothing by 6000, and up again.
    peer.sends(settings((INITIAL, 0, WINDOW - 5000)), window_update(1, 6000))
    assert sent(peer) == 0
    peer.sends(window_update(1, 1))
    assert sent(peer) == 1
    peer.sends(settings((INITIAL, 0, WINDOW)))
    assert sent(peer) == 5000


@with_windows
def test_settings_are_for_later_streams_too(version):
    peer = responding(version, 5000, window=2000)
    assert sent(peer) == 2000
    peer.sends(settings((INITIAL, 0, 0)), syn_stream(3))
    peer.connection.send_response(3, OK, bytes(10))
    assert sent(peer, 3) == 0
    peer.sends(settings((INITIAL, 0, 4)))
    assert sent(peer, 3) == 4


@with_windows
def test_a_window_in_settings_above_the_maximum_is_ignored(version):
    peer = responding(version, 100_000)
    sent(peer)
    peer.sends(settings((INITIAL, 0, 2**31)))
    assert sent(peer) == 0
    peer.lives()


@with_windows
def test_settings_that_overflow_a_window_are_no_disaster(version):
    # Two rules meet: SETTINGS itself is valid, the window of the stream is not.
    peer = responding(version, 100_000)
    sent(peer)
    peer.sends(window_update(1, 2**31 - 1), settings((INITIAL, 0, 2**31 - 1)))
    peer.pull()
    events = peer.hears()
    assert not any(isinstance(event, ConnectionTerminated) for event in events) or (
        peer.connection.failed
    )


def test_settings_do_not_change_the_window_of_the_session():
    peer = responding(SPDY3_1, 100_000, window=200_000)
    assert sent(peer) == WINDOW
    peer.sends(window_update(0, 10))
    assert sent(peer) == 10


@with_windows
def test_a_source_is_never_asked_for_more_than_the_window(version):
    asked = []

    def source(most: int) -> tuple[bytes, int]:
        asked.append(most)
        return bytes(most), 0

    peer = facing_server(version).sends(settings((INITIAL, 0, 5000)), syn_stream(1))
    peer.connection.send_response(1, OK, source)
    assert sent(peer) == 5000
    assert asked == [4096, 904]
    peer.sends(window_update(1, 1))
    assert sent(peer) == 1
    assert asked == [4096, 904, 1]


@with_windows
def test_a_reset_in_the_middle_frees_the_session(version):
    peer = responding(version, 100_000)
    assert sent(peer) == WINDOW
    peer.sends(rst_stream(1), syn_stream(3))
    peer.connection.send_response(3, OK, bytes(10))
    assert sent(peer, 3) == (0 if version == SPDY3_1 else 10)
    peer.sends(window_update(0, 100))
    assert sent(peer, 3) == (10 if version == SPDY3_1 else 0)
    assert peer.connection.open_streams == 0


@with_windows
def test_a_client_has_windows_too(version):
    peer = facing_client(version)
    peer.connection.send_request(POST, bytes(100_000))
    assert sent(peer) == WINDOW
    peer.sends(*[window_update(0, 50_000)] * (version == SPDY3_1), window_update(1, 50_000))
    assert sent(peer) == 100_000 - WINDOW


# ------------------------------------------------------------------------------------------------
# Receiving: credit.


def test_spdy_2_gives_no_credit():
    peer = receiving(SPDY2)
    for _ in range(100):
        peer.sends(data(1, bytes(4000)))
    assert peer.reads() == []
    assert not peer.connection.failed


@with_windows
def test_credit_is_given_when_half_of_the_window_is_used(version):
    peer = receiving(version).sends(data(1, bytes(HALF - 1)))
    peer.wire()
    peer.sends(data(1, b"x"))
    peer.wire(window_update(1, HALF), *[window_update(0, HALF)] * (version == SPDY3_1))
    peer.sends(data(1, bytes(HALF)))
    assert window_update(1, HALF) in peer.reads()


@with_windows
def test_credit_follows_the_window_that_was_announced(version):
    peer = receiving(version, initial_window_size=1000).sends(data(1, bytes(499)))
    peer.wire()
    peer.sends(data(1, bytes(2))).wire(window_update(1, 501))


@with_windows
def test_no_credit_is_given_for_a_body_that_is_complete(version):
    peer = receiving(version).sends(data(1, bytes(HALF + 100), end=True))
    peer.wire(*[window_update(0, HALF + 100)] * (version == SPDY3_1))


def test_the_session_is_credited_for_all_streams_together():
    peer = receiving(SPDY3_1).sends(syn_stream(3, POST, end=False), data(1, bytes(HALF // 2)))
    peer.sends(data(3, bytes(HALF // 2))).wire(window_update(0, HALF))


@pytest.mark.parametrize("stream_id", [2, 3, 99])
def test_the_session_is_credited_for_what_is_ignored(stream_id):
    peer = receiving(SPDY3_1).sends(data(stream_id, bytes(HALF))).expect()
    peer.wire(window_update(0, HALF))


def test_the_session_is_credited_for_streams_that_are_closing():
    peer = receiving(SPDY3_1)
    peer.connection.reset_stream(1, w.CANCEL)
    peer.sends(data(1, bytes(HALF))).expect()
    assert sorted(peer.reads(), key=lambda frame: frame.kind) == [
        rst_stream(1),
        window_update(0, HALF),
    ]


@with_windows
def test_credit_that_the_program_gives_counts(version):
    peer = receiving(version).sends(data(1, bytes(20_000)))
    peer.connection.send_window_update(1, 15_000)
    peer.wire(window_update(1, 15_000))
    # 5000 octets are left without credit.
    peer.sends(data(1, bytes(HALF - 5001)))
    assert [frame for frame in peer.reads() if frame.stream_id == 1] == []
    peer.sends(data(1, b"x"))
    assert [frame for frame in peer.reads() if frame.stream_id == 1] == [window_update(1, HALF)]


@with_windows
@pytest.mark.parametrize("piece", [1, 1000, 5000, 40_000])
def test_a_long_upload_never_runs_out_of_credit(version, piece):
    peer = receiving(version)
    window = session = WINDOW
    total = min(400_000, 5000 * piece)
    for _ in range(0, total, piece):
        assert window >= piece
        assert session >= piece or version == SPDY3
        peer.sends(data(1, bytes(piece)))
        peer.pull()
        peer.events.clear()
        window += peer.credit.pop(1, 0) - piece
        session += peer.credit.pop(0, 0) - piece
        peer.frames.clear()
    peer.lives()


# ------------------------------------------------------------------------------------------------
# Receiving: the program gives the credit.


@with_windows
def test_with_manual_credit_nothing_is_given_before_the_program_does(version):
    peer = receiving(version, manual_credit=True).sends(data(1, bytes(WINDOW)))
    peer.wire()
    peer.connection.consume(1, 4095)
    peer.wire()
    # Nothing is left of the window: a small credit is worth a frame.
    peer.connection.consume(1, 1)
    assert window_update(1, 4096) in (frames := peer.reads())
    assert (window_update(0, 4096) in frames) == (version == SPDY3_1)


def test_with_manual_credit_what_nobody_hears_of_is_credited_at_once():
    peer = receiving(SPDY3_1, manual_credit=True).sends(data(99, bytes(HALF)))
    peer.wire(window_update(0, HALF))


def test_with_manual_credit_a_streams_end_gives_back_what_was_not_consumed():
    peer = receiving(SPDY3_1, manual_credit=True).sends(data(1, bytes(HALF)), rst_stream(1))
    peer.hears()
    peer.connection.consume(1, HALF)
    peer.wire(window_update(0, HALF))


@with_windows
def test_manual_credit_bounds_what_a_peer_can_make_us_keep(version):
    peer = receiving(version, manual_credit=True)
    for _ in range(200):
        peer.sends(data(1, bytes(4096)))
    held = sum(len(e.data) for e in peer.hears() if type(e).__name__ == "DataReceived")
    assert held <= 3 * WINDOW
    frames = peer.reads()
    if version == SPDY3:
        assert frames[-1] == rst_stream(1, w.FLOW_CONTROL_ERROR)
    else:
        assert frames[-1].kind in (w.RST_STREAM, w.GOAWAY)


@every_version
def test_consuming_what_is_gone_is_no_fault(version):
    peer = receiving(version, manual_credit=True).sends(data(1, b"x", end=True))
    peer.connection.send_response(1, OK)
    peer.clear()
    peer.connection.consume(1, 1)
    peer.wire().lives()


# ------------------------------------------------------------------------------------------------
# Receiving: windows that a peer does not respect.


@with_windows
def test_a_peer_that_oversteps_the_window_of_a_stream_far_loses_it(version):
    peer = receiving(version, manual_credit=True)
    if version == SPDY3_1:
        peer.connection.send_window_update(0, 2**30)
    for _ in range(60):
        peer.sends(data(1, bytes(4096)))
    assert rst_stream(1, w.FLOW_CONTROL_ERROR) in peer.reads()
    assert StreamClosed(1, w.FLOW_CONTROL_ERROR) in peer.hears()
    peer.lives()


def test_a_peer_that_oversteps_the_window_of_the_session_far_is_cut_off():
    peer = facing_server(SPDY3_1, manual_credit=True)
    peer.sends(*(syn_stream(2 * n + 1, POST, end=False) for n in range(8)))
    for n in range(64):
        peer.sends(data(2 * (n % 8) + 1, bytes(4096)))
        if peer.connection.failed:
            break
    assert n > 16
    assert isinstance(peer.hears()[-1], ConnectionTerminated)


@with_windows
@pytest.mark.parametrize("chunk", [8191, 8192])
def test_a_peer_that_oversteps_a_window_by_a_chunk_is_borne(version, chunk):
    # Deployed senders send a whole chunk into any window that is not empty.
    peer = receiving(version, manual_credit=True)
    peer.sends(data(1, bytes(WINDOW - 1)), data(1, bytes(chunk))).lives()
    assert peer.connection.stream_is_open(1)


@with_windows
def test_windows_may_be_left_unenforced(version):
    peer = receiving(version, manual_credit=True, enforce_windows=False)
    for _ in range(100):
        peer.sends(data(1, bytes(8192)))
    assert peer.connection.stream_is_open(1)
    peer.lives()


@with_windows
def test_what_was_on_its_way_when_a_window_was_lowered_is_no_fault(version):
    peer = receiving(version, initial_window_size=100, manual_credit=True)
    peer.sends(data(1, bytes(WINDOW))).lives()
    assert peer.connection.stream_is_open(1)


@every_version
def test_data_is_accepted_up_to_the_longest_frame(version):
    peer = receiving(version, enforce_windows=False)
    size = w.MAX_LENGTH
    peer.sends(data(1, bytes(size), end=True))
    pieces = [len(e.data) for e in peer.hears() if type(e).__name__ == "DataReceived"]
    assert sum(pieces) == size
