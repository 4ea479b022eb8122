"""What the RFCs say of requests and responses: fields, methods, statuses, content."""

from __future__ import annotations

import pytest

from plait.client.request import request_fields
from plait.http2 import (
    InformationalResponseReceived,
    InvalidFieldError,
    RequestReceived,
    ResponseReceived,
    StreamClosed,
    StreamStateError,
    TrailersReceived,
    UsageError,
)
from tests.http2 import frames as f
from tests.http2.frames import GET, HEAD, OK, POST, data, headers
from tests.http2.script import Peer, facing_client, facing_server

PROTOCOL = f.PROTOCOL_ERROR
CONNECT = [(b":method", b"CONNECT"), (b":authority", b"example.com:443")]


def asked(fields: f.Fields = GET, *, end_stream: bool = True) -> Peer:
    """A server that was asked on stream 1."""
    return facing_server().sends(headers(1, fields, end_stream=end_stream)).clear()


def asking(fields: f.Fields = GET, *, end_stream: bool = True) -> Peer:
    """A client that asked on stream 1."""
    peer = facing_client()
    peer.connection.send_request(fields, end_stream=end_stream)
    return peer.clear()


def status(code: int, *more: tuple[bytes, bytes]) -> f.Fields:
    return [(b":status", b"%d" % code), *more]


# ------------------------------------------------------------------------------------------------
# RFC 9113 §8.2: what may not be sent. What may not be received is in tests/http2.

FORBIDDEN = {
    "connection": (b"connection", b"close"),
    "proxy-connection": (b"proxy-connection", b"close"),
    "keep-alive": (b"keep-alive", b"timeout=5"),
    "transfer-encoding": (b"transfer-encoding", b"chunked"),
    "upgrade": (b"upgrade", b"h2c"),
    "te that is not trailers": (b"te", b"gzip"),
    "te that is more than trailers": (b"te", b"trailers, gzip"),
    "a colon in a name": (b"a:b", b"v"),
    "a space in a name": (b"a b", b"v"),
    "an octet above ASCII in a name": (b"caf\xe9", b"v"),
    "no name": (b"", b"v"),
    "NUL": (b"x", b"a\0b"),
    "CR": (b"x", b"a\rb"),
    "LF": (b"x", b"a\nb"),
    "a space in front": (b"x", b" v"),
    "a tab behind": (b"x", b"v\t"),
}


