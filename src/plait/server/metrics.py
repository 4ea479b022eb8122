"""Metrics for Prometheus: what each exchange adds, and the figures that servers keep anyway.

Where several processes serve one port, whoever is asked must answer for all. prometheus-client has
a way for that: each process keeps its values in files of a directory, and who is asked adds them
up. That is dear for what happens with every request: so exchanges are counted in plain numbers, as
servers count, and these are carried over about every second, and when this process is asked.

Needs ``prometheus-client`` (``pip install 'plait[metrics]'``), imported when it is needed: whether
a process shares its values has to be known before the first of them is made.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from plait.http2 import ErrorCode

from .answer import Answer
from .observer import Observer
from .stats import ServerStats

if TYPE_CHECKING:
    from .host import Exchange, Field
    from .http2_server import HTTP2Server

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

# Seconds between two looks at the figures of a server, at least; a look costs a step for each open
# connection, so with many of them it is as many times what a look takes.
_INTERVAL = 1.0
_TIMES = 100.0

# Everything else that clients think of is "other", so that they cannot make up time series.
_METHODS = {
    name.encode(): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "PATCH", "TRACE")
}

# Seconds; a response of a fast application takes less than a millisecond.
_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip

_log = logging.getLogger("plait.server")


def share(directory: str | os.PathLike[str]) -> None:
    """Let the processes that are forked from this one have their values in common.

    :param directory: an empty one, for these processes alone.
    """
    os.environ[_DIRECTORY] = os.fspath(directory)


def shared() -> str | None:
    """Return the directory of ``share``, or of the variable that it sets; ``None`` without one."""
    return os.environ.get(_DIRECTORY)


def join(number: int) -> None:
    """Be one of those processes; before the first metric is made.

    :param number: one that no other living process has. Who has it next goes on with what is
        counted under it, so that the files do not become more with each process that is replaced.
    """
    from prometheus_client import values

    pid = os.getpid()

    def identity() -> str:
        # what is forked from here in turn has values of its own
        return f"plait{number}" if os.getpid() == pid else str(os.getpid())

    values.ValueClass = values.MultiProcessValue(identity)  # type: ignore[no-untyped-call,unused-ignore]


def forget(number: int) -> None:
    """A process that had joined has ended: what it had open counts no more."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(f"plait{number}")  # type: ignore[no-untyped-call,unused-ignore]


