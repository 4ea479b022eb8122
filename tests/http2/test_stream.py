"""The stream alone: each transition of RFC 9113 §5.1 in each state, written out."""

from __future__ import annotations

import pytest

from plait.http2.errors import ConnectionFault, ErrorCode, StreamFault, StreamStateError
from plait.http2.stream import Stream

IDLE, RESERVED_LOCAL, RESERVED_REMOTE, OPEN = 0, 1, 2, 3
HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED = 4, 5, 6
STATES = range(7)
NAMES = (
    *("idle", "reserved (local)", "reserved (remote)", "open"),
    *("half-closed (local)", "half-closed (remote)", "closed"),
)

MISUSE = "misuse"
PROTOCOL = ("connection", ErrorCode.PROTOCOL_ERROR)
LATE = ("stream", ErrorCode.STREAM_CLOSED)
WRONG = ("stream", ErrorCode.PROTOCOL_ERROR)

# transition -> what becomes of each state, in the order of STATES.
GRID = {
    "send_headers": [
        *(OPEN, HALF_CLOSED_REMOTE, MISUSE, OPEN, MISUSE, HALF_CLOSED_REMOTE, MISUSE),
    ],
    "send_end_stream": [
        *(MISUSE, MISUSE, MISUSE, HALF_CLOSED_LOCAL, MISUSE, CLOSED, MISUSE),
    ],
    "send_push_promise": [RESERVED_LOCAL, MISUSE, MISUSE, MISUSE, MISUSE, MISUSE, MISUSE],
    "recv_headers": [
        *(OPEN, PROTOCOL, HALF_CLOSED_LOCAL, OPEN, HALF_CLOSED_LOCAL, LATE, LATE),
    ],
    "recv_end_stream": [
        *(PROTOCOL, PROTOCOL, PROTOCOL, HALF_CLOSED_REMOTE, CLOSED, LATE, LATE),
    ],
    "recv_push_promise": [RESERVED_REMOTE, PROTOCOL, PROTOCOL, WRONG, WRONG, LATE, LATE],
}


def in_state(state: int) -> Stream:
    stream = Stream(7, 65_535)
    stream.state = state
    return stream


CELLS = [
    pytest.param(name, state, outcome, id=f"{name}-{NAMES[state]}")
    for name, row in GRID.items()
    for state, outcome in zip(STATES, row, strict=True)
]


@pytest.mark.parametrize(("name", "state", "outcome"), CELLS)
def test_each_transition_in_each_state(name, state, outcome):
    stream = in_state(state)
    transition = getattr(stream, name)
    if outcome == MISUSE:
        with pytest.raises(StreamStateError, match="stream 7"):
            transition()
    elif isinstance(outcome, tuple):
        scope, code = outcome
        with pytest.raises(ConnectionFault if scope == "connection" else StreamFault) as caught:
            transition()
        assert caught.value.code == code
        assert getattr(caught.value, "stream_id", 7) == 7
    else:
        transition()
        assert stream.state == outcome
        return
    assert stream.state == state


@pytest.mark.parametrize("state", STATES, ids=NAMES)
def test_data_may_be_sent_while_our_side_is_open(state):
    assert in_state(state).can_send_data() == (state in (OPEN, HALF_CLOSED_REMOTE))


@pytest.mark.parametrize("state", STATES, ids=NAMES)
def test_data_may_be_received_while_the_peers_side_is_open(state):
    assert in_state(state).can_receive_data() == (state in (OPEN, HALF_CLOSED_LOCAL))


@pytest.mark.parametrize("state", STATES, ids=NAMES)
def test_a_stream_can_be_closed_in_every_state(state):
    stream = in_state(state)
    stream.close()
    assert stream.state == CLOSED
    assert stream.body is None


def test_a_request_and_its_response():
    stream = Stream(1, 65_535)
    stream.recv_headers()
    stream.recv_end_stream()
    stream.send_headers()
    stream.send_end_stream()
    assert stream.state == CLOSED


def test_a_stream_starts_idle_with_the_window_it_was_given():
    stream = Stream(2**31 - 1, 2**31 - 1)
    assert (stream.id, stream.send_window, stream.state) == (2**31 - 1, 2**31 - 1, IDLE)
    assert stream.urgency == 3
