"""What a `DirectConnection` tells of its streams, in every state, from both ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plait.http2 import (
    Limits,
    NoSuchStreamError,
    Role,
    SettingCode,
    StreamReset,
    StreamState,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, POST, data, headers, push_promise, rst_stream
from .script import Goaway, Peer
from .test_direct import HUGE, client, server

S = StreamState


def test_the_states_are_those_of_the_rfc():
    # RFC 9113 §5.1.
    assert [state.name for state in sorted(StreamState)] == [
        *("IDLE", "RESERVED_LOCAL", "RESERVED_REMOTE", "OPEN"),
        *("HALF_CLOSED_LOCAL", "HALF_CLOSED_REMOTE", "CLOSED"),
    ]


def asked(ends: bool) -> Peer:
    return server().sends(headers(1, GET if ends else POST, end_stream=ends)).clear()


def asking(ends: bool) -> Peer:
    peer = client()
    peer.connection.send_headers_frame(1, GET, ends)
    return peer.clear()


def promising() -> Peer:
    peer = asked(ends=True)
    peer.connection.promise_stream(1, 2, GET)
    return peer.clear()


def promised() -> Peer:
    return asking(ends=True).sends(push_promise(1, 2, GET)).clear()


def begun(make: Callable[[], Peer]) -> Peer:
    peer = make()
    if peer.connection.next_stream_id == 4:
        peer.connection.send_headers_frame(2, OK)
    else:
        peer.sends(headers(2, OK, end_stream=False))
    return peer.clear()


# A stream in each state that each end can have one in: who it is, and its number.
STANDING: dict[str, tuple[Callable[[], Peer], int, StreamState]] = {
    "server: idle": (server, 1, S.IDLE),
    "server: idle push": (server, 2, S.IDLE),
    "server: open": (lambda: asked(ends=False), 1, S.OPEN),
    "server: half-closed (remote)": (lambda: asked(ends=True), 1, S.HALF_CLOSED_REMOTE),
    "server: reserved (local)": (promising, 2, S.RESERVED_LOCAL),
    "server: push begun": (lambda: begun(promising), 2, S.HALF_CLOSED_REMOTE),
    "client: idle": (client, 1, S.IDLE),
    "client: idle push": (client, 2, S.IDLE),
    "client: open": (lambda: asking(ends=False), 1, S.OPEN),
    "client: half-closed (local)": (lambda: asking(ends=True), 1, S.HALF_CLOSED_LOCAL),
    "client: reserved (remote)": (promised, 2, S.RESERVED_REMOTE),
    "client: push begun": (lambda: begun(promised), 2, S.HALF_CLOSED_LOCAL),
}

CALLS: dict[str, Callable[[Peer, int], object]] = {
    "a head": lambda p, s: p.connection.send_headers_frame(s, GET if not _server(p) else OK),
    "data": lambda p, s: p.connection.send_data_frame(s, b"x"),
    "the end": lambda p, s: p.connection.send_data_frame(s, b"", True),
    "credit": lambda p, s: p.connection.give_credit(1, s),
    "a reset": lambda p, s: p.connection.reset_stream(s),
    "a priority": lambda p, s: p.connection.send_priority(s),
}
ORDER = ("a head", "data", "the end", "credit", "a reset", "a priority")
NO = "refused"
SAME = "without a change of state"
# What each call makes of it, in that order: the new state, or one of the two.
GRID: dict[str, tuple[object, ...]] = {
    "server: idle": (NO, NO, NO, NO, NO, SAME),
    "server: idle push": (NO, NO, NO, NO, NO, SAME),
    "server: open": (SAME, NO, NO, SAME, S.CLOSED, SAME),
    "server: half-closed (remote)": (SAME, NO, NO, SAME, S.CLOSED, SAME),
    "server: reserved (local)": (S.HALF_CLOSED_REMOTE, NO, NO, NO, S.CLOSED, SAME),
    "server: push begun": (NO, SAME, S.CLOSED, SAME, S.CLOSED, SAME),
    "client: idle": (S.OPEN, NO, NO, NO, NO, SAME),
    "client: idle push": (NO, NO, NO, NO, NO, SAME),
    "client: open": (NO, SAME, S.HALF_CLOSED_LOCAL, SAME, S.CLOSED, SAME),
    "client: half-closed (local)": (NO, NO, NO, SAME, S.CLOSED, SAME),
    "client: reserved (remote)": (NO, NO, NO, SAME, S.CLOSED, SAME),
    "client: push begun": (NO, NO, NO, SAME, S.CLOSED, SAME),
}


def _server(peer: Peer) -> bool:
    return peer.connection.next_stream_id % 2 == 0


@pytest.mark.parametrize("call", ORDER)
@pytest.mark.parametrize("standing", STANDING)
def test_every_call_in_every_state(standing, call):
    make, stream, state = STANDING[standing]
    outcome = GRID[standing][ORDER.index(call)]
    peer = make()
    connection = peer.connection
    assert connection.stream_state(stream) is state
    assert connection.stream_is_idle(stream) == (state is S.IDLE)
    if outcome is NO:
        with pytest.raises(UsageError):
            CALLS[call](peer, stream)
        peer.wire()
    else:
        CALLS[call](peer, stream)
        assert len(peer.reads()) == 1
    after = outcome if isinstance(outcome, StreamState) else state
    assert connection.stream_state(stream) is after
    assert (stream in connection.stream_ids()) == (after not in (S.IDLE, S.CLOSED))
    assert connection.stream_is_open(stream) == (stream in connection.stream_ids())


END = "the end of the connection"
COMING = ("a head", "data", "the end", "credit", "a reset")
FRAMES: dict[str, Callable[[Peer, int], f.Frame]] = {
    "a head": lambda p, s: headers(s, GET if _server(p) else OK, end_stream=False),
    "data": lambda p, s: data(s, b"x"),
    "the end": lambda p, s: data(s, b"", end_stream=True),
    "credit": lambda p, s: f.window_update(s, 1),
    "a reset": lambda p, s: rst_stream(s),
}
# RFC 9113 §5.1. A reset stream is closed; so is one whose frame was a fault.
ARRIVING: dict[str, tuple[object, ...]] = {
    "server: idle": (S.OPEN, END, END, END, END),
    "server: idle push": (END, END, END, END, END),
    "server: open": (S.CLOSED, SAME, S.HALF_CLOSED_REMOTE, SAME, S.CLOSED),
    "server: half-closed (remote)": (S.CLOSED, S.CLOSED, S.CLOSED, SAME, S.CLOSED),
    "server: reserved (local)": (END, END, END, SAME, S.CLOSED),
    "server: push begun": (S.CLOSED, S.CLOSED, S.CLOSED, SAME, S.CLOSED),
    "client: idle": (END, END, END, END, END),
    "client: idle push": (END, END, END, END, END),
    "client: open": (SAME, S.CLOSED, S.CLOSED, SAME, S.CLOSED),
    "client: half-closed (local)": (SAME, S.CLOSED, S.CLOSED, SAME, S.CLOSED),
    "client: reserved (remote)": (S.HALF_CLOSED_LOCAL, END, END, END, S.CLOSED),
    "client: push begun": (S.CLOSED, SAME, S.CLOSED, SAME, S.CLOSED),
}


@pytest.mark.parametrize("frame", COMING)
@pytest.mark.parametrize("standing", STANDING)
def test_every_frame_in_every_state(standing, frame):
    make, stream, state = STANDING[standing]
    outcome = ARRIVING[standing][COMING.index(frame)]
    peer = make()
    peer.sends(FRAMES[frame](peer, stream))
    assert peer.connection.closed == (outcome is END)
    if outcome is not END:
        expected = state if outcome is SAME else outcome
        assert peer.connection.stream_state(stream) is expected


def test_streams_that_were_left_out_are_closed():
    peer = client()
    peer.connection.send_headers_frame(5, GET)
    states = [peer.connection.stream_state(stream) for stream in (1, 3, 5, 7)]
    assert states == [S.CLOSED, S.CLOSED, S.OPEN, S.IDLE]
    peer = server().sends(headers(5, GET))
    states = [peer.connection.stream_state(stream) for stream in (1, 3, 5, 7)]
    assert states == [S.CLOSED, S.CLOSED, S.HALF_CLOSED_REMOTE, S.IDLE]
    assert peer.connection.stream_ids() == [5]


@pytest.mark.parametrize("end", [client, server])
def test_numbers_that_are_no_ids(end):
    connection = end().connection
    for number in (0, -1, -(2**64), *HUGE):
        with pytest.raises(NoSuchStreamError) as caught:
            connection.stream_state(number)
        assert caught.value.stream_id == number
        assert connection.stream_is_idle(number) == (number > 0)
        assert not connection.head_sent(number)
    for number in (2**31 - 1, 2**31 - 2):
        assert connection.stream_state(number) is S.IDLE


def test_streams_are_counted_by_the_end_that_opened_them():
    peer = server().sends(headers(1, GET), headers(3, POST, end_stream=False)).clear()

    def counts() -> list[int]:
        return [peer.connection.open_streams_of(role) for role in (Role.CLIENT, Role.SERVER)]

    assert counts() == [2, 0]
    peer.connection.promise_stream(1, 2, GET)
    # RFC 9113 §5.1.2: reserved streams do not count.
    assert counts() == [2, 0]
    peer.connection.send_headers_frame(2, OK)
    assert counts() == [2, 1]
    assert peer.connection.stream_ids() == [1, 3, 2]
    peer.connection.reset_stream(3)
    peer.connection.send_data_frame(2, b"", end_stream=True)
    assert counts() == [1, 0]
    peer = client()
    peer.connection.send_headers_frame(1, GET)
    peer.sends(push_promise(1, 2, GET), headers(2, OK, end_stream=False))
    assert counts() == [1, 1]


def test_the_head_that_was_sent():
    peer = asked(ends=False)
    connection = peer.connection
    assert not connection.head_sent(1)
    connection.send_headers_frame(1, [(":status", "103")])
    assert not connection.head_sent(1)
    connection.send_headers_frame(1, OK)
    assert connection.head_sent(1)
    connection.reset_stream(1)
    assert not connection.head_sent(1)
    assert asking(ends=True).connection.head_sent(1)
    assert not promising().connection.head_sent(2)


# ------------------------------------------------------------------------------------------------
# Messages that only the caller finds malformed.


def test_a_message_that_the_caller_refuses_is_reset_as_one_that_the_engine_refuses():
    peer = asked(ends=False)
    assert peer.connection.refuse_message(1) == [
        StreamReset(1, f.PROTOCOL_ERROR, False, "message.refused")
    ]
    peer.expect().wire(rst_stream(1, f.PROTOCOL_ERROR))
    assert peer.connection.peer_resets == 1
    # What is on its way is expected, and a stream that has closed stays as it is.
    peer.sends(data(1, b"late")).expect()
    assert peer.connection.refuse_message(1) == []
    peer.lives()


def test_a_peer_whose_messages_are_refused_again_and_again_is_cut_off():
    peer = server(limits=Limits(provoked_reset_burst=5, provoked_reset_rate=0))
    for stream in range(1, 100, 2):
        peer.sends(headers(stream, GET)).hears()
        events = peer.connection.refuse_message(stream, f.CANCEL)
        assert events[0] == StreamReset(stream, f.CANCEL, False, "message.refused")
        if len(events) > 1:
            break
    assert stream == 11
    assert [event.slug for event in events[1:]] == ["reset.provoked"]
    assert peer.connection.closed
    assert peer.reads()[-1] == Goaway(f.ENHANCE_YOUR_CALM, 11)
    assert peer.connection.refuse_message(11) == []


@pytest.mark.parametrize("end", [client, server])
def test_only_what_was_begun_can_be_refused(end):
    connection = end().connection
    for number in (0, -1, 1, 2, *HUGE):
        with pytest.raises(NoSuchStreamError):
            connection.refuse_message(number)
    with pytest.raises(UsageError):
        asked(ends=True).connection.refuse_message(1, 2**32)


# ------------------------------------------------------------------------------------------------
# The largest section that is taken.


def list_of(octets: int) -> f.Fields:
    """A request whose fields count for so many octets (RFC 9113 §6.5.2)."""
    rest = octets - sum(len(name) + len(value) + 32 for name, value in GET)
    return [*GET, (b"x", b"v" * (rest - 33))]


def takes(peer: Peer, octets: int) -> bool:
    """Whether a request of exactly so many octets is taken, and none that is larger."""
    stream = peer.connection.highest_remote_stream_id + 2 | 1
    peer.sends(headers(stream, list_of(octets)), headers(stream + 2, list_of(octets + 1)))
    told = [type(event).__name__ for event in peer.hears()]
    return told == ["RequestReceived", "StreamReset"]


def test_the_largest_section_follows_the_configuration_and_what_is_set():
    peer = server(max_header_list_size=1000)
    assert peer.connection.max_received_list_size == 1000
    assert takes(peer, 1000)
    peer.connection.max_received_list_size = 500
    assert peer.connection.max_received_list_size == 500
    assert takes(peer, 500)
    for wrong in (-1, 2**32, *HUGE[1:]):
        with pytest.raises(UsageError):
            peer.connection.max_received_list_size = wrong
    peer.connection.max_received_list_size = 2**32 - 1
    assert peer.connection.max_received_list_size == 2**32 - 1
    peer.connection.max_received_list_size = 0
    peer.sends(headers(101, GET))
    assert peer.hears()[-1].slug == "hpack.list_size"


def test_a_larger_section_is_taken_once_announced_a_smaller_limit_holds_once_acknowledged():
    peer = server(max_header_list_size=1000)
    peer.connection.update_settings({SettingCode.MAX_HEADER_LIST_SIZE: 2000})
    assert takes(peer, 2000)
    peer.connection.update_settings({SettingCode.MAX_HEADER_LIST_SIZE: 600})
    assert takes(peer, 2000)
    peer.sends(f.settings_ack()).clear()
    # The peer knows of 2000, and 600 is on its way.
    assert takes(peer, 2000)
    peer.sends(f.settings_ack()).clear()
    assert takes(peer, 600)
    assert peer.connection.local_settings.max_header_list_size == 600


def test_a_limit_that_was_set_by_hand_stays_whatever_is_announced():
    peer = server(max_header_list_size=1000)
    peer.connection.max_received_list_size = 500
    for announced in (2000, 400):
        peer.connection.update_settings({SettingCode.MAX_HEADER_LIST_SIZE: announced})
        assert takes(peer, 500)
        peer.sends(f.settings_ack()).clear()
        assert takes(peer, 500)
    assert peer.connection.local_settings.max_header_list_size == 400


def test_a_field_block_may_be_as_large_as_the_list_that_was_announced():
    peer = server(max_header_list_size=1000)
    large = f.block([*GET, (b"x-large", b"v" * 40_000)])

    def request(stream: int) -> None:
        peer.sends(
            f.raw_headers(stream, large[:16_000], end_headers=False),
            f.continuation(stream, large[16_000:32_000], end_headers=False),
            f.continuation(stream, large[32_000:]),
        )

    peer.connection.update_settings({SettingCode.MAX_HEADER_LIST_SIZE: 50_000})
    peer.clear()
    request(1)
    assert [type(event).__name__ for event in peer.hears()] == ["RequestReceived"]
    peer.connection.update_settings({SettingCode.MAX_HEADER_LIST_SIZE: 1000})
    peer.sends(f.settings_ack(), f.settings_ack()).clear()
    request(3)
    assert peer.hears()[-1].slug == "headers.too_large"
