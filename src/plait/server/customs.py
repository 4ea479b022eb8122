"""Where today's server and the ``nghttp2`` module do things differently."""

from __future__ import annotations

import logging
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Customs:
    """What handlers and the log are told; each was the other way in the original module."""

    client_scheme: bool = False
    """Handlers are told the client's ``:scheme``, and not the transport's."""

    malformed_requests: bool = False
    """A malformed request gets a handler, of which only ``on_close`` is called."""

    withdrawn_requests: bool = False
    """A request that was reset in the same read as it came gets a handler all the same."""

    trailers_in_headers: bool = False
    """Trailers of requests are appended to ``headers`` (RFC 9110 §6.5.1: MUST NOT)."""

    connections_level: int = logging.DEBUG
    """At what level the log says that a connection is made, what it speaks, and that it is lost."""
