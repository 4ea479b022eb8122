"""The cycle of an HTTP request, on an exchange that keeps a record."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from plait.server.asgi import ASGIHost, ClientDisconnected, MessageError
from plait.server.asgi.errors import is_disconnect
from tests.support.exchange import RecordingExchange

PLAIN = (b"content-type", b"text/plain")

App = Callable[[Any, Any, Any], Awaitable[None]]


def start(status: int = 200, headers: Any = (PLAIN,), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: Any = b"", more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def sending(*messages: dict[str, Any]) -> App:
    """An application that sends these."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


async def settled(host: ASGIHost) -> None:
    """Waits until no call of the application runs."""
    while host.running:
        await asyncio.wait(list(host.running))
        await asyncio.sleep(0)


async def turns() -> None:
    """Lets the event loop do what there is to do."""
    for _ in range(6):
        await asyncio.sleep(0)


def answered(app: App, *arguments: Any, **settings: Any) -> RecordingExchange:
    """Lets an application answer a request without a body."""

    async def main() -> RecordingExchange:
        exchange = RecordingExchange(*arguments, **settings)
        host = ASGIHost(app)
        exchange.open(host)
        await settled(host)
        assert not exchange.errors
        return exchange

    return asyncio.run(main())


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


# --- a response ---------------------------------------------------------------------------------


def test_a_whole_response_is_sent_in_one_piece() -> None:
    exchange = answered(sending(start(), body(b"hello")))
    assert exchange.sent == [("respond", 200, [PLAIN], b"hello")]
    assert exchange.released


def test_keys_that_are_missing_have_their_defaults() -> None:
    messages = {"type": "http.response.start", "status": 204}, {"type": "http.response.body"}
    assert answered(sending(*messages)).sent == [("respond", 204, [], b"")]


def test_the_head_waits_for_the_body_and_then_goes_at_once() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        seen.append(list(exchange.sent))
        await send(body(b"", True))
        seen.append(list(exchange.sent))
        await send(body(b"a", True))
        await send(body(b"b"))

    async def main() -> None:
        nonlocal exchange
        exchange = RecordingExchange()
        host = ASGIHost(app)
        exchange.open(host)
        await settled(host)

    exchange: Any = None
    run(main)
    head = ("start", 200, [PLAIN])
    assert seen == [[], [head]]
    assert exchange.sent == [head, ("write", b"a"), ("write", b"b"), ("finish", None)]


@pytest.mark.parametrize("headers", [[[b"X-Name", b"1"]], ((b"X-Name", b"1"),), "generator"])
def test_headers_may_be_any_iterable_of_pairs(headers: Any) -> None:
    if headers == "generator":
        headers = (pair for pair in [(b"X-Name", b"1")])
    exchange = answered(sending(start(headers=headers), body()))
    assert exchange.response_headers == [(b"x-name", b"1")]


@pytest.mark.parametrize("data", [bytearray(b"abc"), memoryview(b"abc")])
def test_a_body_may_be_any_octets(data: Any) -> None:
    assert answered(sending(start(), body(data))).body == b"abc"


@pytest.mark.parametrize(
    ("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 205), (b"GET", 304)]
)
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_response_without_content_has_none_whatever_is_sent(
    method: bytes, status: int, pieces: int
) -> None:
    messages = [body(b"x", at < pieces - 1) for at in range(pieces)]
    app = sending(start(status, [(b"content-length", b"5")] if status != 204 else []), *messages)
    exchange = answered(app, method)
    assert [entry[0] for entry in exchange.sent] == ["respond"]
    assert exchange.body == b""
    assert exchange.finished


def test_a_message_may_be_any_mapping() -> None:
    from types import MappingProxyType

    messages: Any = (MappingProxyType(start()), MappingProxyType(body(b"ok")))
    assert answered(sending(*messages)).body == b"ok"


# --- the order of messages ----------------------------------------------------------------------

MESSAGES: dict[str, dict[str, Any]] = {
    "start": start(),
    "start+trailers": start(trailers=True),
    "more": body(b"x", True),
    "last": body(b"x"),
    "trailers": {"type": "http.response.trailers", "headers": [(b"t", b"1")]},
    "hint": {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]},
    "push": {"type": "http.response.push", "path": "/a.css", "headers": []},
    "unknown": {"type": "http.response.unheard-of"},
    "nothing": {},
}

