"""Static files as a request handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from plait.server import BaseRequestHandler

from .body import FileBody
from .files import StaticFiles

if TYPE_CHECKING:
    import os


class StaticHandler(BaseRequestHandler):
    """Answers a request from `files`, which a subclass has to set; see `static_handler`."""

    files: ClassVar[StaticFiles]
    _body: FileBody | None = None

    def on_headers(self) -> None:
        """Answer at once: whatever body the request has says nothing here."""
        response = self.files.respond(self.method or b"", self.path or b"", self.headers)
        if isinstance(response.body, FileBody):
            self._body = response.body
        self.send_response(response.status, response.headers, response.body)

    def on_close(self, error_code: int) -> None:  # noqa: ARG002 - sent or not, the file is done with
        """Close the file that was being sent."""
        if self._body is not None:
            self._body.close()


def static_handler(files: StaticFiles | str | os.PathLike[str]) -> type[StaticHandler]:
    """Return a handler class for `HTTP2Server` that serves `files`, or the directory of that name.

    Raises `OSError` if it is no directory.
    """
    served = files if isinstance(files, StaticFiles) else StaticFiles(files)
    return type("StaticHandler", (StaticHandler,), {"files": served})
