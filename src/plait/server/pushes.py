"""Server push (RFC 9113 §8.4), for the connections that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.http2.errors import ErrorCode, PushDisabledError, StreamStateError

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .exchanges import Exchanges
    from .handler import BaseRequestHandler


class Pushes:
    """The pushes of one connection.

    :ivar refused: handlers of pushes that the client does not take; they have yet to learn it.
    """

    def __init__(self, protocol: Exchanges) -> None:
        self._protocol = protocol
        self._next_refused = 2
        self.refused: list[BaseRequestHandler] = []

    def promise(
        self,
        parent: BaseRequestHandler,
        request: list[Field],
        status: int | str,
        fields: list[Field],
        body: object,
    ) -> BaseRequestHandler:
        """Promise ``request`` on the stream of ``parent`` and submit its response."""
        protocol = self._protocol
        engine = protocol.engine
        if parent.pushed:
            raise StreamStateError("a pushed response cannot push")
        if engine is None or protocol.streams.get(parent.stream_id) is not parent:
            raise StreamStateError(f"stream {parent.stream_id} has ended")
        handler = protocol.make_handler(-1)
        handler.pushed = True
        handler.method = request[0][1]
        handler.scheme = request[1][1]
        handler.host = request[2][1]
        handler.path = request[3][1]
        handler.headers = request
        handler.status = status
        handler._h2_fields = fields
        try:
            handler.stream_id = engine.push_stream(parent.stream_id, request)
        except PushDisabledError:
            self._refuse(handler)
            return handler
        self._next_refused = handler.stream_id + 2
        protocol.adopt(handler)
        handler._h2_body = handler._h2_source(body)
        handler._h2_submit()
        if protocol.logs_access:
            handler._h2_log_access()
        if not protocol.busy:
            protocol.flush()
        return handler

    def _refuse(self, handler: BaseRequestHandler) -> None:
        """The client takes no pushes: the handler learns it soon, and its number is used up."""
        handler.stream_id = self._next_refused
        self._next_refused += 2
        self.refused.append(handler)
        if not self._protocol.busy:
            self._protocol.flush_later(0.0)

    def close_refused(self) -> None:
        """Tell the handlers of refused pushes."""
        refused = self.refused
        self.refused = []
        for handler in refused:
            handler._h2_closed = True
            self._protocol.call_on_close(handler, int(ErrorCode.INTERNAL_ERROR))
