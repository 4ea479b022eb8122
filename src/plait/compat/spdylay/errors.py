"""The module's exceptions, each of which derives from ``Exception`` itself.

``UrlFetchError`` stands with ``urlfetch``.
"""

from __future__ import annotations


class EOFError(Exception):  # noqa: A001  # the name is spdylay's
    """The peer closed: raised by a ``recv_cb``, and then by ``Session.recv``.

    Not the built-in exception of that name, nor derived from it.
    """


class CallbackFailureError(Exception):
    """A callback is missing, or returned what it must not."""


class TemporalCallbackFailureError(Exception):
    """Raised by a ``read_cb`` to reset its stream with INTERNAL_ERROR; the session goes on."""


class InvalidArgumentError(Exception):
    """An argument that is not allowed."""


class ZlibError(Exception):
    """The header compression could not be set up.

    Here this never happens: compressors are made when the first header block needs them.
    """


class UnsupportedVersionError(Exception):
    """A protocol version other than SPDY/2, SPDY/3 and SPDY/3.1."""


class StreamClosedError(Exception):
    """A window update for a stream that is not open."""
