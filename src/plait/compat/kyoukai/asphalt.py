"""What the backend uses of Asphalt, and what stands for it where Asphalt is not installed.

Of Asphalt there are components, which are started with a context, and signals, which tell whoever
has connected to them of events.
"""

from __future__ import annotations

import logging
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from .bare import BareComponent, BareContext, BareEvent, BareSignal

if TYPE_CHECKING:
    Component = BareComponent
    Context = BareContext
    Event = BareEvent
    Signal = BareSignal
else:
    try:
        from asphalt.core import Component, Context, Event, Signal
    except ModuleNotFoundError:
        Component, Context, Event, Signal = BareComponent, BareContext, BareEvent, BareSignal


class ConnectionMadeEvent(Event):
    """A client has connected.

    :ivar protocol: its connection.
    """

    def __init__(self, source: Any, topic: str, *, protocol: Any) -> None:
        super().__init__(source, topic)
        self.protocol = protocol


class ConnectionLostEvent(Event):
    """A connection is over.

    :ivar protocol: the connection.
    :ivar exc: what ended it; ``None`` for an end in good order.
    """

    def __init__(self, source: Any, topic: str, *, protocol: Any, exc: Exception | None) -> None:
        super().__init__(source, topic)
        self.protocol = protocol
        self.exc = exc


def resolve_reference(reference: Any) -> Any:
    """Return what ``"module:attribute"`` refers to; anything else as it is.

    :raises LookupError: if there is no such thing.
    """
    if not isinstance(reference, str) or ":" not in reference:
        return reference
    module, _, path = reference.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as problem:
        raise LookupError(f"there is no {reference}: {problem}") from problem
    return found


class KyoukaiBaseComponent(Component):
    """What Kyoukai's components have in common.

    :param app: the application, or ``"module:attribute"``.
    :param ip: where to listen.
    :param port: where to listen.
    :param cfg: what the component is configured to.
    """

    connection_made: ClassVar[Any] = Signal(ConnectionMadeEvent)
    connection_lost: ClassVar[Any] = Signal(ConnectionLostEvent)

    def __init__(self, app: Any, ip: str = "127.0.0.1", port: int = 4444, **cfg: Any) -> None:
        self.app = resolve_reference(app)
        self.ip = ip
        self.port = port
        self.cfg = cfg
        self.server: Any = None
        self.base_context: Any = None
        self.backend = "kyoukai.backends.httptools_"
        self.logger = logging.getLogger("Kyoukai")
        self._server_name: str = getattr(self.app, "server_name", None) or socket.getfqdn()

    def get_server_name(self) -> str:
        """Return the server's name: the application's ``server_name``, or this machine's."""
        return getattr(self.app, "server_name", None) or self._server_name

    def get_protocol(self, ctx: Any, serv_info: Any) -> Any:
        """Return the protocol of a new connection."""
        raise NotImplementedError

    async def start(self, ctx: Any = None) -> None:
        """Begin to serve."""
        raise NotImplementedError
