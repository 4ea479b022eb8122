"""What all requests to one application have in common."""

from __future__ import annotations

from .environ import EnvironMaker
from .pool import ThreadPool
from .types import Application


class Service:
    """What a host lends to its cycles.

    :ivar app: the application.
    :ivar body_wait: how many seconds a request waits for its body before it takes a thread.
    :ivar environs: makes environs.
    :ivar pool: where the application runs.
    :ivar gathered: octets of bodies that are kept until they are complete, of all requests.
    """

    def __init__(
        self, app: Application, body_wait: float, environs: EnvironMaker, pool: ThreadPool
    ) -> None:
        self.app = app
        self.body_wait = body_wait
        self.environs = environs
        self.pool = pool
        self.gathered = 0
