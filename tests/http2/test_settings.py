"""SETTINGS: when values take effect, on both sides (RFC 9113 §6.5)."""

from __future__ import annotations

import random

import hpack
import pytest

from plait.http2 import RemoteSettingsChanged, SettingCode, UsageError

from . import frames as f
from .frames import data, headers, raw_headers, settings, settings_ack, window_update
from .script import facing_client, facing_server

INITIAL = f.INITIAL_WINDOW_SIZE


# ------------------------------------------------------------------------------------------------
# What the peer sets is in force when its frame was read.


def test_every_settings_frame_is_acknowledged_in_turn():
    peer = facing_server()
    peer.sends(settings((INITIAL, 10)), settings((INITIAL, 20)), settings())
    peer.wire(settings_ack(), settings_ack(), settings_ack())


def test_changed_settings_are_told_with_old_and_new_value():
    peer = facing_server()
    peer.sends(settings((f.MAX_FRAME_SIZE, 20_000), (f.MAX_CONCURRENT_STREAMS, 5)))
    peer.expect(
        RemoteSettingsChanged(
            {f.MAX_FRAME_SIZE: (16_384, 20_000), f.MAX_CONCURRENT_STREAMS: (None, 5)}
        )
    )
    peer.sends(settings((f.MAX_CONCURRENT_STREAMS, 9)))
    peer.expect(RemoteSettingsChanged({f.MAX_CONCURRENT_STREAMS: (5, 9)}))


def test_the_last_of_repeated_settings_counts():
    # RFC 9113 §6.5.3: values "MUST be processed in the order they appear".
    peer = facing_server(None, (INITIAL, 5), (INITIAL, 70_000))
    assert peer.connection.remote_settings.initial_window_size == 70_000
    peer.sends(settings((f.MAX_FRAME_SIZE, 20_000), (f.MAX_FRAME_SIZE, 30_000)))
    assert peer.connection.remote_settings.max_frame_size == 30_000
    assert peer.connection.max_outbound_frame_size == 30_000


def test_a_bad_value_behind_a_good_one_is_still_bad():
    peer = facing_server()
    peer.sends(settings((INITIAL, 100), (f.MAX_FRAME_SIZE, 1)))
    assert peer.hears()[-1].error_code == f.PROTOCOL_ERROR
    assert peer.connection.closed


def test_remote_settings_can_be_asked_by_name_and_by_code():
    peer = facing_server()
    remote = peer.connection.remote_settings
    assert remote.header_table_size == 4096
    assert remote.enable_push == 1
    assert remote.initial_window_size == 65_535
    assert remote.max_frame_size == 16_384
    assert remote.enable_connect_protocol == 0
    peer.sends(
        settings(
            *((f.HEADER_TABLE_SIZE, 1), (f.ENABLE_PUSH, 0), (f.MAX_CONCURRENT_STREAMS, 3)),
            *((INITIAL, 4), (f.MAX_FRAME_SIZE, 16_385), (f.MAX_HEADER_LIST_SIZE, 6)),
        )
    )
    remote = peer.connection.remote_settings
    assert remote.header_table_size == remote.get(SettingCode.HEADER_TABLE_SIZE) == 1
    assert remote.enable_push == 0
    assert remote.max_concurrent_streams == 3
    assert remote.initial_window_size == 4
    assert remote.max_frame_size == 16_385
    assert remote.max_header_list_size == remote.get(6) == 6


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (f.ENABLE_PUSH, 0),
        (f.ENABLE_PUSH, 1),
        (INITIAL, 0),
        (INITIAL, 2**31 - 1),
        (f.MAX_FRAME_SIZE, 16_384),
        (f.MAX_FRAME_SIZE, 2**24 - 1),
        (f.MAX_CONCURRENT_STREAMS, 0),
        (f.MAX_CONCURRENT_STREAMS, 2**32 - 1),
        (f.MAX_HEADER_LIST_SIZE, 0),
        (f.MAX_HEADER_LIST_SIZE, 2**32 - 1),
        (f.HEADER_TABLE_SIZE, 0),
        (f.HEADER_TABLE_SIZE, 2**32 - 1),
    ],
)
def test_the_edges_of_every_range_are_allowed(setting, value):
    peer = facing_server()
    peer.sends(settings((setting, value)))
    assert peer.connection.remote_settings.get(setting) == value
    peer.lives()


