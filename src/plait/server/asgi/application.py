"""What all calls of one application have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from .types import ASGIVersions

# How many paths, and of what length, are kept decoded. Most requests ask for few paths.
_TARGETS = 1024
_TARGET_OCTETS = 256

HTTP_VERSIONS: ASGIVersions = {"version": "3.0", "spec_version": "2.5"}


class Application:
    """An application, and what the scopes of its requests are made with.

    :ivar app: the ASGI 3 callable.
    :ivar root_path: what the path of every request is preceded by.
    :ivar state: what the application left in the lifespan's scope.
    :ivar running: the tasks of calls that wait for something; the event loop's own references
        are weak.
    :ivar targets: decoded request targets.
    """

    __slots__ = ("app", "raw_root", "root_path", "running", "state", "targets")

    def __init__(self, app: Any, root_path: str) -> None:
        self.app = app
        self.root_path = root_path
        self.raw_root = quote(root_path).encode()
        self.state: dict[str, Any] = {}
        self.running: set[asyncio.Task[Any]] = set()
        self.targets: dict[bytes, tuple[str, bytes, bytes]] = {}

    def target(self, target: bytes) -> tuple[str, bytes, bytes]:
        """Return the path, the path as it was sent, and the query of a request's target."""
        known = self.targets.get(target)
        if known is not None:
            return known
        raw, _, query = target.partition(b"?")
        if self.raw_root and raw[:1] == b"/":  # not "*", nor the target of a CONNECT
            raw = self.raw_root + raw
        octets = unquote_to_bytes(raw) if b"%" in raw else raw
        parts = (octets.decode("utf-8", "replace"), raw, query)
        if not query and len(target) <= _TARGET_OCTETS:
            if len(self.targets) >= _TARGETS:
                self.targets.clear()
            self.targets[target] = parts
        return parts

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a task until it has ended."""
        self.running.add(task)
        task.add_done_callback(self.running.discard)
