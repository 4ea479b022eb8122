"""What may be sent, checked when its turn comes (SPDY/3 §2.3, §2.6)."""

from __future__ import annotations

import pytest

from plait.spdy.errors import UsageError
from plait.spdy.events import BodyFailed, StreamClosed

from . import wire as w
from .script import (
    Got,
    NotSent,
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
    Frame,
    data,
    goaway,
    headers,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
)

CLOSED, CLOSING, SHUT, WRONG_ID, WRONG_STATE = -510, -511, -512, -513, -514
NOT_ALLOWED, ALREADY_SENT, TOO_LARGE = -516, -517, -522
X = [(b"x", b"y")]


def never(most: int) -> tuple[None, int]:
    return None, 2


def asked(version: int, *, end: bool = True) -> Peer:
    return facing_server(version).sends(syn_stream(1, POST, end=end)).clear()


def unsent(peer: Peer, frame: Frame, error: int, *more: object) -> Peer:
    """Nothing goes out, and the program is told why."""
    return peer.wire().expect(NotSent(frame, error), *more)


# ------------------------------------------------------------------------------------------------
# SYN_STREAM.


@every_version
@pytest.mark.parametrize("why", ["sent", "queued", "received", "failed"])
def test_no_stream_is_opened_after_goaway(version, why):
    peer = facing_client(version)
    connection = peer.connection
    if why in ("sent", "queued"):
        connection.send_goaway(0)
    elif why == "received":
        peer.sends(goaway())
    else:
        connection.fail(1)
    if why == "sent":
        peer.pull()
    connection.send_request(GET, priority=connection.lowest_priority)
    frames = peer.reads()
    assert w.SYN_STREAM not in [frame.kind for frame in frames]
    frame = syn_stream(1, GET, priority=connection.lowest_priority)
    if why == "failed":  # GOAWAY is all that is sent, and what was queued is forgotten with it
        assert [frame.kind for frame in frames] == [w.GOAWAY]
        return
    assert peer.hears()[-2:] == [NotSent(frame, NOT_ALLOWED), StreamClosed(1, w.INTERNAL_ERROR)]
    assert not connection.open_streams


@every_version
def test_a_push_for_a_stream_that_is_gone_by_then_is_not_sent(version):
    peer = asked(version)
    peer.connection.push(1, GET, b"body")
    peer.sends(rst_stream(1)).expect(Got(rst_stream(1)), StreamClosed(1, w.CANCEL))
    frame = push(2, 1, GET, priority=peer.connection.lowest_priority)
    unsent(peer, frame, CLOSED, StreamClosed(2, w.INTERNAL_ERROR))
    assert not peer.connection.open_streams


@every_version
def test_the_stream_of_a_request_opens_when_it_is_sent(version):
    peer = facing_client(version)
    stream = peer.connection.send_request(GET)
    assert not peer.connection.stream_is_open(stream)
    peer.pull()
    assert peer.connection.stream_is_open(stream)


# ------------------------------------------------------------------------------------------------
# SYN_REPLY, HEADERS, DATA.


def says(peer: Peer, kind: int, stream_id: int) -> Frame:
    """Queue a frame; what it would look like."""
    connection = peer.connection
    if kind == w.SYN_REPLY:
        connection.send_syn_reply(stream_id, OK)
        return syn_reply(stream_id)
    if kind == w.HEADERS:
        connection.send_headers(stream_id, X)
        return headers(stream_id, X)
    connection.send_data(stream_id, b"body")
    return data(stream_id, b"body")


KINDS = pytest.mark.parametrize("kind", [w.SYN_REPLY, w.HEADERS, w.DATA], ids=w.NAMES.__getitem__)


def is_refused(peer: Peer, frame: Frame, error: int) -> None:
    """Control frames are told of; DATA is dropped in silence."""
    peer.wire().expect(*[NotSent(frame, error)] * (frame.kind != w.DATA))
    assert not peer.connection.want_write()
    peer.lives()


