"""Server push: the order on the wire, refusals, and hints in its place."""

from __future__ import annotations

from typing import Any

import pytest

from plait.http2 import UsageError
from plait.server import BaseRequestHandler, HTTP2Server
from tests.server.rawclient import (
    ENABLE_PUSH,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    PUSH_PROMISE,
    RST_STREAM,
    Frame,
    Recorder,
    client_of,
    frame,
    recorder,
    run,
)


def exchange(
    on_headers: Any,
    values: dict[int, int] | None = None,
    streams: tuple[int, ...] = (1,),
    calls: list[Any] | None = None,
) -> list[Frame]:
    """The frames of one request whose handler does `on_headers`."""
    kind = recorder(on_headers=on_headers, on_request_done=lambda self: None)

    async def main() -> list[Frame]:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, values) as client,
        ):
            client.send(client.request(1))
            frames = await client.stream(*streams)
            await client.settled()
            return frames

    frames = run(main())
    if calls is not None:
        calls.extend(kind.calls)
    return frames


def two_pushes(self: Recorder) -> None:
    self.push("/style.css", body=b"s" * 20_000)
    self.push("/script.js", body=b"j" * 20_000)
    self.send_response(200, body=b"m" * 20_000)


def test_golden_order_on_the_wire() -> None:
    frames = exchange(two_pushes, {INITIAL_WINDOW_SIZE: 100_000}, (1, 2, 4))
    assert [each.brief for each in frames[:5]] == [
        ("PUSH_PROMISE", 2),
        ("PUSH_PROMISE", 4),
        ("HEADERS", 1),
        ("HEADERS", 2),
        ("HEADERS", 4),
    ]
    data = [each.stream_id for each in frames[5:]]
    assert data == sorted(data, key=lambda number: number != 1), "the main response comes first"
    assert set(data) == {1, 2, 4}


def test_promised_request_and_handler() -> None:
    made: list[BaseRequestHandler] = []

    def on_headers(self: Recorder) -> None:
        assert self.push_enabled
        pushed = self.push(
            path="/x?y",
            request_headers=[("Accept", "text/css"), (b"x-b", b"1")],
            status="203",
            headers=[("Content-Type", "text/css")],
            body="body{}",
        )
        made.append(pushed)
        assert not pushed.push_enabled
        with pytest.raises(Exception, match="already been sent"):
            pushed.send_response(200)
        with pytest.raises(Exception, match="cannot push"):
            pushed.push("/nested")
        self.send_response(200, body=b"main")

    calls: list[Any] = []
    frames = exchange(on_headers, None, (1, 2), calls)
    assert frames[0].type == PUSH_PROMISE
    assert frames[0].fields == [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "example.com"),
        (":path", "/x?y"),
        ("accept", "text/css"),
        ("x-b", "1"),
    ]
    (head,) = [each for each in frames if each.type == HEADERS and each.stream_id == 2]
    assert head.fields == [(":status", "203"), ("content-type", "text/css")]
    (pushed,) = made
    assert type(pushed).__mro__[1] is Recorder
    assert (pushed.stream_id, pushed.pushed, pushed.status) == (2, True, "203")
    assert (pushed.method, pushed.scheme) == (b"GET", b"http")
    assert (pushed.host, pushed.path) == (b"example.com", b"/x?y")
    assert pushed.headers[-1] == (b"x-b", b"1")
    assert pushed.response_headers == [(b":status", b"203"), (b"content-type", b"text/css")]
    assert pushed.response_body is not None
    ours = [call for call in calls if call[0] in (-1, 2)]
    assert ours == [(-1, "init"), (2, "close", 0)], "of its callbacks only on_close"


def test_octets_for_path_and_method() -> None:
    def on_headers(self: Recorder) -> None:
        self.push(b"/b", b"HEAD", body=b"none")
        self.send_response(204)

    frames = exchange(on_headers, None, (1, 2))
    assert frames[0].fields[0] == (":method", "HEAD")
    (head,) = [each for each in frames if each.type == HEADERS and each.stream_id == 2]
    assert head.ends


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "", "method": "", "status": 0}, "status must not be empty"),
        ({"path": "", "method": ""}, "method must not be empty"),
        ({"path": ""}, "path must not be empty"),
    ],
)
def test_what_must_not_be_empty(arguments: dict[str, Any], message: str) -> None:
    def on_headers(self: Recorder) -> None:
        with pytest.raises(Exception, match=f"^{message}$"):
            self.push(**arguments)
        self.send_response(204)

    assert [each.brief for each in exchange(on_headers)] == [("HEADERS", 1)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"status": 103},
        {"headers": [("connection", "close")]},
        {"request_headers": [("a b", "c")]},
        {"path": "no slash"},
        {"method": "POST", "request_headers": [("content-length", "x")]},
    ],
)
def test_a_push_that_fails_leaves_nothing_behind(arguments: dict[str, Any]) -> None:
    def on_headers(self: Recorder) -> None:
        with pytest.raises((ValueError, UsageError)):
            self.push(**{"path": "/x", **arguments})
        self.send_response(204)

    calls: list[Any] = []
    assert [each.brief for each in exchange(on_headers, calls=calls)] == [("HEADERS", 1)]
    assert not [call for call in calls if call[1] == "close" and call[0] != 1]