def test_a_smaller_header_table_is_announced_in_the_next_block():
    # RFC 7541 §4.2: a change is signalled by an update at the start of the next block.
    peer = facing_server()
    peer.sends(headers(1, f.GET), headers(3, f.GET)).clear()
    fields = [(b"x-remember", b"this value")]
    peer.connection.send_response(1, 200, fields)
    peer.wire(headers(1, [*f.OK, *fields]))
    peer.sends(settings((f.HEADER_TABLE_SIZE, 0)))
    peer.wire(settings_ack())
    peer.reader.decoder.max_allowed_table_size = 0
    peer.connection.send_response(3, 200, fields)
    peer.wire(headers(3, [*f.OK, *fields]))
    assert peer.reader.decoder.header_table_size == 0
    last = peer.reader.raw[-1]
    assert last.payload[0] == 0x20


def test_of_two_header_table_sizes_in_one_frame_the_smaller_is_announced_first():
    # RFC 7541 §4.2: "the smallest maximum size that occurs in that interval MUST be signaled".
    peer = facing_server()
    sizes = ((f.HEADER_TABLE_SIZE, 100), (f.HEADER_TABLE_SIZE, 8192))
    peer.sends(settings(*sizes), headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200)
    peer.wire(headers(1, f.OK, end_stream=True))
    assert peer.reader.raw[-1].payload.startswith(bytes.fromhex("3f45 3fe11f"))


def test_repeated_responses_can_be_read_through_every_change_of_the_table():
    # A server may remember the last block it wrote, but not across a change of the table.
    chance = random.Random(7541)
    peer = facing_server(encoder_table_size=65_536)
    pool = [[(b"x-%d" % n, b"v" * n * 7) for n in range(m, m + 3)] for m in (0, 0, 3, 5)]
    for stream in range(1, 1201, 2):
        if chance.random() < 0.2:
            size = chance.choice([0, 1, 60, 100, 200, 4096, 10_000])
            peer.sends(settings((f.HEADER_TABLE_SIZE, size))).clear()
            peer.reader.decoder.max_allowed_table_size = size
        peer.sends(headers(stream, f.GET)).clear()
        fields = chance.choice(pool)
        peer.connection.send_response(stream, 200, fields)
        peer.wire(headers(stream, [*f.OK, *fields]))
        assert peer.reader.decoder.header_table_size <= peer.reader.decoder.max_allowed_table_size


def test_a_larger_header_table_of_the_peer_is_used_no_further_than_configured():
    peer = facing_server(encoder_table_size=4096)
    peer.sends(settings((f.HEADER_TABLE_SIZE, 1_000_000)), headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, [(b"x-a", b"b")])
    peer.wire(headers(1, [*f.OK, (b"x-a", b"b")]))
    assert peer.reader.decoder.header_table_size <= 4096


def test_the_encoder_may_be_kept_smaller_than_the_peer_allows():
    # The peer starts with 4096, so a smaller table has to be announced (RFC 7541 §4.2).
    peer = facing_server(encoder_table_size=0)
    peer.sends(headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, [(b"x-a", b"b")])
    peer.wire(headers(1, [*f.OK, (b"x-a", b"b")]))
    assert peer.reader.decoder.header_table_size == 0


# ------------------------------------------------------------------------------------------------
# What we set is in force when the peer has acknowledged it.


def test_a_smaller_window_of_ours_binds_the_peer_only_after_its_acknowledgement():
    peer = facing_server(initial_window_size=100, handshake=False)
    peer.sends(f.PREFACE, settings(), headers(1, f.POST, end_stream=False)).clear()
    peer.sends(data(1, bytes(1000)))
    assert [len(event.data) for event in peer.hears()] == [1000]
    # 65,535 - 1000 left, of which the acknowledgement takes 65,435: the window is -900.
    peer.sends(settings_ack()).clear()
    peer.sends(data(1, b"x"))
    assert peer.hears()[-1].error_code == f.FLOW_CONTROL_ERROR


def test_a_window_below_zero_opens_again_with_credit():
    peer = facing_server(initial_window_size=100, handshake=False)
    peer.sends(f.PREFACE, settings(), headers(1, f.POST, end_stream=False)).clear()
    peer.sends(data(1, bytes(1000)), settings_ack()).clear()
    peer.connection.acknowledge_received_data(1000, 1)
    peer.pull()
    assert peer.connection.remote_flow_control_window(1) == peer.credit[1] - 900
    assert 0 < peer.connection.remote_flow_control_window(1) <= 100