@every_version
@KINDS
def test_nothing_is_sent_on_a_stream_that_does_not_exist(version, kind):
    for stream_id in (0, 2, 3, 2**31 - 1):
        peer = asked(version)
        is_refused(peer, says(peer, kind, stream_id), CLOSED)


@every_version
@KINDS
def test_nothing_is_sent_on_a_stream_that_the_peer_has_reset(version, kind):
    peer = asked(version)
    frame = says(peer, kind, 1)
    peer.sends(rst_stream(1)).hears()
    is_refused(peer, frame, CLOSED)


@every_version
@KINDS
def test_nothing_is_sent_after_fin(version, kind):
    peer = asked(version, end=False)
    peer.connection.send_response(1, OK)
    peer.clear()
    is_refused(peer, says(peer, kind, 1), SHUT)


@every_version
@KINDS
def test_nothing_is_sent_while_a_reset_is_queued(version, kind):
    peer = asked(version)
    frame = says(peer, kind, 1)
    peer.connection.reset_stream(1, w.CANCEL)
    again = says(peer, kind, 1)
    told = [NotSent(frame, CLOSING)] * (kind != w.DATA)
    # The first was queued before RST_STREAM, the second behind it: that one finds no stream.
    more = [NotSent(again, CLOSED)] * (kind != w.DATA)
    peer.wire(rst_stream(1)).expect(*told, StreamClosed(1, w.CANCEL), *more)


@every_version
def test_a_reply_on_ones_own_stream_is_not_sent(version):
    peer = facing_client(version)
    peer.connection.send_request(POST, never)
    peer.clear()
    is_refused(peer, says(peer, w.SYN_REPLY, 1), WRONG_ID)


@every_version
def test_a_second_reply_is_not_sent(version):
    peer = asked(version)
    peer.connection.send_response(1, OK, never)
    peer.clear()
    is_refused(peer, says(peer, w.SYN_REPLY, 1), WRONG_STATE)


@every_version
@pytest.mark.parametrize("kind", [w.HEADERS, w.DATA], ids=w.NAMES.__getitem__)
def test_nothing_is_sent_before_the_reply(version, kind):
    peer = asked(version)
    is_refused(peer, says(peer, kind, 1), WRONG_STATE)


@every_version
@pytest.mark.parametrize("kind", [w.HEADERS, w.DATA], ids=w.NAMES.__getitem__)
def test_a_client_need_not_wait_for_the_reply(version, kind):
    peer = facing_client(version)
    peer.connection.send_syn_stream(POST, priority=0)
    frame = says(peer, kind, 1)
    flags = w.FIN if kind == w.DATA else 0
    peer.wire(syn_stream(1, POST, end=False), frame.with_(flags=flags)).expect()


@every_version
def test_a_push_needs_no_reply(version):
    peer = asked(version)
    assert peer.connection.push(1, GET, b"body", priority=1) == 2
    peer.wire(push(2, 1, GET, priority=1), data(2, b"body", end=True))
    peer.expect(StreamClosed(2, 0)).lives()


@every_version
def test_a_second_body_while_the_first_is_deferred_is_dropped(version):
    peer = asked(version)
    peer.connection.send_response(1, OK, never)
    peer.wire(syn_reply(1))
    peer.connection.send_data(1, b"lost")
    peer.wire().expect()
    assert not peer.connection.want_write()
    assert peer.connection.stream_is_open(1)


@every_version
def test_headers_may_be_sent_between_the_parts_of_a_body(version):
    peer = asked(version)
    peer.connection.send_syn_reply(1, OK)
    peer.connection.send_data(1, b"one", end_stream=False)
    peer.connection.send_headers(1, X)
    peer.connection.send_data(1, b"two", end_stream=False)
    peer.connection.send_headers(1, X, end_stream=True)
    peer.wire(
        syn_reply(1), data(1, b"one"), headers(1, X), data(1, b"two"), headers(1, X, end=True)
    )
    peer.expect(StreamClosed(1, 0))


# ------------------------------------------------------------------------------------------------
# The others.


