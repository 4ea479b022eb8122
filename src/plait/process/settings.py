"""Everything that can be said about how an application is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from plait.server import TimeLimits
from plait.server.websocket import WebSocketOptions

if TYPE_CHECKING:
    from .binds import Bind


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate chain and its key, as PEM files; the key may be in the same file."""

    certfile: str
    keyfile: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How to serve. Seconds and octets, if nothing else is said."""

    target: str
    """The application, ``MODULE:OBJECT``."""

    interface: str = "auto"
    """``auto``, ``asgi``, ``wsgi`` or ``handler``."""

    factory: bool = False
    """The object is a function without arguments that returns the application."""

    app_dir: str = ""
    """Where the module is looked for first; the current directory by default."""

    binds: tuple[Bind, ...] = ()
    """Where to listen; on what systemd hands over, if there is something, when it is empty."""

    workers: int | None = None
    """Processes that serve; ``None`` to serve in this one, without a supervisor."""

    max_requests: int | None = None
    """A worker that has had so many is replaced."""

    max_requests_jitter: int = 0
    """Up to so many more, at random, so that not all workers are replaced together."""

    max_memory: int | None = None
    """MiB of resident memory; a worker that has more is replaced."""

    graceful_timeout: float = 5.0
    """What is under way may go on for so long when a server or worker ends."""

    shutdown_delay: float = 0.0
    """From the signal to end until no connection is accepted any more."""

    reload: bool = False
    """Start afresh when the application's files change."""

    reload_dirs: tuple[str, ...] = ()
    """What is watched; where the module is looked for, by default."""

    reload_include: tuple[str, ...] = ("*.py",)
    """Patterns of the names of the files that count."""

    reload_exclude: tuple[str, ...] = ()
    """Patterns of names and paths that do not."""

    lifespan: Literal["auto", "on", "off"] = "auto"
    """Of ASGI: ``auto``, ``on`` or ``off``."""

    root_path: str = ""
    """The path that the application is mounted at."""

    threads: int | None = None
    """That a WSGI application runs in; as many as its host finds right by default."""

    http1: bool | None = None
    """Whether HTTP/1.1 is spoken too; by default where what it needs is installed."""

    h2c_upgrade: bool = False
    """Whether clear text may change from HTTP/1.1 to HTTP/2 by ``Upgrade: h2c``."""

    websocket: WebSocketOptions = field(default_factory=WebSocketOptions)
    """Limits and habits of WebSockets."""

    certificates: tuple[Certificate, ...] = ()
    """Of TLS; the first is for clients that name no host that another is for."""

    client_ca: str | None = None
    """A PEM file of the authorities of client certificates."""

    client_cert: str | None = None
    """``optional`` or ``required``."""

    dev_cert: bool = False
    """TLS with a certificate made on the spot."""

    proxies: tuple[str, ...] = ()
    """Addresses and networks whose word about clients is believed."""

    proxy_fields: tuple[str, ...] = ()
    """The header fields in which they are believed; all that there are by default."""

    proxy_protocol: bool = False
    """Whether those send a PROXY header first."""

    health: str | None = None
    """A path that tells whether the server serves, without asking the application."""

    health_bind: Bind | None = None
    """An address that tells it, on every path."""

    access_log: str | None = None
    """A file for a line about each request, ``-`` for standard output."""

    access_log_format: str = "combined"
    """``common``, ``combined``, ``json``, or atoms."""

    metrics: Bind | None = None
    """An address that tells Prometheus, at ``/metrics``."""

    time_limits: TimeLimits = field(default_factory=TimeLimits)
    """How long clients may take."""

    max_connections: int | None = None
    """How many connections a worker may have."""

    log_level: str = "info"
    """What goes to standard error."""

    @property
    def supervised(self) -> bool:
        """Whether workers serve, and this process only looks after them."""
        return self.workers is not None or self.reload

    @property
    def secure(self) -> bool:
        """Whether there is TLS."""
        return bool(self.certificates) or self.dev_cert

    @property
    def folder(self) -> str:
        """The directory of the application."""
        return self.app_dir or "."
