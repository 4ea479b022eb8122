"""`DirectConnection`: frames leave one for each call, in the order of the calls, or not at all."""

from __future__ import annotations

import base64

import hyperframe.frame
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from plait.http2 import (
    Config,
    ConnectionClosedError,
    DirectConnection,
    FlowControlError,
    FrameTooLargeError,
    InvalidFieldError,
    NoSuchStreamError,
    PriorityReceived,
    PushDisabledError,
    RemoteSettingsChanged,
    ResponseReceived,
    Role,
    StreamClosed,
    StreamLimitError,
    StreamStateError,
    UsageError,
)

from . import frames as f
from .frames import GET, HEAD, OK, POST, data, goaway, headers, push_promise, settings
from .script import Goaway, Peer, facing_client, facing_server, made_of

HUGE = (2**31, 2**63, 10**30)
TRAILERS = [(b"x-sum", b"42")]


def server(*their_settings: tuple[int, int], **changes: object) -> Peer:
    """A client in front of a server whose caller sends the frames."""
    with made_of(DirectConnection):
        return facing_server(None, *their_settings, **changes)


def client(*their_settings: tuple[int, int], **changes: object) -> Peer:
    """A server in front of a client whose caller sends the frames."""
    with made_of(DirectConnection):
        return facing_client(None, *their_settings, **changes)


def asked(*their_settings: tuple[int, int], fields: f.Fields = GET, **changes: object) -> Peer:
    """A server that was asked something on stream 1."""
    return server(*their_settings, **changes).sends(headers(1, fields)).clear()


def answering(*their_settings: tuple[int, int], **changes: object) -> Peer:
    """A server that has sent the head of its answer on stream 1."""
    peer = asked(*their_settings, **changes)
    peer.connection.send_headers_frame(1, OK)
    return peer.clear()


def wire(peer: Peer) -> list[hyperframe.frame.Frame]:
    """What was written, as another reader of frames understands it."""
    octets, read = memoryview(peer.connection.data_to_send()), []
    while octets:
        frame, length = hyperframe.frame.Frame.parse_frame_header(octets[:9])
        frame.parse_body(octets[9 : 9 + length])
        read.append(frame)
        octets = octets[9 + length :]
    return read


# ------------------------------------------------------------------------------------------------
# Order.


def test_frames_leave_in_the_order_of_the_calls():
    peer = server().sends(headers(1, GET), headers(3, GET)).clear()
    connection = peer.connection
    connection.send_headers_frame(3, [(":status", "103"), ("link", "</a>")])
    connection.ping(b"in order")
    connection.send_headers_frame(1, OK)
    connection.promise_stream(1, 2, GET)
    connection.send_data_frame(1, b"one")
    connection.send_headers_frame(2, OK)
    connection.send_headers_frame(3, OK)
    connection.send_data_frame(2, b"pushed", end_stream=True)
    connection.send_data_frame(3, b"three")
    connection.give_credit(5)
    connection.send_data_frame(1, b"", end_stream=True)
    connection.send_headers_frame(3, TRAILERS, end_stream=True)
    peer.wire(
        headers(3, [(b":status", b"103"), (b"link", b"</a>")], end_stream=False),
        f.ping(b"in order"),
        headers(1, OK, end_stream=False),
        push_promise(1, 2, GET),
        data(1, b"one"),
        headers(2, OK, end_stream=False),
        headers(3, OK, end_stream=False),
        data(2, b"pushed", end_stream=True),
        data(3, b"three"),
        f.window_update(0, 5),
        data(1, b"", end_stream=True),
        headers(3, TRAILERS),
    )


@examples(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 3, 5]), st.integers(0, 9000), st.booleans()), max_size=20
    )
)
def test_nothing_is_joined_cut_or_reordered(sent):
    peer = server((f.INITIAL_WINDOW_SIZE, 10**6)).sends(
        *(headers(stream, GET) for stream in (1, 3, 5)), f.window_update(0, 10**6)
    )
    for stream in (1, 3, 5):
        peer.connection.send_headers_frame(stream, OK)
    peer.clear()
    for stream, size, padded in sent:
        peer.connection.send_data_frame(stream, bytes(size), padding=7 if padded else -1)
    assert peer.reads() == [
        data(stream, bytes(size), pad=7 if padded else None) for stream, size, padded in sent
    ]


def test_a_clients_requests_leave_at_once_and_in_order():
    peer = client()
    connection = peer.connection
    connection.send_headers_frame(1, POST)
    connection.send_headers_frame(3, GET, end_stream=True)
    connection.send_data_frame(1, b"body")
    connection.send_headers_frame(1, TRAILERS, end_stream=True)
    peer.wire(
        headers(1, POST, end_stream=False),
        headers(3, GET),
        data(1, b"body"),
        headers(1, TRAILERS),
    )


