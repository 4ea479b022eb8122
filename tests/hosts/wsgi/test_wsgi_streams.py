"""Bodies of requests and responses as they stream, and clients that go away."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from plait.server.host import Peer
from plait.server.proxies import TrustedProxies
from plait.server.wsgi import ClientDisconnected, FileWrapper, WSGIHost
from tests.support.exchange import RecordingExchange

from .serving import PATIENCE, exchanged, hosted, until


class Reader:
    """An application that does one step of reading each time it is told to."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.results: list[Any] = []
        self.told = threading.Semaphore(0)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"]
        while True:
            assert self.told.acquire(timeout=PATIENCE)
            step = self.steps[len(self.results)]
            if step is None:
                break
            self.results.append(step(body))
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    def step(self, step: Any) -> None:
        self.steps.append(step)
        self.told.release()

    async def read(self, step: Any) -> Any:
        """The result of a step that need not wait for the client."""
        before = len(self.results)
        self.step(step)
        await until(lambda: len(self.results) > before)
        return self.results[-1]


def test_a_body_is_read_as_it_arrives_and_gives_credit_back() -> None:
    reader = Reader()
    host = WSGIHost(reader, body_wait=0.0)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(b"line one\nline")
        assert await reader.read(lambda body: body.readline()) == b"line one\n"
        reader.step(lambda body: body.readline())
        exchange.data(b" two\n")
        await until(lambda: len(reader.results) == 2)
        assert reader.results[-1] == b"line two\n"
        await until(lambda: exchange.credit == 18)
        # what is not read gets no credit
        exchange.data(bytes(100_000))
        assert await reader.read(lambda body: len(body.read(20_000))) == 20_000
        await until(lambda: exchange.credit >= 20_018)
        assert exchange.credit <= 18 + 20_000 + 16_384
        exchange.data(b"last")
        exchange.end()
        assert (await reader.read(lambda body: body.read()))[-4:] == b"last"
        await until(lambda: exchange.credit == 100_022)
        assert await reader.read(lambda body: body.read()) == b""
        assert await reader.read(lambda body: body.read(5)) == b""
        reader.step(None)
        await until(lambda: exchange.released)
        assert exchange.body == b"done"
        assert exchange.credit == 100_022

    hosted(host, scenario)


@pytest.mark.parametrize("step", [lambda body: body.read(), list])
def test_a_client_that_goes_away_while_its_body_is_read(step: Any) -> None:
    failures: list[BaseException] = []
    reading = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        reading.set()
        try:
            step(environ["wsgi.input"])
        except OSError as error:
            failures.append(error)
            raise
        return []

    host = WSGIHost(app, body_wait=0.0)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(b"some")
        await until(reading.is_set)
        exchange.disconnect()
        await until(lambda: failures)
        assert exchange.sent == []

    hosted(host, scenario)
    assert isinstance(failures[0], ClientDisconnected)
    assert "client went away" in str(failures[0])


def test_what_the_application_does_not_read_is_let_through() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        assert environ["wsgi.input"].read(4) == b"some"
        start_response("413 Too Long", [])
        return []

    host = WSGIHost(app, body_wait=0.0)

    async def scenario() -> None:
        fields = [(b"content-length", b"17")]
        exchange = RecordingExchange(b"POST", b"/", fields, complete=False)
        exchange.open(host)
        exchange.data(b"some more")
        await until(lambda: exchange.status)
        assert exchange.status == 413
        await until(lambda: exchange.credit == 9)
        exchange.data(b"and more")
        assert exchange.credit == 17
        exchange.end()
        assert exchange.released

    hosted(host, scenario)


def test_the_application_is_called_when_enough_of_the_body_is_there() -> None:
    called = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        called.set()
        assert environ["CONTENT_LENGTH"] == "32769"
        start_response("200 OK", [])
        return [b"%d" % len(environ["wsgi.input"].read())]

    host = WSGIHost(app, body_wait=PATIENCE)

    async def scenario() -> None:
        fields = [(b"content-length", b"32769")]
        exchange = RecordingExchange(b"POST", b"/", fields, complete=False)
        exchange.open(host)
        exchange.data(bytes(32_767))
        assert host.pool.alive == 0
        exchange.data(b"1")
        await until(called.is_set)
        exchange.data(b"2")
        exchange.end()
        await until(lambda: exchange.released)
        assert exchange.body == b"32769"

    hosted(host, scenario)


