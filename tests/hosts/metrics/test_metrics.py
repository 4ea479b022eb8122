"""Metrics in one process: what is counted, and how it is told. Workers: tests/process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from plait.server import metrics as metrics_module
from plait.server.app_server import ApplicationServer
from plait.server.host import Cycle
from plait.server.metrics import _BUCKETS, Metrics, MetricsHost, shared
from plait.server.observer import Observers
from tests.server.rawclient import LOCAL, PREFACE, RawClient, eventually, run
from tests.server.rawclient import settings as settings_frame
from tests.support.exchange import RecordingExchange
from tests.support.peers import require_tool
from tests.support.process import run as run_program


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def samples(text: str) -> dict[str, float]:
    """What Prometheus would read: ``name{label=value}`` and numbers."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def told(metrics: Metrics) -> dict[str, float]:
    metrics.sample()
    media_type, text = metrics.exposition()
    assert media_type.startswith("text/plain; version=0.0.4")
    return samples(text.decode())


def ended(metrics: Metrics, error_code: int = 0, **how: Any) -> None:
    status, octets = how.pop("status", 200), how.pop("octets", 13)
    seconds = how.pop("seconds", 0.0)
    exchange = RecordingExchange(**how)
    exchange.status, exchange.octets_out = status, octets
    exchange.began = time.monotonic() - seconds
    metrics.ended(exchange, error_code)


def test_exchanges_are_counted_by_method_status_and_version() -> None:
    async def main() -> None:
        metrics = Metrics(CollectorRegistry())
        ended(metrics)
        ended(metrics)
        ended(metrics, method=b"POST", status=500, http_version="1.1", octets=0)
        ended(metrics, 8, status=0, octets=0)
        ended(metrics, 0xFF00)
        found = told(metrics)
        assert found["plait_responses_total{method=GET,status=200,version=2}"] == 3
        assert found["plait_responses_total{method=POST,status=500,version=1.1}"] == 1
        assert found["plait_responses_total{method=GET,status=0,version=2}"] == 1
        assert found["plait_response_errors_total{error=CANCEL}"] == 1
        assert found["plait_response_errors_total{error=other}"] == 1
        assert found["plait_response_body_octets_total"] == 39

    run(main())


def test_clients_cannot_make_up_series() -> None:
    async def main() -> None:
        metrics = Metrics(CollectorRegistry())
        before = len(told(metrics))
        for number in range(20):
            ended(metrics, method=b"METHOD%d" % number, path=b"/%d" % number)
        found = told(metrics)
        assert found["plait_responses_total{method=other,status=200,version=2}"] == 20
        assert len(found) == before + 2  # that one, and when it was created

    run(main())


def test_times_are_those_of_responses_and_not_of_tunnels() -> None:
    async def main() -> None:
        metrics = Metrics(CollectorRegistry())
        ended(metrics, seconds=0.02)
        ended(metrics, seconds=3600.0, protocol=b"websocket")
        exchange = RecordingExchange()
        exchange.status = 200
        metrics.ended(exchange, 0)  # nobody took the time
        found = told(metrics)
        assert found["plait_response_seconds_count"] == 1
        assert 0.02 <= found["plait_response_seconds_sum"] < 60
        assert found["plait_response_seconds_bucket{le=0.01}"] == 0

    run(main())


def test_a_promise_that_nobody_answered_is_no_exchange() -> None:
    async def main() -> None:
        metrics = Metrics(CollectorRegistry())
        exchange = RecordingExchange()
        exchange.peer = None  # type: ignore[assignment]
        metrics.ended(exchange, 8)
        assert not any("responses_total" in name for name in told(metrics))

    run(main())


class Greeting(Cycle):
    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange

    def begin(self) -> None:
        self.exchange.respond(200, [], b"hello")

    def closed(self, error_code: int) -> None:
        pass