def test_pushed_and_unread_answers_do_not_wait_nor_do_answers_that_might_be_withdrawn():
    peer = asked(withdrawable_responses=True)
    peer.connection.promise_stream(1, 2, GET)
    peer.connection.send_headers_frame(2, OK, end_stream=True)
    peer.connection.send_headers_frame(1, [*OK, (b"x-large", bytes(100_000).hex().encode())])
    # More than Limits.max_unsent_octets wait in the buffer now.
    peer.connection.send_headers_frame(1, TRAILERS, end_stream=True)
    frames = peer.reads()
    assert [(x.type, x.stream_id) for x in frames] == [
        (f.PUSH_PROMISE, 1),
        (f.HEADERS, 2),
        (f.HEADERS, 1),
        (f.HEADERS, 1),
    ]


def test_after_an_answer_the_request_goes_on():
    # A Connection would reset the stream with NO_ERROR, or wait for the body with its end.
    peer = server()
    peer.sends(headers(1, [*POST, (b"content-length", b"9")], end_stream=False)).clear()
    peer.connection.send_headers_frame(1, OK, end_stream=True)
    peer.wire(headers(1, OK))
    peer.sends(data(1, b"123456789", end_stream=True))
    assert [type(event).__name__ for event in peer.hears()] == ["DataReceived", "StreamClosed"]


def test_the_calls_of_a_scheduling_connection_work_too():
    peer = asked((f.INITIAL_WINDOW_SIZE, 4))
    peer.connection.send_response(1, 200, [], b"eight oc")
    peer.connection.ping(b"in order")
    peer.wire(headers(1, OK, end_stream=False), f.ping(b"in order"), data(1, b"eigh"))
    with pytest.raises(StreamStateError):
        peer.connection.send_data_frame(1, b"x")
    peer.sends(f.window_update(1, 4)).wire(data(1, b"t oc", end_stream=True))


def test_a_frame_does_not_overtake_octets_that_wait_on_its_stream():
    peer = answering((f.INITIAL_WINDOW_SIZE, 4))
    peer.connection.send_data(1, b"five!")
    for ends in (False, True):
        with pytest.raises(StreamStateError):
            peer.connection.send_data_frame(1, b"", end_stream=ends)
    peer.wire(data(1, b"five"))
    peer.sends(f.window_update(1, 4)).wire(data(1, b"!"))
    peer.connection.send_data_frame(1, b"six", end_stream=True)
    peer.wire(data(1, b"six", end_stream=True))


# ------------------------------------------------------------------------------------------------
# HEADERS.


@pytest.mark.parametrize("named", [3, 5, 99, 2**31 - 1])
def test_a_client_may_leave_ids_out(named):
    peer = client()
    connection = peer.connection
    connection.send_headers_frame(1, GET, end_stream=True)
    connection.send_headers_frame(named, GET, end_stream=True)
    peer.wire(headers(1, GET), headers(named, GET))
    assert connection.next_stream_id == named + 2
    assert connection.open_streams == 2
    # RFC 9113 §5.1.1: those between are closed.
    for between in range(3, min(named, 9), 2):
        with pytest.raises(NoSuchStreamError):
            connection.send_headers_frame(between, GET)
    if named == 2**31 - 1:
        assert not connection.can_open_stream
        with pytest.raises(StreamLimitError):
            connection.send_request(GET)
    peer.sends(headers(named, OK))
    assert peer.hears()[0] == ResponseReceived(named, OK, True)


def test_ids_that_were_left_out_pay_for_no_frames_of_the_peer():
    peer = client()
    peer.connection.send_headers_frame(2**31 - 1, GET, end_stream=True)
    peer.clear()
    peer.sends(*[f.window_update(0, 1)] * 10_100)
    assert peer.hears()[-1].slug == "control.flood"


def test_an_id_is_left_out_only_by_a_request_that_leaves():
    peer = client((f.MAX_CONCURRENT_STREAMS, 1))
    with pytest.raises(InvalidFieldError):
        peer.connection.send_headers_frame(9, OK)
    peer.connection.send_headers_frame(1, GET)
    with pytest.raises(StreamLimitError):
        peer.connection.send_headers_frame(9, GET)
    assert peer.connection.next_stream_id == 3
    peer.wire(headers(1, GET, end_stream=False))


@pytest.mark.parametrize("stream", [0, -1, -2, 2, 4, *HUGE, 2**31 + 1, 2**63 + 1])
@pytest.mark.parametrize("end", [server, client])
def test_heads_need_a_stream_that_can_be(end, stream):
    peer = end()
    with pytest.raises(NoSuchStreamError) as caught:
        peer.connection.send_headers_frame(stream, GET)
    assert caught.value.stream_id == stream
    peer.wire()


def test_a_server_opens_no_streams_by_sending_heads():
    peer = asked()
    for stream in (2, 3, 4):
        with pytest.raises(NoSuchStreamError):
            peer.connection.send_headers_frame(stream, OK)
    peer.wire()