# What may come after what was sent so far.
AFTER: dict[tuple[str, ...], set[str]] = {
    (): {"start", "start+trailers", "hint", "push"},
    ("start",): {"more", "last", "hint", "push"},
    ("start", "more"): {"more", "last", "push"},
    ("start+trailers",): {"more", "last", "hint", "push"},
    ("start+trailers", "more"): {"more", "last", "push"},
    ("start+trailers", "last"): {"trailers", "push"},
}


def accepted(before: tuple[str, ...], name: str) -> bool:
    """Whether a message may come after others; if not, nothing of it may be sent."""
    outcome = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for earlier in before:
            await send(MESSAGES[earlier])
        at = len(exchange.sent)
        try:
            await send(MESSAGES[name])
        except MessageError:
            outcome.append(False)
            assert len(exchange.sent) == at
        else:
            outcome.append(True)

    async def main() -> None:
        nonlocal exchange
        exchange = RecordingExchange(can_push=True)
        host = ASGIHost(app)
        exchange.open(host)
        await settled(host)

    exchange: Any = None
    run(main)
    return outcome == [True]


@pytest.mark.parametrize("before", AFTER, ids="-".join)
def test_the_order_of_messages(before: tuple[str, ...]) -> None:
    assert {name for name in MESSAGES if accepted(before, name)} == AFTER[before]