def measured(environ: Any, start_response: Any) -> Any:
    """An application that says what length it is told, and what it reads."""
    start_response("200 OK", [])
    body = environ["wsgi.input"].read()
    return [f"{environ['CONTENT_LENGTH']} {len(body)}".encode()]


def test_a_body_of_unknown_length_is_gathered_and_measured() -> None:
    # there are applications that read nothing unless they are told how much
    host = WSGIHost(measured, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        for piece in range(8):
            exchange.data(bytes(100_000))
            assert exchange.credit == 100_000 * (piece + 1)
            # a piece has its cost
            assert host.kept == exchange.credit + 64 * (piece + 1)
        assert host.pool.alive == 0
        exchange.end()
        await until(lambda: exchange.released)
        assert exchange.body == b"800000 800000"
        assert exchange.credit == 800_000  # not twice
        await until(lambda: host.kept == 0)

    hosted(host, scenario)


def test_a_body_that_is_too_long_to_be_gathered() -> None:
    host = WSGIHost(measured, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(bytes(1_000_000))
        exchange.data(bytes(200_000))
        await until(lambda: exchange.credit == 1_200_000)
        assert host.pool.alive == 1
        exchange.data(b"more")
        exchange.end()
        await until(lambda: exchange.released)
        assert exchange.body == b" 1200004"
        await until(lambda: exchange.credit == 1_200_004)

    hosted(host, scenario)


def test_what_is_gathered_has_a_limit_in_all() -> None:
    host = WSGIHost(measured, body_wait=PATIENCE)

    async def scenario() -> None:
        host.kept = 33_554_432 - 74
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        for _ in range(3):
            exchange.data(bytes(10))
            assert exchange.credit == 10
        host.kept -= 65
        exchange.data(b"1")
        assert exchange.credit == 11
        exchange.disconnect()
        assert host.kept == 33_554_432 - 74 - 65
        # what is not gathered is passed on as it comes
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(bytes(40_000))
        await until(lambda: exchange.credit == 40_000)
        exchange.end()
        await until(lambda: exchange.released)
        assert exchange.body == b" 40000"
        assert host.kept == 33_554_432 - 74 - 65

    hosted(host, scenario)


def test_a_body_in_tiny_pieces_is_not_gathered_for_long() -> None:
    host = WSGIHost(measured, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        for _ in range(20_000):
            exchange.data(b"1")
        # 1,114,112 // (1 + 64)
        assert exchange.credit == 17_140
        assert host.kept <= 1_114_112
        exchange.disconnect()
        assert host.kept == 0

    hosted(host, scenario)


@pytest.mark.parametrize("step", [lambda body: body.read(), list])
def test_what_was_read_is_not_kept_while_the_request_goes_on(step: Any) -> None:
    reader = Reader()
    host = WSGIHost(reader, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(bytes(60_000))
        exchange.data(bytes(60_000))
        exchange.end()
        await reader.read(lambda body: body.read(20_000))
        assert host.kept == 120_128
        await reader.read(step)
        await until(lambda: host.kept == 0)
        reader.step(None)
        await until(lambda: exchange.released)
        assert exchange.credit == 120_000
        assert host.kept == 0

    hosted(host, scenario)


def test_a_request_for_another_protocol_has_no_body_to_wait_for() -> None:
    host = WSGIHost(measured, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(protocol=b"websocket", http_version="1.1", complete=False)
        exchange.open(host)
        await until(lambda: exchange.status)
        assert exchange.body == b" 0"
        exchange.disconnect()

    hosted(host, scenario)


def test_those_that_wait_for_a_thread_leave_credit_to_those_that_have_one() -> None:
    begun, ready = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        begun.set()
        assert ready.wait(PATIENCE)
        return measured(environ, start_response)

    host = WSGIHost(app, threads=1, body_wait=PATIENCE)

    async def scenario() -> None:
        peer = Peer(None, None, None)
        fields = [(b"content-length", b"200000")]

        def half(peer: Peer) -> RecordingExchange:
            exchange = RecordingExchange(b"POST", b"/", fields, complete=False, peer=peer)
            exchange.open(host)
            exchange.data(bytes(100_000))
            return exchange

        exchanges = [half(peer)]
        await until(begun.is_set)
        await asyncio.sleep(0)
        exchanges += [half(peer) for _ in range(4)]
        # 262,144 octets of a connection may wait without credit, the others are kept
        assert [exchange.credit for exchange in exchanges[1:]] == [0, 0, 100_000, 100_000]
        host.kept = 67_108_864
        turned_away = half(peer)
        assert turned_away.status == 503
        assert turned_away.credit == 100_000
        of_another = half(Peer(None, None, None))
        assert of_another.status == 0
        of_another.disconnect()
        exchanges[3].data(bytes(100_000))
        assert exchanges[3].status == 503
        host.kept = 100_000
        ready.set()
        del exchanges[3]
        for exchange in exchanges:
            exchange.data(bytes(100_000))
            exchange.end()
        await until(lambda: all(exchange.released for exchange in exchanges))
        assert {exchange.body for exchange in exchanges} == {b"200000 200000"}
        await until(lambda: {exchange.credit for exchange in exchanges} == {200_000})

    hosted(host, scenario)
    assert host.pool.alive == 0


def test_a_proxy_has_one_connection_for_all_its_clients() -> None:
    begun, ready = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        begun.set()
        assert ready.wait(PATIENCE)
        return measured(environ, start_response)

    host = WSGIHost(app, threads=1, body_wait=PATIENCE)
    proxies = TrustedProxies(["10.0.0.1"])

    async def scenario() -> None:
        peer = Peer(("10.0.0.1", 1), None, None)

        def upload(client: bytes) -> RecordingExchange:
            fields = [(b"content-length", b"200000")]
            if client:
                fields.append((b"x-forwarded-for", client))
            exchange = RecordingExchange(b"POST", b"/", fields, complete=False, peer=peer)
            proxies.apply(exchange)
            assert (exchange.peer is peer) == (not client)
            exchange.open(host)
            exchange.data(bytes(200_000))
            exchange.end()
            return exchange

        exchanges = [upload(b"192.0.2.1")]
        await until(begun.is_set)
        await asyncio.sleep(0)
        exchanges += [upload(client) for client in (b"", b"192.0.2.2", b"192.0.2.3", b"")]
        # the first that waits leaves too little of 262,144 octets to any other
        assert [exchange.credit for exchange in exchanges[1:]] == [0, 200_000, 200_000, 200_000]
        ready.set()
        await until(lambda: all(exchange.released for exchange in exchanges))
        assert {exchange.body for exchange in exchanges} == {b"200000 200000"}

    hosted(host, scenario)


def test_what_is_gathered_and_not_read_gets_no_credit_twice() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        assert environ["wsgi.input"].read(5) == bytes(5)
        start_response("413 Too Long", [])
        return []

    host = WSGIHost(app, body_wait=0.0)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(bytes(50))
        assert exchange.credit == 50
        await until(lambda: exchange.status and not host.kept)
        assert exchange.credit == 50
        exchange.data(bytes(7))
        assert exchange.credit == 57
        exchange.end()

    hosted(host, scenario)


def test_a_body_that_is_read_when_the_request_is_over() -> None:
    kept: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        kept.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return []

    host = WSGIHost(app, body_wait=0.0)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        await until(lambda: exchange.status)
        with pytest.raises(ClientDisconnected, match="over"):
            await asyncio.to_thread(kept[0].read)
        exchange.end()

    hosted(host, scenario)


def test_a_client_that_goes_away_before_its_body_is_there() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise AssertionError("called for nobody")

    host = WSGIHost(app, body_wait=PATIENCE)

    async def scenario() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        exchange.open(host)
        exchange.data(b"some")
        exchange.disconnect()

    hosted(host, scenario)
    assert host.pool.alive == 0


def test_a_body_that_is_held_back_is_asked_for_when_it_is_read() -> None:
    ready = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        assert ready.wait(PATIENCE)
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [body]

    host = WSGIHost(app, body_wait=PATIENCE)

    async def scenario() -> None:
        fields = [(b"expect", b"100-Continue")]
        exchange = RecordingExchange(b"POST", b"/", fields, complete=False)
        exchange.open(host)
        await until(lambda: host.pool.alive)
        assert exchange.sent == []
        ready.set()
        await until(lambda: exchange.sent)
        assert exchange.sent == [("inform", 100, [])]
        exchange.data(b"body")
        exchange.end()
        await until(lambda: exchange.released)
        assert exchange.sent[1:] == [("respond", 200, [], b"body")]

    hosted(host, scenario)


def test_a_body_that_is_not_read_is_not_asked_for() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("403 No", [])
        return []

    host = WSGIHost(app)

    async def scenario() -> None:
        fields = [(b"expect", b"100-continue")]
        exchange = RecordingExchange(b"POST", b"/", fields, complete=False)
        exchange.open(host)
        await until(lambda: exchange.status)
        assert exchange.sent == [("respond", 403, [], b"")]
        exchange.disconnect()

    hosted(host, scenario)


# --- responses ----------------------------------------------------------------------------------


class Producer:
    """An application with an endless body, which counts its pieces."""

    def __init__(self) -> None:
        self.produced = 0
        self.closed = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        self.produced += 1
        return bytes(10_000)

    def close(self) -> None:
        assert not self.closed.is_set()
        self.closed.set()


def test_a_response_is_produced_no_faster_than_it_is_taken() -> None:
    producer = Producer()
    host = WSGIHost(producer)

    async def scenario() -> None:
        exchange = RecordingExchange(room=50_000)
        exchange.open(host)
        await until(lambda: exchange.unsent)
        # nothing is written while the exchange says no, but for what is on its way already
        most = 50_000 + 65_536 + 3 * 10_000
        for _ in range(20):
            await until(lambda: producer.produced * 10_000 > exchange.octets_out)
        assert producer.produced * 10_000 <= most
        before = exchange.octets_out
        exchange.take(100_000)
        exchange.take()
        await until(lambda: exchange.octets_out > before)
        exchange.disconnect()
        await until(producer.closed.is_set)

    hosted(host, scenario)


def test_a_client_that_goes_away_ends_the_response(caplog: Any) -> None:
    producer = Producer()
    host = WSGIHost(producer)

    async def scenario() -> None:
        exchange = RecordingExchange(room=10)
        exchange.open(host)
        await until(lambda: exchange.unsent)
        exchange.disconnect()
        await until(producer.closed.is_set)
        assert not exchange.aborted

    with caplog.at_level(logging.INFO, "plait.wsgi"):
        hosted(host, scenario)
    assert not caplog.records


def test_write_raises_when_the_client_is_gone() -> None:
    failures: list[OSError] = []

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        try:
            while True:
                write(bytes(10_000))
        except OSError as error:
            failures.append(error)
        return []

    host = WSGIHost(app)

    async def scenario() -> None:
        exchange = RecordingExchange(room=10)
        exchange.open(host)
        await until(lambda: exchange.unsent)
        exchange.disconnect()
        await until(lambda: failures)

    hosted(host, scenario)


def test_what_the_exchange_refuses_is_reported(caplog: Any) -> None:
    class Refusing(RecordingExchange):
        def start(self, status: int, headers: Any) -> None:
            raise ValueError("not like this")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"some"

    host = WSGIHost(app)

    async def scenario() -> None:
        exchange = Refusing()
        exchange.open(host)
        await until(lambda: exchange.released)
        assert exchange.status == 500

    with caplog.at_level(logging.ERROR, "plait.wsgi"):
        hosted(host, scenario)
    assert "not like this" in caplog.text


# --- files --------------------------------------------------------------------------------------


class Counting(io.BytesIO):
    """A file that counts how often it is closed."""

    closes = 0

    def close(self) -> None:
        self.closes += 1
        super().close()


def sending(make: Any, *headers: tuple[str, str], at: int = 0) -> Any:
    """An application that sends a file."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        file = make()
        file.seek(at)
        return environ["wsgi.file_wrapper"](file, 3)

    return app


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "long"
    path.write_bytes(bytes(range(256)) * 400)
    return path


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_long_file_goes_by_the_exchange(long_file: Path, buffering: int) -> None:
    content = long_file.read_bytes()
    app = sending(lambda: long_file.open("rb", buffering), at=100)
    exchange = exchanged(app, room=1 << 20)
    # its thread was not needed for that, but somebody must say that the client took it
    assert exchange.sent == [
        ("start", 200, [(b"content-length", b"%d" % (len(content) - 100))]),
        ("file", content[100:]),
        ("finish", None),
    ]


def test_a_short_file_is_one_response(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"short file")
    exchange = exchanged(sending((tmp_path / "short").open, at=0))
    assert exchange.status == 500  # it was opened as text
    exchange = exchanged(sending(lambda: (tmp_path / "short").open("rb"), at=6))
    assert exchange.sent == [("respond", 200, [], b"file")]


def test_content_length_says_how_much_of_a_file_is_sent(long_file: Path) -> None:
    app = sending(lambda: long_file.open("rb"), ("Content-Length", "70000"), at=1)
    exchange = exchanged(app, room=1 << 20)
    assert exchange.sent[0] == ("start", 200, [(b"content-length", b"70000")])
    assert exchange.body == long_file.read_bytes()[1:70_001]


def test_a_file_shorter_than_its_content_length(long_file: Path, caplog: Any) -> None:
    app = sending(lambda: long_file.open("rb"), ("Content-Length", "200000"), at=102_390)
    assert exchanged(app).aborted
    assert "Content-Length says 200000" in caplog.text


def test_files_that_are_not_of_the_system_are_read_in_the_thread(long_file: Path) -> None:
    file = Counting(b"not a file")
    exchange = exchanged(sending(lambda: file))
    assert [data for kind, *_, data in exchange.sent if kind == "write"] == [
        b"not",
        b" a ",
        b"fil",
        b"e",
    ]
    assert file.closes == 1
    # what its descriptor has is not what is read
    packed = long_file.with_suffix(".gz")
    packed.write_bytes(gzip.compress(b"unpacked"))
    assert exchanged(sending(lambda: gzip.GzipFile(packed))).body == b"unpacked"
    wrapped = sending(lambda: io.BufferedReader(io.BytesIO(b"wrapped")))
    assert exchanged(wrapped).body == b"wrapped"


def test_a_file_is_not_read_for_head(long_file: Path) -> None:
    app = sending(lambda: long_file.open("rb"), ("Content-Length", "102400"))
    exchange = exchanged(app, b"HEAD")
    assert exchange.sent == [("respond", 200, [(b"content-length", b"102400")], b"")]


def test_a_file_wrapper_is_an_iterator_with_a_position() -> None:
    file = Counting(b"0123456789")
    wrapper = FileWrapper(file, 4)
    assert wrapper.seekable()
    assert wrapper.seek(3) == wrapper.tell() == 3
    assert list(iter(wrapper)) == [b"3456", b"789"]
    wrapper.close()
    assert file.closes == 1

    class Bare:
        def read(self, size: int) -> bytes:
            return b""

    bare = FileWrapper(Bare())
    assert not bare.seekable()
    assert not hasattr(bare, "close")


def test_trailers_after_a_file(long_file: Path) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["plait.trailers"]([("X-Sum", "1")])
        start_response("200 OK", [])
        return FileWrapper(long_file.open("rb"))

    assert exchanged(app, room=1 << 20).sent[-1] == ("finish", [(b"x-sum", b"1")])


def test_a_client_that_is_gone_when_a_file_is_sent(long_file: Path) -> None:
    ready = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        assert ready.wait(PATIENCE)
        start_response("200 OK", [])
        return FileWrapper(long_file.open("rb"))

    host = WSGIHost(app)

    async def scenario() -> None:
        exchange = RecordingExchange()
        exchange.open(host)
        await until(lambda: host.pool.alive)
        exchange.disconnect()
        ready.set()

    # an open file would be warned of
    hosted(host, scenario)