@every_version
def test_one_goaway_is_enough(version):
    peer = asked(version)
    peer.connection.send_goaway(0)
    peer.connection.send_goaway(2)
    peer.wire(goaway(1)).expect(NotSent(peer.as_read(goaway(1, 2)), ALREADY_SENT))


@every_version
def test_goaway_names_the_last_stream_at_the_time_of_the_call(version):
    peer = asked(version)
    peer.connection.send_goaway(1)
    peer.sends(syn_stream(3)).hears()
    peer.wire(goaway(1, 1))


@every_version
def test_credit_for_what_is_gone_is_dropped_in_silence(version):
    peer = asked(version, end=False)
    peer.connection.send_window_update(1, 10)
    peer.sends(rst_stream(1)).hears()
    peer.wire().expect()
    peer.sends(syn_stream(3, POST, end=False)).clear()
    peer.connection.send_window_update(3, 10)
    peer.connection.reset_stream(3, w.CANCEL)
    peer.wire(rst_stream(3)).expect(StreamClosed(3, w.CANCEL))


@every_version
def test_credit_for_the_session_is_sent_in_spdy_3_1_alone(version):
    peer = asked(version)
    peer.connection.send_window_update(0, 10)
    peer.wire(*[window_update(0, 10)] * (version == w.SPDY3_1)).expect()


@every_version
def test_credit_may_be_sent_in_every_version(version):
    peer = asked(version, end=False)
    peer.connection.send_window_update(1, 10)
    peer.wire(window_update(1, 10))


@every_version
def test_reset_ping_and_settings_are_always_sent(version):
    peer = asked(version)
    peer.connection.send_goaway(0)
    peer.pull()
    peer.connection.reset_stream(99, w.INVALID_STREAM)
    peer.connection.send_settings([(4, 0, 1)])
    assert peer.connection.ping() == 2
    peer.wire(goaway(1), ping(2), settings((4, 0, 1)), rst_stream(99, w.INVALID_STREAM)).expect()


def too_large(version: int) -> list[tuple[bytes, bytes]]:
    """More than 2^24-1 octets, even compressed by an engine that does not."""
    if version == w.SPDY2:
        return [(b"x%d" % n, bytes(60_000).replace(b"\0", b"v")) for n in range(280)]
    return [(b"x", b"v" * 2**24)]


@mostly_one_version
def test_a_request_that_no_frame_can_hold_is_not_sent(version):
    peer = facing_client(version)
    peer.connection.send_request(too_large(version))
    peer.wire()
    (event,) = peer.hears()
    assert event == NotSent(syn_stream(1, event.frame.fields, priority=event.frame.priority), -522)
    # What was not sent has left no trace in the state of zlib.
    peer.connection.send_request(GET, priority=0)
    peer.wire(syn_stream(3, GET))


# ------------------------------------------------------------------------------------------------
# Bodies.


@every_version
def test_a_body_is_cut_into_frames(version):
    peer = asked(version)
    peer.connection.send_response(1, OK, bytes(10_000))
    peer.wire(
        syn_reply(1), *(data(1, bytes(4096)) for _ in range(2)), data(1, bytes(1808), end=True)
    )


@every_version
@pytest.mark.parametrize("empty", [b"", lambda most: (b"", 1), lambda most: (None, 1)])
def test_an_empty_body_is_a_frame_with_fin(version, empty):
    peer = asked(version)
    peer.connection.send_response(1, OK, empty)
    frames = peer.reads()
    assert frames in ([syn_reply(1), data(1, end=True)], [syn_reply(1, end=True)])
    peer.expect(StreamClosed(1, 0))


@every_version
def test_a_source_is_asked_for_no_more_than_a_frame(version):
    asked_for = []

    def source(most: int) -> tuple[bytes, int]:
        asked_for.append(most)
        return (b"x" * most, 0) if len(asked_for) < 3 else (b"end", 1)

    peer = asked(version)
    peer.connection.send_response(1, OK, source)
    peer.wire(syn_reply(1), *[data(1, b"x" * 4096)] * 2, data(1, b"end", end=True))
    assert asked_for == [4096] * 3