def test_credit_held_back_is_given_when_the_window_shrinks():
    # 100 octets are not worth a frame while the window is 65,535; soon they are all of it.
    peer = facing_server(initial_window_size=100, handshake=False)
    peer.sends(f.PREFACE, settings(), headers(1, f.POST, end_stream=False)).clear()
    peer.sends(data(1, bytes(100))).clear()
    peer.connection.acknowledge_received_data(100, 1)
    peer.sends(settings_ack()).clear()
    assert peer.credit[1] == 100
    assert peer.connection.remote_flow_control_window(1) == 100


def test_a_changed_window_of_ours_moves_the_windows_of_open_streams():
    peer = facing_server(initial_window_size=1000)
    peer.sends(headers(1, f.POST, end_stream=False), data(1, bytes(400))).clear()
    assert peer.connection.remote_flow_control_window(1) == 600
    peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: 5000})
    peer.wire(settings((INITIAL, 5000)))
    assert peer.connection.remote_flow_control_window(1) == 600
    peer.sends(settings_ack()).clear()
    assert peer.connection.remote_flow_control_window(1) == 4600
    peer.sends(headers(3, f.POST, end_stream=False)).clear()
    assert peer.connection.remote_flow_control_window(3) == 5000
    peer.sends(data(1, bytes(4600)), data(3, bytes(5000)))
    assert [len(event.data) for event in peer.hears()] == [4600, 5000]


def test_updates_are_acknowledged_in_the_order_they_were_sent():
    peer = facing_server()
    for size in (1000, 2000):
        peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: size})
    peer.wire(settings((INITIAL, 1000)), settings((INITIAL, 2000)))
    peer.sends(settings_ack())
    assert peer.connection.local_settings.initial_window_size == 1000
    (event,) = peer.hears()
    assert event.changed_settings == {INITIAL: (262_144, 1000)}
    peer.sends(settings_ack())
    assert peer.connection.local_settings.initial_window_size == 2000
    (event,) = peer.hears()
    assert event.changed_settings == {INITIAL: (1000, 2000)}


def test_a_smaller_header_table_of_ours_binds_the_peer_only_after_its_acknowledgement():
    peer = facing_server()
    encoder = hpack.Encoder()
    peer.sends(raw_headers(1, encoder.encode([*f.GET, (b"x-kept", b"one")]))).clear()
    peer.connection.update_settings({SettingCode.HEADER_TABLE_SIZE: 0})
    peer.pull()
    # Sent before the peer saw our frame: still with the old table.
    peer.sends(raw_headers(3, encoder.encode([*f.GET, (b"x-kept", b"one")])))
    assert peer.hears()[-1].headers[-1] == (b"x-kept", b"one")
    peer.sends(settings_ack()).clear()
    encoder.header_table_size = 0
    peer.sends(raw_headers(5, encoder.encode([*f.GET, (b"x-kept", b"one")])))
    assert peer.hears()[-1].headers[-1] == (b"x-kept", b"one")
    peer.lives()


def test_a_peer_that_ignores_the_smaller_table_makes_a_compression_error():
    # RFC 7541 §4.2: the update MUST occur at the beginning of the first block after the change.
    peer = facing_server()
    peer.connection.update_settings({SettingCode.HEADER_TABLE_SIZE: 0})
    peer.sends(settings_ack()).clear()
    peer.sends(headers(1, f.GET)).dies(f.COMPRESSION_ERROR)


def test_a_larger_header_table_of_ours_may_be_used_after_the_acknowledgement():
    peer = facing_server(header_table_size=8192)
    encoder = hpack.Encoder()
    encoder.header_table_size = 8192
    peer.sends(raw_headers(1, encoder.encode(f.GET)))
    assert [event.headers for event in peer.hears()] == [f.GET]


def test_a_table_above_the_announced_size_is_refused():
    peer = facing_server()
    peer.sends(raw_headers(1, f.integer(4097, 5, 0x20) + f.block(f.GET)))
    peer.dies(f.COMPRESSION_ERROR)