def test_where_push_is_off_the_handler_learns_it() -> None:
    made: list[BaseRequestHandler] = []

    def on_headers(self: Recorder) -> None:
        assert not self.push_enabled
        made.append(self.push("/one", body=b"x"))
        made.append(self.push("/two", body=b"x"))
        assert [call[:2] for call in self.calls] == [(1, "init"), (-1, "init"), (-1, "init")]
        self.send_response(200, body=b"main")

    calls: list[Any] = []
    frames = exchange(on_headers, {ENABLE_PUSH: 0}, (1,), calls)
    assert [each.brief for each in frames] == [("HEADERS", 1), ("DATA", 1)]
    assert [each.stream_id for each in made] == [2, 4], "the numbers are used up"
    assert [call for call in calls if call[0] in (2, 4)] == [(2, "close", 2), (4, "close", 2)]


def test_refused_push_from_a_timer_is_told_too() -> None:
    def on_headers(self: Recorder) -> None:
        def later() -> None:
            self.push("/one")
            self.send_response(204)

        self.http2.loop.call_later(0.01, later)

    calls: list[Any] = []
    exchange(on_headers, {ENABLE_PUSH: 0}, (1,), calls)
    assert (2, "close", 2) in calls


@pytest.mark.parametrize(
    ("path", "hint", "link"),
    [
        ("/a.css?v=1", True, "</a.css?v=1>; rel=preload; as=style"),
        ("/a.woff2", True, "</a.woff2>; rel=preload; as=font; crossorigin"),
        ("/unknown", True, "</unknown>; rel=preload"),
        ("/unknown", "image", "</unknown>; rel=preload; as=image"),
    ],
)
def test_early_hints_where_push_is_off(path: str, hint: Any, link: str) -> None:
    def on_headers(self: Recorder) -> None:
        self.push(path, body=b"x", early_hints=hint)
        self.send_response(204)

    frames = exchange(on_headers, {ENABLE_PUSH: 0})
    assert [each.fields[0][1] for each in frames] == ["103", "204"]
    assert frames[0].fields[1:] == [("link", link)]
    frames = exchange(on_headers, {ENABLE_PUSH: 1}, (1, 2))
    assert [each.brief for each in frames][:3] == [
        ("PUSH_PROMISE", 2),
        ("HEADERS", 1),
        ("HEADERS", 2),
    ]


def test_client_resets_a_promise() -> None:
    kind = recorder(
        on_headers=lambda self: self.push("/x", body=lambda n: (None, 2)),
        on_request_done=lambda self: None,
    )

    async def main() -> None:
        server = HTTP2Server(("127.0.0.1", 0), kind, close_timeout=0.1)
        async with server, client_of(server) as client:
            client.send(client.request(1))
            await client.until(HEADERS, 2)
            client.send(frame(RST_STREAM, 0, 2, (8).to_bytes(4, "big")))
            await client.settled()
            assert kind.calls[-1] == (2, "close", 8)

    run(main())


def test_a_lost_connection_closes_promised_handlers_too() -> None:
    kind = recorder(
        on_headers=lambda self: self.push("/x", body=lambda n: (None, 2)),
        on_request_done=lambda self: None,
    )

    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server) as client,
        ):
            client.send(client.request(1))
            await client.until(HEADERS, 2)

    run(main())
    assert sorted(kind.calls[-2:]) == [(1, "close", 2), (2, "close", 2)]


def test_pushed_responses_wait_for_the_clients_limit() -> None:
    def on_headers(self: Recorder) -> None:
        self.push("/a", body=b"a")
        self.push("/b", body=b"b")
        self.send_response(200, body=b"main")

    frames = exchange(on_headers, {MAX_CONCURRENT_STREAMS: 1}, (1, 2, 4))
    briefs = [each.brief for each in frames]
    assert briefs[:2] == [("PUSH_PROMISE", 2), ("PUSH_PROMISE", 4)]
    end_of_first = next(i for i, each in enumerate(frames) if each.stream_id == 2 and each.ends)
    assert briefs.index(("HEADERS", 4)) > end_of_first


def test_pushing_after_the_response_while_the_stream_is_open() -> None:
    state = {"open": True}

    def on_headers(self: Recorder) -> None:
        self.send_response(200, body=lambda n: (None, 2) if state["open"] else (b"end", 1))

        def later() -> None:
            self.push("/late", body=b"late")
            state["open"] = False
            self.resume()

        self.http2.loop.call_later(0.01, later)

    frames = exchange(on_headers, None, (1, 2))
    assert [each.brief for each in frames[:2]] == [("HEADERS", 1), ("PUSH_PROMISE", 2)]
    assert b"".join(each.payload for each in frames if each.brief == ("DATA", 2)) == b"late"
