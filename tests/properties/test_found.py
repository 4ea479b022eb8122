"""What the properties found, each by itself."""

from __future__ import annotations

from plait.http2 import Connection, DataReceived, PushedStreamReceived, Role
from tests.http2 import frames as f
from tests.http2.frames import GET
from tests.http2.script import facing_client, facing_server


def deliver(sender: Connection, receiver: Connection) -> list:
    events = []
    while octets := sender.data_to_send():
        events += receiver.receive_data(octets)
    return events


def pair() -> tuple[Connection, Connection]:
    client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
    client.initiate_connection()
    server.initiate_connection()
    deliver(client, server)
    deliver(server, client)
    return client, server


def test_a_promise_that_meets_our_goaway_opens_nothing() -> None:
    client, server = pair()
    client.send_request(GET)
    deliver(client, server)
    assert server.push_stream(1, GET) == 2
    client.send_goaway()
    deliver(client, server)
    assert not server.stream_is_open(2)
    events = deliver(server, client)
    assert not [event for event in events if isinstance(event, PushedStreamReceived)]
    server.send_response(1, 200)
    deliver(server, client)
    assert client.open_streams == 0
    assert client.drained


def test_an_empty_last_frame_needs_no_credit() -> None:
    """RFC 9113 §6.9.1: it may be sent although the window shrank below zero (§6.9.2)."""
    peer = facing_server(initial_window_size=400, handshake=False)
    peer.sends(f.PREFACE, f.settings(), f.headers(1, f.POST, end_stream=False))
    peer.sends(f.data(1, bytes(900)), f.settings_ack()).hears()
    peer.sends(f.data(1, b"", end_stream=True)).expect(DataReceived(1, b"", 0, True))


def test_a_promise_on_stream_0_is_refused_before_its_block_is_whole() -> None:
    """RFC 9113 §6.6: stream 0 MUST be a connection error PROTOCOL_ERROR."""
    peer = facing_client()
    peer.sends(f.push_promise(0, 2, GET, end_headers=False)).dies(f.PROTOCOL_ERROR)
