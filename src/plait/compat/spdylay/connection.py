"""The loop of one connection at a server: socket, session and handler brought together.

One thread does it all. It waits for the socket, feeds the session, has complete requests answered
one after the other, and lets the session send. Between two requests it reads and sends, so that one
response leaves while the next is being made. While a handler works nothing is read; a fast peer is
held back by TCP, and what it may send for each of its requests lies on disk.

Time limits are looked after by a *sweep* of the streams that takes place only when a limit can have
passed. The time that handlers take is not the peers': it does not count.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from .channel import Channel
from .constants import (
    CANCEL,
    DATA_FLAG_FIN,
    ERR_STREAM_CLOSED,
    ERR_STREAM_CLOSING,
    FLAG_SETTINGS_NONE,
    GOAWAY_OK,
    ID_FLAG_SETTINGS_NONE,
    INTERNAL_ERROR,
    PROTO_SPDY2,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SERVER,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
)
from .frames import CtrlFrame, HeadersFrame, SynReplyFrame, SynStreamFrame
from .negotiation import npn_get_version
from .streams import PROGRESS, ServerStream

if TYPE_CHECKING:
    from .handler import BaseSPDYRequestHandler
    from .session import Session

# Octets that wait for the socket before the session is asked for no more.
_ENOUGH = 65_536

# Seconds that a peer has for closing after us, from the last octet that it sent.
_LINGER = 1.0

# Seconds between two looks at the deadline while the server ends.
_LOOK = 0.25

_LARGEST_WINDOW = 2**31 - 1


class ServerConnection:
    """One connection, from the handshake to its end.

    :param handler: what answers its requests.
    """

    session: Session

    def __init__(self, handler: BaseSPDYRequestHandler) -> None:
        self._handler = handler
        self._server = handler.server
        self._stop = handler.server.stop_signal
        self._channel = Channel(handler.request, self._stop)
        self._streams: dict[int, ServerStream] = {}
        self._ready: deque[ServerStream] = deque()
        self._held = 0  # octets of the streams' bodies
        self._handlers_time = 0.0
        now = self._now()
        self._active = now
        # Since when too few of the octets in hand have left, and how many did.
        self._waiting_since = now
        self._taken = 0
        self._sweep_at = now
        self._is_ending = False
        self._is_expired = False

    def run(self) -> None:
        """Serve the peer until the end of the connection."""
        try:
            version = self._begin()
            if version:
                self._converse(version)
        except OSError as problem:
            self._handler.report(problem, None)
        finally:
            self._channel.close()
            for stream in list(self._streams.values()):
                self._close_stream(stream, INTERNAL_ERROR)

    def _begin(self) -> int:
        """Shake hands, and return the version that is spoken; 0 for none."""
        patience = self._server.handshake_timeout
        if not self._channel.handshake(float("inf") if patience is None else patience):
            return 0
        if self._server.ctx is None:
            return self._server.version
        version = npn_get_version(self._handler.request.selected_alpn_protocol())
        if not version:
            self._handler.report(ConnectionError("the peer negotiated no version of SPDY"), None)
        return version

    def _converse(self, version: int) -> None:
        """Speak SPDY."""
        handler = self._handler
        handler.spdy_version = version
        handler.session = self.session = handler.session_class(
            SERVER,
            version,
            self._server.config,
            send_cb=self._take,
            on_ctrl_recv_cb=self._on_ctrl_recv,
            on_data_chunk_recv_cb=self._on_data_chunk_recv,
            on_ctrl_not_send_cb=self._on_ctrl_not_send,
            on_data_send_cb=self._on_data_send,
            on_stream_close_cb=self._on_stream_close,
            on_request_recv_cb=self._on_request_recv,
        )
        settings = [
            (
                SETTINGS_MAX_CONCURRENT_STREAMS,
                ID_FLAG_SETTINGS_NONE,
                self._server.max_concurrent_streams,
            )
        ]
        if version == PROTO_SPDY2:
            # SPDY/2 has no flow control, and nobody sends WINDOW_UPDATE in it. Peers exist that
            # keep to windows all the same: they get one that is never used up.
            settings.append((SETTINGS_INITIAL_WINDOW_SIZE, ID_FLAG_SETTINGS_NONE, _LARGEST_WINDOW))
        self.session.submit_settings(FLAG_SETTINGS_NONE, settings)
        while not self._is_over():
            if not self._take_turn():
                return
        patience = self._server.send_timeout
        deadline = time.monotonic() + (_LINGER if patience is None else patience)
        self._channel.linger(deadline, _LINGER)

    # --- the loop -------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        """Send what can be sent, and tell whether that was the last."""
        session, channel = self.session, self._channel
        now = self._now()
        if not channel.outgoing:
            self._taken, self._waiting_since = 0, now
        session.send()
        taken = channel.flush()
        if taken:
            self._active = now
            self._taken += taken
            if self._taken >= PROGRESS:
                self._taken, self._waiting_since = 0, now
        if self._is_expired or time.monotonic() >= self._stop.deadline:
            return True
        at_work = channel.outgoing or self._ready or session.want_read() or session.want_write()
        return not at_work

    def _take_turn(self) -> bool:
        """Wait, read, answer one request; return ``False`` at the end of what the peer sends."""
        session, channel = self.session, self._channel
        reading = session.want_read()
        writing = bool(channel.outgoing) or session.want_write()
        if channel.wait(self._patience(), reading=reading, writing=writing):
            self._end()
        data = channel.read() if reading else None
        if data == b"":
            return False
        if data:
            self._active = self._now()
            self._receive(data)
        if self._ready:
            self._answer(self._ready.popleft())
        self._sweep()
        return True

    def _patience(self) -> float:
        """Return how many seconds there are until something has to be looked after."""
        if self._ready:
            return 0.0
        patience = self._sweep_at - self._now()
        return min(patience, _LOOK) if self._is_ending else patience

    def _receive(self, data: bytes) -> None:
        """Let the session have octets."""
        try:
            self.session.recv(data)
        except UnicodeDecodeError as problem:
            # Headers that are no text; a request among them is reset when more of it comes.
            self._handler.report(problem, None)

    def _answer(self, stream: ServerStream) -> None:
        """Have a request answered."""
        if stream.is_closed:
            return
        begun = time.monotonic()
        try:
            self._handler.handle_one_request(stream)
        except Exception as problem:  # noqa: BLE001 - the handler is told
            self._handler.report(problem, stream)
            self._reset(stream, INTERNAL_ERROR)
        self._handlers_time += time.monotonic() - begun
        stream.restart(self._now())

    def _end(self) -> None:
        """Take no more requests, and come to an end when the ones there are have been answered."""
        if not self._is_ending:
            self._is_ending = True
            self.session.submit_goaway(GOAWAY_OK)

    # --- callbacks of the session ---------------------------------------------------------------

    def _take(self, session: Session, data: bytes) -> int:
        """Take octets that are to be sent, unless many wait already."""
        del session
        if len(self._channel.outgoing) >= _ENOUGH:
            return 0
        self._channel.outgoing += data
        return len(data)

    def _on_ctrl_recv(self, session: Session, frame: CtrlFrame) -> None:
        """Begin a request, or give one more headers."""
        server = self._server
        if isinstance(frame, SynStreamFrame):
            stream = ServerStream(frame, server.max_body_memory, self._now())
            self._streams[stream.stream_id] = stream
            if self._is_ending:
                # GOAWAY is on its way and does not name it: the peer may send it elsewhere.
                stream.refusal = 503
                session.submit_rst_stream(stream.stream_id, REFUSED_STREAM)
            elif stream.refusal is not None:
                self._ready.append(stream)
            elif stream.header_size > server.max_header_size:
                self._refuse(stream, 431)
            elif self._is_too_large(stream.announced_size()):
                self._refuse(stream, 413)
        elif isinstance(frame, HeadersFrame):
            found = self._streams.get(frame.stream_id)
            if found is None or found.refusal is not None:
                return
            found.add_headers(frame.nv)
            if found.header_size > server.max_header_size:
                self._refuse(found, 431)

    def _is_too_large(self, octets: int) -> bool:
        """Whether a request's body is beyond the limit."""
        most = self._server.max_body_size
        return most is not None and octets > most

    def _on_data_chunk_recv(
        self, session: Session, flags: int, stream_id: int, data: bytes
    ) -> None:
        """Collect a request's body."""
        del flags
        stream = self._streams.get(stream_id)
        if stream is None:
            session.submit_rst_stream(stream_id, PROTOCOL_ERROR)
            return
        if stream.refusal is not None:
            return
        stream.progress(len(data), self._now())
        if self._is_too_large(stream.body.size + len(data)):
            self._refuse(stream, 413)
            return
        most = self._server.max_bodies_size
        if most is not None and self._held + len(data) > most:
            self._refuse(stream, 503)
            return
        self._held += len(data)
        try:
            stream.body.write(data)
        except OSError as problem:  # no room on the disk, no descriptor for a file
            self._handler.report(problem, stream)
            self._refuse(stream, 503)

    def _on_request_recv(self, session: Session, stream_id: int) -> None:
        """Queue a complete request."""
        stream = self._streams.get(stream_id)
        if stream is None:
            session.submit_rst_stream(stream_id, PROTOCOL_ERROR)
            return
        stream.is_complete = True
        if stream.refusal is None:
            self._ready.append(stream)

    def _on_data_send(self, session: Session, flags: int, stream_id: int, length: int) -> None:
        """Note how far a response is."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.sent += length
        stream.progress(length, self._now())
        if flags & DATA_FLAG_FIN and not stream.is_complete:
            # It was refused. The peer has been told why, and need not send the rest.
            session.submit_rst_stream(stream_id, CANCEL)

    def _on_ctrl_not_send(self, session: Session, frame: CtrlFrame, error: int) -> None:
        """Give up a response whose head could not be sent."""
        del session
        if not isinstance(frame, SynReplyFrame) or error in _GONE:
            return
        stream = self._streams.get(frame.stream_id)
        if stream is not None:
            problem = ValueError(f"the head of a response cannot be sent (error {error})")
            self._handler.report(problem, stream)
            self._reset(stream, INTERNAL_ERROR)

    def _on_stream_close(self, session: Session, stream_id: int, status_code: int) -> None:
        """Forget a stream."""
        del session
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._close_stream(stream, status_code)

    # --- streams --------------------------------------------------------------------------------

    def _refuse(self, stream: ServerStream, code: int) -> None:
        """Have a request answered with an error before it is complete."""
        stream.refusal = code
        self._let_go(stream)
        self._ready.append(stream)

    def _let_go(self, stream: ServerStream) -> None:
        """Give back the room that a request's body takes."""
        self._held -= stream.body.size
        stream.body.close()

    def _reset(self, stream: ServerStream, status_code: int) -> None:
        """Give a stream up."""
        if not stream.is_closed:
            self.session.submit_rst_stream(stream.stream_id, status_code)

    def _close_stream(self, stream: ServerStream, status_code: int) -> None:
        """Give back what a stream holds, and tell the handler."""
        del self._streams[stream.stream_id]
        self._let_go(stream)
        try:
            stream.close()
        except Exception as problem:  # noqa: BLE001 - the handler is told
            self._handler.report(problem, stream)
        try:
            self._handler.on_stream_close(stream, status_code)
        except Exception as problem:  # noqa: BLE001 - the handler is told
            self._handler.report(problem, stream)

    # --- time -----------------------------------------------------------------------------------

    def _now(self) -> float:
        """Return seconds on a clock that stands while a handler works."""
        return time.monotonic() - self._handlers_time

    def _sweep(self) -> None:
        """See who has kept us waiting for too long, if that is possible by now."""
        now = self._now()
        if now < self._sweep_at:
            return
        server = self._server
        limits = (server.request_timeout, server.send_timeout, server.idle_timeout)
        # A limit that begins to run after this sweep passes no earlier.
        due = [now + limit for limit in limits if limit is not None]
        due += [self._look_at(stream, now) for stream in list(self._streams.values())]
        due += [self._look_at_socket(now), self._look_at_silence(now)]
        self._sweep_at = min(due)

    def _look_at(self, stream: ServerStream, now: float) -> float:
        """Give a stream up if it has not moved in time; return when to look again."""
        if stream.response is not None:
            limit = self._server.send_timeout
            if self._channel.outgoing or self.session.want_write():
                stream.restart(now)  # others come first: it waits for us, not for its window
        elif stream.is_complete or stream.refusal is not None:
            return float("inf")
        else:
            limit = self._server.request_timeout
        if limit is None:
            return float("inf")
        if now - stream.active < limit:
            return stream.active + limit
        if stream.response is None:
            self._handler.report(TimeoutError(f"no more of a request within {limit} s"), stream)
            self._refuse(stream, 408)
        else:
            self._handler.report(TimeoutError(f"nobody took a response for {limit} s"), stream)
            self._reset(stream, CANCEL)
        return float("inf")

    def _look_at_socket(self, now: float) -> float:
        """Return when the peer has to have read something.

        :raises TimeoutError: if it has not.
        """
        limit = self._server.send_timeout
        if limit is None or not self._channel.outgoing:
            return float("inf")
        if now - self._waiting_since >= limit:
            raise TimeoutError(f"the peer has read nothing for {limit} s")
        return self._waiting_since + limit

    def _look_at_silence(self, now: float) -> float:
        """End a connection that nobody uses; return when to look again."""
        limit = self._server.idle_timeout
        if limit is None or self._streams:
            return float("inf")
        if now - self._active < limit:
            return self._active + limit
        self._is_expired = self._is_ending  # it has had its time for an orderly end
        self._active = now
        self._end()
        return now + limit


_GONE = (ERR_STREAM_CLOSED, ERR_STREAM_CLOSING)