@every_version
def test_a_deferred_source_is_asked_again_when_it_is_resumed(version):
    parts = [(b"one", 0), (None, 2), (b"two", 0), (None, 2), (b"", 1)]
    peer = asked(version)
    peer.connection.send_response(1, OK, lambda most: parts.pop(0))
    peer.wire(syn_reply(1), data(1, b"one"))
    assert not peer.connection.want_write()
    assert peer.connection.resume(1) is True
    assert peer.connection.want_write()
    peer.wire(data(1, b"two"))
    assert peer.connection.resume(1) is True
    assert peer.connection.resume(1) is False
    peer.wire(data(1, end=True)).expect(StreamClosed(1, 0))
    assert peer.connection.resume(1) is False


@every_version
def test_there_is_nothing_to_resume_where_nothing_waits(version):
    peer = asked(version, end=False)
    assert [peer.connection.resume(s) for s in (0, 1, 3, 2**31)] == [False] * 4
    peer.connection.send_response(1, OK, b"body")
    assert peer.connection.resume(1) is False
    peer.pull()
    assert peer.connection.resume(1) is False


class Broken(Exception):
    pass


def breaks(most: int) -> tuple[bytes, int]:
    raise Broken("no more")


BAD_SOURCES = {
    "raises": breaks,
    "gives more than was asked for": lambda most: (bytes(most + 1), 0),
    "gives no octets": lambda most: (7, 0),
    "gives no pair": lambda most: b"x",
    "an unknown flag": lambda most: (b"x", 9),
}


