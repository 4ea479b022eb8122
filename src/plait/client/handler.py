"""What a program subclasses to learn of a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plait.hpack import Field

    from .protocol import ClientProtocol


class BaseResponseHandler:
    """One response: its fields as attributes, and callbacks that a subclass overrides.

    The callbacks run in the loop's thread, in this order: ``on_informational`` and
    ``on_push_promise`` at any time, ``on_headers``, ``on_data`` for each piece of the body,
    ``on_response_done``, ``on_close``. They must not block. One that raises gets its traceback
    printed, and its stream is reset with INTERNAL_ERROR; the connection goes on.

    :param http2: the connection. It is set when the handler is given to ``send_request`` or
        ``accept_push``, so that most programs pass nothing.
    :param stream_id: the stream; -1 until there is one.

    :ivar headers: the response's fields in wire order, ``:status`` first.
    :ivar trailers: the fields that came after the body; empty without any. RFC 9110 §6.5.1 forbids
        to merge them with the others.
    :ivar status: the status code, such as ``b"200"``; ``None`` until ``on_headers``.
    :ivar scheme: of a pushed response, the promised request's ``:scheme``; otherwise ``None``.
    :ivar method: likewise.
    :ivar host: likewise: ``:authority``, or ``host`` where it comes later.
    :ivar path: likewise.
    :ivar cookies: crumbs of cookies while fields arrive, then ``None``; empty without cookies.
    :ivar pushed: the server pushed this response.
    :ivar remote_address: the server's address.
    :ivar client_certificate: what ``SSLSocket.getpeercert`` tells of the peer, the server here;
        the name is nghttp2's.
    """

    def __init__(self, http2: ClientProtocol | None = None, stream_id: int = -1) -> None:
        self.headers: list[Field] = []
        self.trailers: list[Field] = []
        self.cookies: list[bytes] | None = []
        self.stream_id = stream_id
        self.http2 = http2
        self.remote_address: Any = None
        self.client_certificate: Any = None
        self.scheme: bytes | None = None
        self.method: bytes | None = None
        self.host: bytes | None = None
        self.path: bytes | None = None
        self.status: bytes | None = None
        self.pushed = False

    @property
    def server_address(self) -> Any:
        """The server's address; the same as ``remote_address``."""
        return self.remote_address

    def on_informational(self, status: int, headers: list[Field]) -> None:
        """An interim response arrived, such as 103 Early Hints; the final one is to come.

        :param status: 100 to 199.
        :param headers: its fields, ``:status`` first.
        """

    def on_headers(self) -> None:
        """The response's header section is complete."""

    def on_data(self, data: bytes) -> None:
        """A piece of the response's body arrived. The server may send more when this returns.

        :param data: never empty.
        """

    def on_response_done(self) -> None:
        """The response is complete, trailers included."""

    def on_close(self, error_code: int) -> None:
        """The stream has closed. Called once, last, whatever happened.

        :param error_code: 0 when all went well; REFUSED_STREAM (7) for a request that the server
            certainly has not acted upon; INTERNAL_ERROR (2) when the connection was lost;
            otherwise RFC 9113 §7.
        """

    def on_push_promise(self, push_promise: BaseResponseHandler) -> None:
        """The server wants to push. A promise that is not accepted in this call is rejected.

        :param push_promise: describes the promised request: ``method``, ``path``, ``headers``,
            and so on, and ``stream_id``.
        """
        self.reject_push(push_promise)

    def accept_push(
        self, push_promise: BaseResponseHandler, handler: BaseResponseHandler | None = None
    ) -> None:
        """Let the pushed response come.

        :param push_promise: what ``on_push_promise`` was called with.
        :param handler: gets the response; without one the push is rejected.
        """
        if not handler:
            self.reject_push(push_promise)
        elif self.http2 is not None:
            self.http2.accept_push(push_promise, handler)

    def reject_push(self, push_promise: BaseResponseHandler) -> None:
        """Refuse the pushed response."""
        if self.http2 is not None:
            self.http2.reject_push(push_promise)

    def resume(self) -> None:
        """Ask the request's body source again, which returned ``DATA_DEFERRED``.

        Never an error: without effect when there is nothing to resume.
        """
        if self.http2 is not None:
            self.http2.resume(self.stream_id)

    # --- called by the connection ---------------------------------------------------------------

    def take_response(self, fields: list[Field]) -> None:
        """Keep the response's header section."""
        for name, value in fields:
            if name == b":status":
                self.status = value
        self._keep(fields)

    def take_promise(self, fields: list[Field]) -> None:
        """Keep the header section of a promised request."""
        for name, value in fields:
            if name == b":method":
                self.method = value
            elif name == b":scheme":
                self.scheme = value
            elif name == b":path":
                self.path = value
            elif name in (b":authority", b"host"):
                self.host = value
        self._keep(fields)

    def _keep(self, fields: list[Field]) -> None:
        """Keep fields, the crumbs of cookies joined into one at the end."""
        crumbs = [value for name, value in fields if name == b"cookie"]
        self.headers = [field for field in fields if field[0] != b"cookie"]
        if crumbs:
            self.headers.append((b"cookie", b"; ".join(crumbs)))
            self.cookies = None
