"""Every state of a stream, and all that a peer may send in it (SPDY/3 §2.3).

The grids have a row for each state and a column for each input; a cell says what must happen:

- ``ok``: the event of the frame, and no answer. ``finished``: and the peer's side is complete.
  ``closed``: and the stream has closed with OK. ``both``: both of them.
- ``reset``: the stream closes with the peer's status.
- ``rst N``: RST_STREAM with status N, and the stream, if there is one, closes with it.
- ``end``: GOAWAY. ``ignored``: nothing at all. ``told``: the event, and nothing else.
"""

from __future__ import annotations

import pytest

from plait.spdy.events import DataFrameReceived, DataReceived, Event, PeerFinished, StreamClosed

from . import wire as w
from .script import (
    Ended,
    Got,
    Invalid,
    Peer,
    every_version,
    facing_client,
    facing_server,
    with_windows,
)
from .wire import (
    GET,
    OK,
    POST,
    SPDY2,
    Frame,
    data,
    goaway,
    headers,
    push,
    rst_stream,
    syn_reply,
    syn_stream,
    window_update,
)

X = [(b"x", b"y")]
BODY = data(1, b"body")


def never(most: int) -> tuple[None, int]:
    """A body source that has nothing yet."""
    return None, 2


def a_request(version: int, *, end: bool) -> Peer:
    return facing_server(version).sends(syn_stream(1, POST, end=end))


def answered(version: int, *, end: bool, done: bool) -> Peer:
    peer = a_request(version, end=end)
    peer.connection.send_response(1, OK, None if done else never)
    return peer


def reset_but_not_sent(peer: Peer) -> Peer:
    peer.clear().connection.reset_stream(1, w.CANCEL)
    return peer


def requested(version: int, *frames: Frame, done: bool = False) -> Peer:
    peer = facing_client(version)
    peer.connection.send_request(POST, None if done else never)
    peer.pull()
    return peer.sends(*frames)


PEERS_STREAM = {
    "idle": facing_server,
    "asked": lambda v: a_request(v, end=False),
    "asked, complete": lambda v: a_request(v, end=True),
    "answering": lambda v: answered(v, end=False, done=False),
    "answering, complete": lambda v: answered(v, end=True, done=False),
    "answered": lambda v: answered(v, end=False, done=True),
    "closing": lambda v: reset_but_not_sent(a_request(v, end=False)),
    "closed": lambda v: answered(v, end=True, done=True),
}

# What a client sends on stream 1 of a server.
PEERS_GRID = """
                     SYN_STREAM  SYN_REPLY  HEADERS  HEADERS+FIN  DATA     DATA+FIN  RST_STREAM
idle                 finished    rst 1      rst 1    rst 1        ignored  ignored   told
asked                rst 1       rst 1      ok       finished     ok       finished  reset
asked, complete      rst 1       rst 1      rst 1    rst 1        end      end       reset
answering            rst 1       rst 1      ok       finished     ok       finished  reset
answering, complete  rst 1       rst 1      rst 1    rst 1        end      end       reset
answered             rst 1       rst 1      ok       both         ok       both      reset
closing              -           ignored    ignored  ignored      ignored  ignored   reset
closed               rst 1       rst 1      rst 1    rst 1        ignored  ignored   told
"""

OWN_STREAM = {
    "idle": facing_client,
    "opening": requested,
    "opening, said": lambda v: requested(v, done=True),
    "open": lambda v: requested(v, syn_reply(1)),
    "open, said": lambda v: requested(v, syn_reply(1), done=True),
    "heard": lambda v: requested(v, syn_reply(1, end=True)),
    "closing": lambda v: reset_but_not_sent(requested(v)),
    "closed": lambda v: requested(v, syn_reply(1, end=True), done=True),
}

# What a server sends on stream 1 of a client.
OWN_GRID = """
               SYN_REPLY  SYN_REPLY+FIN  HEADERS  HEADERS+FIN  DATA     DATA+FIN  RST_STREAM
idle           rst 1      rst 1          rst 1    rst 1        ignored  ignored   told
opening        ok         ok             rst 1    rst 1        end      end       reset
opening, said  ok         closed         rst 1    rst 1        end      end       reset
open           rst 8      rst 8          ok       ok           ok       ok        reset
open, said     rst 8      rst 8          ok       closed       ok       closed    reset
heard          rst 1      rst 1          rst 1    rst 1        end      end       reset
closing        ignored    ignored        ignored  ignored      ignored  ignored   reset
closed         rst 1      rst 1          rst 1    rst 1        ignored  ignored   told
"""

