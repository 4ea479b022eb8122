"""Numbers for the connections, so that the page can show that there is only one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from weakref import WeakKeyDictionary


@dataclass
class ConnectionRecord:
    """What the site tells about one connection.

    Attributes:
        number: 1 for the first connection that asked for anything, then 2, and so on.
        in_flight: requests that have arrived and whose streams are still open.
        answered: streams that have been open and are closed.
    """

    number: int
    in_flight: int = 0
    answered: int = 0


class Connections:
    """A record for each connection, for as long as the connection lives."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._records: WeakKeyDictionary[object, ConnectionRecord] = WeakKeyDictionary()

    def record(self, connection: object) -> ConnectionRecord:
        """The record of a connection, made when it is first asked for."""
        record = self._records.get(connection)
        if record is None:
            record = self._records[connection] = ConnectionRecord(next(self._numbers))
        return record
