"""What an ASGI application is told when it sends what it may not.

- ``MessageError`` (a ``RuntimeError``): the application broke the protocol.
- ``ClientDisconnected`` (an ``OSError``): nobody is there any more to send to.
- ``LifespanFailed``: the application told that it could not start.
- ``LeavingError``: it raised ``SystemExit`` or ``KeyboardInterrupt``. No application sees this one.
"""

from __future__ import annotations


class MessageError(RuntimeError):
    """The application sent a message that is wrong, or not at its time. Nothing of it was sent."""


class ClientDisconnected(OSError):
    """The client has gone: nothing can be sent to it any more (ASGI HTTP 2.4)."""

    def __init__(self, what: str = "the client has disconnected: the response is lost") -> None:
        super().__init__(what)


class LifespanFailed(Exception):
    """The application cannot start; the text is what it told."""


class LeavingError(Exception):
    """The application wants the process to end; the event loop ends in its next turn."""


def is_disconnect(error: BaseException) -> bool:
    """Whether an exception only tells that the client has gone.

    Frameworks raise one of their own because of ours, and task groups put it into a group.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_disconnect(part) for part in error.exceptions)
    known: set[int] = set()  # a program can make a ring of exceptions
    seen: BaseException | None = error
    while seen is not None and id(seen) not in known:
        if isinstance(seen, ClientDisconnected):
            return True
        known.add(id(seen))
        seen = seen.__cause__ or seen.__context__
    return False