INPUTS = {
    "SYN_STREAM": syn_stream(1),
    "SYN_REPLY": syn_reply(1),
    "SYN_REPLY+FIN": syn_reply(1, end=True),
    "HEADERS": headers(1, X),
    "HEADERS+FIN": headers(1, X, end=True),
    "DATA": BODY,
    "DATA+FIN": BODY.with_(flags=w.FIN),
    "RST_STREAM": rst_stream(1, w.REFUSED_STREAM),
}


def cells(grid: str) -> list[tuple[str, str, str]]:
    """State, input, outcome."""
    head, *rows = grid.strip("\n").splitlines()
    starts = [at for at in range(1, len(head)) if head[at] != " " and head[at - 1] == " "]
    ends = [*starts[1:], 99]
    found = []
    for row in rows:
        state = row[: starts[0]].strip()
        for start, end in zip(starts, ends, strict=True):
            outcome = row[start:end].strip()
            if outcome != "-":
                found.append((state, head[start:end].strip(), outcome))
    return found


def valid(frame: Frame) -> list[object]:
    """The events of a frame that nothing is wrong with."""
    if frame.kind != w.DATA:
        return [Got(frame)]
    length = len(frame.body)
    pieces = [DataReceived(1, frame.flags, frame.body)] if length else []
    return [*pieces, DataFrameReceived(frame.stream_id, frame.flags, length)]


def happens(peer: Peer, frame: Frame, outcome: str, *, exists: bool) -> None:
    """Send a frame to a stream in some state."""
    words, _, number = outcome.partition(" ")
    status = int(number or 0)
    if status == w.STREAM_IN_USE and peer.version == SPDY2:
        status = w.PROTOCOL_ERROR
    unsent = peer.clear().connection.queue_size
    if words == "reset":
        return is_reset(peer.sends(frame), frame)
    peer.sends(frame)
    if words == "end":
        last = peer.connection.highest_remote_stream_id
        peer.expect(Ended()).wire(goaway(last, 1)).is_dead()
        return None
    assert peer.connection.queue_size == unsent + (words == "rst")
    if words == "rst":
        peer.expect(Invalid(frame, status)).wire(rst_stream(1, status))
        peer.expect(*[StreamClosed(1, status)] * exists)
    else:
        more: dict[str, list[Event]] = {
            "finished": [PeerFinished(1)],
            "closed": [StreamClosed(1, 0)],
            "both": [PeerFinished(1), StreamClosed(1, 0)],
        }
        told = [] if words == "ignored" else [*valid(frame), *more.get(words, [])]
        peer.expect(*told).wire()
    assert peer.connection.stream_is_open(1) == (words in ("ok", "finished"))
    peer.lives()
    return None


def is_reset(peer: Peer, frame: Frame) -> None:
    peer.expect(Got(frame), StreamClosed(1, frame.status))
    assert not peer.connection.stream_is_open(1)
    peer.clear().lives()


EXISTING = {"idle": False, "closed": False}


@every_version
@pytest.mark.parametrize(("state", "what", "outcome"), cells(PEERS_GRID))
def test_a_stream_of_the_peer(version, state, what, outcome):
    peer = PEERS_STREAM[state](version)
    if state == "closing":
        assert peer.sends(INPUTS[what]).connection.failed is False
        check_closing(peer, INPUTS[what], outcome)
    else:
        happens(peer, INPUTS[what], outcome, exists=EXISTING.get(state, True))


@every_version
@pytest.mark.parametrize(("state", "what", "outcome"), cells(OWN_GRID))
def test_a_stream_of_ours(version, state, what, outcome):
    peer = OWN_STREAM[state](version)
    if state == "closing":
        check_closing(peer.sends(INPUTS[what]), INPUTS[what], outcome)
    else:
        happens(peer, INPUTS[what], outcome, exists=EXISTING.get(state, True))


def check_closing(peer: Peer, frame: Frame, outcome: str) -> None:
    """Our RST_STREAM waits to be sent, and is sent whatever came."""
    if outcome == "ignored":
        peer.expect().wire(rst_stream(1)).expect(StreamClosed(1, w.CANCEL))
    else:
        peer.expect(Got(frame), StreamClosed(1, frame.status)).wire(rst_stream(1)).expect()
    peer.lives()


@with_windows
@pytest.mark.parametrize("states", [PEERS_STREAM, OWN_STREAM], ids=["the peer's", "ours"])
def test_credit_is_told_where_a_stream_lives(version, states):
    for state, begin in states.items():
        peer = begin(version)
        if state != "closing":
            peer.clear()
        peer.sends(window_update(1, 10))
        gone = state in ("idle", "closing", "closed")
        peer.expect(*[Got(window_update(1, 10))] * (not gone))
        peer.clear().lives()


# ------------------------------------------------------------------------------------------------
# Whole lives.


