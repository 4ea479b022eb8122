"""The upgrade from HTTP/1.1 (RFC 7540 §3.2), ALTSVC (RFC 7838) and ORIGIN (RFC 8336)."""

from __future__ import annotations

import base64

import pytest

from plait.http2 import (
    AlternativeServiceAvailable,
    Config,
    Connection,
    ConnectionClosedError,
    OriginReceived,
    RequestReceived,
    ResponseReceived,
    Role,
    StreamClosed,
    UsageError,
)

from . import frames as f
from .frames import GET, HEAD, OK, POST, PREFACE, altsvc, data, headers, origin, settings
from .script import Peer, facing_client, facing_server

WINDOW_100 = base64.urlsafe_b64encode(settings((f.INITIAL_WINDOW_SIZE, 100)).payload).rstrip(b"=")


# ------------------------------------------------------------------------------------------------
# A server is upgraded.


def upgraded(value: bytes | str = WINDOW_100, fields: f.Fields = GET) -> Peer:
    connection = Connection(Role.SERVER)
    peer = Peer(connection)
    peer.events += connection.receive_upgrade(fields, value)
    connection.initiate_connection()
    return peer


def test_the_upgraded_request_is_stream_1():
    peer = upgraded()
    peer.expect(RequestReceived(1, GET, True))
    frames = peer.reads()
    # RFC 7540 §3.2: "The first HTTP/2 frame sent by the server MUST be a server connection
    # preface", and the 101 has acknowledged the client's settings.
    assert frames[0].type == f.SETTINGS
    assert f.settings_ack() not in frames


def test_the_upgraded_request_is_answered_with_the_clients_settings():
    peer = upgraded()
    peer.connection.send_response(1, 200, [], b"x" * 150)
    frames = peer.reads()
    assert frames[-2:] == [headers(1, OK, end_stream=False), data(1, b"x" * 100)]
    assert peer.connection.remote_settings.initial_window_size == 100
    # The client's preface still has to come.
    peer.sends(PREFACE, settings((f.INITIAL_WINDOW_SIZE, 150)))
    assert data(1, b"x" * 50, end_stream=True) in peer.reads()
    peer.sends(headers(3, GET))
    assert RequestReceived(3, GET, True) in peer.hears()


@pytest.mark.parametrize("kind", [bytes, bytes.decode])
def test_the_settings_may_be_text_or_octets_with_or_without_padding(kind):
    assert upgraded(kind(WINDOW_100)).connection.remote_settings.initial_window_size == 100


def test_the_settings_may_be_empty():
    assert upgraded(b"").hears() == [RequestReceived(1, GET, True)]


def test_the_upgraded_stream_is_half_closed():
    peer = upgraded()
    peer.sends(PREFACE, settings()).clear()
    peer.sends(data(1, b"x")).loses(1, f.STREAM_CLOSED)


def test_stream_1_cannot_be_opened_again_after_an_upgrade():
    peer = upgraded()
    peer.connection.send_response(1, 200, [])
    peer.sends(PREFACE, settings()).clear()
    peer.sends(headers(1, GET))
    assert peer.hears()[-1].error_code in (f.STREAM_CLOSED, f.PROTOCOL_ERROR)


def test_an_upgraded_head_gets_no_body():
    peer = upgraded(fields=HEAD).clear()
    peer.connection.send_response(1, 200, [], b"never")
    peer.wire(headers(1, OK))


def test_the_client_must_still_send_its_preface():
    peer = upgraded()
    peer.clear().sends(headers(3, GET)).dies(f.PROTOCOL_ERROR)


@pytest.mark.parametrize("value", [b"AAA", b"AAAAAAA", b"!!!!", "not base64 at all", "é"])
def test_broken_settings_are_no_upgrade(value):
    # The server then answers over HTTP/1.1 (RFC 7540 §3.2.1).
    connection = Connection(Role.SERVER)
    with pytest.raises(UsageError):
        connection.receive_upgrade(GET, value)
    assert connection.open_streams == 0


