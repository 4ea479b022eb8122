"""``Session``: spdylay's callbacks over the engine.

The engine is asked for one step at a time, in both directions: a callback is called between the
steps, so that what it does (submitting, sending, resuming) takes effect before the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.http2 import Role
from plait.spdy import Config, Connection, Version
from plait.spdy import events as spdy
from plait.spdy.frames import SynStream

from .arguments import check_status
from .callbacks import (
    DataCallback,
    DataChunkCallback,
    Failures,
    FrameCallback,
    FrameCodeCallback,
    ParseErrorCallback,
    RecvCallback,
    SendCallback,
    StreamCallback,
    StreamCloseCallback,
    UnknownFrameCallback,
    octets_received,
    octets_taken,
)
from .constants import CLIENT, PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1, SERVER
from .errors import (
    CallbackFailureError,
    InvalidArgumentError,
    TemporalCallbackFailureError,
    UnsupportedVersionError,
)
from .frames import snapshot
from .submission import Submitter

if TYPE_CHECKING:
    from plait.spdy.outbound import Outgoing

# Octets that a recv_cb is asked for.
_READ_SIZE = 16_384

_VERSIONS = (PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1)

# As the original, which counts the peer's octets but cuts nobody off.
_DEFAULT_CONFIG = Config(enforce_windows=False)


class Session(Submitter):
    """One end of a SPDY session, without I/O.

    Whatever is submitted is queued; ``send`` writes it through ``send_cb``, and ``recv`` takes what
    the peer sent and calls the other callbacks. Each callback gets the session first:

    =============================== ================================================================
    callback                        arguments, and when it is called
    =============================== ================================================================
    ``send_cb``                     ``(data)``: octets to be sent. Returns how many it took; 0,
                                    ``None`` or ``ERR_WOULDBLOCK`` when it can take none now.
                                    Without one, output is thrown away as if it were sent
    ``recv_cb``                     ``(length)``: ``recv`` was called without data. Returns at most
                                    ``length`` octets, none or ``None`` when there are none now;
                                    raises ``spdylay.EOFError`` at the end
    ``on_ctrl_recv_cb``             ``(frame)``: a valid control frame arrived
    ``on_invalid_ctrl_recv_cb``     ``(frame, status_code)``: one that breaks a rule; RST_STREAM or
                                    GOAWAY is queued
    ``on_data_chunk_recv_cb``       ``(flags, stream_id, data)``: a part of a DATA frame, with the
                                    flags of the whole frame
    ``on_data_recv_cb``             ``(flags, stream_id, length)``: a DATA frame is complete
    ``before_ctrl_send_cb``         ``(frame)``: a control frame is about to be sent
    ``on_ctrl_send_cb``             ``(frame)``: it has been sent
    ``on_ctrl_not_send_cb``         ``(frame, error_code)``: it was given up
    ``on_data_send_cb``             ``(flags, stream_id, length)``: a DATA frame has been sent
    ``on_stream_close_cb``          ``(stream_id, status_code)``: a stream ended, with ``OK`` if
                                    both sides finished
    ``on_request_recv_cb``          ``(stream_id)``: the peer finished a stream that it had opened:
                                    a request, or a push, is complete
    ``on_ctrl_recv_parse_error_cb`` ``(type, head, payload, error_code)``: a control frame could not
                                    be read; GOAWAY is queued
    ``on_unknown_ctrl_recv_cb``     ``(head, payload)``: a control frame of an unknown type
    =============================== ================================================================

    They can also be read and replaced as attributes. In a callback everything may be called but
    ``recv``; ``send`` does nothing there if it is running already, since it will get to what was
    submitted.

    What ``send_cb``, ``recv_cb`` and a ``read_cb`` raise ends ``send`` or ``recv`` at once. After
    an exception of another callback the work goes on to its end, and the last exception is raised
    then. A received header that is not UTF-8 is such an exception, ``UnicodeDecodeError``, in place
    of the callback.

    Beyond the original, the engine's limits hold (``plait.spdy.Limits``): a peer that floods the
    session gets GOAWAY.

    :param side: ``CLIENT`` or ``SERVER``.
    :param version: ``PROTO_SPDY2``, ``PROTO_SPDY3`` or ``PROTO_SPDY3_1``.
    :param config: a ``plait.spdy.Config``; anything else is ignored, as in the original, and means
        the defaults without enforcing that the peer keeps to its windows. ``manual_credit`` of it
        has no effect.
    :param user_data: any object, for the attribute of that name.
    :raises InvalidArgumentError: for another side.
    :raises UnsupportedVersionError: for another version.
    """

    def __init__(
        self,
        side: int,
        version: int,
        config: object = None,
        send_cb: SendCallback | None = None,
        recv_cb: RecvCallback | None = None,
        on_ctrl_recv_cb: FrameCallback | None = None,
        on_invalid_ctrl_recv_cb: FrameCodeCallback | None = None,
        on_data_chunk_recv_cb: DataChunkCallback | None = None,
        on_data_recv_cb: DataCallback | None = None,
        before_ctrl_send_cb: FrameCallback | None = None,
        on_ctrl_send_cb: FrameCallback | None = None,
        on_ctrl_not_send_cb: FrameCodeCallback | None = None,
        on_data_send_cb: DataCallback | None = None,
        on_stream_close_cb: StreamCloseCallback | None = None,
        on_request_recv_cb: StreamCallback | None = None,
        on_ctrl_recv_parse_error_cb: ParseErrorCallback | None = None,
        on_unknown_ctrl_recv_cb: UnknownFrameCallback | None = None,
        user_data: Any = None,
    ) -> None:
        if side not in (CLIENT, SERVER):
            raise InvalidArgumentError("side must be either CLIENT or SERVER")
        if version not in _VERSIONS:
            raise UnsupportedVersionError("Unsupported SPDY version")
        role = Role.CLIENT if side == CLIENT else Role.SERVER
        chosen = config if isinstance(config, Config) else _DEFAULT_CONFIG
        if chosen.manual_credit:
            chosen = chosen.with_(manual_credit=False)  # there is no call that gives it
        super().__init__(Connection(role, Version(version), chosen), side)
        self.send_cb = send_cb
        self.recv_cb = recv_cb
        self.on_ctrl_recv_cb = on_ctrl_recv_cb
        self.on_invalid_ctrl_recv_cb = on_invalid_ctrl_recv_cb
        self.on_data_chunk_recv_cb = on_data_chunk_recv_cb
        self.on_data_recv_cb = on_data_recv_cb
        self.before_ctrl_send_cb = before_ctrl_send_cb
        self.on_ctrl_send_cb = on_ctrl_send_cb
        self.on_ctrl_not_send_cb = on_ctrl_not_send_cb
        self.on_data_send_cb = on_data_send_cb
        self.on_stream_close_cb = on_stream_close_cb
        self.on_request_recv_cb = on_request_recv_cb
        self.on_ctrl_recv_parse_error_cb = on_ctrl_recv_parse_error_cb
        self.on_unknown_ctrl_recv_cb = on_unknown_ctrl_recv_cb
        self._user_data = user_data
        # The frame that is being sent: what is left of it, and whether its callback knows.
        self._outgoing: Outgoing | None = None
        self._unsent = b""
        self._announced = False
        self._sending = False
        self._receiving = False

    @property
    def user_data(self) -> Any:
        """The object that was given to the constructor."""
        return self._user_data

    # ------------------------------------------------------------------------------- receiving

    def recv(self, data: bytes | bytearray | None = None) -> None:
        """Take what the peer sent, and call the callbacks.

        Faults of the peer raise nothing: they queue RST_STREAM or GOAWAY for the next ``send``.

        :param data: the octets, cut anywhere; ``None`` reads with ``recv_cb`` until it has no more.
        :raises EOFError: spdylay's, when ``recv_cb`` raised it.
        :raises CallbackFailureError: when there is no ``recv_cb``, or it returned what it must not.
        :raises TypeError: for data that are no octets.
        :raises RuntimeError: from a callback that ``recv`` itself called.
        :raises Exception: whatever a callback raised.
        """
        if data is not None and not isinstance(data, bytes | bytearray):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if self._receiving:
            raise RuntimeError("recv() was called by one of its own callbacks")
        failures = Failures()
        self._receiving = True
        try:
            if data is None:
                self._read_all(failures)
            else:
                self._take_in(data, failures)
        except BaseException as error:  # noqa: BLE001  # raised below
            failures.keep(error)
        finally:
            self._receiving = False
        failures.settle()

    def _read_all(self, failures: Failures) -> None:
        """Take in what ``recv_cb`` gives."""
        while True:
            if self.recv_cb is None:
                raise CallbackFailureError("there is no recv_cb")
            data = octets_received(self.recv_cb(self, _READ_SIZE), _READ_SIZE)
            if not data:
                return
            self._take_in(data, failures)

    def _take_in(self, data: bytes | bytearray, failures: Failures) -> None:
        """Feed the engine, and tell what comes of it step by step."""
        engine = self._engine
        engine.feed(data)
        while (events := engine.next_events()) is not None:
            self._tell(events, failures)

    def _tell(self, events: list[spdy.Event], failures: Failures) -> None:
        """Call the callbacks that events are for."""
        for event in events:
            failures.call(self._tell_one, event)

    def _tell_one(self, event: spdy.Event) -> None:
        """Call the callback that an event is for; for some there is none."""
        match event:
            case spdy.FrameReceived():
                if self.on_ctrl_recv_cb is not None:
                    self.on_ctrl_recv_cb(self, snapshot(event.frame))
            case spdy.DataReceived():
                if self.on_data_chunk_recv_cb is not None:
                    self.on_data_chunk_recv_cb(self, event.flags, event.stream_id, event.data)
            case spdy.DataFrameReceived():
                if self.on_data_recv_cb is not None:
                    self.on_data_recv_cb(self, event.flags, event.stream_id, event.length)
            case spdy.PeerFinished():
                if self.on_request_recv_cb is not None:
                    self.on_request_recv_cb(self, event.stream_id)
            case spdy.StreamClosed():
                self._tell_closed(event.stream_id, event.status)
            case spdy.FrameInvalid():
                if self.on_invalid_ctrl_recv_cb is not None:
                    # it may be invalid for the very reason that it is no text
                    frame = snapshot(event.frame, "backslashreplace")
                    self.on_invalid_ctrl_recv_cb(self, frame, event.status)
            case spdy.FrameUnparsable(frame_type, head, payload, error):
                if self.on_ctrl_recv_parse_error_cb is not None:
                    self.on_ctrl_recv_parse_error_cb(self, frame_type, head, payload, int(error))
            case spdy.UnknownFrameReceived():
                if self.on_unknown_ctrl_recv_cb is not None:
                    self.on_unknown_ctrl_recv_cb(self, event.head, event.payload)

    def _tell_closed(self, stream_id: int, status: int) -> None:
        """Tell that a stream ended; its user data is there until that has been told."""
        try:
            if self.on_stream_close_cb is not None:
                self.on_stream_close_cb(self, stream_id, int(status))
        finally:
            self._stream_user_data.pop(stream_id, None)

    # --------------------------------------------------------------------------------- sending

    def send(self) -> None:
        """Send what is queued, until nothing is left or ``send_cb`` would block.

        A frame of which only a part could be sent is continued by the next call.

        :raises CallbackFailureError: when ``send_cb`` or a ``read_cb`` returned what it must not.
        :raises Exception: whatever a callback raised.
        """
        if self._sending:
            return
        failures = Failures()
        self._sending = True
        try:
            while self._send_frame(failures):
                pass
        except BaseException as error:  # noqa: BLE001  # raised below
            failures.keep(error)
        finally:
            self._sending = False
        failures.settle()

    def _send_frame(self, failures: Failures) -> bool:
        """Send one frame; ``False`` when there is none, or it could not be sent to its end."""
        outgoing = self._outgoing or self._next_frame()
        if outgoing is None:
            return False
        if outgoing.error:
            self._give_up(outgoing, failures)
        else:
            frame = outgoing.frame
            if not self._announced:
                self._announced = True
                if frame is not None and self.before_ctrl_send_cb is not None:
                    failures.call(self.before_ctrl_send_cb, self, snapshot(frame))
            if not self._write():
                return False
            if frame is None:
                if self.on_data_send_cb is not None:
                    sent = (outgoing.flags, outgoing.stream_id, outgoing.length)
                    failures.call(self.on_data_send_cb, self, *sent)
            elif self.on_ctrl_send_cb is not None:
                failures.call(self.on_ctrl_send_cb, self, snapshot(frame))
        self._outgoing = None
        self._tell(self._engine.frame_sent(outgoing), failures)
        if outgoing.error and isinstance(outgoing.frame, SynStream):
            # its stream never was, or has just been told to be closed
            self._stream_user_data.pop(outgoing.frame.stream_id, None)
        return True

    def _next_frame(self) -> Outgoing | None:
        """Take the next frame from the engine; it is sent even if a ``read_cb`` raised on the way.

        That happens with the next ``send``, since the exception ends this one.
        """
        outgoing = self._engine.next_frame()
        if outgoing is not None:
            self._outgoing, self._unsent, self._announced = outgoing, outgoing.data, False
        if self._read_failures:
            self._raise_read_failure()
        return outgoing

    def _raise_read_failure(self) -> None:
        """Raise what the last ``read_cb`` raised, unless that only was to cost its stream."""
        lasting = [
            error
            for error in self._read_failures
            if not isinstance(error, TemporalCallbackFailureError)
        ]
        self._read_failures.clear()
        self._engine.take_events()  # it tells of them too, and is not to keep them
        if lasting:
            raise lasting[-1]

    def _write(self) -> bool:
        """Pass the rest of the frame on; ``False`` when ``send_cb`` would block."""
        while self._unsent and self.send_cb is not None:
            taken = octets_taken(self.send_cb(self, self._unsent), len(self._unsent))
            if taken == 0:
                return False
            self._unsent = self._unsent[taken:]
        return True

    def _give_up(self, outgoing: Outgoing, failures: Failures) -> None:
        """Tell that a frame may not be sent."""
        if outgoing.frame is not None and self.on_ctrl_not_send_cb is not None:
            frame = snapshot(outgoing.frame)
            failures.call(self.on_ctrl_not_send_cb, self, frame, int(outgoing.error))

    # ----------------------------------------------------------------------- queries and control

    def resume_data(self, stream_id: int) -> bool:
        """Ask a ``read_cb`` again that returned ``ERR_DEFERRED``.

        :returns: ``False`` if there is none on this stream, or only the window holds it back.
        """
        return self._engine.resume(stream_id)

    def want_read(self) -> bool:
        """Return whether the session still takes input.

        Once it wants neither to read nor to write, the connection can be closed.
        """
        return self._engine.want_read()

    def want_write(self) -> bool:
        """Return whether ``send`` has something to send, the rest of a frame for one."""
        return self._outgoing is not None or self._engine.want_write()

    def get_stream_user_data(self, stream_id: int) -> Any:
        """Return the object that was submitted with a stream, until ``on_stream_close_cb`` is over.

        :returns: ``None`` if there was none, and for a stream of the peer or an unknown one.
        """
        return self._stream_user_data.get(stream_id)

    def get_outbound_queue_size(self) -> int:
        """Return how many frames wait, without deferred DATA and the frame being sent."""
        return self._engine.queue_size

    def get_pri_lowest(self) -> int:
        """Return the number of the least urgent priority: 3 in SPDY/2, else 7."""
        return self._engine.lowest_priority

    def fail_session(self, status_code: int) -> None:
        """Queue GOAWAY and end the session: after it nothing is read or written.

        From now on no SYN_STREAM is sent or accepted.

        :param status_code: ``GOAWAY_PROTOCOL_ERROR``, ``GOAWAY_INTERNAL_ERROR`` or ``GOAWAY_OK``.
        :raises InvalidArgumentError: for a status outside 0 to 2^32-1.
        """
        check_status(status_code)
        self._engine.fail(status_code)