class GreetingHost:
    def open(self, exchange: Any) -> Cycle:
        return Greeting(exchange)

    async def startup(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass


async def converse(server: ApplicationServer, *frames: bytes) -> RawClient:
    client = RawClient(*await asyncio.open_connection(*server.addresses[0][:2]))
    client.send(PREFACE, settings_frame({}), *frames)
    return client


def test_the_figures_of_servers() -> None:
    async def main() -> None:
        metrics = Metrics(CollectorRegistry())
        async with (
            ApplicationServer(LOCAL, GreetingHost(), observer=Observers(metrics)) as server,
            ApplicationServer(LOCAL, GreetingHost()) as other,
        ):
            metrics.watch(server)
            metrics.watch(other)
            metrics.watch(other)
            clients = [await converse(each) for each in (server, server, other)]
            for client in clients:
                client.send(client.request(1, "/"))
                assert (await client.response(1))[1] == b"hello"
            # a frame on a stream that cannot be: the connection is refused, by a slug
            clients[0].send(b"\0\0\0\0\1\0\0\0\2")
            await clients[0].rest()
            clients[0].writer.close()
            await eventually(lambda: server.connection_count == 1)
            metrics.sample()
            metrics.sample()  # nothing is counted twice
            found = told(metrics)
            assert found["plait_connections_accepted_total"] == 3
            assert found["plait_connections_open"] == 2
            assert found["plait_requests_total"] == 3
            assert found["plait_streams_open"] == 0
            assert found["plait_octets_received_total"] > 3 * 24
            assert found["plait_octets_sent_total"] > 3 * 9
            [slug] = server.stats().refusals
            assert found[f"plait_refusals_total{{reason={slug}}}"] == 1
            # only of the server that has it as its observer
            assert found["plait_responses_total{method=GET,status=200,version=2}"] == 2
            for client in clients[1:]:
                client.writer.close()
                with contextlib.suppress(ConnectionError):
                    await client.writer.wait_closed()
        metrics.close()
        found = told(metrics)
        assert found["plait_connections_open"] == 0
        assert found["plait_connections_accepted_total"] == 3

    run(main())


@pytest.mark.interop
def test_a_scrape_over_http() -> None:
    curl = require_tool("curl")

    async def main() -> None:
        registry = CollectorRegistry()
        Counter("of_the_application", "Its own.", registry=registry).inc(7)
        metrics = Metrics(registry)
        async with (
            ApplicationServer(LOCAL, GreetingHost(), observer=metrics) as server,
            ApplicationServer(LOCAL, MetricsHost(metrics)) as aside,
        ):
            metrics.watch(server)

            async def ask(path: str, *options: str, of: ApplicationServer = aside) -> str:
                url = f"http://127.0.0.1:{of.port}{path}"
                return await asyncio.to_thread(run_program, [curl, "-sS", *options, url])

            for options in ((), ("--http2-prior-knowledge",), ("--http1.0",)):
                assert await ask("/", *options, of=server) == "hello"
            found = samples(await ask("/metrics"))
            for version in ("2", "1.1", "1.0"):
                name = f"plait_responses_total{{method=GET,status=200,version={version}}}"
                assert found[name] == 1
            assert found["of_the_application_total"] == 7
            assert found["plait_connections_accepted_total"] == 3
            assert found["plait_response_seconds_count"] == 3
            head = await ask("/metrics?now", "-I", "--http2-prior-knowledge")
            assert head.startswith("HTTP/2 200")
            assert "content-type: text/plain; version=0.0.4; charset=utf-8" in head
            openmetrics = ("-H", "accept: application/openmetrics-text; version=1.0.0")
            assert (await ask("/metrics", *openmetrics)).endswith("# EOF\n")
            odd = ("-H", "accept: text/plain;version=x", "-i")
            assert "200 OK" in await ask("/metrics", *odd)
            code = ("-o", "/dev/null", "-w", "%{http_code}")
            assert await ask("/", *code) == "404"
            assert await ask("/metrics", "-d", "x=1", *code) == "405"
        metrics.close()

    run(main())


def test_metrics_that_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(CollectorRegistry):
        def collect(self) -> Any:
            raise RuntimeError("no luck")

    async def main() -> None:
        metrics = Metrics(Broken())
        exchange = RecordingExchange(path=b"/metrics")
        cycle = MetricsHost(metrics).open(exchange)
        exchange.cycle = cycle
        cycle.begin()
        await eventually(lambda: bool(exchange.sent))
        assert exchange.sent[0][:2] == ("respond", 500)
        # who goes away meanwhile is not answered
        gone = RecordingExchange(path=b"/metrics")
        cycle = MetricsHost(Metrics(CollectorRegistry())).open(gone)
        cycle.begin()
        cycle.closed(8)
        await asyncio.sleep(0.01)
        assert gone.sent == []

    run(main())
    assert "metrics cannot be told" in caplog.text


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'plait\[metrics\]'"):
        Metrics()


def test_what_is_counted_is_carried_over_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process may be asked, or the application show the registry by itself."""
    monkeypatch.setattr(metrics_module, "_INTERVAL", 0.01)

    async def main() -> None:
        assert shared() is None
        registry = CollectorRegistry()
        metrics = Metrics(registry)
        async with ApplicationServer(LOCAL, GreetingHost()) as server:
            metrics.watch(server)
            ended(metrics)
            await eventually(lambda: registry.get_sample_value("plait_requests_total") == 0)
            labels = {"method": "GET", "status": "200", "version": "2"}
            name = "plait_responses_total"
            await eventually(lambda: registry.get_sample_value(name, labels) == 1)
        metrics.close()

    run(main())


def test_buckets_are_those_of_an_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        times = (0.0, 0.001, 0.0011, 0.3, 60.0, 61.0)
        metrics = Metrics(CollectorRegistry())
        registry = CollectorRegistry()
        wanted = Histogram("plait_response_seconds", "", buckets=_BUCKETS, registry=registry)
        monkeypatch.setattr(metrics_module, "time", SimpleNamespace(monotonic=lambda: 1024.0))
        for seconds in times:
            exchange = RecordingExchange()
            exchange.began = 1024.0 - seconds
            metrics.ended(exchange, 0)
            wanted.observe(1024.0 - exchange.began)
        found = told(metrics)
        for name, value in samples(generate_latest(registry).decode()).items():
            if not name.endswith("_created"):
                assert found[name] == value, name

    run(main())
