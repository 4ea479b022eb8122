"""What the facade does beyond translating, and where h2 is no oracle."""

from __future__ import annotations

from pathlib import Path

import pytest
from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)

from plait.compat.h2 import faults
from plait.compat.h2.config import H2Configuration
from plait.compat.h2.connection import ConnectionState, H2Connection
from plait.compat.h2.errors import ErrorCodes
from plait.compat.h2.events import (
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from plait.compat.h2.exceptions import (
    DenialOfServiceError,
    ProtocolError,
    StreamClosedError,
    StreamIDTooLowError,
    TooManyStreamsError,
)
from plait.compat.h2.incoming import BY_GOAWAY
from plait.compat.h2.settings import SettingCodes, Settings

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
OK = [(":status", "200")]
UNDECODABLE = ("x", b"h\xe9")


def server(encoding: str | None = None) -> H2Connection:
    connection = H2Connection(H2Configuration(client_side=False, header_encoding=encoding))
    connection.initiate_connection()
    connection.receive_data(PREFACE + SettingsFrame(0).serialize())
    connection.data_to_send()
    return connection


def client(encoding: str | None = None) -> H2Connection:
    connection = H2Connection(H2Configuration(header_encoding=encoding))
    connection.initiate_connection()
    connection.receive_data(SettingsFrame(0).serialize())
    connection.data_to_send()
    return connection


def headers(stream_id: int, fields: list[tuple[str, str | bytes]], *flags: str) -> bytes:
    frame = HeadersFrame(stream_id, Encoder().encode(fields), flags=["END_HEADERS", *flags])
    return frame.serialize()


def frames(octets: bytes) -> list[Frame]:
    read = []
    while octets:
        frame, length = Frame.parse_frame_header(memoryview(octets[:9]))
        frame.parse_body(memoryview(octets[9 : 9 + length]))
        octets = octets[9 + length :]
        read.append(frame)
    return read


# --- fields that cannot be decoded ---------------------------------------------------------------


def test_nothing_is_told_of_a_request_that_cannot_be_decoded() -> None:
    connection = server("utf-8")
    events = connection.receive_data(
        headers(1, [*GET, UNDECODABLE])
        + DataFrame(1, b"content", flags=["END_STREAM"]).serialize()
        + headers(3, GET, "END_STREAM")
    )
    assert [type(event) for event in events] == [RequestReceived, StreamEnded]
    assert events[0].stream_id == 3
    (reset,) = frames(connection.data_to_send())
    assert (type(reset), reset.stream_id, reset.error_code) == (RstStreamFrame, 1, 1)


def test_a_response_that_cannot_be_decoded_is_a_reset() -> None:
    connection = client("utf-8")
    connection.send_headers(1, GET, end_stream=True)
    connection.data_to_send()
    assert connection.receive_data(
        headers(1, [*OK, UNDECODABLE]) + DataFrame(1, b"content").serialize()
    ) == [StreamReset(stream_id=1, error_code=ErrorCodes.PROTOCOL_ERROR, remote_reset=False)]


def test_a_fault_of_the_connection_is_raised_though_its_stream_could_not_be_decoded() -> None:
    connection = server("utf-8")
    with pytest.raises(StreamClosedError):
        connection.receive_data(
            headers(1, [*GET, UNDECODABLE]) + RstStreamFrame(1).serialize() + headers(1, GET)
        )
    assert isinstance(frames(connection.data_to_send())[-1], GoAwayFrame)


# --- faults ---------------------------------------------------------------------------------------


def test_what_came_before_a_fault_is_in_the_exception_and_the_fault_stays() -> None:
    connection = server()
    ping_without_content = b"\0\0\0\x06\0\0\0\0\0"
    with pytest.raises(ProtocolError) as first:
        connection.receive_data(headers(1, GET, "END_STREAM") + ping_without_content)
    assert [type(event) for event in first.value.events] == [RequestReceived, StreamEnded]
    assert first.value.error_code == ErrorCodes.FRAME_SIZE_ERROR
    (goaway,) = frames(connection.data_to_send())
    assert (goaway.last_stream_id, goaway.error_code) == (1, ErrorCodes.FRAME_SIZE_ERROR)
    with pytest.raises(ProtocolError) as second:
        connection.receive_data(b"\0")
    assert second.value is not first.value
    assert list(second.value.events) == []
    assert connection.data_to_send() == b""
    assert connection.receive_data(b"") == []


def test_a_stream_that_was_reset_in_the_same_read_still_has_a_window() -> None:
    connection = server()
    connection.increment_flow_control_window(1000)
    connection.receive_data(headers(1, GET, "END_STREAM") + RstStreamFrame(1, 8).serialize())
    assert connection.local_flow_control_window(1) == 65_535
    assert connection.remote_flow_control_window(1) == 65_535
    with pytest.raises(StreamClosedError):
        connection.send_headers(1, OK)
    connection.receive_data(headers(3, GET))
    with pytest.raises(StreamClosedError):
        connection.local_flow_control_window(1)


# --- the ends of connections ----------------------------------------------------------------------


def test_open_streams_are_finished_after_the_peers_goaway() -> None:
    connection = client()
    connection.send_headers(1, GET)
    connection.send_headers(3, GET)
    (event,) = connection.receive_data(GoAwayFrame(0, last_stream_id=1).serialize())
    assert isinstance(event, ConnectionTerminated)
    assert connection.state_machine.state is ConnectionState.CLOSED
    connection.send_data(1, b"content", end_stream=True)
    told = connection.receive_data(headers(1, OK) + DataFrame(1, b"answer").serialize())
    assert [type(event) for event in told] == [ResponseReceived, DataReceived]
    with pytest.raises(StreamClosedError):
        connection.send_data(3, b"content")
    with pytest.raises(ProtocolError, match="GOAWAY") as caught:
        connection.send_headers(5, GET)
    # Programs wait until that one passes.
    assert not isinstance(caught.value, TooManyStreamsError)


def test_open_streams_are_finished_after_our_own_goaway_unless_it_tells_an_error() -> None:
    connection = server()
    connection.receive_data(headers(1, GET, "END_STREAM"))
    connection.close_connection()
    assert connection.receive_data(headers(3, GET, "END_STREAM")) == []
    connection.send_headers(1, OK, end_stream=True)
    assert [type(frame) for frame in frames(connection.data_to_send())] == [
        GoAwayFrame,
        HeadersFrame,
    ]
    connection.close_connection(ErrorCodes.INTERNAL_ERROR)
    with pytest.raises(ProtocolError):
        connection.ping(b"12345678")


# --- limits ---------------------------------------------------------------------------------------


def test_a_limit_of_fields_that_is_set_by_hand_stays() -> None:
    connection = H2Connection(H2Configuration(client_side=False))
    connection.decoder.max_header_list_size = 200
    connection.initiate_connection()
    acknowledged = SettingsFrame(0, flags=["ACK"]).serialize()
    connection.receive_data(PREFACE + SettingsFrame(0).serialize() + acknowledged)
    assert connection.decoder.max_header_list_size == 200
    assert connection.receive_data(headers(1, [*GET, ("x", "y" * 100)])) == []
    connection.decoder.max_header_list_size = 0
    assert connection.receive_data(headers(3, [*GET, ("x", "y" * 10_000)]))
    with pytest.raises(ValueError, match="-1"):
        connection.decoder.max_header_list_size = -1


def test_settings_without_a_limit_of_streams_set_none() -> None:
    connection = H2Connection(H2Configuration(client_side=False))
    connection.local_settings = Settings(client=False)
    connection.initiate_connection()
    octets = b"".join(headers(stream_id, GET) for stream_id in range(1, 301, 2))
    events = connection.receive_data(PREFACE + SettingsFrame(0).serialize() + octets)
    assert sum(isinstance(event, RequestReceived) for event in events) == 150


def test_what_was_assigned_before_the_first_settings_is_announced() -> None:
    connection = H2Connection(H2Configuration(client_side=False))
    connection.local_settings.max_concurrent_streams = 7
    del connection.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
    connection.initiate_connection()
    (settings,) = frames(connection.data_to_send())
    assert settings.settings == {1: 4096, 2: 0, 3: 7, 4: 65_535, 5: 16_384, 6: 65_536}


# --- programs' own classes ------------------------------------------------------------------------


def test_a_program_may_handle_goaway_itself() -> None:
    class Own(H2Connection):
        def _receive_goaway_frame(self, frame):  # type: ignore[no-untyped-def]
            self.last = frame.last_stream_id
            return [], [ConnectionTerminated()]

    connection = Own()
    connection.initiate_connection()
    connection.receive_data(SettingsFrame(0).serialize())
    (event,) = connection.receive_data(GoAwayFrame(0, last_stream_id=5).serialize())
    assert (event.last_stream_id, connection.last) == (None, 5)
    assert connection.state_machine.state is ConnectionState.IDLE


@pytest.mark.parametrize("octets", [bytearray(b"v"), memoryview(bytearray(b"v"))])
def test_octets_that_may_change_are_taken_as_they_are(octets: bytearray | memoryview) -> None:
    sender, receiver = client(), server()
    for _ in range(2):
        stream_id = sender.get_next_available_stream_id()
        sender.send_headers(stream_id, [*GET, ("x", octets)])
        (event,) = receiver.receive_data(sender.data_to_send())
        assert event.headers[-1] == (b"x", b"v")


def test_an_acknowledgement_is_one_of_what_was_announced_first() -> None:
    connection = H2Connection()
    connection.initiate_connection()
    connection.initiate_connection()
    connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
    connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 7})
    acknowledged = SettingsFrame(0, flags=["ACK"]).serialize()
    told = []
    for _ in range(3):
        (event,) = connection.receive_data(acknowledged)
        told.append({code: changed.new_value for code, changed in event.changed_settings.items()})
    assert told == [{}, {SettingCodes.INITIAL_WINDOW_SIZE: 10}, {3: 7}]
    assert connection.local_settings.initial_window_size == 10


