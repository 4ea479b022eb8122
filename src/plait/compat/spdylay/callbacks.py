"""The types of a session's callbacks, and what becomes of the exceptions that they raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .constants import ERR_WOULDBLOCK
from .errors import CallbackFailureError
from .frames import CtrlFrame

if TYPE_CHECKING:
    from .session import Session

# The results of all but the first two are ignored.
SendCallback = Callable[["Session", bytes], int | None]
RecvCallback = Callable[["Session", int], bytes | bytearray | None]
FrameCallback = Callable[["Session", CtrlFrame], object]
FrameCodeCallback = Callable[["Session", CtrlFrame, int], object]
DataChunkCallback = Callable[["Session", int, int, bytes], object]
DataCallback = Callable[["Session", int, int, int], object]
StreamCallback = Callable[["Session", int], object]
StreamCloseCallback = Callable[["Session", int, int], object]
ParseErrorCallback = Callable[["Session", int, bytes, bytes, int], object]
UnknownFrameCallback = Callable[["Session", bytes, bytes], object]


class Failures:
    """The exceptions raised within one call of ``send`` or ``recv``.

    The call goes on after most of them, and raises one at its end: the last, but rather one that
    asks the program to end (``KeyboardInterrupt``, ``SystemExit``) than any other.
    """

    __slots__ = ("chosen",)

    def __init__(self) -> None:
        self.chosen: BaseException | None = None

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function, and keep what it raises."""
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  # raised by settle()
            self.keep(error)

    def keep(self, error: BaseException) -> None:
        """Keep an exception for the end."""
        if isinstance(error, Exception) and not isinstance(self.chosen, Exception | None):
            return
        self.chosen = error

    def settle(self) -> None:
        """Raise what has been kept."""
        if self.chosen is not None:
            try:
                raise self.chosen
            finally:
                self.chosen = None  # or it would be held by the frame that its traceback holds


def octets_taken(result: object, offered: int) -> int:
    """Return how many octets a ``send_cb`` took; 0 when it would block.

    :raises CallbackFailureError: for a result that is not allowed.
    """
    if result is None or result == ERR_WOULDBLOCK:
        return 0
    if not isinstance(result, int) or not 0 <= result <= offered:
        raise CallbackFailureError(f"send_cb returned {result!r} for {offered} octets")
    return result


def octets_received(result: object, wanted: int) -> bytes | bytearray:
    """Return what a ``recv_cb`` gave; nothing when it would block.

    :raises CallbackFailureError: for a result that is not allowed.
    """
    if result is None:
        return b""
    if not isinstance(result, bytes | bytearray):
        raise CallbackFailureError(f"recv_cb returned {type(result).__name__}, not bytes")
    if len(result) > wanted:
        raise CallbackFailureError(f"recv_cb returned {len(result)} octets, more than {wanted}")
    return result