def test_heads_are_checked_as_those_of_a_scheduling_connection():
    peer = asked()
    connection = peer.connection
    with pytest.raises(InvalidFieldError):
        connection.send_headers_frame(1, [*OK, ("connection", "close")])
    with pytest.raises(UsageError):
        connection.send_headers_frame(1, [(":status", "100")], end_stream=True)
    connection.send_headers_frame(1, OK)
    with pytest.raises(StreamStateError):
        connection.send_headers_frame(1, TRAILERS)
    connection.send_headers_frame(1, TRAILERS, end_stream=True)
    with pytest.raises(NoSuchStreamError):
        connection.send_headers_frame(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), headers(1, TRAILERS))


# ------------------------------------------------------------------------------------------------
# RFC 7540's priorities.


@examples(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31 - 1).filter(lambda stream: stream != 1),
    st.integers(1, 256),
    st.booleans(),
)
def test_a_priority_stands_in_its_frame_as_another_reader_finds_it(depends_on, weight, exclusive):
    peer = client()
    peer.connection.send_headers_frame(1, GET, True, (depends_on, weight, exclusive))
    peer.connection.send_priority(7, depends_on if depends_on != 7 else 0, weight, exclusive)
    (head, priority) = wire(peer)
    assert isinstance(head, hyperframe.frame.HeadersFrame)
    assert isinstance(priority, hyperframe.frame.PriorityFrame)
    assert head.flags == {"END_STREAM", "END_HEADERS", "PRIORITY"}
    assert priority.stream_id == 7
    for frame in (head, priority):
        assert frame.depends_on in (depends_on, 0)
        assert frame.stream_weight == weight - 1
        assert frame.exclusive == exclusive
    assert head.depends_on == depends_on


def test_a_priority_is_read_by_the_other_engine():
    peer = client()
    peer.connection.send_headers_frame(1, GET, True, (2**31 - 1, 256, True))
    peer.connection.send_headers_frame(3, GET, True)
    peer.connection.send_priority(5, 3, 1)
    other = server(report_priorities=True, no_rfc7540_priorities=False)
    events = other.connection.receive_data(peer.connection.data_to_send())
    assert [event for event in events if isinstance(event, PriorityReceived)] == [
        PriorityReceived(1, 2**31 - 1, 256, True, True),
        PriorityReceived(5, 3, 1, False, False),
    ]


def test_a_large_head_keeps_its_priority_in_the_first_frame():
    peer = client()
    large = [*GET, (b"x-large", b"v" * 40_000)]
    peer.connection.send_headers_frame(1, large, priority=(0, 16, False))
    octets = peer.connection.data_to_send()
    (frame,) = f.FrameReader().feed(octets)
    assert frame.flags == f.WITH_PRIORITY | f.END_HEADERS
    assert frame.fields == tuple(large)
    assert octets[:14] == b"\x00\x40\x00\x01\x20\x00\x00\x00\x01" + b"\x00\x00\x00\x00\x0f"


BAD_PRIORITIES = [
    (1, 16, False),
    (-1, 16, False),
    (0, 0, False),
    (0, 257, True),
    (0, -1, True),
    *((number, 16, False) for number in HUGE),
    *((0, number, False) for number in HUGE),
]


@pytest.mark.parametrize("priority", BAD_PRIORITIES)
def test_a_priority_out_of_range_is_no_priority(priority):
    peer = client()
    with pytest.raises(UsageError):
        peer.connection.send_headers_frame(1, GET, priority=priority)
    with pytest.raises(UsageError):
        peer.connection.send_priority(1, *priority)
    peer.connection.send_headers_frame(1, GET)
    # Nor does it stay for the next.
    peer.wire(headers(1, GET, end_stream=False))


def test_no_priority_waits_with_what_waits():
    peer = answering((f.INITIAL_WINDOW_SIZE, 4))
    peer.connection.send_data(1, b"five!")
    with pytest.raises(StreamStateError):
        peer.connection.send_headers_frame(1, TRAILERS, True, (0, 16, False))
    peer.connection.send_headers_frame(1, TRAILERS, True)
    peer.wire(data(1, b"five"))
    peer.sends(f.window_update(1, 4)).wire(data(1, b"!"), headers(1, TRAILERS))


def test_a_priority_goes_with_its_own_call_even_if_that_fails():
    peer = client()
    with pytest.raises(InvalidFieldError):
        peer.connection.send_headers_frame(1, OK, priority=(0, 1, False))
    peer.connection.send_headers_frame(1, GET)
    peer.wire(headers(1, GET, end_stream=False))


