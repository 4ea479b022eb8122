"""``H2Connection``: h2's calls and promises, kept by ``plait.http2.DirectConnection``.

What is translated here are names, events, errors and h2's objects for settings. The rules of the
protocol, the state and the octets are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from plait.http2 import Config, DirectConnection, Role, StreamLimitError, UsageError

from .config import DummyLogger, H2Configuration
from .errors import ErrorCodes, error_code_from_int
from .events import ConnectionTerminated, Event
from .exceptions import (
    ProtocolError,
    RFC1122Error,
    StreamIDTooLowError,
)
from .faults import fault, gone, misuse
from .fields import as_given, normalised
from .incoming import GoAway, Incoming
from .machine import ConnectionState, H2ConnectionStateMachine
from .settings import SettingCodes, require_valid
from .view import ConnectionView

__all__ = ["ConnectionState", "H2Connection", "H2ConnectionStateMachine"]

# More octets than ever wait.
_ALL = 2**62
# RFC 7540 §5.3.5.
_DEFAULT_WEIGHT = 16


class H2Connection(ConnectionView):
    """One HTTP/2 connection without I/O.

    What may not be done raises ``ProtocolError`` or one of its kinds, and has changed nothing.

    :param config: the choices for it; those of a client by default.
    :ivar config: the same.
    :ivar local_settings: our settings. Before ``initiate_connection`` it may be changed, and
        exchanged for another ``Settings``.
    :ivar remote_settings: the peer's settings.
    :ivar state_machine: its state, in ``state_machine.state``.
    :ivar streams: the streams that have not ended, by their ids.
    :ivar max_inbound_frame_size: octets; kept for programs that set it. What is enforced is what
        was announced.
    """

    DEFAULT_MAX_OUTBOUND_FRAME_SIZE = 65535
    """Unused; h2 has it."""
    DEFAULT_MAX_INBOUND_FRAME_SIZE = 2**24
    """Unused; h2 has it."""
    MAX_WINDOW_INCREMENT = 2**31 - 1
    """Octets that one increment of a window may have (RFC 9113 §6.9)."""
    MAX_CLOSED_STREAMS = 2**16
    """Unused; h2 has it. The engine keeps nothing of streams that have ended."""

    def __init__(self, config: H2Configuration | None = None) -> None:
        if config is None:
            config = H2Configuration(client_side=True)
        role = Role.CLIENT if config.client_side else Role.SERVER
        choices = _engine_config(config.validate_inbound_headers, config.validate_outbound_headers)
        super().__init__(config, DirectConnection(role, choices))
        self._incoming = Incoming(self, self._engine)
        self._normalises = config.normalize_outbound_headers
        self._splits = config.split_outbound_cookies
        self._begun = False
        # What was taken from the engine and not asked for yet.
        self._rest = b""
        logger = config.logger
        self._logger: Any = None if type(logger) is DummyLogger else logger

    # --- the beginning --------------------------------------------------------------------------

    def initiate_connection(self) -> None:
        """Queue the connection preface with ``local_settings`` (RFC 9113 §3.4).

        What was assigned to them and waits is announced too. Called again, do nothing.
        """
        self._log("Initializing connection")
        if self._begun:
            return
        first = self.local_settings.latest()
        try:
            self._engine.initiate_connection(first)
        except UsageError as error:
            raise misuse(self._engine, error) from None
        self._begins(first)

    def initiate_upgrade_connection(self, settings_header: bytes | None = None) -> bytes | None:
        """Begin a connection that was upgraded from HTTP/1.1 (RFC 7540 §3.2).

        The request that asked for it has become stream 1, and is complete.

        :param settings_header: server: the value of the client's ``HTTP2-Settings``.
        :returns: client: the value for ``HTTP2-Settings``; server: ``None``.
        """
        engine = self._engine
        first = self.local_settings.latest()
        try:
            value = engine.initiate_upgraded(first, settings_header or b"")
        except UsageError as error:
            raise misuse(engine, error) from None
        self._begins(first)
        if self.config.client_side:
            return value
        self._incoming.upgraded()
        self.remote_settings.update(engine.remote_settings.announced)
        self.remote_settings.acknowledge()
        return None

    def _begins(self, settings: Mapping[int, int]) -> None:
        """The first SETTINGS were queued."""
        self._begun = True
        self.local_settings.announce(settings)

    # --- octets ---------------------------------------------------------------------------------

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take octets from the peer; return the events that they caused.

        :param data: ``bytes``, or anything that has a buffer.
        :raises ProtocolError: if the peer broke the protocol in a way that ends the connection.
            GOAWAY is queued then; ``events`` of the exception holds what came before the fault.
            Whatever comes later raises it again.
        """
        octets = data if type(data) is bytes else bytes(memoryview(data))
        incoming = self._incoming
        events = incoming.events(self._engine.receive_data(octets))
        if self._logger is not None:
            self._log_received(octets, events)
        if incoming.fault is not None and octets:
            error = fault(incoming.fault, self._engine.highest_remote_stream_id)
            error.events = events
            raise error
        return events

    def data_to_send(self, amount: int | None = None) -> bytes:
        """Return what is to be written next, and forget it.

        :param amount: octets at most; all of them by default.
        """
        engine = self._engine
        data = engine.data_to_send(_ALL)
        engine.take_events()
        if self._rest:
            data = self._rest + data
        self._rest = b""
        if amount is None:
            return data
        self._rest = data  # not lost, should this be no number
        taken = data[:amount]
        self._rest = data[amount:]
        return taken

    def clear_outbound_data_buffer(self) -> None:
        """Forget what is to be written."""
        self.data_to_send()

    # --- messages -------------------------------------------------------------------------------

    def send_headers(
        self,
        stream_id: int,
        headers: Iterable[Any],
        end_stream: bool = False,
        priority_weight: int | None = None,
        priority_depends_on: int | None = None,
        priority_exclusive: bool | None = None,
    ) -> None:
        """Send a request, an interim or the final response, or trailers.

        :param stream_id: a client's next id opens a stream; see ``get_next_available_stream_id``.
        :param headers: pairs of ``str`` or ``bytes``, pseudo-header fields first. Fields of
            hpack's class ``NeverIndexedHeaderTuple`` are never indexed.
        :param end_stream: nothing follows; trailers need it.
        :param priority_weight: 1..256, for RFC 7540's priority; each of the three may be left out.
        :param priority_depends_on: a stream, or 0.
        :param priority_exclusive: whether it moves between that and what depends on that.
        :raises TooManyStreamsError: if the peer allows no further stream now.
        :raises StreamClosedError: if the stream has ended.
        :raises RFC1122Error: for a priority of a server's.
        :raises ProtocolError: for fields or a state that do not allow it.
        """
        if self._normalises:
            fields = normalised(headers, self._splits)
        else:
            fields = as_given(headers)
        priority = None
        if (
            priority_weight is not None
            or priority_depends_on is not None
            or priority_exclusive is not None
        ):
            priority = self._priority(priority_weight, priority_depends_on, priority_exclusive)
        if self._logger is not None:
            self._log("Send headers %s on stream ID %d", fields, stream_id)
        try:
            self._engine.send_headers_frame(stream_id, fields, end_stream, priority)
        except StreamLimitError as error:
            if self.state_machine.state is ConnectionState.CLOSED:
                # Not to be waited for, as a stream's end is.
                raise ProtocolError("after GOAWAY no stream may be opened") from None
            raise misuse(self._engine, error) from None
        except UsageError as error:
            raise misuse(self._engine, error) from None

    def send_data(
        self, stream_id: int, data: Any, end_stream: bool = False, pad_length: int | None = None
    ) -> None:
        """Send one DATA frame.

        :param data: octets, as many as the windows and a frame hold, padding included.
        :param end_stream: the body ends with them.
        :param pad_length: 0..255 octets of padding; ``None`` for a frame without.
        :raises FlowControlError: see ``local_flow_control_window``.
        :raises FrameTooLargeError: see ``max_outbound_frame_size``.
        :raises StreamClosedError: if the stream has ended.
        :raises ProtocolError: if its state does not allow it.
        :raises ValueError: for any other ``pad_length``.
        """
        padding = -1
        if pad_length is not None:
            if not isinstance(pad_length, int):
                raise TypeError("pad_length must be an int")
            if not 0 <= pad_length <= 255:
                raise ValueError("pad_length must be within range: [0, 255]")
            padding = pad_length
        if self._logger is not None:
            self._log("Send data on stream ID %d with len %d", stream_id, len(data))
        try:
            self._engine.send_data_frame(stream_id, data, end_stream, padding)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    def end_stream(self, stream_id: int) -> None:
        """End our side of a stream with an empty DATA frame; raises as ``send_data``."""
        self._log("End stream ID %d", stream_id)
        try:
            self._engine.send_data_frame(stream_id, b"", True)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    def reset_stream(self, stream_id: int, error_code: ErrorCodes | int = 0) -> None:
        """End a stream at once with RST_STREAM.

        :param error_code: why (RFC 9113 §7).
        :raises StreamClosedError: if it has ended already.
        :raises NoSuchStreamError: if there never was one.
        """
        self._log("Reset stream ID %d", stream_id)
        engine = self._engine
        if not engine.stream_is_open(stream_id):
            raise gone(engine, stream_id)
        try:
            engine.reset_stream(stream_id, error_code)
        except UsageError as error:
            raise misuse(engine, error) from None

    def push_stream(
        self, stream_id: int, promised_stream_id: int, request_headers: Iterable[Any]
    ) -> None:
        """Promise a response to a request that the client will not have to make (server).

        :param stream_id: the request that causes it.
        :param promised_stream_id: see ``get_next_available_stream_id``.
        :param request_headers: the promised request, as for ``send_headers``.
        :raises ProtocolError: if the client takes no pushed streams, or the request is not one
            that may be promised.
        """
        if self._normalises:
            fields = normalised(request_headers, self._splits)
        else:
            fields = as_given(request_headers)
        self._log("Send Push Promise frame on stream ID %d", stream_id)
        highest = self.highest_outbound_stream_id
        if promised_stream_id <= highest:
            raise StreamIDTooLowError(promised_stream_id, highest)
        try:
            self._engine.promise_stream(stream_id, promised_stream_id, fields)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    # --- flow control ---------------------------------------------------------------------------

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        """Give octets back that the program has consumed, so that the peer may send more.

        :param acknowledged_size: as ``DataReceived.flow_controlled_length`` says; of more than
            was received the surplus does not count.
        :raises ValueError: for a negative size or an id that no stream has.
        :raises NoSuchStreamError: if there never was one of that id.
        """
        if stream_id <= 0:
            raise ValueError(f"Stream ID {stream_id} is not valid for acknowledge_received_data")
        if acknowledged_size < 0:
            raise ValueError("Cannot acknowledge negative data")
        engine = self._engine
        octets = engine.unacknowledged_octets(stream_id)
        if octets:
            engine.acknowledge_received_data(min(octets, acknowledged_size), stream_id)
        elif not engine.stream_is_open(stream_id) and engine.stream_is_idle(stream_id):
            raise gone(engine, stream_id)

    def increment_flow_control_window(self, increment: int, stream_id: int | None = None) -> None:
        """Give the peer credit with a WINDOW_UPDATE of its own.

        :param increment: octets, 1..2³¹-1.
        :param stream_id: the stream; the connection by default.
        :raises ValueError: for any other increment.
        :raises FlowControlError: if the window would exceed 2³¹-1 octets.
        :raises NoSuchStreamError: if there is no such stream.
        """
        if not 1 <= increment <= self.MAX_WINDOW_INCREMENT:
            raise ValueError(
                f"Flow control increment must be between 1 and {self.MAX_WINDOW_INCREMENT}"
            )
        try:
            self._engine.give_credit(increment, stream_id or 0)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    # --- the connection -------------------------------------------------------------------------

    def ping(self, opaque_data: Any) -> None:
        """Send PING; the answer comes as ``PingAckReceived``.

        :param opaque_data: eight octets.
        :raises ValueError: for anything else.
        """
        if not isinstance(opaque_data, bytes) or len(opaque_data) != 8:
            raise ValueError(f"Invalid value for ping data: {opaque_data!r}")
        self._log("Send Ping frame")
        try:
            self._engine.ping(opaque_data)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    def update_settings(self, new_settings: Mapping[SettingCodes | int, int]) -> None:
        """Announce settings; they are in force when ``SettingsAcknowledged`` comes.

        :raises InvalidSettingsValueError: for a value that is not allowed.
        :raises ProtocolError: for one that is not allowed any more.
        """
        self._log("Update connection settings to %s", new_settings)
        for code, value in new_settings.items():
            require_valid(code, value)
        try:
            self._engine.update_settings(new_settings)
        except UsageError as error:
            raise misuse(self._engine, error) from None
        self.local_settings.update(new_settings)
        self.local_settings.announce(new_settings)

    def close_connection(
        self,
        error_code: ErrorCodes | int = 0,
        additional_data: bytes | None = None,
        last_stream_id: int | None = None,
    ) -> None:
        """Send GOAWAY.

        Without an error, streams that are open may be finished; nothing new is taken. With one,
        the connection has ended.

        :param error_code: why (RFC 9113 §7).
        :param additional_data: for the peer's log.
        :param last_stream_id: the last stream of the peer that is handled; by default the last
            that it has opened.
        :raises ProtocolError: for numbers out of range.
        :raises TypeError: for other types.
        """
        if additional_data is not None and not isinstance(additional_data, bytes):
            raise TypeError("additional_data must be bytes")
        if last_stream_id is not None and not isinstance(last_stream_id, int):
            raise TypeError("last_stream_id must be an int")
        self._log("Close connection")
        engine = self._engine
        end = engine.terminate if error_code else engine.send_goaway
        try:
            end(error_code, additional_data or b"", last_stream_id)
        except UsageError as error:
            raise misuse(engine, error) from None
        self.state_machine.end()

    def prioritize(
        self,
        stream_id: int,
        weight: int | None = None,
        depends_on: int | None = None,
        exclusive: bool | None = None,
    ) -> None:
        """Tell the server a stream's place in RFC 7540's priority tree (client).

        :param stream_id: any stream; it need not be open.
        :param weight: 1..256; 16 by default.
        :param depends_on: a stream; by default 0, none.
        :param exclusive: whether it moves between that and what depends on that.
        :raises RFC1122Error: on the server's side.
        :raises ProtocolError: for values out of range.
        """
        depends_on, weight, exclusive = self._priority(weight, depends_on, exclusive)
        try:
            self._engine.send_priority(stream_id, depends_on, weight, exclusive)
        except UsageError as error:
            raise misuse(self._engine, error) from None

    def _priority(
        self, weight: int | None, depends_on: int | None, exclusive: bool | None
    ) -> tuple[int, int, bool]:
        """Return a priority as the engine wants it.

        :raises RFC1122Error: on the server's side.
        """
        if not self.config.client_side:
            raise RFC1122Error("Servers SHOULD NOT prioritize streams.")
        return (
            0 if depends_on is None else depends_on,
            _DEFAULT_WEIGHT if weight is None else weight,
            bool(exclusive),
        )

    def advertise_alternative_service(
        self, field_value: bytes, origin: bytes | None = None, stream_id: int | None = None
    ) -> None:
        """Tell the client of an alternative service (server; RFC 7838).

        :param field_value: what ``Alt-Svc`` would say.
        :param origin: whose it is; or else give
        :param stream_id: a request, to which no response was sent yet.
        :raises ValueError: if both are given, or the value is not ``bytes``.
        :raises ProtocolError: where it cannot be sent.
        """
        if not isinstance(field_value, bytes):
            raise ValueError("Field must be bytestring.")  # noqa: TRY004  # as in h2
        if origin is not None and stream_id is not None:
            raise ValueError("Must not provide both origin and stream_id")
        engine = self._engine
        if stream_id is not None and engine.head_sent(stream_id):
            raise ProtocolError("Cannot send ALTSVC after sending response headers.")
        try:
            engine.send_alternative_service(field_value, origin or b"", stream_id or 0)
        except UsageError as error:
            raise misuse(engine, error) from None

    def _receive_goaway_frame(self, frame: GoAway) -> tuple[list[Any], list[Event]]:
        """Return what GOAWAY causes: frames to send, and events.

        A private method of h2 that programs override: gunicorn does.
        """
        self.state_machine.end()
        code = error_code_from_int(frame.error_code)
        event = ConnectionTerminated(code, frame.last_stream_id, frame.additional_data or None)
        return [], [event]

    # --- logging --------------------------------------------------------------------------------

    def _log(self, message: str, *values: object) -> None:
        """Tell the configured logger, if there is one."""
        if self._logger is not None:
            self._logger.debug(message, *values)

    def _log_received(self, octets: bytes, events: list[Event]) -> None:
        """Tell the configured logger what came."""
        trace = getattr(self._logger, "trace", None)
        if trace is not None:
            trace("Process received data on connection. Received data: %r", octets)
        for event in events:
            self._logger.debug("Received %r", event)


@lru_cache
def _engine_config(check_received: bool, check_sent: bool) -> Config:
    """Return the engine's configuration: the protocol's initial values.

    Everything else is announced by ``initiate_connection``.
    """
    return Config(
        max_concurrent_streams=None,
        initial_window_size=65_535,
        connection_window_size=65_535,
        enable_connect_protocol=False,
        no_rfc7540_priorities=False,
        check_received_fields=check_received,
        check_sent_fields=check_sent,
        settings_first=False,
        report_priorities=True,
    )
