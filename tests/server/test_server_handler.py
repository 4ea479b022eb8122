"""`BaseRequestHandler`: its attributes, the order of its callbacks, and what goes wrong in them."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import pytest

from plait.http2 import Config
from plait.server import BaseRequestHandler, HTTP2Server
from tests.server.rawclient import (
    DATA,
    HEADERS,
    RST_STREAM,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
)


def serve(handler: Any, **options: Any) -> HTTP2Server:
    return HTTP2Server(("127.0.0.1", 0), handler, **options)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_callbacks_of_a_request_come_in_order(loop: str) -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, method="POST", end=False), client.data(1, b"abc"))
            await client.settled()
            client.send(client.data(1, b"def", end=True))
            fields, body = await client.response(1)
            assert fields == [(":status", "200"), ("content-type", "text/plain")]
            assert body == b"hello"
            await client.settled()

    run(main(), loop)
    assert kind.calls == [
        (1, "init"),
        (1, "headers"),
        (1, "data", b"abc"),
        (1, "data", b"def"),
        (1, "done"),
        (1, "close", 0),
    ]


def test_an_empty_last_frame_is_no_data() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, method="POST", end=False), client.data(1, b"", end=True))
            await client.response(1)

    run(main())
    assert [call[1] for call in kind.calls] == ["init", "headers", "done", "close"]


def test_attributes_of_a_request() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, "/a?b=c%20d", ("x-a", "1")))
            await client.response(1)
            (handler,) = kind.handlers
            assert handler.client_address == client.writer.get_extra_info("sockname")
            assert handler.client_address is handler.remote_address
            assert handler.client_certificate is None

    run(main())
    (handler,) = kind.handlers
    assert handler.method == b"GET"
    assert handler.scheme == b"http"
    assert handler.host == b"example.com"
    assert handler.path == b"/a?b=c%20d"
    assert handler.headers == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"example.com"),
        (b":path", b"/a?b=c%20d"),
        (b"x-a", b"1"),
    ]
    assert handler.stream_id == 1
    assert handler.cookies == []
    assert handler.pushed is False
    assert handler.status == 200
    assert handler.response_headers == [(b":status", b"200"), (b"content-type", b"text/plain")]
    assert handler.response_body is not None
    assert handler.response_body(3) == (b"hel", 0)


def test_cookie_crumbs_are_joined_and_stand_last() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            crumbs = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3; d=4")]
            client.send(client.request(1, "/", *crumbs))
            await client.response(1)

    run(main())
    (handler,) = kind.handlers
    assert handler.cookies is None
    assert handler.headers[4:] == [(b"x-a", b"1"), (b"cookie", b"a=1; b=2; c=3; d=4")]


def test_host_after_authority_wins_where_it_may_differ() -> None:
    kind = recorder()

    async def main() -> None:
        config = Config(host_may_differ=True)
        async with serve(kind, config=config) as server, client_of(server) as client:
            client.send(client.request(1, "/", ("host", "other.com")))
            await client.response(1)
            client.send(
                client.headers(
                    3,
                    [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "h.com")],
                )
            )
            await client.response(3)

    run(main())
    assert [handler.host for handler in kind.handlers] == [b"other.com", b"h.com"]


def test_a_differing_host_is_refused_otherwise() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, "/", ("host", "other.com")))
            assert (await client.until(RST_STREAM)).code == 1
            await client.settled()
            assert server.stats().refusals == {"field.host_differs": 1}

    run(main())
    assert kind.calls == []


def test_connect_has_neither_path_nor_scheme() -> None:
    kind = recorder(on_headers=lambda self: self.send_response(200, body=b"x"))

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            fields = [(":method", "CONNECT"), (":authority", "example.com:443")]
            client.send(client.headers(1, fields, end=False))
            await client.until(DATA, 1)

    run(main())
    (handler,) = kind.handlers
    assert (handler.method, handler.host) == (b"CONNECT", b"example.com:443")
    assert handler.path is None
    assert handler.scheme is None


def test_trailers_stand_apart_and_finish_the_request() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(
                client.request(1, method="POST", end=False),
                client.data(1, b"abc"),
                client.headers(1, [("x-sum", "7")]),
            )
            await client.response(1)

    run(main())
    assert [call[1] for call in kind.calls] == ["init", "headers", "data", "done", "close"]
    handler = kind.handlers[0]
    assert handler.trailers == [(b"x-sum", b"7")]
    assert b"x-sum" not in dict(handler.headers)
    handler.trailers = "the name is free"
    assert handler.trailers == "the name is free"


def test_without_trailers_there_are_none() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.response(1)

    run(main())
    assert kind.handlers[0].trailers == []


def test_a_malformed_request_makes_no_handler() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, "/", ("connection", "close")))
            assert (await client.until(RST_STREAM)).code == 1
            client.send(client.request(3))
            await client.response(3)

    run(main())
    assert {call[0] for call in kind.calls} == {3}


def test_body_that_belies_its_content_length() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(
                client.request(1, "/", ("content-length", "5"), method="POST", end=False),
                client.data(1, b"abc"),
            )
            await client.settled()
            client.send(client.data(1, b"", end=True))
            assert (await client.until(RST_STREAM)).code == 1

    run(main())
    assert [call[1:] for call in kind.calls] == [
        ("init",),
        ("headers",),
        ("data", b"abc"),
        ("close", 1),
    ]


def test_refused_streams_make_no_handler() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        config = Config(max_concurrent_streams=1)
        server = serve(kind, config=config, close_timeout=0.1)
        async with server, client_of(server) as client:
            client.send(client.request(1), client.request(3))
            assert (await client.until(RST_STREAM, 3)).code == 7

    run(main())
    assert {call[0] for call in kind.calls} == {1}


def test_peer_reset_gives_its_code() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            client.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
            await client.settled()
            assert server.stats().refusals == {}, "it is the client that resets"

    run(main())
    assert kind.calls == [(1, "init"), (1, "headers"), (1, "close", 8)]


def test_a_request_that_is_withdrawn_in_the_same_read_reaches_no_handler() -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(
                client.request(1),
                frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")),
                client.request(3, "/", ("content-length", "5"), method="POST", end=False),
                client.data(3, b"much too much"),
                client.request(5),
            )
            assert (await client.response(5))[1] == b"hello"
            assert server.stats().refusals == {"content_length.exceeded": 1}

    run(main())
    assert {call[0] for call in kind.calls} == {5}


def test_lost_connection_closes_every_handler_whatever_they_raise(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def on_close(self: Recorder, code: int) -> None:
        self.calls.append((self.stream_id, "close", code))
        raise RuntimeError(f"from {self.stream_id}")

    kind = recorder(on_request_done=lambda self: None, on_close=on_close)

    async def main() -> None:
        async with serve(kind) as server:
            async with client_of(server) as client:
                client.send(client.request(1), client.request(3), client.request(5))
                await client.settled()
            await eventually(lambda: server.connection_count == 0)

    run(main())
    assert kind.calls[-3:] == [(1, "close", 2), (3, "close", 2), (5, "close", 2)]
    errors = capfd.readouterr().err
    assert [f"from {n}" in errors for n in (1, 3, 5)] == [True] * 3


@pytest.mark.parametrize("name", ["on_headers", "on_data", "on_request_done"])
def test_an_exception_resets_only_its_stream(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(self: Recorder, *args: object) -> None:
        self.calls.append((self.stream_id, name))
        if self.path == b"/bad":
            self.send_response(200, body=b"never seen")
            raise RuntimeError("on purpose")
        if name != "on_data":
            self.answer()

    methods = {"on_request_done": Recorder.on_request_done, name: fail}
    if name == "on_headers":
        methods["on_request_done"] = lambda self: None
    kind = recorder(**methods)

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            for stream_id, path in ((1, "/bad"), (3, "/good")):
                client.send(
                    client.request(stream_id, path, method="POST", end=False),
                    client.data(stream_id, b"abc", end=True),
                )
            frames = await client.stream(1, 3)
            first = [each for each in frames if each.stream_id == 1]
            assert first[-1].code == 2
            assert b"never seen" not in b"".join(each.payload for each in first)
            assert any(each.type == HEADERS and each.stream_id == 3 for each in frames)

    run(main())
    ours = [call for call in kind.calls if call[0] == 1]
    assert ours[-1] == (1, "close", 2)
    assert ours[-2] == (1, name), "nothing but on_close comes after the failure"
    assert "RuntimeError: on purpose" in capfd.readouterr().err


def test_a_handler_that_cannot_be_made_resets_its_stream(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def factory(http2: Any, stream_id: int) -> BaseRequestHandler:
        if stream_id == 1:
            raise RuntimeError("no handler today")
        if stream_id == 3:
            return object()  # type: ignore[return-value]
        return good(http2, stream_id)

    good = recorder()

    async def main() -> None:
        async with serve(factory) as server, client_of(server) as client:
            client.send(client.request(1), client.request(3), client.request(5))
            frames = await client.stream(1, 3, 5)
            assert [each.code for each in frames if each.type == RST_STREAM] == [2, 2]

    run(main())
    assert [call[0] for call in good.calls] == [5, 5, 5, 5]
    assert "no handler today" in capfd.readouterr().err


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_exit_passes_through(loop: str) -> None:
    class Leave(BaseRequestHandler):
        def on_headers(self) -> None:
            raise SystemExit(7)

    async def main() -> None:
        async with serve(Leave, close_timeout=0.1) as server, client_of(server) as client:
            client.send(client.request(1))
            await asyncio.sleep(10)

    with pytest.raises(SystemExit, match="7"):
        run(main(), loop)


# --- send_response ------------------------------------------------------------------------------


def answered(check: Any, *, method: str = "GET") -> list[Any]:
    """Run `check(handler)` in `on_headers`; return the fields and the body of the response."""
    kind = recorder(on_headers=check, on_request_done=lambda self: None)
    got: list[Any] = []

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, method=method))
            frames = await client.stream(1)
            got.extend(frames)

    run(main())
    assert kind.calls[-1] == (1, "close", 0)
    return got


def test_only_one_response() -> None:
    def check(self: Recorder) -> None:
        self.send_response(200)
        with pytest.raises(Exception, match=r"^response has already been sent$"):
            self.send_response(0)

    (head,) = answered(check)
    assert head.fields == [(":status", "200")]
    assert head.ends


@pytest.mark.parametrize("status", [0, None, ""])
def test_status_must_not_be_empty(status: Any) -> None:
    def check(self: Recorder) -> None:
        with pytest.raises(Exception, match=r"^status must not be empty$"):
            self.send_response(status)
        assert self.status is None
        self.send_response(204)

    answered(check)


@pytest.mark.parametrize("status", ["abc", 99, 1000, -200, "20", "2000", 2.5, b"2x0", 101, "²00"])
def test_status_must_have_three_digits(status: Any) -> None:
    def check(self: Recorder) -> None:
        with pytest.raises(ValueError, match="three digits"):
            self.send_response(status)
        assert self.status is None
        self.send_response(200)

    answered(check)


@pytest.mark.parametrize("status", [404, "404", HTTPStatus.NOT_FOUND, b"404"])
def test_status_in_every_form(status: Any) -> None:
    def check(self: Recorder) -> None:
        self.send_response(status)
        assert self.status == status

    assert answered(check)[0].fields == [(":status", "404")]


def test_fields_are_sent_as_given_but_for_the_case_of_names() -> None:
    def check(self: Recorder) -> None:
        headers = (pair for pair in [("X-One", "ä"), (b"x-two", b"\xff"), ("x-one", "again")])
        self.send_response("200", headers, "ü")

    head, body = answered(check)
    assert [tuple(f) for f in head.fields][1][0] == "x-one"
    assert [name for name, _ in head.fields] == [":status", "x-one", "x-two", "x-one"]
    assert body.payload == "ü".encode()


@pytest.mark.parametrize(
    "field",
    [("connection", "close"), ("a", "b\0c"), ("a b", "c"), (":path", "/"), ("a", " b"), ("", "x")],
)
def test_forbidden_fields_are_refused_and_another_response_can_follow(field: Any) -> None:
    def check(self: Recorder) -> None:
        with pytest.raises(ValueError):
            self.send_response(200, [field])
        assert self.status is None
        assert self.response_headers is None
        self.send_response(500, body="instead")

    assert answered(check)[0].fields == [(":status", "500")]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_that_have_no_body(method: str, status: int) -> None:
    def check(self: Recorder) -> None:
        self.send_response(status, [("x", "y")], b"body", trailers=[("t", "1")])

    (head,) = answered(check, method=method)
    assert head.ends


def test_interim_responses_come_before_the_final_one() -> None:
    def check(self: Recorder) -> None:
        self.send_response(102)
        self.send_informational(199, [("x", "y")])
        self.send_early_hints(["/style.css", "</a.woff2>; rel=preload; as=font"])
        with pytest.raises(ValueError, match="no body"):
            self.send_response(103, body=b"")
        with pytest.raises(ValueError, match="interim"):
            self.send_informational(200)
        assert self.status is None
        self.send_response(200, body=b"done")

    frames = answered(check)
    assert [each.fields[0][1] for each in frames[:4]] == ["102", "199", "103", "200"]
    assert [value for name, value in frames[2].fields if name == "link"] == [
        "</style.css>; rel=preload; as=style",
        "</a.woff2>; rel=preload; as=font",
    ]
    assert not any(each.ends for each in frames[:4])


def test_early_response_stops_the_request() -> None:
    kind = recorder(on_headers=lambda self: self.send_response(413))

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, method="POST", end=False))
            frames = [await client.until(HEADERS), await client.until(RST_STREAM)]
            assert frames[0].ends
            assert frames[1].code == 0
            client.send(client.data(1, b"late", end=True))
            await client.settled()

    run(main())
    assert kind.calls == [(1, "init"), (1, "close", 0)]


def test_after_the_end_nothing_can_be_sent_and_nothing_fails() -> None:
    def on_close(self: Recorder, code: int) -> None:
        self.send_response(200)
        self.send_informational(102)
        self.resume()
        assert self.status is None
        assert not self.push_enabled
        with pytest.raises(Exception, match="ended"):
            self.push("/x")
        self.calls.append(("checked", code))

    kind = recorder(on_request_done=lambda self: None, on_close=on_close)

    async def main() -> None:
        async with serve(kind) as server:
            async with client_of(server) as client:
                reset = frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big"))
                client.send(client.request(1))
                await client.settled()
                client.send(reset, client.request(3))
                await client.settled()
            await eventually(lambda: server.connection_count == 0)
        for handler in kind.handlers:
            handler.send_response(200)
            handler.resume()
            assert handler.client_certificate is None

    run(main())
    assert [call for call in kind.calls if call[0] == "checked"] == [("checked", 8), ("checked", 2)]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_response_from_a_timer_is_written_at_once(loop: str) -> None:
    def later(self: Recorder) -> None:
        asyncio.get_running_loop().call_later(0.01, self.answer)

    kind = recorder(on_request_done=later)

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"

    run(main(), loop)
    assert kind.calls[-1] == (1, "close", 0)


def test_access_log(caplog: pytest.LogCaptureFixture) -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1, "/page?x=1"))
            await client.response(1)
            await client.settled()

    with caplog.at_level(logging.DEBUG, "plait.server"):
        run(main())
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("listen, address:127.0.0.1, port:")
    assert lines[1].startswith("connection_made, address:127.0.0.1, port:")
    assert lines[2].startswith("127.0.0.1 - - [")
    assert lines[2].endswith(' GMT] "GET /page?x=1 HTTP/2" 200 - -')
    assert lines[-1] == "connection_lost"
    # connections are of interest to who looks for something
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.INFO, logging.DEBUG, logging.INFO, logging.DEBUG]


def test_no_access_log_below_its_level(caplog: pytest.LogCaptureFixture) -> None:
    kind = recorder()

    async def main() -> None:
        async with serve(kind) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.response(1)

    with caplog.at_level(logging.WARNING, "plait.server"):
        run(main())
    assert caplog.records == []
