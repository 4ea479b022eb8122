"""Who is told of every exchange that is over: the access log, metrics, or somebody else."""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger("plait.server")


class Observer:
    """Base class of what a server tells of its exchanges."""

    def ended(self, exchange: Any, error_code: int) -> None:
        """An exchange is over. In the event loop; it must not wait, and is not to raise.

        :param exchange: a ``plait.server.Exchange``, as it was when it ended. Besides it has
            ``began``, when the request came, by ``time.monotonic()``, and ``octets_out``, how
            many octets of body were given to it. ``status`` is 0 if nothing was answered.
        :param error_code: RFC 9113 §7; 0 if the response was sent to its end.
        """
        raise NotImplementedError


class Observers(Observer):
    """Several observers, who are told one after the other.

    What one of them raises is logged, and the others are told all the same.
    """

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    def ended(self, exchange: Any, error_code: int) -> None:
        """Tell them all."""
        for observer in self.observers:
            try:
                observer.ended(exchange, error_code)
            except Exception:  # noqa: BLE001 - told, and of no concern to others
                _log.exception("an observer failed")