@pytest.mark.parametrize("pair", [(f.ENABLE_PUSH, 2), (f.MAX_FRAME_SIZE, 1), (4, 2**31)])
def test_forbidden_settings_are_no_upgrade(pair):
    value = base64.urlsafe_b64encode(settings(pair).payload).rstrip(b"=")
    connection = Connection(Role.SERVER)
    with pytest.raises(UsageError):
        connection.receive_upgrade(GET, value)
    assert connection.open_streams == 0


def test_a_malformed_request_is_no_upgrade():
    connection = Connection(Role.SERVER)
    with pytest.raises(UsageError):
        connection.receive_upgrade([*GET, (b"connection", b"Upgrade, HTTP2-Settings")], b"")
    with pytest.raises(UsageError):
        connection.receive_upgrade(GET[1:], b"")


def test_it_is_too_late_for_an_upgrade_once_there_was_a_request():
    peer = facing_server().sends(headers(1, GET))
    with pytest.raises(UsageError):
        peer.connection.receive_upgrade(GET, b"")


# ------------------------------------------------------------------------------------------------
# A client upgrades.


def test_a_client_offers_its_settings_in_a_field():
    connection = Connection(Role.CLIENT, Config(initial_window_size=1000, enable_push=False))
    value = connection.initiate_upgrade(GET)
    assert b"=" not in value
    payload = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
    offered = f.parse_settings(f.Frame(f.SETTINGS, 0, 0, payload))
    assert offered[f.INITIAL_WINDOW_SIZE] == 1000
    assert offered[f.ENABLE_PUSH] == 0
    assert connection.data_to_send() == b""


def upgrading(fields: f.Fields = GET) -> Peer:
    connection = Connection(Role.CLIENT)
    connection.initiate_upgrade(fields)
    connection.initiate_connection()
    return Peer(connection, magic=True)


def test_the_answer_to_the_upgraded_request_comes_on_stream_1():
    peer = upgrading()
    frames = peer.reads()
    assert frames[0].type == f.SETTINGS
    assert not [x for x in frames if x.stream_id]
    peer.sends(settings(), f.settings_ack()).clear()
    peer.sends(headers(1, OK, end_stream=False), data(1, b"upgraded", end_stream=True))
    events = peer.hears()
    assert events[0] == ResponseReceived(1, OK, False)
    assert events[-1] == StreamClosed(1, 0)


def test_the_next_request_after_an_upgrade_is_stream_3():
    peer = upgrading()
    peer.sends(settings()).clear()
    assert peer.connection.send_request(GET) == 3


def test_nothing_more_can_be_sent_on_the_upgraded_stream():
    peer = upgrading(POST)
    with pytest.raises(UsageError):
        peer.connection.send_data(1, b"x")


def test_the_upgraded_head_may_name_a_length():
    peer = upgrading(HEAD)
    fields = [*OK, (b"content-length", b"77")]
    peer.sends(settings(), headers(1, fields))
    assert peer.hears()[-2:] == [ResponseReceived(1, fields, True), StreamClosed(1, 0)]


def test_two_engines_upgrade_together():
    client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
    value = client.initiate_upgrade(GET)
    assert server.receive_upgrade(GET, value) == [RequestReceived(1, GET, True)]
    server.initiate_connection()
    client.initiate_connection()
    server.send_response(1, 200, [], b"hello")
    heard = []
    for _ in range(3):
        server.receive_data(client.data_to_send())
        heard += client.receive_data(server.data_to_send())
    assert ResponseReceived(1, OK, False) in heard
    assert heard[-1] == StreamClosed(1, 0) or StreamClosed(1, 0) in heard


# ------------------------------------------------------------------------------------------------
# ALTSVC.


def test_an_alternative_service_for_an_origin_is_told():
    peer = facing_client().sends(altsvc(0, b"https://example.com", b'h3=":443"; ma=60'))
    peer.expect(AlternativeServiceAvailable(0, b"https://example.com", b'h3=":443"; ma=60'))