@pytest.mark.parametrize("end", [server, client])
def test_priorities_concern_any_stream(end):
    peer = end()
    for stream in (1, 2, 2**31 - 1):
        peer.connection.send_priority(stream)
    peer.wire(*(f.priority(stream) for stream in (1, 2, 2**31 - 1)))
    for stream in (0, -1, *HUGE):
        with pytest.raises(NoSuchStreamError):
            peer.connection.send_priority(stream)
    peer.wire()


# ------------------------------------------------------------------------------------------------
# DATA.


@pytest.mark.parametrize("padding", [0, 1, 254, 255])
@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5000])
def test_padding_is_exact(size, ends, padding):
    peer = answering()
    octets = bytes(range(256)) * 20
    peer.connection.send_data_frame(1, octets[:size], ends, padding)
    (frame,) = wire(peer)
    assert isinstance(frame, hyperframe.frame.DataFrame)
    assert frame.data == octets[:size]
    assert frame.pad_length == padding
    assert frame.flow_controlled_length == size + padding + 1
    assert frame.flags == {"PADDED", *(["END_STREAM"] if ends else [])}
    assert peer.connection.send_window() == 65_535 - size - padding - 1
    assert peer.connection.sent_octets == size
    if not ends:
        assert peer.connection.send_window(1) == 65_535 - size - padding - 1


def test_padding_is_octets_of_zero():
    peer = answering()
    peer.connection.send_data_frame(1, b"ab", padding=3)
    assert peer.connection.data_to_send() == b"\0\0\6\0\x08\0\0\0\1\x03ab\0\0\0"


@pytest.mark.parametrize("padding", [-2, 256, -(2**31), -(2**64), *HUGE])
def test_other_padding_cannot_be_sent(padding):
    peer = answering()
    with pytest.raises(UsageError):
        peer.connection.send_data_frame(1, b"x", False, padding)
    peer.wire()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [3, 5000])
def test_what_is_given_may_change_afterwards(kind, size):
    given_octets = bytearray(b"x" * size)
    peer = answering()
    peer.connection.send_data_frame(1, kind(given_octets))
    given_octets[:] = b"y" * size
    peer.wire(data(1, b"x" * size))


@pytest.mark.parametrize("wrong", ["text", 5, None, [1]])
def test_only_octets_can_be_sent(wrong):
    peer = answering()
    with pytest.raises(TypeError):
        peer.connection.send_data_frame(1, wrong)
    peer.wire()


@pytest.mark.parametrize("padding", [-1, 0, 255])
def test_a_window_holds_exactly_what_it_says(padding):
    beside = 0 if padding < 0 else padding + 1
    for stream, connection in ((1000, 65_535), (65_535 + 1000, 65_535)):
        peer = answering((f.INITIAL_WINDOW_SIZE, stream), (f.MAX_FRAME_SIZE, 2**20))
        most = min(stream, connection)
        with pytest.raises(FlowControlError):
            peer.connection.send_data_frame(1, bytes(most - beside + 1), padding=padding)
        peer.wire()
        peer.connection.send_data_frame(1, bytes(most - beside), padding=padding)
        (frame,) = peer.reads()
        assert len(frame.payload) == most
        assert min(peer.connection.send_window(1), peer.connection.send_window()) == 0
        with pytest.raises(FlowControlError):
            peer.connection.send_data_frame(1, b"", True, padding=0)
        peer.connection.send_data_frame(1, b"", True)
        peer.wire(data(1, b"", end_stream=True))


def test_an_empty_frame_needs_no_window_not_even_a_negative_one():
    peer = answering()
    peer.connection.send_data_frame(1, bytes(1000))
    peer.sends(settings((f.INITIAL_WINDOW_SIZE, 100))).clear()
    assert peer.connection.send_window(1) == -900
    assert peer.connection.local_flow_control_window(1) == 0
    with pytest.raises(FlowControlError):
        peer.connection.send_data_frame(1, b"x")
    peer.connection.send_data_frame(1, b"")
    peer.connection.send_data_frame(1, b"", end_stream=True)
    peer.wire(data(1, b""), data(1, b"", end_stream=True))


@pytest.mark.parametrize("largest", [16_384, 16_385, 50_000])
def test_a_frame_is_no_larger_than_the_peer_takes(largest):
    peer = answering((f.MAX_FRAME_SIZE, largest))
    with pytest.raises(FrameTooLargeError):
        peer.connection.send_data_frame(1, bytes(largest + 1))
    with pytest.raises(FrameTooLargeError):
        peer.connection.send_data_frame(1, bytes(largest), padding=0)
    peer.wire()
    peer.connection.send_data_frame(1, bytes(largest))
    peer.wire(data(1, bytes(largest)))