@pytest.mark.parametrize(
    "before", [("start", "last"), ("start+trailers", "last", "trailers")], ids="-".join
)
def test_what_comes_after_the_end_is_ignored(
    before: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    complete = answered(sending(*(MESSAGES[name] for name in before))).sent
    assert not caplog.records
    names = [*before, *MESSAGES]
    assert answered(sending(*(MESSAGES[name] for name in names))).sent == complete
    (record,) = caplog.records  # one line, however much was sent
    assert record.getMessage() == "GET /: 'http.response.start' after the response was complete"


def test_who_sends_for_ever_after_the_end_does_not_stop_the_loop() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await sending(start(), body())(scope, receive, send)
        while True:
            await send(body(b"x", True))

    async def main() -> None:
        host = ASGIHost(app)
        RecordingExchange().open(host)
        (task,) = host.running
        task.cancel()
        await settled(host)

    run(main)


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([start("200")], "status '200' is none"),
        ([start(103)], "status 103 is none"),
        ([start(None)], "status None is none"),
        ([start(headers=[("a", "b")])], "not of bytes"),
        ([start(headers=[(b"a", "b")])], "not of bytes"),
        ([start(headers=[(b"a",)])], "name and value"),
        ([start(headers=[(b"a b", b"c")]), body()], "a b"),
        ([start(), body("text")], "str, not bytes"),
        ([start(), body(None)], "NoneType, not bytes"),
        ([body()], "before http.response.start"),
        ([start(), start()], "http.response.start when"),
        ([start(), MESSAGES["trailers"]], "did not announce"),
        ([{"type": "http.response.early_hint", "links": ["a"]}], "not of bytes"),
        ([{"type": "http.response.push", "path": b"/a"}], "not a path"),
        ([start(headers=[(b"content-length", b"2")]), body(b"abc")], "content-length says 2"),
        ([start(headers=[(b"Content-Length", b"4")]), body(b"abc")], "content-length says 4"),
        ([start(), {"type": "http.response.pathsend", "path": "/no/such/file"}], "No such file"),
        ([start(), {"type": "http.response.pathsend", "path": b"/"}], "not a path"),
        ([start(), {"type": "http.response.pathsend", "path": "/"}], "not a regular file"),
    ],
)
def test_a_wrong_message_is_told_precisely_and_nothing_of_it_is_sent(
    messages: list[Any], error: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except MessageError as raised:
            told.append(str(raised))
            raise

    exchange = answered(app)
    assert len(told) == 1
    assert error in told[0]
    assert exchange.status == 500
    assert "MessageError" in caplog.text


def test_too_long_a_body_is_cut_off() -> None:
    app = sending(start(headers=[(b"content-length", b"3")]), body(b"ab", True), body(b"cd", True))
    exchange = answered(app)
    assert [entry[0] for entry in exchange.sent] == ["start", "write", "abort"]
    assert exchange.body == b"ab"


def test_too_short_a_body_is_cut_off() -> None:
    app = sending(start(headers=[(b"content-length", b"9")]), body(b"ab", True), body(b"cd"))
    exchange = answered(app)
    assert exchange.aborted


# --- what the application does wrong ------------------------------------------------------------


@pytest.mark.parametrize("sent", [0, 1])
def test_an_application_that_raises_before_the_head_gets_a_500(
    sent: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if sent:
            await send(start())
        raise ZeroDivisionError("the reason")

    exchange = answered(app, path=b"/fails")
    assert exchange.sent[0][:2] == ("respond", 500)
    assert exchange.body == b"Internal Server Error"
    (record,) = caplog.records
    assert record.name == "plait.asgi"
    assert record.levelno == logging.ERROR
    assert "GET /fails" in caplog.text
    assert "ZeroDivisionError: the reason" in caplog.text


def test_an_application_that_raises_after_the_head_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"some", True))
        await asyncio.sleep(0)
        raise ZeroDivisionError

    exchange = answered(app)
    assert exchange.aborted
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("messages", "last", "told"),
    [
        ([], "respond", "without a response"),
        ([start()], "respond", "without the end of the body"),
        ([start(), body(b"a", True)], "abort", "without the end of the body"),
        ([start(trailers=True), body(b"a")], "finish", "without trailers"),
    ],
)
def test_an_application_that_returns_too_early(
    messages: list[Any], last: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = answered(sending(*messages))
    assert exchange.sent[-1][0] == last
    assert told in caplog.text


def test_what_cannot_be_called_or_awaited_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def no_coroutine(scope: Any, receive: Any, send: Any) -> Any:
        return 5

    async def too_few(scope: Any, receive: Any) -> None:
        """Takes no send."""

    assert answered(no_coroutine).status == 500
    assert answered(too_few).status == 500  # type: ignore[arg-type]  # that is the point
    assert caplog.text.count("TypeError") >= 2


def test_what_can_be_awaited_need_not_be_a_coroutine() -> None:
    class Call:
        def __init__(self, send: Any) -> None:
            self.send = send

        def __await__(self) -> Any:
            return sending(start(), body(b"ok"))(None, None, self.send).__await__()

    assert answered(lambda scope, receive, send: Call(send)).body == b"ok"


def test_an_application_of_asgi_2_is_called_in_two_steps() -> None:
    class App2:
        def __init__(self, scope: Any) -> None:
            self.path = scope["path"]

        async def __call__(self, receive: Any, send: Any) -> None:
            await send(start())
            await send(body(self.path.encode()))

    assert answered(App2, path=b"/two").body == b"/two"  # type: ignore[arg-type]


def test_fields_that_were_checked_are_checked_again_when_they_have_changed() -> None:
    """The same list is sent three times: unchanged, and with another field in it."""
    fields: list[Any] = [PLAIN]
    app = sending(start(headers=fields), body())
    assert answered(app).response_headers == [PLAIN]
    assert answered(app).response_headers == [PLAIN]
    fields[0] = (b"content-length", b"1")
    assert answered(app).status == 500
    fields[0] = (b"content-type", "text/plain")
    assert answered(app).status == 500
    fields[0] = PLAIN
    assert answered(app).response_headers == [PLAIN]


@pytest.mark.parametrize("times", [1, 2])
def test_what_becomes_of_a_list_of_fields_after_the_start_is_not_sent(times: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        fields: list[Any] = [PLAIN]
        await send(start(headers=fields))
        fields[0] = "nonsense"
        await send(body())

    for _ in range(times):
        assert answered(app).response_headers == [PLAIN]


def test_exceptions_that_go_round_in_a_ring() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__ = second
    second.__cause__ = first
    assert not is_disconnect(first)


# --- the request --------------------------------------------------------------------------------


def reading(got: list[Any], count: int = 100) -> App:
    """An application that answers with nothing when it has read all, or so many messages."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(count):
            message = await receive()
            got.append(message)
            if not message.get("more_body"):
                break
        await send(start(204, []))
        await send(body())

    return app


def request(data: bytes, more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more_body}


DISCONNECT = {"type": "http.disconnect"}


def test_a_request_without_a_body_has_one_empty_message() -> None:
    got: list[Any] = []
    answered(reading(got))
    assert got == [request(b"")]


def test_a_short_body_is_there_when_the_application_asks() -> None:
    got: list[Any] = []

    async def main() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        host = ASGIHost(reading(got))
        exchange.open(host)
        exchange.data(b"ab")
        exchange.data(b"c")
        exchange.end()
        assert exchange.finished  # it never entered the loop
        await settled(host)
        assert got == [request(b"abc")]
        assert exchange.credit == 3

    run(main)


def test_credit_is_given_when_the_application_takes_the_body_and_once() -> None:
    got: list[Any] = []
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await reading(got)(scope, receive, send)

    async def main() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        host = ASGIHost(app)
        exchange.open(host)
        exchange.data(b"abc")
        await turns()
        assert exchange.credit == 0
        go.set()
        await turns()
        assert exchange.credit == 3
        exchange.data(b"de")
        await turns()
        exchange.end([(b"trailer", b"1")])
        await settled(host)
        assert got == [request(b"abc", True), request(b"de", True), request(b"")]
        assert exchange.credit == 5

    run(main)


def test_what_the_application_does_not_read_is_given_back_with_the_response() -> None:
    async def main() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        host = ASGIHost(sending(start(), body(b"no")))
        exchange.open(host)
        exchange.data(b"abc")
        await turns()
        assert exchange.finished
        assert exchange.credit == 3
        exchange.data(b"defg")
        assert exchange.credit == 7
        exchange.end()
        assert exchange.released

    run(main)


@pytest.mark.parametrize("expects", [True, False])
def test_a_client_that_waits_is_told_to_go_on_once(expects: bool) -> None:
    got: list[Any] = []

    async def main() -> None:
        headers = [(b"expect", b"100-Continue")] if expects else []
        exchange = RecordingExchange(b"POST", headers=headers, complete=False)
        host = ASGIHost(reading(got))
        exchange.open(host)
        await turns()
        assert exchange.sent == ([("inform", 100, [])] if expects else [])
        exchange.data(b"a")
        await turns()
        exchange.data(b"b")
        exchange.end()
        await settled(host)
        assert len([entry for entry in exchange.sent if entry[0] == "inform"]) == expects

    run(main)


def test_after_the_response_there_is_disconnect() -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await sending(start(), body())(scope, receive, send)
        got.append(await receive())
        got.append(await receive())

    answered(app)
    assert got == [DISCONNECT, DISCONNECT]


def test_who_listens_learns_that_the_client_has_gone() -> None:
    got: list[Any] = []
    raised: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        got.append(await receive())
        try:
            await send(start())
        except OSError as error:
            raised.append(error)
            raise

    async def main() -> None:
        exchange = RecordingExchange()
        host = ASGIHost(app)
        exchange.open(host)
        await turns()
        exchange.disconnect()
        await settled(host)
        assert got == [request(b""), DISCONNECT]
        assert isinstance(raised[0], ClientDisconnected)
        assert exchange.sent == []

    run(main)


def test_two_may_listen_and_one_be_cancelled() -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        first = asyncio.create_task(receive())
        second = asyncio.create_task(receive())
        await asyncio.sleep(0)
        first.cancel()
        got.append(await second)

    async def main() -> None:
        exchange = RecordingExchange()
        host = ASGIHost(app)
        exchange.open(host)
        await turns()
        exchange.disconnect()
        await settled(host)

    run(main)
    assert got == [DISCONNECT]


def test_a_request_that_was_taken_back_before_it_began_is_not_answered() -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(await receive())

    async def main() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        host = ASGIHost(app)
        exchange.open(host)
        exchange.disconnect()
        await settled(host)
        await asyncio.sleep(0)

    run(main)
    assert called == []


def test_a_response_without_content_does_not_end_the_request() -> None:
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(204, []))
        await send(body(b"", True))
        got.append(await receive())
        await send(body())

    async def main() -> None:
        exchange = RecordingExchange(b"POST", complete=False)
        host = ASGIHost(app)
        exchange.open(host)
        exchange.data(b"abc")
        exchange.end()
        await settled(host)
        assert not exchange.errors

    run(main)
    assert got == [request(b"abc")]


# --- backpressure -------------------------------------------------------------------------------


def test_send_waits_while_the_client_takes_nothing() -> None:
    written = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for _ in range(3):
            await send(body(b"x" * 10, True))
            written.append(True)
        await send(body())

    async def main() -> None:
        exchange = RecordingExchange(room=15)
        host = ASGIHost(app)
        exchange.open(host)
        await turns()
        assert len(written) == 1
        exchange.take(5)
        await turns()
        assert len(written) == 2
        exchange.take()
        await settled(host)
        assert exchange.finished

    run(main)


@pytest.mark.parametrize("error_code", [8, 2])
def test_send_that_waits_raises_when_the_client_goes(
    error_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        app = sending(start(), body(b"abc", True), body(b"def"))
        exchange = RecordingExchange(room=1)
        host = ASGIHost(app)
        exchange.open(host)
        await turns()
        exchange.disconnect(error_code)
        await settled(host)
        assert not exchange.finished

    run(main)
    assert caplog.records == []  # nobody did anything wrong


def test_a_framework_may_wrap_the_error_of_a_client_that_has_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(send_start(send))
        except* OSError as error:
            raise RuntimeError("of the framework") from error.exceptions[0]

    async def send_start(send: Any) -> None:
        await send(start())

    async def main() -> None:
        exchange = RecordingExchange()
        host = ASGIHost(app)
        exchange.open(host)
        await turns()
        exchange.disconnect()
        await settled(host)

    run(main)
    assert caplog.records == []


# --- extensions ---------------------------------------------------------------------------------


def test_trailers() -> None:
    more = {**MESSAGES["trailers"], "more_trailers": True}
    exchange = answered(sending(start(trailers=True), body(b"a"), more, MESSAGES["trailers"]))
    assert exchange.sent[1:] == [("write", b"a"), ("finish", [(b"t", b"1"), (b"t", b"1")])]


def test_trailers_of_a_response_without_content_are_dropped() -> None:
    exchange = answered(sending(start(trailers=True), body(), MESSAGES["trailers"]), b"HEAD")
    assert exchange.sent == [("respond", 200, [PLAIN], b"")]


def test_early_hints() -> None:
    exchange = answered(sending(MESSAGES["hint"], start(), body(b"a")))
    assert exchange.sent[0] == ("inform", 103, [(b"link", b"</a.css>; rel=preload")])


@pytest.mark.parametrize("can_push", [True, False])
def test_push(can_push: bool) -> None:
    exchange = answered(sending(MESSAGES["push"], start(), body()), can_push=can_push)
    assert (("promise", b"/a.css", []) in exchange.sent) == can_push
    assert exchange.finished


@pytest.mark.parametrize(
    ("path", "promised"),
    [("/\u00fc b", b"/%C3%BC%20b"), ("/a%20b?c=d&e", b"/a%20b?c=d&e"), ("/~-._", b"/~-._")],
)
def test_the_path_of_a_push_is_text(path: str, promised: bytes) -> None:
    push = {"type": "http.response.push", "path": path}
    exchange = answered(sending(push, start(), body()), can_push=True)
    assert exchange.sent[0] == ("promise", promised, [])


def test_the_length_of_a_pushed_request_is_not_that_of_the_response() -> None:
    push = {**MESSAGES["push"], "headers": [(b"content-length", b"77")]}
    exchange = answered(sending(start(), push, body(b"abc")), can_push=True)
    assert exchange.finished


@pytest.mark.parametrize("length", [None, b"5"])
def test_pathsend(length: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    headers = [] if length is None else [(b"content-length", length)]
    pathsend = {"type": "http.response.pathsend", "path": str(file)}
    exchange = answered(sending(start(headers=headers), pathsend))
    assert exchange.sent == [("start", 200, headers), ("file", b"12345"), ("finish", None)]
    exchange = answered(sending(start(headers=headers), pathsend), b"HEAD")
    assert exchange.sent == [("respond", 200, headers, b"")]


def test_pathsend_of_a_file_that_has_another_length(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    pathsend = {"type": "http.response.pathsend", "path": str(file)}
    exchange = answered(sending(start(headers=[(b"content-length", b"6")]), pathsend))
    assert exchange.status == 500


# --- tasks --------------------------------------------------------------------------------------


def test_an_application_that_never_waits_does_not_enter_the_loop() -> None:
    async def main() -> None:
        exchange = RecordingExchange()
        host = ASGIHost(sending(start(), body(b"x")))
        exchange.open(host)
        assert exchange.finished
        assert not host.running

    run(main)


def test_each_request_has_a_task_and_a_context_of_its_own() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((asyncio.current_task(), variable.get()))
        variable.set("of this request")
        await asyncio.sleep(0)
        seen.append((asyncio.current_task(), variable.get()))
        await sending(start(), body())(scope, receive, send)

    async def main() -> None:
        host = ASGIHost(app)
        for _ in range(2):
            RecordingExchange().open(host)
        assert asyncio.current_task() not in host.running
        await settled(host)
        assert variable.get() == "unset"

    run(main)
    assert len({task for task, _ in seen}) == 2
    assert sorted(value for _, value in seen) == ["of this request"] * 2 + ["unset"] * 2


def test_cancelling_works_as_in_any_task() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            async with asyncio.timeout(0):
                await receive()
        except TimeoutError:
            seen.append("timeout")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(receive())
                raise KeyError("x")
        except* KeyError:
            seen.append("group")
        await sending(start(), body(b"ok"))(scope, receive, send)

    assert answered(app).body == b"ok"
    assert seen == ["timeout", "group"]


def test_a_call_that_cancels_itself_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    assert answered(app).status == 500
    assert "CancelledError" in caplog.text


def test_what_send_returns_can_be_made_a_task() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(send(start()))
        await asyncio.wait_for(send(body(b"a", True)), 5)
        await asyncio.gather(send(body(b"b", True)), send(body(b"c", True)))
        await asyncio.shield(send(body(b"d")))

    exchange = answered(app)
    assert exchange.body == b"abcd"
    assert exchange.finished


def test_a_thread_may_send_through_the_loop() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            for message in (start(), body(b"of a thread")):
                sending = send(message)
                assert exchange.sent == []  # nothing happens in this thread
                asyncio.run_coroutine_threadsafe(sending, loop).result(10)

        await asyncio.to_thread(work)

    exchange: Any = None

    async def main() -> None:
        nonlocal exchange
        exchange = RecordingExchange()
        host = ASGIHost(app)
        exchange.open(host)
        await settled(host)
        assert exchange.body == b"of a thread"

    run(main)


def test_an_error_of_one_request_is_nothing_to_another() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        if scope["path"] == "/bad":
            raise ValueError
        await sending(start(), body(b"good"))(scope, receive, send)

    async def main() -> None:
        host = ASGIHost(app)
        bad, good = RecordingExchange(path=b"/bad"), RecordingExchange(path=b"/good")
        bad.open(host)
        good.open(host)
        await settled(host)
        assert (bad.status, good.status, good.body) == (500, 200, b"good")

    run(main)
