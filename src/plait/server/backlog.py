"""Connections that wait to be accepted when the server is about to close its sockets.

To their clients they are connected, and requests may be on their way. The system resets them with
the socket; so they are accepted first, and served like all others to the graceful end.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable


async def stop_accepting(
    loop: asyncio.AbstractEventLoop,
    sockets: Iterable[socket.socket],
    make: Callable[[], asyncio.BaseProtocol],
    most: int,
    close: Callable[[], None],
) -> None:
    """Accept what waits, and nobody more. All connections are made when this returns.

    :param sockets: listening ones, that a server of the loop has.
    :param make: makes the protocol of a connection.
    :param most: how many connections to accept of each socket.
    :param close: closes the sockets; it is called whatever happens.
    """
    listening = list(sockets)
    waiting: list[socket.socket] = []
    try:
        for each in listening:
            # asyncio accepts in one turn of its loop and makes the connection in the next, which
            # fails if the server was closed between them: it must begin no more. (uvloop does both
            # at once.)
            with contextlib.suppress(NotImplementedError, ValueError):
                loop.remove_reader(each)
        await asyncio.sleep(0)
        waiting = [connection for each in listening for connection in _accepted(each, most)]
    finally:
        close()
    made = [loop.connect_accepted_socket(make, connection) for connection in waiting]
    await asyncio.gather(*made, return_exceptions=True)  # one that is gone already fails
    await asyncio.sleep(0)  # protocols hear of their connections one turn later


def _accepted(listening: socket.socket, most: int) -> list[socket.socket]:
    found: list[socket.socket] = []
    with contextlib.suppress(OSError):  # BlockingIOError: nobody waits
        while len(found) < most:
            found.append(listening.accept()[0])
    return found
