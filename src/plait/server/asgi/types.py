"""The scopes and messages of ASGI 3.0 as types, for applications and for type checkers.

Source: the ASGI specification, version 3.0, with "HTTP & WebSocket" 2.5, "Lifespan" 2.0 and "TLS
extension" 0.2, and the extensions that are listed there. A key that may be missing is
``NotRequired``, and its default is said beside it. Where the specification says "iterable", the
scopes here carry a list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Literal, NotRequired, TypedDict

HeaderFields = Iterable[Iterable[bytes]]
"""Pairs of name, in lower case, and value."""


class ASGIVersions(TypedDict):
    """Which versions of the specification a scope follows."""

    version: Literal["3.0"]
    spec_version: str


# --- HTTP ---------------------------------------------------------------------------------------


class TLSExtension(TypedDict):
    """What is known of TLS (extension ``tls``).

    :ivar server_cert: PEM; ``None`` where it is not known.
    :ivar client_cert_chain: PEM, the client's own first; empty if it sent none.
    :ivar client_cert_name: the subject as RFC 4514 writes it.
    :ivar client_cert_error: always ``None``: a certificate that is not valid ends the handshake.
    :ivar tls_version: as on the wire: 0x0303 for 1.2, 0x0304 for 1.3.
    :ivar cipher_suite: its number in IANA's registry.
    """

    server_cert: str | None
    client_cert_chain: Iterable[str]
    client_cert_name: str | None
    client_cert_error: str | None
    tls_version: int | None
    cipher_suite: int | None


class NoDetails(TypedDict):
    """An extension that is offered, and has nothing more to say."""


# Names with dots and hyphens need this form.
Extensions = TypedDict(
    "Extensions",
    {
        "http.response.trailers": NotRequired[NoDetails],
        "http.response.early_hint": NotRequired[NoDetails],
        "http.response.push": NotRequired[NoDetails],
        "http.response.pathsend": NotRequired[NoDetails],
        "websocket.http.response": NotRequired[NoDetails],
        "tls": NotRequired[TLSExtension],
    },
)
"""The extensions that a scope offers; what is not there may not be used."""


class HTTPScope(TypedDict):
    """One request.

    :ivar http_version: ``"1.0"``, ``"1.1"`` or ``"2"``.
    :ivar method: in upper case.
    :ivar scheme: ``"http"`` or ``"https"``.
    :ivar path: without the query, percent-decoded; what is no UTF-8 is replaced.
    :ivar raw_path: the path as it was sent.
    :ivar query_string: what comes after the question mark, as it was sent.
    :ivar root_path: where the application is mounted; ``path`` begins with it.
    :ivar headers: names in lower case, ``host`` first, ``cookie`` in one piece.
    :ivar client: ``(host, port)``; ``None`` on a Unix socket.
    :ivar server: ``(host, port)``, or ``(path, None)`` for a Unix socket.
    :ivar state: the request's own copy of what the application left in the lifespan's ``state``.
    """

    type: Literal["http"]
    asgi: ASGIVersions
    http_version: str
    method: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: list[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    state: dict[str, Any]
    extensions: Extensions


class HTTPRequestEvent(TypedDict):
    """Some of the request's body; the last one has no ``more_body``."""

    type: Literal["http.request"]
    body: bytes
    more_body: bool


class HTTPDisconnectEvent(TypedDict):
    """The response is complete, or the client has gone."""

    type: Literal["http.disconnect"]


class HTTPResponseStartEvent(TypedDict):
    """The head of the response; it waits for the first octets of the body.

    :ivar headers: none by default.
    :ivar trailers: whether ``http.response.trailers`` will follow; by default not.
    """

    type: Literal["http.response.start"]
    status: int
    headers: NotRequired[HeaderFields]
    trailers: NotRequired[bool]


class HTTPResponseBodyEvent(TypedDict):
    """Some of the body.

    :ivar body: empty by default.
    :ivar more_body: by default this was all.
    """

    type: Literal["http.response.body"]
    body: NotRequired[bytes]
    more_body: NotRequired[bool]


class HTTPResponseTrailersEvent(TypedDict):
    """Fields after the body (extension ``http.response.trailers``).

    :ivar more_trailers: by default these were all.
    """

    type: Literal["http.response.trailers"]
    headers: HeaderFields
    more_trailers: NotRequired[bool]


class HTTPResponseEarlyHintEvent(TypedDict):
    """103 Early Hints (extension ``http.response.early_hint``); values of ``Link`` fields."""

    type: Literal["http.response.early_hint"]
    links: Iterable[bytes]


class HTTPServerPushEvent(TypedDict):
    """Let the client have another resource at once (extension ``http.response.push``)."""

    type: Literal["http.response.push"]
    path: str
    headers: NotRequired[HeaderFields]