def test_a_larger_frame_of_ours_may_come_after_the_acknowledgement():
    peer = facing_server()
    peer.connection.update_settings({SettingCode.MAX_FRAME_SIZE: 20_000})
    peer.sends(settings_ack(), headers(1, f.POST, end_stream=False), data(1, bytes(20_000)))
    assert len(peer.hears()[-1].data) == 20_000


def test_a_smaller_frame_of_ours_binds_the_peer_only_after_its_acknowledgement():
    peer = facing_server(max_frame_size=20_000)
    peer.sends(headers(1, f.POST, end_stream=False)).clear()
    peer.connection.update_settings({SettingCode.MAX_FRAME_SIZE: 16_384})
    peer.sends(data(1, bytes(20_000)))
    assert [len(event.data) for event in peer.hears()] == [20_000]
    peer.sends(settings_ack()).clear()
    peer.sends(f.frame_header(16_385, f.HEADERS, 4, 3)).dies(f.FRAME_SIZE_ERROR)


def test_an_acknowledgement_that_nobody_asked_for_does_no_harm():
    peer = facing_server()
    peer.sends(settings_ack(), settings_ack())
    if not peer.connection.closed:
        peer.lives()


@pytest.mark.parametrize(
    "bad",
    [
        {SettingCode.MAX_FRAME_SIZE: 16_383},
        {SettingCode.MAX_FRAME_SIZE: 2**24},
        {SettingCode.INITIAL_WINDOW_SIZE: 2**31},
        {SettingCode.INITIAL_WINDOW_SIZE: -1},
        {SettingCode.ENABLE_PUSH: 2},
        {SettingCode.HEADER_TABLE_SIZE: 2**32},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_our_callers_mistake(bad):
    peer = facing_server()
    with pytest.raises((UsageError, ValueError)):
        peer.connection.update_settings(bad)
    peer.wire()
    peer.lives()


# ------------------------------------------------------------------------------------------------
# Windows for sending follow the peer's INITIAL_WINDOW_SIZE.


def test_a_larger_initial_window_sets_a_waiting_body_free():
    peer = facing_server(None, (INITIAL, 10))
    peer.sends(headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, [], b"x" * 100)
    peer.wire(headers(1, f.OK, end_stream=False), data(1, b"x" * 10))
    assert not peer.connection.wants_write
    peer.sends(settings((INITIAL, 30)))
    peer.wire(settings_ack(), data(1, b"x" * 20))
    peer.sends(settings((INITIAL, 1000)))
    peer.wire(settings_ack(), data(1, b"x" * 70, end_stream=True))


def test_a_smaller_initial_window_can_leave_a_negative_one():
    # RFC 9113 §6.9.2: the sender MUST track it and send nothing until it is positive again.
    peer = facing_server(None, (INITIAL, 50))
    peer.sends(headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, [], b"x" * 100)
    peer.wire(headers(1, f.OK, end_stream=False), data(1, b"x" * 50))
    peer.sends(settings((INITIAL, 20)), window_update(1, 30))
    peer.wire(settings_ack())
    assert peer.connection.local_flow_control_window(1) <= 0
    peer.sends(window_update(1, 1))
    peer.wire(data(1, b"x"))
    peer.sends(window_update(1, 49))
    peer.wire(data(1, b"x" * 49, end_stream=True))


def test_an_initial_window_that_overflows_an_open_stream_is_refused():
    # RFC 9113 §6.9.2: exceeding the maximum by SETTINGS is a connection error.
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False), window_update(1, 1000)).clear()
    peer.sends(settings((INITIAL, 2**31 - 1))).dies(f.FLOW_CONTROL_ERROR)


def test_the_initial_window_does_not_touch_the_connections():
    # RFC 9113 §6.9.2: only WINDOW_UPDATE changes the connection flow-control window.
    peer = facing_server(None, (INITIAL, 1_000_000))
    peer.sends(headers(1, f.GET)).clear()
    assert peer.connection.local_flow_control_window(1) == 65_535
    peer.sends(window_update(0, 100)).clear()
    assert peer.connection.local_flow_control_window(1) == 65_635


def test_a_client_learns_the_servers_stream_limit_and_extended_connect():
    peer = facing_client(None, (f.MAX_CONCURRENT_STREAMS, 2), (f.ENABLE_CONNECT_PROTOCOL, 1))
    assert peer.connection.remote_settings.max_concurrent_streams == 2
    assert peer.connection.remote_settings.enable_connect_protocol == 1
