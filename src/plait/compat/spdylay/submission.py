"""The submitting half of ``Session``: frames to be queued, from arguments that are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, cast

from plait.spdy import Connection, NoSuchStreamError, StreamLimitError, UsageError

from .arguments import (
    INVALID,
    IV,
    NV,
    check_delta,
    check_status,
    check_stream_id,
    fields_of,
    priority_of,
)
from .constants import CLIENT, CTRL_FLAG_FIN, CTRL_FLAG_UNIDIRECTIONAL, DATA_FLAG_FIN
from .data import DataProvider, ProvidedBody
from .errors import InvalidArgumentError, StreamClosedError

if TYPE_CHECKING:
    from .session import Session

_Parameters = ParamSpec("_Parameters")


def _submits(
    method: Callable[_Parameters, None],
) -> Callable[_Parameters, None]:
    """Let a method raise the module's exceptions in place of the engine's."""

    @wraps(method)
    def submit(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except StreamLimitError as problem:
            raise InvalidArgumentError("No more Stream ID available") from problem
        except NoSuchStreamError:
            raise StreamClosedError from None
        except UsageError as problem:
            raise InvalidArgumentError(INVALID) from problem

    return submit


class Submitter:
    """What a session can be told to send. Nothing here sends at once."""

    def __init__(self, engine: Connection, side: int) -> None:
        self._engine = engine
        self._side = side
        self._stream_user_data: dict[int, Any] = {}
        # What read_cbs raised while the engine looked for the next frame.
        self._read_failures: list[Exception] = []

    @_submits
    def submit_request(
        self,
        pri: int,
        nv: NV,
        data_prd: DataProvider | None = None,
        stream_user_data: Any = None,
    ) -> None:
        """Submit a SYN_STREAM, and the DATA of a body.

        :param pri: the priority, 0 (the most urgent) to ``get_pri_lowest()``; numbers up to 255
            mean the lowest.
        :param nv: the headers, under the names of SPDY/3 (``:method``, ``:path``, ``:host``...) in
            every version. Names are sent in lower case, sorted; a NUL separates the values of one.
        :param data_prd: the body, which ends with FIN; ``None`` puts FIN on the SYN_STREAM.
        :param stream_user_data: any object, for ``get_stream_user_data``.
        :raises InvalidArgumentError: for such a priority or header, or when the stream ids, which
            are given here, are used up.
        """
        fields = fields_of(nv)
        priority = priority_of(pri, self._engine.lowest_priority)
        body = self._body_of(data_prd, 0)
        stream_id = self._engine.send_request(fields, body, priority=priority)
        if body is not None:
            body.stream_id = stream_id
        self._keep_user_data(stream_id, stream_user_data)

    @_submits
    def submit_response(self, stream_id: int, nv: NV, data_prd: DataProvider | None = None) -> None:
        """Submit a SYN_REPLY, and the DATA of a body; as for ``submit_request``.

        :raises InvalidArgumentError: for such a header.
        """
        self._engine.send_response(stream_id, fields_of(nv), self._body_of(data_prd, stream_id))

    @_submits
    def submit_syn_stream(
        self,
        flags: int,
        pri: int,
        nv: NV,
        assoc_stream_id: int = 0,
        stream_user_data: Any = None,
    ) -> None:
        """Submit a SYN_STREAM; as for ``submit_request``.

        :param flags: ``CTRL_FLAG_FIN``, ``CTRL_FLAG_UNIDIRECTIONAL``, both or none.
        :param assoc_stream_id: the stream that a pushed one belongs to; always 0 on a client.
        :raises InvalidArgumentError: for such a priority or header, or when the stream ids are
            used up.
        """
        stream_id = self._engine.send_syn_stream(
            fields_of(nv),
            flags=flags & (CTRL_FLAG_FIN | CTRL_FLAG_UNIDIRECTIONAL),
            priority=priority_of(pri, self._engine.lowest_priority),
            associated_stream_id=0 if self._side == CLIENT else assoc_stream_id,
        )
        self._keep_user_data(stream_id, stream_user_data)

    @_submits
    def submit_syn_reply(self, flags: int, stream_id: int, nv: NV) -> None:
        """Submit a SYN_REPLY, with FIN if ``flags`` have ``CTRL_FLAG_FIN``.

        :raises InvalidArgumentError: for a header that cannot be sent.
        """
        fin = bool(flags & CTRL_FLAG_FIN)
        self._engine.send_syn_reply(stream_id, fields_of(nv), end_stream=fin)

    @_submits
    def submit_headers(self, flags: int, stream_id: int, nv: NV) -> None:
        """Submit HEADERS, with FIN if ``flags`` have ``CTRL_FLAG_FIN``.

        :raises InvalidArgumentError: for a header that cannot be sent.
        """
        fin = bool(flags & CTRL_FLAG_FIN)
        self._engine.send_headers(stream_id, fields_of(nv), end_stream=fin, chained=False)

    @_submits
    def submit_data(self, stream_id: int, flags: int, data_prd: DataProvider) -> None:
        """Submit DATA frames, with FIN on the last if ``flags`` have ``DATA_FLAG_FIN``.

        :param data_prd: where the octets come from; kept until they are sent.
        :raises TypeError: for anything but a ``DataProvider``.
        """
        body = self._body_of(data_prd, stream_id)
        if body is None:
            raise TypeError("data_prd must be a DataProvider, not None")
        fin = bool(flags & DATA_FLAG_FIN)
        self._engine.send_data(stream_id, body, end_stream=fin, chained=False)

    def submit_rst_stream(self, stream_id: int, status_code: int) -> None:
        """Submit an RST_STREAM, also for an unknown stream.

        From now on what is queued for the stream is given up, and what arrives for it is ignored.

        :raises InvalidArgumentError: for a stream id or status outside its range.
        """
        check_stream_id(stream_id)
        check_status(status_code)
        self._engine.reset_stream(stream_id, status_code, withdraw=False)

    def submit_ping(self) -> None:
        """Submit a PING. The reply to the last one is given to ``on_ctrl_recv_cb``."""
        self._engine.ping()

    def submit_goaway(self, status_code: int) -> None:
        """Submit a GOAWAY, which names the last stream that has been accepted until now.

        Open streams go on.

        :param status_code: ``GOAWAY_OK``, for one; SPDY/2 does not carry it.
        :raises InvalidArgumentError: for a status outside 0 to 2^32-1.
        """
        check_status(status_code)
        self._engine.send_goaway(status_code)

    @_submits
    def submit_settings(self, flags: int, iv: IV) -> None:
        """Submit SETTINGS, which hold for this side from now on.

        :param flags: ``FLAG_SETTINGS_CLEAR_SETTINGS`` or ``FLAG_SETTINGS_NONE``.
        :param iv: (identifier, flags, value) of each setting; ``ID_FLAG_SETTINGS_NONE`` and its
            like are the flags.
        :raises InvalidArgumentError: for an unknown or repeated identifier, or a number out of
            range.
        """
        self._engine.send_settings(iv, flags=flags & 0xFF)

    @_submits
    def submit_window_update(self, stream_id: int, delta_window_size: int) -> None:
        """Submit a WINDOW_UPDATE, beside those that the session sends by itself.

        It is given up if the stream is gone by the time it could be sent, and for stream 0 where
        the session has no window (SPDY/2, SPDY/3).

        :param stream_id: an open stream; 0 for the session's window.
        :param delta_window_size: octets, 1 to 2^31-1.
        :raises InvalidArgumentError: for another number of octets.
        :raises StreamClosedError: for a stream that is not open.
        """
        check_delta(delta_window_size)
        if stream_id != 0 and not self._engine.stream_is_open(stream_id):
            raise StreamClosedError
        self._engine.send_window_update(stream_id, delta_window_size)

    def _body_of(self, data_prd: DataProvider | None, stream_id: int) -> ProvidedBody | None:
        """Return a provider as the engine's body source."""
        if data_prd is None:
            return None
        if not isinstance(data_prd, DataProvider):
            raise TypeError(f"data_prd must be a DataProvider, not {type(data_prd).__name__}")
        session = cast("Session", self)  # nothing else derives from this class
        return ProvidedBody(session, stream_id, data_prd, self._read_failures)

    def _keep_user_data(self, stream_id: int, stream_user_data: Any) -> None:
        if stream_user_data is not None:
            self._stream_user_data[stream_id] = stream_user_data