def test_an_alternative_service_on_a_stream_is_that_of_its_request():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(altsvc(1, b"", b"clear"))
    (event,) = peer.hears()
    assert isinstance(event, AlternativeServiceAvailable)
    assert (event.stream_id, event.field_value) == (1, b"clear")
    assert event.origin in (b"https://example.com", b"")


@pytest.mark.parametrize(
    "frame",
    [
        altsvc(0, b"", b"clear"),
        altsvc(1, b"https://example.com", b"clear"),
        f.Frame(f.ALTSVC, 0, 0, b""),
        f.Frame(f.ALTSVC, 0, 0, b"\0"),
        f.Frame(f.ALTSVC, 0, 0, b"\0\x20https://short"),
        altsvc(99, b"", b"clear"),
        altsvc(2, b"", b"clear"),
    ],
    ids=["no origin", "both", "empty", "one octet", "short origin", "idle stream", "idle push"],
)
def test_an_alternative_service_that_makes_no_sense_is_ignored(frame):
    # RFC 7838 §4: these MUST be ignored.
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(frame).expect().lives()


def test_a_server_offers_an_alternative_service():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_alternative_service(b'h3=":443"', origin=b"https://example.com")
    peer.connection.send_alternative_service(b"clear", stream_id=1)
    peer.wire(altsvc(0, b"https://example.com", b'h3=":443"'), altsvc(1, b"", b"clear"))


def test_an_alternative_service_has_an_origin_or_a_stream():
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(UsageError):
        peer.connection.send_alternative_service(b"clear")
    with pytest.raises(UsageError):
        peer.connection.send_alternative_service(b"clear", origin=b"https://a", stream_id=1)
    with pytest.raises(UsageError):
        facing_client().connection.send_alternative_service(b"clear", origin=b"https://a")
    peer.wire()


# ------------------------------------------------------------------------------------------------
# ORIGIN.


@pytest.mark.parametrize("origins", [[], [b"https://a.example"], [b"https://a", b"https://b:8443"]])
def test_an_origin_set_is_told(origins):
    facing_client().sends(origin(*origins)).expect(OriginReceived(origins))


@pytest.mark.parametrize(
    "frame",
    [
        f.Frame(f.ORIGIN, 0, 1, origin(b"https://a").payload),
        f.Frame(f.ORIGIN, 0x1, 0, origin(b"https://a").payload),
        f.Frame(f.ORIGIN, 0, 0, b"\0"),
        f.Frame(f.ORIGIN, 0, 0, b"\0\x09https"),
    ],
    ids=["on a stream", "with a flag", "one octet", "short origin"],
)
def test_an_origin_frame_that_makes_no_sense_is_ignored(frame):
    # RFC 8336 §2: on other streams it "MUST be ignored"; 0x1, 0x2, 0x4 and 0x8 are reserved.
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(frame).expect().lives()


def test_a_server_names_its_origins():
    peer = facing_server()
    peer.connection.send_origin([b"https://a.example", b"https://b.example:8443"])
    peer.wire(origin(b"https://a.example", b"https://b.example:8443"))
    with pytest.raises(UsageError):
        facing_client().connection.send_origin([b"https://a"])


def test_an_upgrade_where_no_stream_is_allowed_is_refused_as_any_request():
    connection = Connection(Role.SERVER, Config(max_concurrent_streams=0))
    (event,) = connection.receive_upgrade(GET, b"")
    assert (event.stream_id, event.error_code, event.slug) == (1, f.REFUSED_STREAM, "streams.limit")
    assert connection.open_streams == 0


def test_there_is_no_upgrade_after_the_end():
    for role in Role:
        connection = Connection(role)
        connection.terminate()
        upgrade = connection.receive_upgrade if role else connection.initiate_upgrade
        with pytest.raises(ConnectionClosedError):
            upgrade(*([GET, b""] if role else [GET]))
