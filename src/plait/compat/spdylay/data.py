"""Where the octets of DATA frames come from: a provider, asked when a frame can be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK

from .constants import ERR_DEFERRED, READ_EOF
from .errors import CallbackFailureError

if TYPE_CHECKING:
    from .session import Session

ReadCallback = Callable[["Session", int, int, "ReadCtrl", Any], bytes | bytearray | int | None]


class ReadCtrl:
    """How a ``read_cb`` says more than it returns.

    :ivar flags: 0 at the start of each call; ``READ_EOF`` when the data ends.
    """

    __slots__ = ("flags",)

    def __init__(self) -> None:
        self.flags = 0


class DataProvider:
    """A source of data, and the function that reads it.

    ``read_cb(session, stream_id, length, read_ctrl, source)`` is called when a DATA frame can be
    sent, and not while the peer's window is closed. ``length`` is 4096 octets, or less where a
    window is smaller. It returns

    - at most ``length`` octets, which become one DATA frame;
    - ``ERR_DEFERRED`` when there is nothing now: it is called again after
      ``Session.resume_data``;
    - nothing (``b""`` or ``None``) for an empty DATA frame. Unless the data ends with it, the next
      call comes when everything else that can be sent has been sent.

    The data ends with the call that sets ``read_ctrl.flags`` to ``READ_EOF``, whether it returns
    octets or not. ``TemporalCallbackFailureError`` raised by it resets the stream with
    INTERNAL_ERROR. Any other exception, and a result that breaks these rules
    (``CallbackFailureError``), does that too and comes out of ``Session.send``.

    :ivar source: any object; passed to ``read_cb``.
    :ivar read_cb: the function. Both can be replaced at any time.
    """

    def __init__(self, source: Any, read_cb: ReadCallback) -> None:
        self.source = source
        self.read_cb = read_cb


class ProvidedBody:
    """A provider as the engine's body source.

    :ivar stream_id: the stream that it is for; set as soon as that has a number.
    """

    __slots__ = ("failures", "provider", "session", "stream_id")

    def __init__(
        self,
        session: Session,
        stream_id: int,
        provider: DataProvider,
        failures: list[Exception],
    ) -> None:
        self.session = session
        self.stream_id = stream_id
        self.provider = provider
        self.failures = failures

    def __call__(self, length: int) -> tuple[bytes | bytearray | None, int]:
        """Return octets and a flag; what is raised goes to ``failures`` too."""
        provider, session = self.provider, self.session
        control = ReadCtrl()
        try:
            answer = provider.read_cb(session, self.stream_id, length, control, provider.source)
            return _judged(answer, length, control.flags)
        except Exception as error:
            self.failures.append(error)
            raise


def _judged(answer: object, length: int, flags: int) -> tuple[bytes | bytearray | None, int]:
    """Return what the engine makes of a provider's answer.

    :raises CallbackFailureError: for an answer that is not allowed.
    """
    if isinstance(answer, int):
        if answer != ERR_DEFERRED:
            raise CallbackFailureError(f"read_cb returned {answer}")
        return None, DATA_DEFERRED
    if answer is None:
        answer = b""
    if not isinstance(answer, bytes | bytearray):
        raise CallbackFailureError(f"read_cb returned {type(answer).__name__}, not bytes")
    if len(answer) > length:
        raise CallbackFailureError(
            f"read_cb returned {len(answer)} octets, {length} were asked for"
        )
    return answer, DATA_EOF if flags & READ_EOF else DATA_OK
