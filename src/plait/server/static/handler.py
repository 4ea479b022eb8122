"""Static files as a request handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from plait.server.handler import BaseRequestHandler

from .body import FileBody
from .files import StaticFiles
from .responses import METHODS

if TYPE_CHECKING:
    import os


class StaticHandler(BaseRequestHandler):
    """Answers a request from `files`, which a subclass has to set; see `static_handler`."""

    files: ClassVar[StaticFiles]
    _static_body: FileBody | None = None

    def on_headers(self) -> None:
        """Answer a method that we know at once: whatever body there is says nothing here."""
        # CONNECT has no body to wait for but a tunnel without an end.
        if self.method in METHODS or self.method == b"CONNECT":
            self._answer()

    def on_request_done(self) -> None:
        """Refuse any other method when its body has been let pass by.

        Refused earlier, the client would be told to stop sending by a reset of the stream, and
        some, such as curl 7.88, take that for a failure and never show the response.
        """
        if self.status is None:
            self._answer()

    def _answer(self) -> None:
        response = self.files.respond(self.method or b"", self.path or b"", self.headers)
        body = response.body
        if isinstance(body, FileBody):
            self._static_body = body
            self.send_response(response.status, response.headers, body.generate)
        else:
            self.send_response(response.status, response.headers, body)

    def on_close(self, error_code: int) -> None:  # noqa: ARG002 - sent or not, the file is done with
        """Close the file that was being sent."""
        if self._static_body is not None:
            self._static_body.close()


def static_handler(files: StaticFiles | str | os.PathLike[str]) -> type[StaticHandler]:
    """Return a handler class for `HTTP2Server`.

    :param files: what to serve; a path stands for `StaticFiles(path)` with its defaults.
    :raises OSError: for a path that is no directory.
    """
    served = files if isinstance(files, StaticFiles) else StaticFiles(files)
    return type("StaticHandler", (StaticHandler,), {"files": served})