class Metrics(Observer):
    """Counts exchanges, and reads the figures of servers.

    Give it to a server as ``observer``, and let it ``watch`` that server. One of these is enough
    for all servers of a process, and no more is possible for one registry.

    :param registry: prometheus-client's; its default one, with what the application counts.
    :raises ModuleNotFoundError: with a message for the user, if prometheus-client is not installed.
    """

    def __init__(self, registry: Any = None) -> None:
        try:
            import prometheus_client as prometheus
        except ModuleNotFoundError:
            message = "metrics need prometheus-client: pip install 'plait[metrics]'"
            raise ModuleNotFoundError(message, name="prometheus_client") from None
        self._registry = prometheus.REGISTRY if registry is None else registry
        where: dict[str, Any] = {"registry": self._registry}
        self._responses = prometheus.Counter(
            "plait_responses",
            "Exchanges that are over; status 0 where nothing was answered.",
            ["method", "status", "version"],
            **where,
        )
        self._errors = prometheus.Counter(
            "plait_response_errors",
            "Exchanges that did not come to their end, by the error code of RFC 9113.",
            ["error"],
            **where,
        )
        self._seconds = prometheus.Histogram(
            "plait_response_seconds",
            "From a request's head to the end of its response, tunnels left out.",
            buckets=_BUCKETS,
            **where,
        )
        self._octets = prometheus.Counter(
            "plait_response_body_octets", "Octets of body that were answered.", **where
        )
        self._refusals = prometheus.Counter(
            "plait_refusals", "What was refused, by slug.", ["reason"], **where
        )
        self._figures = {
            name: prometheus.Counter(f"plait_{name}", text, **where)
            for name, text in (
                ("connections_accepted", "Connections that were accepted."),
                ("requests", "Requests that were received."),
                ("octets_received", "Octets received, those of HTTP's framing included."),
                ("octets_sent", "Octets sent, those of HTTP's framing included."),
            )
        }
        self._levels = {
            name: prometheus.Gauge(f"plait_{name}", text, multiprocess_mode="livesum", **where)
            for name, text in (
                ("connections_open", "Connections that are open."),
                ("streams_open", "Requests that are not answered to their end."),
            )
        }
        # What was counted since it was carried over: responses by method, status and version;
        # those that took so long as no bucket before has, and all their seconds; octets.
        self._counted: dict[tuple[bytes, int, str], int] = {}
        self._by_bucket = [0] * (len(_BUCKETS) + 1)
        self._spent = 0.0
        self._answered = 0
        self._servers: dict[HTTP2Server, ServerStats] = {}
        self._timer: asyncio.TimerHandle | None = None

    # --- exchanges ------------------------------------------------------------------------------

    def ended(self, exchange: Any, error_code: int) -> None:
        """Count an exchange."""
        if exchange.peer is None:
            return  # a promise that was withdrawn before anybody answered it
        method = exchange.method if exchange.method in _METHODS else b"other"
        kind = (method, exchange.status, exchange.http_version)
        self._counted[kind] = self._counted.get(kind, 0) + 1
        # How long somebody stayed says nothing about how fast the application is.
        if exchange.began and exchange.protocol is None:
            seconds = time.monotonic() - exchange.began
            self._by_bucket[bisect_left(_BUCKETS, seconds)] += 1
            self._spent += seconds
        self._answered += exchange.octets_out
        if error_code:
            self._errors.labels(_error_name(error_code)).inc()

    # --- figures --------------------------------------------------------------------------------

    def watch(self, server: HTTP2Server) -> None:
        """Carry the figures of a server over, from now on. In a running event loop."""
        self._servers.setdefault(server, ServerStats())
        if self._timer is None:
            self._look(asyncio.get_running_loop())

    def close(self) -> None:
        """Carry over the last figures, and watch no more; when the servers are closed."""
        self.sample()
        self._servers.clear()
        self._set_levels()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sample(self) -> None:
        """Carry over what was counted up to this moment."""
        self._sample_exchanges()
        for server, before in self._servers.items():
            now = server.stats()
            self._servers[server] = now
            for name, counter in self._figures.items():
                counter.inc(max(0, getattr(now, name) - getattr(before, name)))
            for slug, times in now.refusals.items():
                more = times - before.refusals.get(slug, 0)
                if more > 0:
                    self._refusals.labels(slug).inc(more)
        self._set_levels()

    def exposition(self, accept: str = "") -> tuple[str, bytes]:
        """Return what is told to Prometheus: its media type, and the text. From any thread.

        :param accept: the header field of the request; OpenMetrics for who wants it.
        """
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        registry = self._registry
        directory = shared()
        if directory is not None:
            from prometheus_client.multiprocess import MultiProcessCollector

            registry = CollectorRegistry()
            MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call,unused-ignore]
        try:
            encoder, media_type = choose_encoder(accept)
        except (TypeError, ValueError):
            encoder, media_type = choose_encoder("")  # a version that is no number
        return media_type, encoder(registry)

    def _sample_exchanges(self) -> None:
        counted, self._counted = self._counted, {}
        for (method, status, version), times in counted.items():
            name = _METHODS.get(method, "other")
            self._responses.labels(name, str(status), version).inc(times)
        # A histogram takes one observation at a time, if it is not helped.
        for bucket, times in enumerate(self._by_bucket):
            if times:
                self._seconds._buckets[bucket].inc(times)
        self._seconds._sum.inc(self._spent)
        self._octets.inc(self._answered)
        self._by_bucket = [0] * len(self._by_bucket)
        self._spent, self._answered = 0.0, 0

    def _set_levels(self) -> None:
        for name, gauge in self._levels.items():
            gauge.set(sum(getattr(stats, name) for stats in self._servers.values()))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        began = loop.time()
        self.sample()
        pause = max(_INTERVAL, _TIMES * (loop.time() - began))
        self._timer = loop.call_later(pause, self._look, loop)


def _error_name(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return "other"


class MetricsHost:
    """Answers Prometheus at ``/metrics``; for an ``ApplicationServer`` with an address of its own.

    :param metrics: what to tell.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def open(self, exchange: Exchange) -> Answer:
        """Return the cycle for a request."""
        return _Answer(exchange, self._metrics)

    async def startup(self) -> None:
        """There is nothing to prepare."""

    async def shutdown(self) -> None:
        """There is nothing to end."""


class _Answer(Answer):
    """Answers one request."""

    __slots__ = ("_metrics", "_work")

    def __init__(self, exchange: Exchange, metrics: Metrics) -> None:
        super().__init__(exchange)
        self._metrics = metrics
        self._work: asyncio.Future[tuple[str, bytes]] | None = None

    def begin(self) -> None:
        """Answer, or begin to."""
        exchange = self.exchange
        if exchange.path.partition(b"?")[0] != b"/metrics":
            exchange.respond(404, _PLAIN, b"The metrics are at /metrics.\n")
        elif exchange.method not in (b"GET", b"HEAD"):
            exchange.respond(405, [*_PLAIN, (b"allow", b"GET, HEAD")], b"GET or HEAD\n")
        else:
            self._metrics.sample()
            accept = b",".join([value for name, value in exchange.headers if name == b"accept"])
            # The files of all processes are read: in a thread, requests wait for nobody.
            self._work = exchange.loop.run_in_executor(
                None, self._metrics.exposition, accept.decode("latin-1")
            )
            self._work.add_done_callback(self._tell)

    def closed(self, error_code: int) -> None:  # noqa: ARG002 - part of every cycle
        """It is over."""
        if self._work is not None:
            self._work.cancel()

    def _tell(self, work: asyncio.Future[tuple[str, bytes]]) -> None:
        exchange = self.exchange
        if work.cancelled():
            return
        error = work.exception()
        if error is not None:
            _log.error("metrics cannot be told", exc_info=error)
            exchange.respond(500, _PLAIN, b"The metrics cannot be told.\n")
            return
        media_type, text = work.result()
        exchange.respond(200, [(b"content-type", media_type.encode())], text)


_PLAIN: list[Field] = [(b"content-type", b"text/plain; charset=utf-8")]
