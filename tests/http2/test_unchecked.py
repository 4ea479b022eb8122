"""`check_received_fields=False`, `check_sent_fields=False`: whatever the fields are, they pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from plait.hpack import NeverIndexedField
from plait.http2 import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    PushedStreamReceived,
    RequestReceived,
    ResponseReceived,
    StreamReset,
    StreamStateError,
    TrailersReceived,
    UsageError,
)

from . import frames as f
from .frames import GET, HEAD, OK, POST, data, headers, push_promise
from .script import Like, Peer, facing_client, facing_server
from .test_direct import client, server
from .test_hostile_peers import BAD_REQUESTS

SECTIONS: dict[str, f.Fields] = {
    "nothing at all": [],
    "an empty name": [*GET, (b"", b"")],
    "upper case": [*GET, (b"X-Shout", b"A")],
    "no method": GET[1:],
    "only a status": OK,
    "two statuses": [*OK, (b":status", b"404")],
    "a status of words": [(b":status", b"fine")],
    "an empty status": [(b":status", b"")],
    "pseudo-header fields last": [(b"x", b"y"), *GET],
    "unknown pseudo-header fields": [(b":", b""), (b":what", b"?")],
    "octets of every kind": [(bytes(range(128)), bytes(range(256)))],
    "a length of words": [*POST, (b"content-length", b"many")],
    "a length of signs": [*POST, (b"content-length", b"-1"), (b"content-length", b"+1")],
    "a priority of noise": [*GET, (b"priority", b"\xff" * 300), (b"priority", b"u=9")],
    "connection-specific": [*GET, (b"connection", b"x"), (b"te", b"gzip")],
    "many hosts": [*GET, (b"host", b"a"), (b"host", b"b")],
    "a path that is none": [*GET[:2], (b":path", b""), (b":path", b"/")],
}


def listening(**changes: object) -> Peer:
    """A server that looks at no fields."""
    return facing_server(check_received_fields=False, **changes)


def asking(fields: f.Fields = GET, **changes: object) -> Peer:
    """A client that looks at no fields, and has asked on stream 1."""
    peer = facing_client(check_received_fields=False, **changes)
    peer.connection.send_request(fields)
    return peer.clear()


# ------------------------------------------------------------------------------------------------
# What comes.


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("ends", [True, False])
def test_any_section_is_a_request(name, ends):
    peer = listening().sends(headers(1, SECTIONS[name], end_stream=ends))
    (event,) = peer.hears()
    assert type(event) is RequestReceived
    assert (event.stream_id, event.headers, event.end_stream) == (1, SECTIONS[name], ends)
    peer.connection.send_response(1, 200, [], b"hello")
    assert peer.body(1) == b"hello"
    peer.lives()


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_no_fault_of_a_request_is_minded(name):
    fields, slug = BAD_REQUESTS[name]
    (event,) = listening().sends(headers(1, fields)).hears()
    if slug == "content_length.short":
        # A length that is well-formed is still compared with what comes.
        assert event == StreamReset(1, f.PROTOCOL_ERROR, False, slug)
    else:
        assert event.headers == fields


def test_what_can_be_told_of_a_request_is_told():
    fields = [(b"x", b"y"), (b":path", b"/first"), (b":path", b"/second"), (b"cookie", b"a=b")]
    (event,) = listening().sends(headers(1, [*fields, (b"host", b"h"), (b"host", b"i")])).hears()
    assert (event.method, event.path, event.authority) == (None, b"/first", b"h")
    assert event.has_cookies


@pytest.mark.parametrize("differ", [False, True])
def test_of_two_authorities_the_same_counts_as_in_a_request_that_is_checked(differ):
    fields = [*GET, (b"host", b"evil.example"), (b"X", b"y")]
    (event,) = listening(host_may_differ=differ).sends(headers(1, fields)).hears()
    assert event.authority == (b"evil.example" if differ else b"example.com")


def test_the_transport_still_decides_what_the_scheme_is():
    fields = [(b":scheme", b"https"), (b"x", b"y")]
    (event,) = listening(transport_scheme=b"http").sends(headers(1, fields)).hears()
    assert event.scheme == b"http"
    (event,) = listening(transport_scheme=b"http").sends(headers(1, fields[1:])).hears()
    assert event.scheme is None


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("ends", [True, False])
def test_any_section_is_a_response(name, ends):
    fields = SECTIONS[name]
    peer = asking().sends(headers(1, fields, end_stream=ends))
    event = peer.hears()[0]
    assert type(event) is ResponseReceived
    assert (event.headers, event.end_stream) == (fields, ends)
    assert event.status == (200 if (b":status", b"200") in fields else 0)
    peer.lives()


def test_interim_responses_are_still_told_apart():
    peer = asking()
    switching = [(b":status", b"101"), (b"Upgrade", b"x")]
    peer.sends(headers(1, switching, end_stream=False), headers(1, OK))
    assert [type(event) for event in peer.hears()][:2] == [
        InformationalResponseReceived,
        ResponseReceived,
    ]


@pytest.mark.parametrize("name", SECTIONS)
def test_any_section_is_trailers(name):
    fields = SECTIONS[name]
    peer = listening().sends(headers(1, POST, end_stream=False)).clear()
    peer.sends(headers(1, fields)).expect(TrailersReceived(1, fields))
    peer = asking().sends(headers(1, OK, end_stream=False)).clear()
    peer.sends(headers(1, fields))
    assert peer.hears()[0] == TrailersReceived(1, fields)


@pytest.mark.parametrize("name", SECTIONS)
def test_any_section_is_a_promise(name):
    peer = asking().sends(push_promise(1, 2, SECTIONS[name]))
    peer.expect(PushedStreamReceived(2, 1, SECTIONS[name]))
    peer.sends(headers(2, OK, end_stream=False), data(2, b"pushed"))
    assert [type(event) for event in peer.hears()] == [ResponseReceived, DataReceived]


def test_what_frames_say_is_still_checked():
    peer = listening().sends(headers(1, POST, end_stream=False)).clear()
    peer.sends(headers(1, POST, end_stream=False)).loses(1, f.PROTOCOL_ERROR)
    peer = asking()
    peer.sends(headers(1, [(b":status", b"103")])).loses(1, f.PROTOCOL_ERROR)
    peer = listening()
    peer.sends(headers(1, [*POST, (b"content-length", b"3")], end_stream=False), data(1, b"four"))
    assert peer.hears()[-1] == Like(StreamReset, slug="content_length.exceeded")


@pytest.mark.parametrize(
    ("fields", "slug"),
    [([(b"X", b"y")] * 200, "hpack.too_many_fields"), ([(b"X", b"y" * 9000)], "hpack.list_size")],
)
def test_limits_hold_whatever_is_checked(fields, slug):
    peer = listening(max_header_list_size=8000).sends(headers(1, fields))
    peer.expect(StreamReset(1, f.ENHANCE_YOUR_CALM, False, slug)).lives()


def test_a_repeated_block_of_nonsense_is_told_each_time():
    peer = listening()
    nonsense = [(b"X", b"y"), *OK]
    for stream in (1, 3, 5):
        peer.sends(headers(stream, nonsense))
    assert [event.headers for event in peer.hears()] == [nonsense] * 3


names = st.one_of(
    st.sampled_from([name for name, _ in [*GET, *OK]] + [b"content-length", b"host", b"te", b""]),
    st.binary(max_size=12),
)
values = st.one_of(st.sampled_from([b"", b"GET", b"200", b"100", b"7", b"CONNECT", b"HEAD"]), names)
sections = st.lists(st.tuples(names, values), max_size=8)


@examples(max_examples=25, deadline=None)
@given(sections, sections, st.booleans())
def test_messages_of_noise_are_told_or_reset_and_raise_nothing(head, trailers, is_server):
    peer = listening() if is_server else asking()
    peer.sends(
        headers(1, head, end_stream=False), data(1, b"body"), headers(1, trailers, end_stream=True)
    )
    known = (RequestReceived, ResponseReceived, InformationalResponseReceived, DataReceived)
    for event in peer.hears():
        if isinstance(event, StreamReset):
            # Lengths, methods and states of streams are no matter of fields alone.
            assert event.slug in (
                *("content_length.exceeded", "content_length.short", "headers.tunnel"),
                *("data.before_headers", "headers.interim_end_stream", "data.closed"),
            )
        elif isinstance(event, known):
            assert event.stream_id == 1
    peer.lives()


@examples(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans(), st.booleans())
def test_octets_of_noise_give_events_or_a_fault(noise, is_server, framed):
    peer = listening() if is_server else asking()
    for octets in noise:
        if framed and octets:
            kind, rest = octets[0] % 12, octets[1:]
            flags = rest[0] if rest else 0
            octets = f.frame_header(len(rest), kind, flags, len(rest) % 4) + rest
        for event in peer.connection.receive_data(octets):
            assert isinstance(event, Event)
        peer.connection.data_to_send()
    if peer.connection.closed:
        assert peer.connection.receive_data(b"more") == []


@examples(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_blocks_of_noise_end_in_events_or_a_broken_table(blocks):
    peer = listening()
    for number, block in enumerate(blocks):
        peer.sends(f.raw_headers(2 * number + 1, block))
    for event in peer.hears():
        if isinstance(event, ConnectionTerminated):
            assert event.slug.startswith("hpack.")
        else:
            assert isinstance(event, (RequestReceived, StreamReset))


# ------------------------------------------------------------------------------------------------
# What leaves.


@pytest.mark.parametrize("name", SECTIONS)
def test_any_section_leaves_as_it_is(name):
    fields = SECTIONS[name]
    peer = client(check_sent_fields=False)
    peer.connection.send_headers_frame(1, fields)
    peer.connection.send_headers_frame(1, fields, end_stream=True)
    peer.wire(headers(1, fields, end_stream=False), headers(1, fields))
    peer = server(check_sent_fields=False).sends(headers(1, GET)).clear()
    peer.connection.promise_stream(1, 2, fields)
    peer.connection.send_headers_frame(1, fields)
    peer.connection.send_headers_frame(1, fields, end_stream=True)
    peer.wire(push_promise(1, 2, fields), headers(1, fields, end_stream=False), headers(1, fields))


def test_names_and_values_may_be_text_and_stay_never_indexed():
    peer = client(check_sent_fields=False)
    secret = NeverIndexedField(b"X-Secret", b"s")
    peer.connection.send_headers_frame(1, [("X-Text", "häh"), secret, [b"List", b"of two"]])
    octets = peer.connection.data_to_send()
    (frame,) = f.FrameReader().feed(octets)
    assert frame.fields == ((b"X-Text", "häh".encode()), secret, (b"List", b"of two"))
    assert b"\x10" in octets
    for wrong in ([(1, b"x")], [(b"x", None)], [(b"x", 1.5)]):
        with pytest.raises(TypeError):
            peer.connection.send_headers_frame(3, wrong)
    peer.wire()


def test_the_engine_still_knows_what_it_sends():
    peer = client(check_sent_fields=False)
    for stream, fields in ((1, HEAD), (3, [(b"x", b"y"), *HEAD])):
        peer.connection.send_headers_frame(stream, fields, end_stream=True)
        peer.clear().sends(headers(stream, [*OK, (b"content-length", b"9")]))
        assert peer.hears()[0] == ResponseReceived(stream, [*OK, (b"content-length", b"9")], True)


@pytest.mark.parametrize("status", [b"103", b"1", b"101"])
def test_an_interim_response_is_one_that_begins_like_one(status):
    peer = server(check_sent_fields=False).sends(headers(1, GET)).clear()
    peer.connection.send_headers_frame(1, [(b"x", b"y"), (b":status", status)])
    assert not peer.connection.head_sent(1)
    with pytest.raises(UsageError):
        peer.connection.send_headers_frame(1, [(b":status", status)], end_stream=True)
    peer.connection.send_headers_frame(1, OK)
    assert peer.connection.head_sent(1)


@pytest.mark.parametrize("status", [b"204", b"205", b"304"])
def test_a_response_without_content_has_none_however_it_is_said(status):
    peer = server(check_sent_fields=False).sends(headers(1, GET)).clear()
    fields = [(b"x", b"y"), (b":status", status), (b":status", b"200")]
    peer.connection.send_headers_frame(1, fields)
    peer.connection.send_data_frame(1, b"content", end_stream=True)
    peer.wire(headers(1, fields, end_stream=False), data(1, b"", end_stream=True))


@examples(max_examples=25, deadline=None)
@given(sections, sections)
def test_noise_that_we_send_is_what_the_other_end_hears(head, trailers):
    sender = client(check_sent_fields=False)
    sender.connection.send_headers_frame(1, head)
    if dict(head).get(b":method") == b"CONNECT":
        # What a stream is, frames decide and not fields alone: a tunnel has no trailers.
        with pytest.raises(StreamStateError):
            sender.connection.send_headers_frame(1, trailers, end_stream=True)
        return
    sender.connection.send_headers_frame(1, trailers, end_stream=True)
    receiver = listening(no_rfc7540_priorities=False)
    receiver.events += receiver.connection.receive_data(sender.connection.data_to_send())
    events = receiver.hears()
    assert events[0].headers == head
    if not isinstance(events[-1], StreamReset):
        assert events[-1] == TrailersReceived(1, trailers)


def test_checks_are_on_unless_somebody_switches_them_off():
    peer = facing_server().sends(headers(1, [*GET, (b"X", b"y")]))
    assert peer.hears() == [StreamReset(1, f.PROTOCOL_ERROR, False, "field.name")]
    with pytest.raises(UsageError):
        facing_client(check_received_fields=False).connection.send_request(OK)
    peer = facing_server(check_sent_fields=False).sends(headers(1, [*GET, (b"X", b"y")]))
    assert type(peer.hears()[0]) is StreamReset
