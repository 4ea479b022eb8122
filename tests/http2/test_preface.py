"""The connection preface and the first SETTINGS (RFC 9113 §3.4, §6.5)."""

from __future__ import annotations

import pytest

from plait.http2 import (
    Config,
    Connection,
    RemoteSettingsChanged,
    Role,
    SettingsAcknowledged,
)

from . import frames as f
from .frames import PREFACE, headers, octets, settings, settings_ack
from .script import Goaway, facing_client, facing_server, refused_connection


def first_settings(connection: Connection) -> dict[int, int]:
    connection.initiate_connection()
    written = connection.data_to_send()
    written = written.removeprefix(PREFACE)
    first = f.read_frames(written)[0]
    assert (first.type, first.flags, first.stream_id) == (f.SETTINGS, 0, 0)
    return f.parse_settings(first)


def test_a_server_speaks_first_with_its_settings_and_no_magic():
    peer = facing_server(handshake=False)
    frames = peer.reads()
    assert frames[0].type == f.SETTINGS
    assert not frames[0].flags


def test_a_client_sends_the_magic_and_then_its_settings():
    connection = Connection(Role.CLIENT)
    connection.initiate_connection()
    written = connection.data_to_send()
    assert written.startswith(PREFACE)
    assert f.read_frames(written, magic=True)[0].type == f.SETTINGS


@pytest.mark.parametrize("role", list(Role))
def test_initiating_twice_writes_one_preface(role):
    once, twice = Connection(role), Connection(role)
    once.initiate_connection()
    twice.initiate_connection()
    twice.initiate_connection()
    assert twice.data_to_send() == once.data_to_send()
    twice.initiate_connection()
    assert twice.data_to_send() == b""


def test_the_defaults_announce_what_the_configuration_says():
    announced = first_settings(Connection(Role.SERVER))
    assert announced == {
        f.MAX_CONCURRENT_STREAMS: 100,
        f.INITIAL_WINDOW_SIZE: 262_144,
        f.MAX_HEADER_LIST_SIZE: 65_536,
        f.ENABLE_CONNECT_PROTOCOL: 1,
        f.NO_RFC7540_PRIORITIES: 1,
    }


def test_a_client_never_announces_extended_connect_but_can_refuse_pushes():
    announced = first_settings(Connection(Role.CLIENT, Config(enable_push=False)))
    assert announced[f.ENABLE_PUSH] == 0
    assert f.ENABLE_CONNECT_PROTOCOL not in announced


def test_a_server_never_announces_push():
    # RFC 9113 §6.5.2: a server MUST NOT set ENABLE_PUSH to 1, and 0 says nothing.
    assert f.ENABLE_PUSH not in first_settings(Connection(Role.SERVER, Config(enable_push=True)))


def test_every_setting_can_be_announced():
    config = Config(
        header_table_size=8192,
        max_concurrent_streams=7,
        initial_window_size=1_000_000,
        connection_window_size=2_000_000,
        max_frame_size=32_768,
        max_header_list_size=9999,
        enable_connect_protocol=False,
        no_rfc7540_priorities=False,
    )
    assert first_settings(Connection(Role.SERVER, config)) == {
        f.HEADER_TABLE_SIZE: 8192,
        f.MAX_CONCURRENT_STREAMS: 7,
        f.INITIAL_WINDOW_SIZE: 1_000_000,
        f.MAX_FRAME_SIZE: 32_768,
        f.MAX_HEADER_LIST_SIZE: 9999,
    }


@pytest.mark.parametrize("role", list(Role))
def test_a_larger_connection_window_is_given_at_once(role):
    connection = Connection(role, Config(connection_window_size=1_000_000))
    connection.initiate_connection()
    frames = f.read_frames(connection.data_to_send(), magic=role == Role.CLIENT)
    assert frames[1:] == [f.window_update(0, 1_000_000 - 65_535)]


def test_the_protocols_own_connection_window_needs_no_window_update():
    connection = Connection(Role.SERVER, Config(connection_window_size=65_535))
    connection.initiate_connection()
    assert [frame.type for frame in f.read_frames(connection.data_to_send())] == [f.SETTINGS]


