"""The exchange of HTTP/2 over real sockets: what a cycle is told, and what a client gets of it."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hpack import NeverIndexedHeaderTuple

from plait.hpack import NeverIndexedField
from plait.server import ApplicationServer, Cycle, Exchange, Peer
from tests.server.rawclient import (
    DATA,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    WINDOW_UPDATE,
    RawClient,
    client_of,
    frame,
    run,
)

Step = Callable[..., None]


class Told(Cycle):
    """Writes down what it is told, and does what the test says."""

    def __init__(self, host: Script, exchange: Exchange) -> None:
        self.host = host
        self.exchange: Any = exchange

    def tell(self, name: str, *what: object) -> None:
        self.host.told.append((name, *what))
        step = self.host.steps.get(name)
        if step is not None:
            step(self.exchange, *what)

    def begin(self) -> None:
        self.tell("begin")

    def data(self, data: bytes) -> None:
        self.tell("data", data)

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        self.tell("end", trailers)

    def writable(self) -> None:
        self.tell("writable")

    def closed(self, error_code: int) -> None:
        self.tell("closed", error_code)

    def leaving(self) -> None:
        self.tell("leaving")


class Script:
    """A host whose cycles do what the test says."""

    def __init__(self, **steps: Step) -> None:
        self.steps = steps
        self.told: list[tuple[Any, ...]] = []
        self.exchanges: list[Any] = []

    def open(self, exchange: Exchange) -> Cycle:
        self.exchanges.append(exchange)
        return Told(self, exchange)

    async def startup(self) -> None:
        self.told.append(("startup",))

    async def shutdown(self) -> None:
        self.told.append(("shutdown",))

    @property
    def names(self) -> list[str]:
        return [each[0] for each in self.told]


def served(
    host: Script,
    talk: Callable[[RawClient], Any],
    values: dict[int, int] | None = None,
    **options: Any,
) -> Any:
    """What `talk` returns of a client of a server with this host."""

    async def main() -> Any:
        async with (
            ApplicationServer(("127.0.0.1", 0), host, http1=False, **options) as server,
            client_of(server, values) as client,
        ):
            answer = await talk(client)
            await client.settled()
            return answer

    return run(main())


def get(path: str = "/", *extra: tuple[str, str], method: str = "GET") -> Any:
    async def talk(client: RawClient) -> Any:
        client.send(client.request(1, path, *extra, method=method))
        return await client.response(1)

    return talk


def test_what_a_request_is() -> None:
    host = Script(begin=lambda exchange: exchange.respond(200, [(b"x-a", b"1")], b"hello"))
    fields, body = served(host, get("/a?b", ("cookie", "a=1"), ("x-y", "z"), ("cookie", "b=2")))
    assert (body, fields[:2]) == (b"hello", [(":status", "200"), ("x-a", "1")])
    assert [name for name, _ in fields].count("date") == 1
    (exchange,) = host.exchanges
    assert (exchange.http_version, exchange.method, exchange.scheme) == ("2", b"GET", b"http")
    assert (exchange.path, exchange.host, exchange.protocol) == (b"/a?b", b"example.com", None)
    assert exchange.headers == [
        (b"host", b"example.com"),
        (b"x-y", b"z"),
        (b"cookie", b"a=1; b=2"),
    ]
    assert exchange.complete
    assert exchange.closed
    assert exchange.peer.client[0] == exchange.peer.server[0] == "127.0.0.1"
    assert exchange.peer.tls is None
    assert host.told == [("startup",), ("begin",), ("closed", 0), ("shutdown",)]


def test_fields_that_are_never_indexed_come_and_go_as_any_other() -> None:
    secret = NeverIndexedField(b"x-token", b"abc")
    host = Script(begin=lambda exchange: exchange.respond(200, [secret, (b"x", b"y")], b"good"))
    request = get("/", NeverIndexedHeaderTuple("authorization", "Basic x"), ("x", "y"))
    fields, body = served(host, request)
    assert (body, fields[:3]) == (b"good", [(":status", "200"), ("x-token", "abc"), ("x", "y")])
    authorization = host.exchanges[0].headers[1]
    assert authorization == (b"authorization", b"Basic x")
    assert isinstance(authorization, NeverIndexedField)


def test_an_authority_stands_in_place_of_host() -> None:
    host = Script(begin=lambda exchange: exchange.respond(204, [], b""))
    served(host, get("/", ("host", "example.com")))
    assert host.exchanges[0].headers == [(b"host", b"example.com")]


def test_fields_of_http1_are_left_out_and_an_own_date_stays() -> None:
    fields = [(b"Connection", b"close"), (b"date", b"today"), (b"x", b"y")]
    host = Script(begin=lambda exchange: exchange.respond(200, fields, b""))
    got, _ = served(host, get())
    assert got == [(":status", "200"), ("date", "today"), ("x", "y")]


def test_space_around_a_value_is_no_part_of_it() -> None:
    fields = [(b"date", b"today"), (b"x", b" default-src 'self';\t")]
    host = Script(begin=lambda exchange: exchange.respond(200, iter(fields), b""))
    got, _ = served(host, get())
    assert got == [(":status", "200"), ("date", "today"), ("x", "default-src 'self';")]


def test_a_field_that_may_not_be_sent_is_an_error_and_nothing_was_sent() -> None:
    def begin(exchange: Any) -> None:
        with pytest.raises(ValueError, match="x y"):
            exchange.respond(200, [(b"x y", b"")], b"")
        exchange.respond(200, [], b"good")

    assert served(Script(begin=begin), get())[1] == b"good"


class Slow(Script):
    """Sends 400,000 octets, 50,000 at a time, as it may."""

    def __init__(self) -> None:
        super().__init__(begin=self.begin, writable=self.go_on)
        self.left = 8
        self.pauses = 0

    def begin(self, exchange: Any) -> None:
        exchange.start(200, [])
        self.go_on(exchange)

    def go_on(self, exchange: Any) -> None:
        while self.left:
            self.left -= 1
            if not exchange.write(b"x" * 50_000):
                self.pauses += 1
                return
        exchange.finish()


def test_an_application_is_told_to_pause_and_to_go_on() -> None:
    host = Slow()

    async def talk(client: RawClient) -> int:
        client.send(client.request(1))
        await client.until(HEADERS, 1)
        await client.settled()
        assert (host.left, host.pauses) == (5, 1)  # the client has given no credit
        client.send(frame(WINDOW_UPDATE, 0, 0, (1 << 20).to_bytes(4, "big")))
        client.send(frame(WINDOW_UPDATE, 0, 1, (1 << 20).to_bytes(4, "big")))
        octets = 0
        while True:
            got = await client.until(DATA, 1)
            octets += len(got.payload)
            if got.ends:
                return octets

    # `settled` reads DATA over: what a window of 65,535 lets pass
    assert served(host, talk) + 65_535 == 400_000
    assert host.told[-2] == ("closed", 0)


def test_a_body_can_end_without_the_trailers_that_may_not_be_sent() -> None:
    def begin(exchange: Any) -> None:
        exchange.start(200, [])
        exchange.write(b"hello")
        with pytest.raises(ValueError, match="bad name"):
            exchange.finish([(b"bad name", b"1")])
        exchange.finish()

    fields, body = served(Script(begin=begin), get())
    assert (fields[0], body) == ((":status", "200"), b"hello")


def test_trailers_and_the_end_of_a_request() -> None:
    def end(exchange: Any, trailers: Any) -> None:
        assert trailers == [(b"x-sum", b"7")]
        exchange.start(200, [])
        exchange.write(b"body")
        exchange.finish([(b"x-end", b"1")])

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1, method="POST", end=False), client.data(1, b"abc"))
        client.send(client.headers(1, [("x-sum", "7")]))
        return await client.stream(1)

    host = Script(end=end, data=lambda exchange, data: exchange.consumed(len(data)))
    frames = served(host, talk)
    assert [each.brief[0] for each in frames] == ["HEADERS", "DATA", "HEADERS"]
    assert frames[2].fields == [("x-end", "1")]
    assert host.names[1:-1] == ["begin", "data", "end", "closed"]


def test_an_end_without_octets_comes_with_the_body() -> None:
    def begin(exchange: Any) -> None:
        exchange.start(200, [])
        exchange.write(b"all of it")
        exchange.finish()

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1))
        return await client.stream(1)

    frames = served(Script(begin=begin), talk)
    assert [(each.type, each.ends) for each in frames] == [(HEADERS, False), (DATA, True)]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_a_response_that_has_no_body(method: str, status: int) -> None:
    def begin(exchange: Any) -> None:
        exchange.start(status, [(b"x", b"y")])
        assert exchange.write(b"not sent")
        exchange.write_file(io.BytesIO(b"nor this"))

    host = Script(begin=begin, writable=lambda exchange: exchange.finish())
    _, body = served(host, get(method=method))
    assert body == b""
    assert host.told[-2] == ("closed", 0)


@pytest.mark.parametrize("status", [204, 205])
@pytest.mark.parametrize("whole", [True, False])
def test_what_has_no_content_has_no_length(status: int, whole: bool) -> None:
    def begin(exchange: Any) -> None:
        fields = [(b"Content-Length", b"5"), (b"date", b"today")]
        if whole:
            exchange.respond(status, fields, b"12345")
        else:
            exchange.start(status, fields)
            exchange.finish()

    got, body = served(Script(begin=begin), get())
    assert got == [(":status", str(status)), ("date", "today")]
    assert body == b""


def test_files() -> None:
    content = bytes(range(256)) * 2000
    file = io.BytesIO(content)

    def begin(exchange: Any) -> None:
        exchange.start(200, [])
        exchange.write(b"before:")
        file.seek(100)
        exchange.write_file(file, 300_000)

    host = Script(begin=begin, writable=lambda exchange: exchange.finish())
    values = {INITIAL_WINDOW_SIZE: 1 << 20}

    async def talk(client: RawClient) -> Any:
        client.send(frame(WINDOW_UPDATE, 0, 0, (1 << 20).to_bytes(4, "big")))
        return await get()(client)

    _, body = served(host, talk, values)
    assert body == b"before:" + content[100:300_100]
    assert file.closed


def test_a_file_that_is_too_short_resets_the_stream() -> None:
    def begin(exchange: Any) -> None:
        exchange.start(200, [])
        exchange.write_file(io.BytesIO(b"abc"), 4)

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1))
        return (await client.stream(1))[-1]

    last = served(Script(begin=begin), talk)
    assert (last.type, last.code) == (RST_STREAM, 2)


def test_credit_comes_back_when_the_application_has_taken_the_body() -> None:
    host = Script()

    async def talk(client: RawClient) -> Any:
        octets = 600_000
        client.send(client.request(1, method="POST", end=False))
        for _ in range(octets // 10_000):
            client.send(client.data(1, b"x" * 10_000))
        await client.settled()
        assert not [each for each in client.seen if each.brief == ("WINDOW_UPDATE", 1)]
        host.exchanges[0].consumed(octets)
        got = await client.until(WINDOW_UPDATE, 1)
        host.exchanges[0].abort()
        return int.from_bytes(got.payload, "big")

    assert served(host, talk) == 600_000


def test_the_client_goes_away() -> None:
    host = Script()

    async def talk(client: RawClient) -> None:
        client.send(client.request(1))
        await client.settled()
        client.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
        await client.settled()
        exchange = host.exchanges[0]
        exchange.respond(200, [], b"too late")
        exchange.start(200, [])
        assert exchange.write(b"x")
        exchange.finish()
        exchange.abort()

    served(host, talk)
    assert host.told[-2] == ("closed", 8)


@pytest.mark.parametrize("where", ["begin", "data", "end"])
def test_a_host_that_raises_answers_with_500(where: str, caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the host is broken")

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1, method="POST", end=False), client.data(1, b"x", end=True))
        client.send(client.request(3))
        return await client.stream(1), client

    host = Script(**{where: fails})
    frames, _ = served(host, talk)
    assert frames[0].fields[0] == (":status", "500")
    assert "the host is broken" in caplog.text


def test_a_host_that_raises_in_the_middle_resets_its_stream_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def begin(exchange: Any) -> None:
        if exchange.path == b"/good":
            exchange.respond(200, [], b"good")
            return
        exchange.start(200, [])
        raise RuntimeError("broken")

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1), client.request(3, "/good"))
        return await client.stream(1, 3)

    with caplog.at_level(logging.ERROR):
        frames = served(Script(begin=begin), talk)
    assert [each.code for each in frames if each.type == RST_STREAM] == [2]
    assert b"good" in [each.payload for each in frames if each.stream_id == 3]


def test_promises_are_answered_by_the_host() -> None:
    def begin(exchange: Any) -> None:
        if exchange.path == b"/":
            assert exchange.can_push
            exchange.promise(b"/style", [(b"accept", b"text/css")])
        exchange.respond(200, [], exchange.path)

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1))
        return await client.stream(1, 2)

    host = Script(begin=begin)
    frames = served(host, talk)
    assert frames[0].brief == ("PUSH_PROMISE", 2)
    bodies = {each.stream_id: each.payload for each in frames if each.type == DATA}
    assert bodies == {1: b"/", 2: b"/style"}
    pushed = host.exchanges[1]
    assert (pushed.method, pushed.complete) == (b"GET", True)
    assert pushed.headers == [(b"host", b"example.com"), (b"accept", b"text/css")]


def test_nothing_but_websockets_is_tunnelled() -> None:
    async def talk(client: RawClient) -> Any:
        client.send(client.headers(1, [(":method", "CONNECT"), (":authority", "a:1")], end=False))
        other = [(":method", "CONNECT"), (":protocol", "other"), (":scheme", "http")]
        other += [(":authority", "a"), (":path", "/")]
        client.send(client.headers(3, other, end=False))
        return await client.stream(1, 3)

    host = Script()
    frames = served(host, talk)
    statuses = [each.fields[0][1] for each in frames if each.type == HEADERS]
    assert statuses == ["501", "501"]
    assert host.exchanges == []


def test_a_tunnel() -> None:
    def data(exchange: Any, octets: bytes) -> None:
        exchange.consumed(len(octets))
        exchange.write(octets.upper())

    async def talk(client: RawClient) -> Any:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http")]
        fields += [(":authority", "a"), (":path", "/ws")]
        client.send(client.headers(1, fields, end=False), client.data(1, b"hello"))
        await client.until(HEADERS, 1)
        got = await client.until(DATA, 1)
        client.send(client.data(1, b"", end=True))
        last = await client.until(DATA, 1)
        return got.payload, last.ends

    host = Script(
        begin=lambda exchange: exchange.start(200, []),
        data=data,
        end=lambda exchange, _: exchange.finish(),
    )
    assert served(host, talk) == (b"HELLO", True)
    assert host.exchanges[0].protocol == b"websocket"


def test_interim_responses() -> None:
    def begin(exchange: Any) -> None:
        exchange.inform(103, [(b"link", b"</a>; rel=preload")])
        exchange.respond(200, [], b"")

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1))
        return await client.stream(1)

    frames = served(Script(begin=begin), talk)
    assert [each.fields[0][1] for each in frames if each.fields] == ["103", "200"]


def test_responses_given_later_leave_together() -> None:
    host = Script()

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1), client.request(3))
        await client.settled()
        first, second = host.exchanges
        link = first.http2
        before = link.octets_out
        first.respond(200, [], b"1")
        second.respond(200, [], b"2")
        assert link.octets_out == before  # not yet
        return await client.stream(1, 3)

    assert len(served(host, talk)) == 4


class Watching:
    """Observes exchanges, and stands for a proxy."""

    def __init__(self) -> None:
        self.ends: list[tuple[Any, ...]] = []

    def apply(self, exchange: Any) -> None:
        exchange.peer = Peer(("192.0.2.1", 7), None, None)
        exchange.scheme = b"https"

    def ended(self, exchange: Any, error_code: int) -> None:
        self.ends.append((exchange.status, exchange.octets_out, exchange.began > 0, error_code))


def test_proxies_and_observers_are_asked() -> None:
    watching = Watching()
    host = Script(begin=lambda exchange: exchange.respond(404, [], b"nothing"))
    served(host, get(), proxies=watching, observer=watching)
    assert watching.ends == [(404, 7, True, 0)]
    assert host.exchanges[0].peer.client == ("192.0.2.1", 7)
    assert host.exchanges[0].scheme == b"https"


def test_cycles_are_told_that_the_server_ends() -> None:
    def leaving(exchange: Any) -> None:
        exchange.respond(200, [], b"that was all")

    host = Script(leaving=leaving)

    async def main() -> Any:
        server = ApplicationServer(("127.0.0.1", 0), host, http1=False)
        async with server, client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            closing = asyncio.create_task(server.close())
            answer = await client.response(1)
            await client.rest()
            await closing
            return answer

    assert run(main())[1] == b"that was all"
    assert host.names == ["startup", "begin", "leaving", "closed", "shutdown"]
