"""The access log and the metrics of a process, as far as they are wanted."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from plait.server import metrics as sharing
from plait.server.access_log import AccessLog
from plait.server.metrics import Metrics
from plait.server.observer import Observers

from .errors import UserError

if TYPE_CHECKING:
    from plait.server import HTTP2Server
    from plait.server.observer import Observer

    from .settings import Settings

logger = logging.getLogger("plait.process")


class Observation:
    """Who is told of what a server does.

    :ivar metrics: ``None`` where none are wanted.
    :raises UserError: if the log cannot be written, or the metrics' package is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._log = open_log(settings)
        self.metrics: Metrics | None = None
        if settings.metrics is not None:
            try:
                self.metrics = Metrics()
            except ModuleNotFoundError as error:
                raise UserError(str(error)) from None

    @property
    def observer(self) -> Observer | None:
        """For an ``ApplicationServer``; ``None`` where nobody wants to know."""
        some = [each for each in (self._log, self.metrics) if each is not None]
        return Observers(*some) if some else None

    def watch(self, server: HTTP2Server) -> None:
        """Tell the figures of a server too. In a running event loop."""
        if self.metrics is not None:
            self.metrics.watch(server)

    def reopen(self) -> None:
        """Go on in a new file of the log's name: the one before was moved away."""
        if self._log is not None:
            try:
                self._log.reopen()
            except OSError as error:
                logger.error("the access log stays in its old file: %s", error)  # noqa: TRY400

    def close(self) -> None:
        """The servers are closed: write down what is left."""
        if self.metrics is not None:
            self.metrics.close()
        if self._log is not None:
            self._log.close()


def open_log(settings: Settings) -> AccessLog | None:
    """Return the access log, if one is wanted; raises `UserError`."""
    if settings.access_log is None:
        return None
    try:
        return AccessLog(settings.access_log, settings.access_log_format)
    except ValueError as error:
        raise UserError(f"--access-log-format: {error}") from None
    except OSError as error:
        told = f"cannot write the access log {settings.access_log}: {error.strerror}"
        raise UserError(told) from None


def check_observation(settings: Settings) -> None:
    """See that everything can be told that is to be; raises `UserError`."""
    log = open_log(settings)
    if log is not None:
        log.close()
    if settings.metrics is not None:
        directory = sharing.shared()
        if directory is not None and not os.path.isdir(directory):
            raise UserError(
                f"PROMETHEUS_MULTIPROC_DIR: there is no directory {directory!r}; make one that is "
                "empty, or leave the variable out"
            )