@pytest.mark.parametrize("field", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_field_that_may_not_be_received_is_not_sent(field):
    client, server = facing_client(), asked()
    for attempt in (
        lambda: client.connection.send_request([*GET, field]),
        lambda: server.connection.send_response(1, 200, [field]),
        lambda: server.connection.send_headers(1, [(b":status", b"103"), field]),
        lambda: server.connection.push_stream(1, [*GET, field]),
    ):
        with pytest.raises(InvalidFieldError):
            attempt()
    client.wire()
    server.connection.send_headers(1, OK)
    with pytest.raises(InvalidFieldError):
        server.connection.send_headers(1, [field], end_stream=True)
    server.wire(headers(1, OK, end_stream=False))


def test_names_are_sent_in_lower_case_by_both_ends():
    # RFC 9113 §8.2.
    client, server = facing_client(), asked()
    client.connection.send_request([*GET, ("X-Mixed-Case", "Kept")])
    client.wire(headers(1, [*GET, (b"x-mixed-case", b"Kept")]))
    server.connection.send_response(1, 200, [("X-Mixed-Case", "Kept")])
    server.wire(headers(1, [*OK, (b"x-mixed-case", b"Kept")]))


@pytest.mark.parametrize("code", [103, 200])
def test_te_makes_a_response_malformed(code):
    # RFC 9113 §8.2.2: TE is connection-specific; the exception is for requests.
    te = (b"te", b"trailers")
    asking().sends(headers(1, status(code, te), end_stream=False)).loses(1, PROTOCOL)


def test_te_is_sent_in_no_response():
    server = asked()
    for attempt in (
        lambda: server.connection.send_response(1, 200, [(b"te", b"trailers")]),
        lambda: server.connection.send_headers(1, status(103, (b"te", b"trailers"))),
    ):
        with pytest.raises(InvalidFieldError):
            attempt()
    server.wire()


# ------------------------------------------------------------------------------------------------
# RFC 9113 §8.3: pseudo-header fields.

BAD_REQUESTS = {
    "an undefined pseudo-header field": [*GET, (b":version", b"2")],
    "one of responses": [*GET, (b":status", b"200")],
    "one after a regular field": [*GET[:3], (b"x", b"v"), GET[3]],
    "one twice": [*GET, GET[2]],
    "no method": GET[1:],
    "no scheme": [GET[0], *GET[2:]],
    "no path": [*GET[:2], GET[3]],
    "an empty path": [*GET[:2], (b":path", b""), GET[3]],
    "a path without a slash": [*GET[:2], (b":path", b"x"), GET[3]],
    "a star for GET": [*GET[:2], (b":path", b"*"), GET[3]],
    "userinfo": [*GET[:3], (b":authority", b"me@example.com")],
    "an empty authority": [*GET[:3], (b":authority", b"")],
    "a scheme for CONNECT": [*CONNECT, (b":scheme", b"https")],
    "a path for CONNECT": [*CONNECT, (b":path", b"/")],
    "no authority for CONNECT": CONNECT[:1],
}


@pytest.mark.parametrize("fields", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_what_makes_a_request_malformed_is_neither_taken_nor_sent(fields):
    facing_server().sends(headers(1, fields)).loses(1, PROTOCOL)
    client = facing_client()
    with pytest.raises(InvalidFieldError):
        client.connection.send_request(fields)
    client.wire()


@pytest.mark.parametrize("code", [100, 103, 200, 404])
@pytest.mark.parametrize("name", [b":method", b":path", b":scheme", b":authority", b":other"])
def test_a_response_has_no_pseudo_header_field_but_its_status(code, name):
    # RFC 9113 §8.3, §8.3.2: in interim responses too.
    ends = code >= 200
    for fields in ([*status(code), (name, b"/")], [(name, b"/"), *status(code)]):
        asking().sends(headers(1, fields, end_stream=ends)).loses(1, PROTOCOL)
        server = asked()
        with pytest.raises(UsageError):
            server.connection.send_headers(1, fields, end_stream=ends)
        server.wire()


@pytest.mark.parametrize(
    "fields",
    [[], [(b"x", b"v")], [(b"x", b"v"), (b":status", b"200")], [*OK, *OK]],
    ids=["no fields", "no status", "late", "twice"],
)
def test_every_response_has_one_status_in_front(fields):
    for ends in (True, False):
        asking().sends(headers(1, fields, end_stream=ends)).loses(1, PROTOCOL)
        server = asked()
        with pytest.raises(UsageError):
            server.connection.send_headers(1, fields, end_stream=ends)
        server.wire()


@pytest.mark.parametrize("field", [(b":status", b"200"), (b":path", b"/"), (b":x", b"v")])
def test_trailers_have_no_pseudo_header_field(field):
    # RFC 9113 §8.1, §8.3: neither taken nor sent, by either end.
    asked(POST, end_stream=False).sends(headers(1, [field])).loses(1, PROTOCOL)
    client = asking().sends(headers(1, OK, end_stream=False)).clear()
    client.sends(headers(1, [(b"x", b"v"), field])).loses(1, PROTOCOL)
    server = asked()
    server.connection.send_headers(1, OK)
    uploading = asking(POST, end_stream=False)
    for peer in (server, uploading):
        with pytest.raises(UsageError):
            peer.connection.send_headers(1, [field], end_stream=True)


def test_the_authority_of_a_request_is_not_its_host():
    # RFC 9113 §8.3.1: Host MUST NOT be used if ":authority" is present.
    peer = facing_server().sends(headers(1, [*GET, (b"host", b"EXAMPLE.COM")]))
    assert peer.hears()[0].authority == b"example.com"


def test_a_client_sends_no_host_that_differs_from_the_authority():
    client = facing_client()
    with pytest.raises(InvalidFieldError):
        client.connection.send_request([*GET, (b"host", b"other.example")])
    client.connection.send_request([*GET, (b"host", b"example.com")])
    client.wire(headers(1, [*GET, (b"host", b"example.com")]))


@pytest.mark.parametrize("scheme", [b"http", b"https"])
def test_an_empty_host_is_malformed(scheme):
    # RFC 9110 §4.2.1, §4.2.2.
    for name in (b":authority", b"host"):
        fields = [GET[0], (b":scheme", scheme), GET[2], (name, b"")]
        facing_server().sends(headers(1, fields)).loses(1, PROTOCOL)
        with pytest.raises(InvalidFieldError):
            facing_client().connection.send_request(fields)


URLS = {
    "https://example.com": ("https", "example.com", "/"),
    "https://example.com?q": ("https", "example.com", "/?q"),
    "http://user:secret@example.com:81/a": ("http", "example.com:81", "/a"),
    "/only/a/path": ("https", "fallback.example", "/only/a/path"),
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_becomes_pseudo_header_fields(url):
    # RFC 9113 §8.3.1: ":authority" without userinfo; "/" where there is no path.
    made = dict(request_fields("GET", url, [], scheme="https", authority="fallback.example"))
    assert (made[":scheme"], made[":authority"], made[":path"]) == URLS[url]
    assert "host" not in made


def test_options_may_ask_of_the_whole_server():
    made = dict(request_fields("OPTIONS", "*", [], scheme="https", authority="example.com"))
    assert made[":path"] == "*"


@pytest.mark.parametrize("method", ["OPTIONS", b"OPTIONS"])
def test_options_without_a_path_asks_of_the_whole_server(method):
    url = "https://example.com"
    made = dict(request_fields(method, url, [], scheme="https", authority="example.com"))
    assert made[":path"] == "*"


# ------------------------------------------------------------------------------------------------
# RFC 9113 §8.1: the order of a message; RFC 9110 §15.2: interim responses.


def test_any_number_of_interim_responses_may_come_unasked():
    # RFC 9110 §15.2: a client MUST be able to parse them.
    peer = asking()
    for code in (100, 102, 103, 103, 150, 199):
        peer.sends(headers(1, status(code), end_stream=False))
    peer.sends(headers(1, OK))
    events = peer.hears()
    assert [event.status for event in events[:-2]] == [100, 102, 103, 103, 150, 199]
    assert all(isinstance(event, InformationalResponseReceived) for event in events[:-2])
    assert events[-2:] == [ResponseReceived(1, OK, True), StreamClosed(1, 0)]


@pytest.mark.parametrize("code", [200, 299, 304, 451, 599, 999])
def test_a_status_that_nobody_knows_is_told_like_any(code):
    # RFC 9110 §15: clients treat it as x00 of its class, and need the number for that.
    peer = asking().sends(headers(1, status(code)))
    assert peer.hears()[0].status == code


def test_101_is_neither_taken_nor_sent():
    # RFC 9113 §8.6.
    asking().sends(headers(1, status(101), end_stream=False)).loses(1, PROTOCOL)
    server = asked()
    with pytest.raises(UsageError):
        server.connection.send_headers(1, status(101))
    with pytest.raises(UsageError):
        server.connection.send_response(1, 101)
    server.wire()


@pytest.mark.parametrize("second", [OK, status(100), status(103), [(b"x", b"v")]])
def test_after_a_final_response_a_section_that_ends_nothing_is_malformed(second):
    # RFC 9113 §8.1.
    peer = asking().sends(headers(1, OK, end_stream=False)).clear()
    peer.sends(headers(1, second, end_stream=False)).loses(1, PROTOCOL)


@pytest.mark.parametrize("second", [GET, [(b"x", b"v")], []])
def test_after_a_request_a_section_that_ends_nothing_is_malformed(second):
    peer = asked(POST, end_stream=False)
    peer.sends(headers(1, second, end_stream=False)).loses(1, PROTOCOL)


def test_neither_end_sends_a_second_head():
    server = asked()
    server.connection.send_headers(1, OK)
    uploading = asking(POST, end_stream=False)
    for peer, fields in ((server, OK), (server, status(103)), (uploading, GET)):
        peer.clear()
        with pytest.raises(UsageError):
            peer.connection.send_headers(1, fields)
        with pytest.raises(UsageError):
            peer.connection.send_headers(1, [(b"x", b"v")])
        peer.wire()


def test_a_response_stays_whole_when_the_server_needs_no_more_of_the_request():
    # RFC 9113 §8.1: clients MUST NOT discard it for RST_STREAM(NO_ERROR).
    peer = asking(POST, end_stream=False)
    peer.sends(headers(1, OK, end_stream=False), data(1, b"whole", end_stream=True)).clear()
    peer.sends(f.rst_stream(1, f.NO_ERROR)).expect(StreamClosed(1, 0))


def test_a_malformed_response_is_never_delivered():
    # RFC 9113 §8.1.1: clients MUST NOT accept it.
    peer = asking().sends(headers(1, [*OK, (b"X", b"v")]), data(1, b"never"))
    assert not [event for event in peer.hears() if isinstance(event, ResponseReceived)]


# ------------------------------------------------------------------------------------------------
# RFC 9110 §6.4.1, §8.6: content, and its length.


@pytest.mark.parametrize("code", [204, 304])
def test_a_response_without_content_is_a_head_alone(code):
    peer = asked()
    peer.connection.send_response(1, code, [], b"never sent")
    peer.wire(headers(1, status(code)))


def test_the_answer_to_head_is_a_head_alone():
    # RFC 9110 §9.3.2: the fields that GET would have had, and no content.
    peer = asked(HEAD)
    peer.connection.send_response(1, 200, [(b"content-length", b"5")], b"hello")
    peer.wire(headers(1, status(200, (b"content-length", b"5"))))


@pytest.mark.parametrize(
    ("request_fields", "code"), [(HEAD, 200), (GET, 204), (GET, 304)], ids=["HEAD", "204", "304"]
)
def test_content_is_not_added_where_a_response_has_none(request_fields, code):
    peer = asked(request_fields)
    peer.connection.send_headers(1, status(code))
    with pytest.raises(StreamStateError):
        peer.connection.send_data(1, b"x")
    with pytest.raises(StreamStateError):
        peer.connection.send_body(1, lambda most: (b"x", 1))
    peer.connection.send_data(1, b"", end_stream=True)
    peer.wire(headers(1, status(code), end_stream=False), data(1, b"", end_stream=True))


def test_reset_content_has_no_content():
    # RFC 9110 §15.3.6.
    peer = asked()
    peer.connection.send_response(1, 205, [], b"never sent")
    peer.wire(headers(1, status(205)))


@pytest.mark.parametrize(
    ("fields", "code"), [(HEAD, 200), (GET, 204), (GET, 304)], ids=["HEAD", "204", "304"]
)
@pytest.mark.parametrize("length", [(), ((b"content-length", b"1"),)])
def test_content_where_a_response_has_none_is_malformed(fields, code, length):
    peer = asking(fields).sends(headers(1, status(code, *length), end_stream=False)).clear()
    peer.sends(data(1, b"x", end_stream=True)).loses(1, PROTOCOL)


def test_a_tunnel_has_no_length():
    # RFC 9110 §8.6, §9.3.6: a client ignores content-length in a 2xx response to CONNECT.
    peer = asking(CONNECT, end_stream=False)
    peer.sends(headers(1, status(200, (b"content-length", b"1")), end_stream=False)).clear()
    peer.sends(data(1, b"more than one"))
    assert peer.hears()[0].data == b"more than one"
    server = asked([*CONNECT, (b"content-length", b"1")], end_stream=False)
    server.sends(data(1, b"more than one"))
    assert server.hears()[0].data == b"more than one"


def test_a_refused_connect_has_a_length():
    peer = asking(CONNECT, end_stream=False)
    peer.sends(headers(1, status(502, (b"content-length", b"1")), end_stream=False)).clear()
    peer.sends(data(1, b"more than one")).loses(1, PROTOCOL)


def test_a_long_length_is_no_overflow():
    # RFC 9110 §8.6: recipients MUST anticipate large numerals.
    length = (b"content-length", b"9" * 18)
    peer = asked([*POST, length], end_stream=False)
    peer.sends(data(1, b"x")).lives()
    peer.sends(data(1, b"", end_stream=True)).loses(1, PROTOCOL)
    for beyond in (b"9" * 19, b"9" * 4000):
        fields = [*POST, (b"content-length", beyond)]
        facing_server().sends(headers(1, fields, end_stream=False)).loses(1, PROTOCOL)


@pytest.mark.parametrize("value", [b"5, 5", b"5,5", b"+5", b"-1", b"0x5", b"5 ", b"", b"5.0"])
def test_a_length_is_digits(value):
    facing_server().sends(headers(1, [*POST, (b"content-length", value)])).loses(1, PROTOCOL)


@pytest.mark.parametrize("second", [b"5", b"6"])
def test_two_lengths_are_malformed(second):
    fields = [*POST, (b"content-length", b"5"), (b"content-length", second)]
    facing_server().sends(headers(1, fields, end_stream=False)).loses(1, PROTOCOL)


def test_trailers_stay_apart_from_the_head():
    # RFC 9110 §6.5.1: not merged, so that what is checked in the head stays checked.
    trailer = [(b"x-user", b"somebody else")]
    peer = facing_server().sends(headers(1, POST, end_stream=False), headers(1, trailer))
    peer.expect(RequestReceived(1, POST, False), TrailersReceived(1, trailer))


# ------------------------------------------------------------------------------------------------
# RFC 9113 §8.4: push.


@pytest.mark.parametrize(
    "fields",
    [GET[:3], [*GET, (b"content-length", b"3")], [*GET[:3], (b"host", b"example.com")]],
    ids=["no authority", "content", "host alone"],
)
def test_a_promise_is_a_request_without_content_to_an_authority(fields):
    peer = asked()
    with pytest.raises(InvalidFieldError):
        peer.connection.push_stream(1, fields)
    peer.wire()


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"get"])
def test_only_get_and_head_are_promised_and_taken(method):
    # RFC 9113 §8.4: safe and cacheable methods.
    fields = [(b":method", method), *GET[1:]]
    peer = asked()
    with pytest.raises(InvalidFieldError):
        peer.connection.push_stream(1, fields)
    peer.wire()
    asking().sends(f.push_promise(1, 2, fields)).loses(2, PROTOCOL)


# ------------------------------------------------------------------------------------------------
# RFC 9110 §9.3.6: CONNECT.


@pytest.mark.parametrize("authority", ["h", "h:", "h:x", "h:0", "h:65536", "h:-1", "[::1]", ":80"])
def test_a_connect_names_a_port(authority):
    fields = [CONNECT[0], (b":authority", authority.encode())]
    facing_server().sends(headers(1, fields, end_stream=False)).loses(1, PROTOCOL)
    with pytest.raises(InvalidFieldError):
        facing_client().connection.send_request(fields, end_stream=False)


@pytest.mark.parametrize("code", [200, 204, 205, 299])
def test_any_2xx_makes_a_tunnel(code):
    peer = asking(CONNECT, end_stream=False)
    peer.sends(headers(1, status(code), end_stream=False)).clear()
    peer.sends(data(1, b"through"))
    assert [event.data for event in peer.hears()] == [b"through"]
    server = asked(CONNECT, end_stream=False)
    server.connection.send_headers(1, status(code))
    server.connection.send_data(1, b"through")
    server.wire(headers(1, status(code), end_stream=False), data(1, b"through"))