@every_version
@pytest.mark.parametrize("source", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_broken_source_costs_its_stream(version, source):
    peer = asked(version).sends(syn_stream(3)).clear()
    peer.connection.send_response(1, OK, source)
    peer.connection.send_response(3, OK, b"whole")
    assert rst_stream(1, w.INTERNAL_ERROR) in (frames := peer.reads())
    assert data(3, b"whole", end=True) in frames
    assert not any(frame.kind == w.DATA and frame.stream_id == 1 for frame in frames)
    events = peer.hears()
    (failed,) = [event for event in events if isinstance(event, BodyFailed)]
    assert failed.stream_id == 1
    assert isinstance(failed.error, Broken if source is breaks else Exception)
    assert StreamClosed(1, w.INTERNAL_ERROR) in events
    peer.lives()


@every_version
def test_a_source_that_gives_nothing_without_end_does_not_spin(version):
    calls = []

    def source(most: int) -> tuple[bytes, int]:
        calls.append(most)
        return b"", 0

    peer = asked(version)
    peer.connection.send_response(1, OK, source)
    assert peer.connection.data_to_send()
    assert len(calls) < 5


@every_version
def test_a_source_may_use_the_connection(version):
    peer = asked(version, end=False)

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.ping()
        peer.connection.send_headers(1, X, chained=False)
        return b"x", 1

    peer.connection.send_response(1, OK, source)
    frames = peer.reads()
    assert frames[:2] == [syn_reply(1), data(1, b"x", end=True)]
    assert ping(2) in frames
    assert NotSent(headers(1, X), SHUT) in peer.hears()


@every_version
def test_a_source_may_reset_its_stream(version):
    peer = asked(version)

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.reset_stream(1, w.CANCEL)
        return b"x", 0

    peer.connection.send_response(1, OK, source)
    frames = peer.reads()
    assert frames[-1] == rst_stream(1)
    assert StreamClosed(1, w.CANCEL) in peer.hears()
    peer.lives()


@every_version
@pytest.mark.parametrize("limit", [1, 7, 100, 5000])
def test_any_limit_gives_the_same_octets(version, limit):
    def said(limit: int) -> bytes:
        connection = asked(version).connection
        connection.send_response(1, OK, b"x" * 9000)
        connection.ping()
        out = b""
        while part := connection.data_to_send(limit):
            out += part
        return out

    assert said(limit) == said(65_536)


@every_version
def test_no_more_is_pulled_from_a_source_than_the_transport_takes(version):
    pulled = []

    def source(most: int) -> tuple[bytes, int]:
        pulled.append(most)
        return b"x" * most, 0

    peer = facing_server(version)
    peer.sends(syn_stream(1)).clear()
    peer.connection.send_response(1, OK, source)
    peer.connection.data_to_send(10_000)
    assert sum(pulled) < 20_000


# ------------------------------------------------------------------------------------------------
# Misuse.


@every_version
@pytest.mark.parametrize(
    "fields",
    [
        [(b"", b"v")],
        [(b"na\x1fme", b"v")],
        [(b"n\x7fme", b"v")],
        [(b"n\x80me", b"v")],
        [(b"x", b"\0v")],
        [(b"x", b"v\0")],
        [(b"x", b"v\0\0w")],
    ],
    ids=repr,
)
def test_headers_that_cannot_be_sent_are_refused_at_the_call(version, fields):
    client, server = facing_client(version), asked(version)
    for call in (
        lambda: client.connection.send_request(fields),
        lambda: client.connection.send_syn_stream(fields, priority=0),
        lambda: server.connection.push(1, fields),
        lambda: server.connection.send_response(1, fields),
        lambda: server.connection.send_syn_reply(1, fields),
        lambda: server.connection.send_headers(1, fields),
    ):
        with pytest.raises(ValueError):
            call()
    client.wire().expect().lives()
    server.wire().expect()
    assert client.connection.send_request(GET) == 1
    server.connection.send_response(1, OK)
    server.wire(syn_reply(1, end=True))


def test_what_a_block_of_spdy_2_cannot_hold_is_refused_at_the_call():
    for fields in (
        [(b"n" * 65_536, b"v")],
        [(b"x", b"v" * 65_536)],
        [(b"x", b"v" * 33_000), (b"x", b"v" * 33_000)],
    ):
        peer = facing_client(w.SPDY2)
        with pytest.raises(UsageError):
            peer.connection.send_request(fields)
        assert peer.connection.send_request(GET, priority=0) == 1
        peer.wire(syn_stream(1, GET))


@every_version
def test_names_are_lowered_and_sorted_values_joined(version):
    peer = facing_client(version)
    fields = [(b"b", b"1"), (b"A", b"x"), (b"a", b"y"), (b"a", b""), (b"C", b""), (b"c", b"z")]
    peer.connection.send_request(fields, priority=0)
    peer.wire(syn_stream(1, [(b"a", b"x"), (b"a", b"y"), (b"b", b"1"), (b"c", b"z")]))


@with_windows
@pytest.mark.parametrize("delta", [0, -1, 2**31])
def test_credit_out_of_range_is_refused_at_the_call(version, delta):
    peer = asked(version, end=False)
    with pytest.raises((UsageError, ValueError)):
        peer.connection.send_window_update(1, delta)
    peer.wire().lives()


@every_version
@pytest.mark.parametrize(
    "entries", [[(0, 0, 1)], [(9, 0, 1)], [(4, 0, -1)], [(4, 0, 2**32)], [(4, 0, 1), (4, 0, 2)]]
)
def test_settings_out_of_range_are_refused_at_the_call(version, entries):
    peer = asked(version)
    with pytest.raises((UsageError, ValueError)):
        peer.connection.send_settings(entries)
    peer.wire().lives()


@every_version
def test_only_a_server_pushes(version):
    peer = facing_client(version)
    peer.connection.send_request(GET)
    peer.clear()
    with pytest.raises(UsageError):
        peer.connection.push(1, GET)
    peer.wire().lives()


@every_version
def test_stream_ids_run_out(version):
    peer = facing_client(version)
    # The next id is what the engine counts up; two thousand million requests take too long.
    peer.connection._state.next_stream_id = 2**31 - 1
    assert peer.connection.send_request(GET, priority=0) == 2**31 - 1
    with pytest.raises(UsageError):
        peer.connection.send_request(GET)
    peer.wire(syn_stream(2**31 - 1, GET))