def test_the_peers_first_settings_are_told_and_acknowledged():
    peer = facing_server(handshake=False)
    peer.reads()
    assert not peer.connection.settings_acknowledged
    peer.sends(PREFACE, settings((f.INITIAL_WINDOW_SIZE, 1000)))
    peer.expect(RemoteSettingsChanged({f.INITIAL_WINDOW_SIZE: (65_535, 1000)}))
    peer.wire(settings_ack())


def test_the_acknowledgement_of_our_settings_is_told():
    peer = facing_server(handshake=False)
    peer.sends(PREFACE, settings()).clear()
    peer.sends(settings_ack())
    (event,) = peer.hears()
    assert isinstance(event, SettingsAcknowledged)
    assert event.changed_settings[f.MAX_CONCURRENT_STREAMS][1] == 100
    assert peer.connection.settings_acknowledged


def test_empty_settings_are_a_preface_like_any():
    peer = facing_server(handshake=False).clear()
    peer.sends(PREFACE, settings())
    peer.wire(settings_ack())
    peer.lives()


def test_the_magic_may_come_octet_by_octet():
    peer = facing_server(handshake=False).clear()
    for at in range(len(PREFACE)):
        peer.sends(PREFACE[at : at + 1]).expect()
    peer.sends(settings(), headers(1, f.GET)).lives()


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
        b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 24,
    ],
    ids=["http1", "last octet", "version", "tls", "zeros"],
)
def test_another_protocol_is_told_as_a_bad_preface(text):
    peer = facing_server(handshake=False)
    peer.sends(text)
    peer.expect(refused_connection(f.PROTOCOL_ERROR, slug="preface.invalid"))
    frames = peer.reads()
    assert frames[0].type == f.SETTINGS
    assert frames[-1] == Goaway(f.PROTOCOL_ERROR, last=0)
    assert peer.connection.closed


def test_a_bad_preface_is_seen_before_all_of_it_is_there():
    peer = facing_server(handshake=False)
    peer.sends(b"GET")
    peer.expect(refused_connection(f.PROTOCOL_ERROR, slug="preface.invalid"))


def test_a_bad_preface_is_refused_even_before_the_connection_was_initiated():
    connection = Connection(Role.SERVER)
    (event,) = connection.receive_data(b"GET / HTTP/1.1\r\n\r\n")
    assert event == refused_connection(f.PROTOCOL_ERROR, slug="preface.invalid")
    assert connection.closed


@pytest.mark.parametrize(
    "first",
    [
        headers(1, f.GET),
        f.ping(),
        f.window_update(0, 1),
        f.Frame(0x77, 0, 0, b"unknown"),
        settings_ack(),
    ],
    ids=["headers", "ping", "window update", "unknown", "acknowledgement"],
)
def test_the_first_frame_of_a_client_must_be_settings(first):
    # RFC 9113 §3.4: "That is, the preface ... MUST be followed by a SETTINGS frame".
    peer = facing_server(handshake=False)
    peer.sends(PREFACE, first).dies(f.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "first",
    [f.ping(), f.goaway(0, 0), headers(1, f.OK)],
    ids=["ping", "goaway", "headers"],
)
def test_the_first_frame_of_a_server_must_be_settings(first):
    peer = facing_client(handshake=False)
    peer.sends(first)
    assert peer.hears()[-1] == refused_connection(f.PROTOCOL_ERROR)
    assert peer.connection.closed


def test_an_http1_answer_to_a_client_ends_the_connection():
    peer = facing_client(handshake=False)
    peer.sends(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    (event,) = peer.hears()
    assert event.remote is False
    assert event.error_code in (f.PROTOCOL_ERROR, f.FRAME_SIZE_ERROR)
    assert peer.connection.closed


def test_requests_may_follow_the_preface_without_waiting():
    peer = facing_server(handshake=False)
    peer.sends(octets([PREFACE, settings(), headers(1, f.GET), headers(3, f.GET)]))
    assert [e.stream_id for e in peer.hears() if hasattr(e, "method")] == [1, 3]


def test_any_first_frame_will_do_where_somebody_says_so():
    peer = facing_server(handshake=False, settings_first=False)
    peer.sends(f.PREFACE, f.headers(1, f.GET))
    assert [event.stream_id for event in peer.hears()] == [1]
    peer.lives()
    peer = facing_client(handshake=False, settings_first=False)
    peer.connection.send_request(f.GET)
    peer.sends(f.headers(1, f.OK))
    assert peer.hears()[0].status == 200
