"""Werkzeug's classes, as far as the backend names them, and a request that can be awaited."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .missing import Missing

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict
    from werkzeug.wrappers import Request as WerkzeugRequest
    from werkzeug.wrappers import Response
else:
    try:
        from werkzeug.datastructures import MultiDict
        from werkzeug.wrappers import Request as WerkzeugRequest
        from werkzeug.wrappers import Response
    except ModuleNotFoundError:

        class Werkzeug(Missing):
            """Werkzeug is not installed."""

            package = "werkzeug"

        MultiDict = type("MultiDict", (Werkzeug,), {})
        WerkzeugRequest = type("Request", (Werkzeug,), {})
        Response = type("Response", (Werkzeug,), {})


__all__ = ["AsyncReading", "MultiDict", "Request", "Response", "readable"]


class AsyncReading:
    """Lets a request be read by ``await request.read_async()``.

    An application's own ``request_class`` gets this if it has no ``read_async``.
    """

    environ: Any

    async def read_async(self, to_end: bool = True) -> bytes:
        """Return the request's body, or the next piece of it; see ``H2State.read_async``.

        A body that was read to its end in one piece is kept: this returns it again, and the
        request's ``data``, ``form``, ``files`` and ``json`` are made from it. They do not wait:
        call this before them.

        :raises ConnectionResetError: if the client took the request back.
        """
        found: bytes | None = self.__dict__.get("_whole_body")
        if found is not None:
            return found if to_end else b""
        source = self.environ["wsgi.input"]
        data: bytes = await source.read_async(to_end)
        if to_end:
            self.__dict__["_whole_body"] = data
            self.environ["wsgi.input"] = io.BytesIO(data)
            self.__dict__.pop("stream", None)  # Werkzeug may have one already
        return data


class Request(AsyncReading, WerkzeugRequest):
    """Werkzeug's request, with ``await read_async()``."""


_readable: dict[type, type] = {}


def readable(request_class: Callable[..., Any]) -> Callable[..., Any]:
    """Return a request class with ``read_async``: the given one, or a subclass of it."""
    if not isinstance(request_class, type) or hasattr(request_class, "read_async"):
        return request_class
    found = _readable.get(request_class)
    if found is None:
        found = type(request_class.__name__, (AsyncReading, request_class), {})
        _readable[request_class] = found
    return found