@every_version
def test_a_request_and_its_answer(version):
    peer = facing_server(version).sends(syn_stream(1, POST, end=False, priority=2))
    peer.expect(Got(syn_stream(1, POST, end=False, priority=2)))
    peer.sends(headers(1, X)).expect(Got(headers(1, X)))
    peer.sends(data(1, b"ab")).expect(DataReceived(1, 0, b"ab"), DataFrameReceived(1, 0, 2))
    peer.sends(data(1, b"c", end=True))
    peer.expect(DataReceived(1, 1, b"c"), DataFrameReceived(1, 1, 1), PeerFinished(1)).wire()
    peer.connection.send_response(1, OK, b"answer")
    peer.wire(syn_reply(1), data(1, b"answer", end=True)).expect(StreamClosed(1, 0))
    assert peer.connection.open_streams == 0


@every_version
def test_an_answer_without_a_body(version):
    peer = a_request(version, end=True).clear()
    peer.connection.send_response(1, OK)
    peer.wire(syn_reply(1, end=True)).expect(StreamClosed(1, 0))


@every_version
def test_an_answer_before_the_request_is_complete(version):
    peer = answered(version, end=False, done=True)
    peer.wire(syn_reply(1, end=True)).clear()
    peer.sends(data(1, b"late", end=True))
    done = [PeerFinished(1), StreamClosed(1, 0)]
    peer.expect(DataReceived(1, 1, b"late"), DataFrameReceived(1, 1, 4), *done).wire()


@every_version
def test_a_clients_exchange(version):
    peer = facing_client(version)
    assert peer.connection.send_request(POST, b"body", priority=1) == 1
    peer.wire(syn_stream(1, POST, end=False, priority=1), data(1, b"body", end=True)).expect()
    peer.sends(syn_reply(1)).expect(Got(syn_reply(1)))
    peer.sends(headers(1, X), data(1, end=True))
    # Nobody sends PeerFinished for a stream of our own: the answer is not a request.
    peer.expect(Got(headers(1, X)), DataFrameReceived(1, 1, 0), StreamClosed(1, 0)).wire()


@every_version
def test_a_stream_that_is_complete_when_it_is_pushed_was_never_open(version):
    peer = requested(version, syn_reply(1), done=True).clear()
    before = peer.connection.open_streams
    frame = push(2, 1, flags=3)
    peer.sends(frame).expect(Got(frame), PeerFinished(2), StreamClosed(2, 0)).wire()
    assert peer.connection.open_streams == before


@every_version
def test_our_reset_closes_a_stream_when_it_is_sent(version):
    peer = a_request(version, end=False).clear()
    peer.connection.reset_stream(1, w.REFUSED_STREAM)
    peer.expect().wire(rst_stream(1, w.REFUSED_STREAM)).expect(StreamClosed(1, w.REFUSED_STREAM))
    peer.sends(data(1, b"x")).expect().wire().lives()


@every_version
@pytest.mark.parametrize("frame", [BODY, data(1, end=True), headers(1, X)], ids=repr)
def test_what_comes_after_fin_on_a_closing_stream_is_ignored(version, frame):
    peer = reset_but_not_sent(a_request(version, end=True)).sends(frame).expect()
    peer.wire(rst_stream(1)).expect(StreamClosed(1, w.CANCEL)).lives()


@every_version
def test_streams_are_independent(version):
    peer = facing_server(version).sends(*(syn_stream(s, POST, end=False) for s in (1, 3, 5)))
    assert peer.clear().connection.open_streams == 3
    peer.sends(rst_stream(3)).expect(Got(rst_stream(3)), StreamClosed(3, w.CANCEL))
    assert [peer.connection.stream_is_open(s) for s in (1, 3, 5)] == [True, False, True]
    peer.sends(data(5, end=True)).expect(DataFrameReceived(5, 1, 0), PeerFinished(5))
    assert peer.connection.highest_remote_stream_id == 5


@every_version
def test_ids_may_leave_gaps(version):
    peer = facing_server(version)
    for stream_id in (1, 7, 9, 2**31 - 1):
        peer.sends(syn_stream(stream_id, X)).expect(
            Got(syn_stream(stream_id, X)), PeerFinished(stream_id)
        )
    assert peer.connection.highest_remote_stream_id == 2**31 - 1


@every_version
def test_reserved_bits_are_ignored(version):
    peer = facing_server(version)
    octets = bytearray(peer.writer(syn_stream(1, X)))
    octets[8] |= 0x80
    octets[12] |= 0x80
    peer.sends(bytes(octets)).expect(Got(syn_stream(1, X)), PeerFinished(1)).lives()


@every_version
def test_requests_in_either_role_count_in_steps_of_two(version):
    client, server = facing_client(version).connection, a_request(version, end=True).connection
    assert [client.send_request(GET) for _ in range(3)] == [1, 3, 5]
    assert [server.push(1, GET) for _ in range(3)] == [2, 4, 6]
