"""What the head of a request says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plait.http2.fields import Field


class RequestHead:
    """A head that was found good. It may be used again for a request that repeats it.

    :ivar version: ``"1.1"`` or ``"1.0"``.
    :ivar path: in origin form, or ``b"*"``.
    :ivar fields: as the application is shown them: names in lower case, ``host`` first.
    :ivar content_length: -1 where there is none.
    :ivar chunked: whether the body comes in chunks.
    :ivar keep_alive: the connection may be used for another request.
    :ivar protocol: ``b"websocket"`` if the client asks for that and may; else ``None``.
    :ivar settings: the value of ``HTTP2-Settings`` if the client asks for h2c; else ``None``.
    :ivar expects_continue: the client waits for an interim response before it sends the body.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "expects_continue",
        "fields",
        "host",
        "keep_alive",
        "method",
        "path",
        "protocol",
        "settings",
        "version",
    )

    def __init__(self, method: bytes, version: str) -> None:
        self.method = method
        self.version = version
        self.path = b""
        self.host: bytes | None = None
        self.fields: list[Field] = []
        self.content_length = -1
        self.chunked = False
        self.keep_alive = False
        self.protocol: bytes | None = None
        self.settings: bytes | None = None
        self.expects_continue = False

    def has_body(self) -> bool:
        """Whether octets of a body follow."""
        return self.chunked or self.content_length > 0