def test_a_setting_that_comes_back_is_in_force_in_its_turn() -> None:
    connection = H2Connection()
    connection.initiate_connection()
    for value in (7, 100, 7):
        connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: value})
    acknowledged = SettingsFrame(0, flags=["ACK"]).serialize()
    in_force = []
    for _ in range(4):
        connection.receive_data(acknowledged)
        in_force.append(connection.local_settings.max_concurrent_streams)
    assert in_force == [100, 7, 100, 7]


def test_a_peer_whose_fields_can_never_be_decoded_is_cut_off() -> None:
    connection = server("ascii")
    request = headers(1, [*GET, UNDECODABLE])

    def ask_one_by_one() -> None:
        # Many at once are too many streams.
        for stream_id in range(1, 4001, 2):
            assert connection.receive_data(request[:5] + stream_id.to_bytes(4) + request[9:]) == []
            (reset,) = frames(connection.data_to_send())
            assert isinstance(reset, RstStreamFrame)

    with pytest.raises(DenialOfServiceError, match=r"^reset\.provoked"):
        ask_one_by_one()
    assert isinstance(frames(connection.data_to_send())[-1], GoAwayFrame)
    with pytest.raises(DenialOfServiceError):
        connection.receive_data(request)


def test_a_priority_behind_a_request_is_not_the_requests_own() -> None:
    sender, receiver = client(), server()
    sender.send_headers(1, GET, priority_weight=5)
    sender.prioritize(1, 7)
    request, own, later = receiver.receive_data(sender.data_to_send())
    assert request.priority_updated is own
    assert (own.weight, later.weight) == (5, 7)


