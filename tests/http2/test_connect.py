"""CONNECT and extended CONNECT (RFC 9113 §8.5, RFC 8441)."""

from __future__ import annotations

import pytest

from plait.http2 import DataReceived, RequestReceived, ResponseReceived, StreamClosed

from . import frames as f
from .frames import OK, Fields, data, headers
from .script import facing_client, facing_server

CONNECT = (b":method", b"CONNECT")
AUTHORITY = (b":authority", b"example.com:443")
SCHEME = (b":scheme", b"https")
PATH = (b":path", b"/chat")
PROTOCOL = (b":protocol", b"websocket")

PLAIN: Fields = [CONNECT, AUTHORITY]
EXTENDED: Fields = [CONNECT, PROTOCOL, SCHEME, PATH, AUTHORITY]


def test_a_plain_connect_has_neither_scheme_nor_path():
    peer = facing_server().sends(headers(1, PLAIN, end_stream=False))
    (event,) = peer.hears()
    assert event == RequestReceived(1, PLAIN, False)
    assert (event.method, event.authority) == (b"CONNECT", b"example.com:443")
    assert event.path is None
    assert event.scheme is None


def test_a_tunnel_carries_data_both_ways():
    peer = facing_server().sends(headers(1, PLAIN, end_stream=False)).clear()
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"down")
    peer.wire(headers(1, OK, end_stream=False), data(1, b"down"))
    peer.sends(data(1, b"up")).expect(DataReceived(1, b"up", 2, False))
    peer.connection.send_data(1, b"", end_stream=True)
    peer.wire(data(1, b"", end_stream=True))
    # Half-closed: the client may still send.
    peer.sends(data(1, b"bye", end_stream=True))
    peer.expect(DataReceived(1, b"bye", 3, True), StreamClosed(1, 0))


@pytest.mark.parametrize(
    "fields",
    [
        [CONNECT],
        [CONNECT, (b":authority", b"")],
        [CONNECT, AUTHORITY, SCHEME],
        [CONNECT, AUTHORITY, PATH],
        [CONNECT, AUTHORITY, SCHEME, PATH],
        [CONNECT, (b":authority", b"user@example.com:443")],
        [CONNECT, CONNECT, AUTHORITY],
    ],
    ids=[
        *("no authority", "empty authority", "scheme", "path", "both", "userinfo"),
        "method twice",
    ],
)
def test_a_malformed_connect_is_reset(fields):
    peer = facing_server()
    peer.sends(headers(1, fields, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


@pytest.mark.parametrize("authority", [b"[2001:db8::1]:443", b"example.com:1", b"127.0.0.1:65535"])
def test_every_host_and_port_may_be_connected_to(authority):
    fields = [CONNECT, (b":authority", authority)]
    peer = facing_server().sends(headers(1, fields, end_stream=False))
    peer.expect(RequestReceived(1, fields, False))


def test_an_extended_connect_has_scheme_and_path():
    peer = facing_server().sends(headers(1, EXTENDED, end_stream=False))
    (event,) = peer.hears()
    assert event == RequestReceived(1, EXTENDED, False)
    assert (event.method, event.scheme, event.path) == (b"CONNECT", b"https", b"/chat")


@pytest.mark.parametrize(
    "fields",
    [
        [CONNECT, PROTOCOL, AUTHORITY],
        [CONNECT, PROTOCOL, SCHEME, AUTHORITY],
        [CONNECT, PROTOCOL, PATH, AUTHORITY],
        [CONNECT, PROTOCOL, SCHEME, PATH],
        [CONNECT, (b":protocol", b""), SCHEME, PATH, AUTHORITY],
        [CONNECT, (b":protocol", b"web socket"), SCHEME, PATH, AUTHORITY],
        [CONNECT, PROTOCOL, PROTOCOL, SCHEME, PATH, AUTHORITY],
        [(b":method", b"GET"), PROTOCOL, SCHEME, PATH, AUTHORITY],
        [CONNECT, PROTOCOL, SCHEME, (b":path", b"chat"), AUTHORITY],
        [CONNECT, SCHEME, PATH, AUTHORITY, (b"x", b"v"), PROTOCOL],
    ],
    ids=[
        *("no scheme, no path", "no path", "no scheme", "no authority", "empty protocol"),
        *("space in protocol", "protocol twice", "GET", "path without slash", "protocol last"),
    ],
)
def test_a_malformed_extended_connect_is_reset(fields):
    peer = facing_server()
    peer.sends(headers(1, fields, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


def test_protocol_is_unknown_where_the_setting_was_not_announced():
    # RFC 8441 §3: it may be used only after the setting was received.
    peer = facing_server(enable_connect_protocol=False)
    peer.sends(headers(1, EXTENDED, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


def test_protocol_may_be_used_once_a_later_settings_announces_it():
    peer = facing_server(enable_connect_protocol=False)
    peer.connection.update_settings({8: 1})
    peer.clear().sends(headers(1, EXTENDED, end_stream=False))
    assert [type(event).__name__ for event in peer.hears()] == ["RequestReceived"]


def test_a_client_can_open_an_extended_connect_once_it_is_announced():
    peer = facing_client(None, (f.ENABLE_CONNECT_PROTOCOL, 1))
    stream = peer.connection.send_request(EXTENDED, end_stream=False)
    peer.wire(headers(stream, EXTENDED, end_stream=False))
    peer.sends(headers(stream, OK, end_stream=False)).expect(ResponseReceived(1, OK, False))
    peer.connection.send_data(stream, b"frame")
    peer.wire(data(stream, b"frame"))


def test_a_client_can_open_a_plain_connect():
    peer = facing_client()
    stream = peer.connection.send_request(PLAIN, end_stream=False)
    peer.wire(headers(stream, PLAIN, end_stream=False))


def test_a_server_must_not_withdraw_extended_connect():
    # RFC 8441 §3: "MUST NOT send ... with a value of 0 after previously sending a value of 1".
    peer = facing_client(None, (f.ENABLE_CONNECT_PROTOCOL, 1))
    peer.sends(f.settings((f.ENABLE_CONNECT_PROTOCOL, 0))).dies(f.PROTOCOL_ERROR)


def test_extended_connect_is_a_boolean():
    peer = facing_client()
    peer.sends(f.settings((f.ENABLE_CONNECT_PROTOCOL, 2))).dies(f.PROTOCOL_ERROR)