@pytest.mark.parametrize("status", [200, 204, 205, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_content_is_left_out_where_a_response_has_none(method, status):
    peer = asked(fields=HEAD if method == "HEAD" else GET)
    peer.connection.send_headers_frame(1, [(":status", str(status))])
    peer.clear()
    peer.connection.send_data_frame(1, b"content")
    peer.connection.send_data_frame(1, b"content", padding=3)
    peer.connection.send_data_frame(1, b"content", end_stream=True)
    if method == "HEAD" or status != 200:
        peer.wire(data(1, b"", end_stream=True))
    else:
        content = data(1, b"content")
        peer.wire(content, data(1, b"content", pad=3), data(1, b"content", end_stream=True))


def test_data_needs_a_head_before_it_and_no_end():
    peer = asked()
    with pytest.raises(StreamStateError):
        peer.connection.send_data_frame(1, b"x")
    peer.connection.send_headers_frame(1, OK)
    peer.connection.send_data_frame(1, b"x", end_stream=True)
    with pytest.raises(NoSuchStreamError):
        peer.connection.send_data_frame(1, b"x")
    peer = client()
    peer.connection.send_headers_frame(1, GET, end_stream=True)
    with pytest.raises(StreamStateError):
        peer.connection.send_data_frame(1, b"x")


@pytest.mark.parametrize("stream", [0, -1, 2, 3, *HUGE])
@pytest.mark.parametrize("end", [answering, client])
def test_data_needs_a_stream(end, stream):
    peer = end()
    with pytest.raises(NoSuchStreamError):
        peer.connection.send_data_frame(stream, b"x")
    peer.wire()


def test_a_frame_that_was_refused_has_changed_nothing():
    peer = answering((f.INITIAL_WINDOW_SIZE, 10))
    for size, padding in ((11, -1), (10, 0), (2**20, -1)):
        with pytest.raises(UsageError):
            peer.connection.send_data_frame(1, bytes(size), True, padding)
    peer.connection.send_data_frame(1, bytes(10), True)
    peer.wire(data(1, bytes(10), end_stream=True))


# ------------------------------------------------------------------------------------------------
# Promises.


@pytest.mark.parametrize("promised", [2, 4, 100, 2**31 - 2])
def test_a_promise_names_its_stream(promised):
    peer = asked()
    peer.connection.promise_stream(1, promised, GET)
    peer.connection.send_headers_frame(promised, OK, end_stream=True)
    peer.wire(push_promise(1, promised, GET), headers(promised, OK))
    for used in (2, promised):
        with pytest.raises(UsageError):
            peer.connection.promise_stream(1, used, GET)
    if promised < 2**31 - 2:
        assert peer.connection.push_stream(1, GET) == promised + 2
    else:
        with pytest.raises(StreamLimitError):
            peer.connection.push_stream(1, GET)


@pytest.mark.parametrize("promised", [0, 1, 3, -2, -1, *HUGE, 2**31 + 1])
def test_only_even_ids_can_be_promised(promised):
    peer = asked()
    with pytest.raises(UsageError):
        peer.connection.promise_stream(1, promised, GET)
    peer.wire()


@pytest.mark.parametrize("parent", [0, 2, 3, -1, *HUGE])
def test_a_promise_belongs_to_an_open_stream(parent):
    peer = asked()
    with pytest.raises(NoSuchStreamError):
        peer.connection.promise_stream(parent, 2, GET)
    assert peer.connection.next_stream_id == 2
    peer.wire()


def test_only_a_server_promises_and_only_what_may_be_promised():
    peer = asked()
    with pytest.raises(InvalidFieldError):
        peer.connection.promise_stream(1, 2, POST)
    peer.sends(settings((f.ENABLE_PUSH, 0))).clear()
    with pytest.raises(PushDisabledError):
        peer.connection.promise_stream(1, 2, GET)
    peer = client()
    peer.connection.send_headers_frame(1, GET)
    with pytest.raises(UsageError):
        peer.connection.promise_stream(1, 2, GET)


def test_pushed_answers_stay_within_the_clients_limit():
    peer = asked((f.MAX_CONCURRENT_STREAMS, 1))
    connection = peer.connection
    connection.promise_stream(1, 2, GET)
    connection.promise_stream(1, 4, GET)
    connection.send_headers_frame(2, OK)
    peer.clear()
    # RFC 9113 §5.1.2: endpoints MUST NOT exceed the limit set by their peer.
    with pytest.raises(StreamLimitError):
        connection.send_headers_frame(4, [(":status", "204")])
    with pytest.raises(StreamLimitError):
        connection.send_response(4, 200, [], b"nor as a whole")
    peer.wire()
    connection.send_data_frame(2, b"", end_stream=True)
    connection.send_headers_frame(4, OK)
    connection.send_data_frame(4, b"not 204 any more", end_stream=True)
    assert peer.body(4) == b"not 204 any more"


def test_promises_are_limited():
    peer = asked()
    most = peer.connection.config.limits.max_promises
    for number in range(most):
        peer.connection.promise_stream(1, 2 + 2 * number, GET)
        peer.pull()
    with pytest.raises(PushDisabledError):
        peer.connection.promise_stream(1, 2 + 2 * most, GET)


# ------------------------------------------------------------------------------------------------
# GOAWAY.


@pytest.mark.parametrize("call", ["send_goaway", "terminate"])
@pytest.mark.parametrize("last", [None, 0, 1, 3, 5, 2**31 - 1])
def test_goaway_names_the_last_stream(call, last):
    peer = server().sends(headers(1, GET), headers(3, GET)).clear()
    getattr(peer.connection, call)(f.INTERNAL_ERROR, b"why", last)
    (frame,) = peer.reads()
    assert frame.payload[8:] == b"why"
    # RFC 9113 §6.8: it need not have been opened yet.
    assert frame == Goaway(f.INTERNAL_ERROR, 3 if last is None else last)


def test_what_is_handled_after_goaway_ends_with_the_named_stream():
    peer = server().sends(headers(1, GET)).clear()
    peer.connection.send_goaway(0, b"", 5)
    peer.clear().sends(headers(3, GET), headers(5, GET), headers(7, GET))
    assert [event.stream_id for event in peer.hears()] == [3, 5]
    peer.wire()
    for stream in (1, 3, 5):
        peer.connection.send_headers_frame(stream, OK, end_stream=True)
    assert peer.connection.drained
    peer.lives()


def test_two_steps_by_hand():
    peer = server().sends(headers(1, GET)).clear()
    peer.connection.send_goaway(0, b"", 2**31 - 1)
    peer.wire(goaway(2**31 - 1)).sends(headers(3, GET))
    assert [event.stream_id for event in peer.hears()] == [3]
    peer.connection.send_goaway()
    peer.wire(goaway(3)).sends(headers(5, GET)).expect()


def test_a_goaway_never_says_more_than_one_before():
    # RFC 9113 §6.8: "Endpoints MUST NOT increase the value they send".
    peer = server().sends(headers(1, GET), headers(3, GET)).clear()
    for last in (9, 3, 9, 1, 3, None):
        peer.connection.send_goaway(0, b"", last)
    peer.wire(*(goaway(shown) for shown in (9, 3, 3, 1, 1, 1)))
    peer.connection.terminate(f.CANCEL, b"", 9)
    peer.wire(goaway(1, f.CANCEL))


@pytest.mark.parametrize("call", ["send_goaway", "terminate"])
def test_numbers_that_no_goaway_holds(call):
    peer = asked()
    for last in (-1, *HUGE):
        with pytest.raises(UsageError):
            getattr(peer.connection, call)(0, b"", last)
    for code in (-1, 2**32, 2**63, 2**64):
        with pytest.raises(UsageError):
            getattr(peer.connection, call)(code)
    peer.wire()
    getattr(peer.connection, call)(2**32 - 1)
    assert peer.reads()[-1] == Goaway(2**32 - 1)


@pytest.mark.parametrize("wrong", ["1", 1.0, 1.5, None])
def test_what_is_no_whole_number_leaves_no_half_of_a_frame(wrong):
    peer = answering()
    connection = peer.connection
    for call in (
        lambda: connection.send_goaway(wrong),
        lambda: connection.terminate(wrong),
        lambda: connection.reset_stream(1, wrong),
        lambda: connection.send_goaway(0, b"", wrong or ""),
        lambda: connection.send_goaway(0, wrong),
        lambda: connection.terminate(0, "text"),
        lambda: connection.send_priority(wrong),
        lambda: connection.send_priority(3, wrong),
        lambda: connection.send_priority(3, 0, wrong),
        lambda: connection.give_credit(wrong),
        lambda: connection.give_credit(wrong, 1),
        lambda: connection.promise_stream(1, wrong, GET),
        lambda: connection.send_headers_frame(wrong, OK),
        lambda: connection.send_data_frame(1, b"x", False, wrong),
    ):
        with pytest.raises(TypeError):
            call()
    peer.wire().lives()


def test_after_the_end_nothing_is_sent():
    peer = answering()
    connection = peer.connection
    connection.terminate(f.NO_ERROR, b"", 1)
    peer.clear()
    for call in (
        lambda: connection.send_headers_frame(1, OK),
        lambda: connection.send_headers_frame(2**64, OK),
        lambda: connection.send_data_frame(1, b"x"),
        lambda: connection.send_priority(1),
        lambda: connection.promise_stream(1, 2, GET),
        lambda: connection.give_credit(1),
        lambda: connection.give_credit(1, 1),
        lambda: connection.send_window(1),
        lambda: connection.receive_window(1),
    ):
        with pytest.raises(ConnectionClosedError):
            call()
    connection.send_goaway(0, b"", 0)
    connection.terminate(f.CANCEL, b"again", 0)
    peer.wire()


def test_what_follows_our_goaway_still_leaves():
    peer = answering()
    peer.connection.send_goaway()
    peer.connection.send_data_frame(1, b"the rest", end_stream=True)
    peer.wire(goaway(1), data(1, b"the rest", end_stream=True))


# ------------------------------------------------------------------------------------------------
# The first SETTINGS.


@pytest.mark.parametrize("role", Role)
def test_the_first_settings_are_what_the_caller_says(role):
    connection = DirectConnection(role, Config(initial_window_size=1000))
    connection.initiate_connection({f.MAX_FRAME_SIZE: 20_000, 0x77: 2**32 - 1})
    connection.initiate_connection({f.MAX_FRAME_SIZE: 30_000})
    connection.initiate_connection()
    first = Peer(connection, magic=role == Role.CLIENT).reads()[0]
    assert first == settings((f.MAX_FRAME_SIZE, 20_000), (0x77, 2**32 - 1))


def test_without_any_the_configuration_tells_them():
    connection = DirectConnection(Role.SERVER, Config(initial_window_size=1000))
    connection.initiate_connection()
    shown = f.parse_settings(Peer(connection).reads()[0])
    assert shown == Config(initial_window_size=1000).first_settings(Role.SERVER)


def test_settings_may_be_none_at_all():
    connection = DirectConnection(Role.SERVER)
    connection.initiate_connection({})
    assert Peer(connection).reads()[0] == settings()


BAD_SETTINGS = [
    {f.ENABLE_PUSH: 2},
    {f.MAX_FRAME_SIZE: 16_383},
    {f.MAX_FRAME_SIZE: 2**24},
    {f.INITIAL_WINDOW_SIZE: 2**31},
    {f.ENABLE_CONNECT_PROTOCOL: -1},
    {f.MAX_CONCURRENT_STREAMS: 2**32},
    {f.MAX_HEADER_LIST_SIZE: -1},
    {0x77: 2**64},
    {2**16: 1},
    {-1: 1},
    {2**64: 1},
    dict.fromkeys(range(100, 100 + 2731), 1),
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("bad", BAD_SETTINGS)
def test_settings_that_cannot_be_said(role, bad):
    connection = DirectConnection(role)
    for begin in (connection.initiate_connection, connection.initiate_upgraded):
        with pytest.raises(UsageError):
            begin(bad)
    assert connection.data_to_send() == b""
    # Nothing was begun.
    connection.initiate_connection()
    assert connection.data_to_send() != b""


@pytest.mark.parametrize("bad", BAD_SETTINGS)
def test_settings_that_cannot_be_said_later(bad):
    peer = server()
    with pytest.raises(UsageError):
        peer.connection.update_settings(bad)
    peer.wire()


def test_a_server_does_not_enable_push():
    with pytest.raises(UsageError):
        DirectConnection(Role.SERVER).initiate_connection({f.ENABLE_PUSH: 1})
    DirectConnection(Role.SERVER).initiate_connection({f.ENABLE_PUSH: 0})
    DirectConnection(Role.CLIENT).initiate_connection({f.ENABLE_PUSH: 1})


@pytest.mark.parametrize("said", [True, False])
def test_extended_connect_is_taken_only_if_it_was_announced(said):
    connection = DirectConnection(Role.SERVER, Config(enable_connect_protocol=True))
    connection.initiate_connection({f.ENABLE_CONNECT_PROTOCOL: 1} if said else {})
    peer = Peer(connection).sends(f.PREFACE, settings(), f.settings_ack()).clear()
    tunnel = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]
    peer.sends(headers(1, tunnel, end_stream=False))
    (event,) = peer.hears()
    if said:
        assert event.headers == tunnel
    else:
        assert event.slug == "field.protocol_not_enabled"


@pytest.mark.parametrize("said", [{}, {f.NO_RFC7540_PRIORITIES: 0}, {f.NO_RFC7540_PRIORITIES: 1}])
@pytest.mark.parametrize("configured", [True, False])
def test_what_was_said_of_priorities_stays(configured, said):
    # RFC 9218 §2.1: it MUST NOT change after the first SETTINGS, whatever the configuration says.
    connection = DirectConnection(Role.SERVER, Config(no_rfc7540_priorities=configured))
    connection.initiate_connection(said)
    first = said.get(f.NO_RFC7540_PRIORITIES, 0)
    connection.update_settings({f.NO_RFC7540_PRIORITIES: first})
    with pytest.raises(UsageError):
        connection.update_settings({f.NO_RFC7540_PRIORITIES: 1 - first})
    Peer(connection).sends(f.PREFACE, settings(), f.settings_ack(), f.settings_ack()).lives()
    with pytest.raises(UsageError):
        connection.update_settings({f.NO_RFC7540_PRIORITIES: 1 - first})


def test_the_settings_that_were_said_are_the_ones_in_force():
    connection = DirectConnection(Role.SERVER)
    connection.initiate_connection(
        {f.INITIAL_WINDOW_SIZE: 10, f.MAX_CONCURRENT_STREAMS: 1, f.MAX_FRAME_SIZE: 20_000}
    )
    peer = Peer(connection).sends(f.PREFACE, settings(), f.settings_ack()).clear()
    peer.sends(headers(1, POST, end_stream=False), headers(3, GET))
    assert [getattr(event, "slug", "") for event in peer.hears()] == ["", "streams.limit"]
    assert connection.receive_window(1) == 10
    assert connection.local_settings.max_frame_size == 20_000


# ------------------------------------------------------------------------------------------------
# The upgrade from HTTP/1.1.


def test_an_upgraded_request_is_the_callers_and_stream_1():
    connection = DirectConnection(Role.SERVER)
    offered = base64.urlsafe_b64encode(settings((f.INITIAL_WINDOW_SIZE, 5)).payload)
    assert connection.initiate_upgraded({f.MAX_FRAME_SIZE: 20_000}, offered) == b""
    peer = Peer(connection)
    assert peer.reads()[0] == settings((f.MAX_FRAME_SIZE, 20_000))
    peer.expect()
    assert connection.stream_ids() == [1]
    assert connection.requests_received == 1
    connection.send_headers_frame(1, OK)
    with pytest.raises(FlowControlError):
        connection.send_data_frame(1, b"sixsix")
    connection.send_data_frame(1, b"five!", end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"five!", end_stream=True))
    assert peer.hears() == [StreamClosed(1, 0)]
    peer.sends(f.PREFACE, settings(), f.settings_ack(), headers(3, GET))
    assert peer.hears()[-1].stream_id == 3


def test_an_upgraded_clients_request_is_stream_1():
    connection = DirectConnection(Role.CLIENT)
    value = connection.initiate_upgraded({f.INITIAL_WINDOW_SIZE: 5})
    assert base64.urlsafe_b64decode(value + b"==") == settings((f.INITIAL_WINDOW_SIZE, 5)).payload
    peer = Peer(connection, magic=True)
    assert peer.reads()[0] == settings((f.INITIAL_WINDOW_SIZE, 5))
    with pytest.raises(StreamStateError):
        connection.send_data_frame(1, b"x")
    peer.sends(settings(), headers(1, OK, end_stream=False), data(1, b"hello", end_stream=True))
    assert [type(event) for event in peer.hears()][:2] == [RemoteSettingsChanged, ResponseReceived]
    connection.send_headers_frame(3, GET, end_stream=True)
    assert headers(3, GET) in peer.reads()


@pytest.mark.parametrize("configured", [Config(), Config(initial_window_size=77)])
def test_both_ends_upgrade_together(configured):
    ends = DirectConnection(Role.CLIENT, configured), DirectConnection(Role.SERVER)
    ends[1].initiate_upgraded(None, ends[0].initiate_upgraded())
    assert ends[1].send_window(1) == configured.initial_window_size
    ends[1].send_headers_frame(1, OK)
    ends[1].send_data_frame(1, b"hello", end_stream=True)
    heard = []
    for _ in range(3):
        ends[1].receive_data(ends[0].data_to_send())
        heard += ends[0].receive_data(ends[1].data_to_send())
    assert ResponseReceived(1, OK, False) in heard
    assert not ends[0].closed
    assert not ends[1].closed


@pytest.mark.parametrize("value", ["AAA", "!!!!", b"\xff", "AAIAAAAC"])
def test_an_upgrade_with_broken_settings_begins_nothing(value):
    connection = DirectConnection(Role.SERVER)
    with pytest.raises(UsageError):
        connection.initiate_upgraded(None, value)
    assert connection.data_to_send() == b""
    assert connection.open_streams == 0
    # Nor is anything in force that was not said.
    with pytest.raises(UsageError):
        connection.initiate_upgraded({f.ENABLE_CONNECT_PROTOCOL: 1}, value)
    connection.initiate_connection({})
    peer = Peer(connection).sends(f.PREFACE, settings()).clear()
    tunnel = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]
    peer.sends(headers(1, tunnel, end_stream=False))
    assert peer.hears()[0].slug == "field.protocol_not_enabled"


@pytest.mark.parametrize("role", Role)
def test_an_upgrade_is_the_first_thing_that_happens(role):
    connection = DirectConnection(role)
    connection.initiate_connection()
    with pytest.raises(UsageError):
        connection.initiate_upgraded()
    connection = DirectConnection(role)
    connection.initiate_upgraded()
    with pytest.raises(UsageError):
        connection.initiate_upgraded()
    connection = DirectConnection(role)
    connection.terminate()
    with pytest.raises(ConnectionClosedError):
        connection.initiate_upgraded()


def test_nothing_of_a_frame_is_in_the_ordinary_connection():
    # The frames of a DirectConnection are its own: programs that schedule cannot mix them up.
    for name in ("send_headers_frame", "send_data_frame", "send_priority", "give_credit"):
        assert not hasattr(facing_server().connection, name)