def test_a_client_that_is_spared_the_rest_of_its_request_is_told_so() -> None:
    sender, receiver = client(), server()
    sender.send_headers(1, GET)
    receiver.receive_data(sender.data_to_send())
    receiver.send_headers(1, OK, end_stream=True)
    receiver.reset_stream(1)
    response, ended, reset = sender.receive_data(receiver.data_to_send())
    assert (type(response), type(ended)) == (ResponseReceived, StreamEnded)
    assert reset == StreamReset(1, ErrorCodes.NO_ERROR, remote_reset=True)


def test_a_promised_id_is_not_promised_again() -> None:
    sender, receiver = client(), server()
    sender.send_headers(1, GET)
    receiver.receive_data(sender.data_to_send())
    receiver.push_stream(1, 2, GET)
    with pytest.raises(StreamIDTooLowError) as refused:
        receiver.push_stream(1, 2, GET)
    assert (refused.value.stream_id, refused.value.max_stream_id) == (2, 2)


def test_a_stream_says_how_far_it_has_come() -> None:
    sender, receiver = client(), server()
    sender.send_headers(1, GET, end_stream=True)
    receiver.receive_data(sender.data_to_send())
    stream = receiver.streams[1]
    assert (1 in receiver.streams, stream.open, stream.closed) == (True, True, False)
    receiver.send_headers(1, OK, end_stream=True)
    assert (1 in receiver.streams, stream.open, stream.closed) == (False, False, True)
    assert (3 in receiver.streams, list(receiver.streams), len(receiver.streams)) == (False, [], 0)


class _Folded(str):
    """Text that equals other text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


def test_text_that_equals_other_text_is_sent_as_it_is() -> None:
    sender, receiver = client(), server()
    for value in ("ABC", "abc"):
        stream_id = sender.get_next_available_stream_id()
        sender.send_headers(stream_id, [*GET, ("x", _Folded(value))])
        (event,) = receiver.receive_data(sender.data_to_send())
        assert event.headers[-1] == (b"x", value.encode())


# --- the engine's slugs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slug", sorted({*faults.SETTINGS, *faults.IDLE, *faults.OPENING, BY_GOAWAY})
)
def test_the_slugs_that_are_looked_at_exist(slug: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "slugs.md"
    assert f"`{slug}`" in page.read_text()