class HTTPResponsePathsendEvent(TypedDict):
    """A file as the whole body (extension ``http.response.pathsend``); the path is absolute."""

    type: Literal["http.response.pathsend"]
    path: str


# --- WebSocket ----------------------------------------------------------------------------------


class WebSocketScope(TypedDict):
    """One WebSocket; as ``HTTPScope``, without a method.

    :ivar scheme: ``"ws"`` or ``"wss"``.
    :ivar subprotocols: what the client can speak, as it prefers them.
    """

    type: Literal["websocket"]
    asgi: ASGIVersions
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: list[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    subprotocols: list[str]
    state: dict[str, Any]
    extensions: Extensions


class WebSocketConnectEvent(TypedDict):
    """The client wants a WebSocket."""

    type: Literal["websocket.connect"]


class WebSocketAcceptEvent(TypedDict):
    """The client gets its WebSocket.

    :ivar subprotocol: none by default.
    :ivar headers: of the handshake's response; none by default.
    """

    type: Literal["websocket.accept"]
    subprotocol: NotRequired[str | None]
    headers: NotRequired[HeaderFields]


class WebSocketReceiveEvent(TypedDict):
    """A message of the client's: one of the two is there, and not ``None``."""

    type: Literal["websocket.receive"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebSocketSendEvent(TypedDict):
    """A message to the client: one of the two is there, and not ``None``."""

    type: Literal["websocket.send"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebSocketDisconnectEvent(TypedDict):
    """It is over.

    :ivar code: RFC 6455 §7.4; 1005 if the client told none, 1006 if the connection was lost.
    :ivar reason: what the client said.
    """

    type: Literal["websocket.disconnect"]
    code: int
    reason: NotRequired[str | None]


class WebSocketCloseEvent(TypedDict):
    """Close it, or refuse it with 403 before it was accepted.

    :ivar code: RFC 6455 §7.4; 1000 by default.
    :ivar reason: empty by default.
    """

    type: Literal["websocket.close"]
    code: NotRequired[int]
    reason: NotRequired[str | None]


class WebSocketResponseStartEvent(TypedDict):
    """Refuse a WebSocket with a response (extension ``websocket.http.response``)."""

    type: Literal["websocket.http.response.start"]
    status: int
    headers: NotRequired[HeaderFields]


class WebSocketResponseBodyEvent(TypedDict):
    """The body of a refusal; defaults as in ``HTTPResponseBodyEvent``."""

    type: Literal["websocket.http.response.body"]
    body: NotRequired[bytes]
    more_body: NotRequired[bool]


# --- lifespan -----------------------------------------------------------------------------------


class LifespanScope(TypedDict):
    """The life of the application in one process.

    :ivar state: what the application puts here, requests get a copy of.
    """

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: dict[str, Any]


class LifespanStartupEvent(TypedDict):
    """Get ready."""

    type: Literal["lifespan.startup"]


class LifespanShutdownEvent(TypedDict):
    """The last request is over."""

    type: Literal["lifespan.shutdown"]


class LifespanStartupCompleteEvent(TypedDict):
    """Requests may come."""

    type: Literal["lifespan.startup.complete"]


class LifespanStartupFailedEvent(TypedDict):
    """The server is to exit with this message; empty by default."""

    type: Literal["lifespan.startup.failed"]
    message: NotRequired[str]


class LifespanShutdownCompleteEvent(TypedDict):
    """Everything is cleaned up."""

    type: Literal["lifespan.shutdown.complete"]


class LifespanShutdownFailedEvent(TypedDict):
    """Not everything could be cleaned up; the message is empty by default."""

    type: Literal["lifespan.shutdown.failed"]
    message: NotRequired[str]


# --- all together -------------------------------------------------------------------------------

Scope = HTTPScope | WebSocketScope | LifespanScope
"""What an application is called for."""

HTTPReceiveEvent = HTTPRequestEvent | HTTPDisconnectEvent
HTTPSendEvent = (
    HTTPResponseStartEvent
    | HTTPResponseBodyEvent
    | HTTPResponseTrailersEvent
    | HTTPResponseEarlyHintEvent
    | HTTPServerPushEvent
    | HTTPResponsePathsendEvent
)
WebSocketReceiveMessage = WebSocketConnectEvent | WebSocketReceiveEvent | WebSocketDisconnectEvent
WebSocketSendMessage = (
    WebSocketAcceptEvent
    | WebSocketSendEvent
    | WebSocketCloseEvent
    | WebSocketResponseStartEvent
    | WebSocketResponseBodyEvent
)
LifespanReceiveEvent = LifespanStartupEvent | LifespanShutdownEvent
LifespanSendEvent = (
    LifespanStartupCompleteEvent
    | LifespanStartupFailedEvent
    | LifespanShutdownCompleteEvent
    | LifespanShutdownFailedEvent
)

# What applications are called with. Frameworks say `MutableMapping`, and so their applications
# pass for ours.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
"""An application: called once for each scope."""
