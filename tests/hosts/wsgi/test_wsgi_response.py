"""What becomes of the answers of WSGI applications."""

from __future__ import annotations

import logging
import sys
from typing import Any
from wsgiref.validate import validator

import pytest

from .serving import PLAIN, exchanged


class Closing:
    """An iterable that counts how often it is closed."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = iter(pieces)
        self.closed = 0

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        piece = next(self.pieces)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


def answering(result: Any, *headers: tuple[str, str], status: str = "200 OK") -> Any:
    """An application that gives this."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return result

    return app


def kinds(exchange: Any) -> list[str]:
    return [entry[0] for entry in exchange.sent]


@pytest.mark.parametrize("result", [[b"hello ", b"", b"world"], (b"hello world",)])
def test_a_list_is_one_response(result: Any) -> None:
    exchange = exchanged(answering(result, PLAIN, ("X-Latin", "gr\xfc\xdfe")))
    fields = [(b"content-type", b"text/plain"), (b"x-latin", b"gr\xfc\xdfe")]
    assert exchange.sent == [("respond", 200, fields, b"hello world")]


def test_a_first_piece_that_is_everything_is_one_response() -> None:
    result = Closing(b"", b"hello", b"")
    exchange = exchanged(answering(result, ("Content-Length", "5")))
    assert exchange.sent == [("respond", 200, [(b"content-length", b"5")], b"hello")]
    assert result.closed == 1


def test_pieces_are_sent_as_they_come() -> None:
    result = Closing(b"one", bytearray(b"two"), b"", memoryview(b"three"))
    exchange = exchanged(answering(result, status="404"))
    assert exchange.sent == [
        ("start", 404, []),
        ("write", b"one"),
        ("write", b"two"),
        ("write", b"three"),
        ("finish", None),
    ]
    assert result.closed == 1


def test_nothing_at_all() -> None:
    result = Closing()
    exchange = exchanged(answering(result))
    assert exchange.sent == [("respond", 200, [], b"")]
    assert result.closed == 1


def test_a_generator_may_call_start_response_late() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"late"

    assert exchanged(app).body == b"late"


def test_write() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    exchange = exchanged(app)
    assert exchange.body == b"one two three"
    assert exchange.finished


def test_write_of_everything() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "3")])(b"one")
        return []

    assert kinds(exchanged(app)) == ["respond"]


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [(b"HEAD", "200 OK", "6"), (b"GET", "204 No Content", None), (b"GET", "304 X", "6")],
)
def test_responses_without_a_body(method: bytes, status: str, length: str | None) -> None:
    headers = [("Content-Length", length)] if length else []
    for result in ([b"hidden"], Closing(b"hid", b"den"), Closing()):
        exchange = exchanged(answering(result, *headers, status=status), method)
        assert kinds(exchange) == ["respond"]
        assert exchange.body == b""
        if isinstance(result, Closing):
            assert result.closed == 1


def test_fields_that_are_the_servers_business_are_left_out() -> None:
    headers = [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("X-A", "1")]
    assert exchanged(answering([], *headers)).response_headers == [(b"x-a", b"1")]


def test_fields_that_were_sent_before() -> None:
    # what the latest head was made of is kept: it must not be the application's own list
    headers: list[Any] = [PLAIN, ["X-A", "1"]]
    first = exchanged(answering([], *headers)).response_headers
    headers[1][1] = "2"
    second = exchanged(answering([], *headers)).response_headers
    assert (first[1], second[1]) == ((b"x-a", b"1"), (b"x-a", b"2"))
    given = [PLAIN]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", given)
        given.append(("X-B", str(len(given))))
        return []

    counts = [len(exchanged(app).response_headers) for _ in range(3)]
    assert counts == [1, 2, 3]
    assert exchanged(answering([], *given, status="404")).status == 404
    assert exchanged(answering([], *given, status="405")).status == 405


def test_space_around_a_value_is_no_part_of_it() -> None:
    headers = [("X-A", " a; b; "), ("X-B", "\t"), ("Content-Length", " 2")]
    fields = [(b"x-a", b"a; b;"), (b"x-b", b""), (b"content-length", b"2")]
    assert exchanged(answering([b"ok"], *headers)).response_headers == fields


def test_a_content_length_said_twice_is_said_once() -> None:
    headers = [("Content-Length", "2"), ("content-length", "2")]
    exchange = exchanged(answering([b"ok"], *headers))
    assert exchange.response_headers == [(b"content-length", b"2")]


# --- errors -------------------------------------------------------------------------------------


def failed(caplog: Any, app: Any, *arguments: Any) -> Any:
    """The exchange of an application that fails, and is reported once, with its traceback."""
    with caplog.at_level(logging.ERROR, "plait.wsgi"):
        exchange = exchanged(app, *arguments)
    (record,) = caplog.records
    assert record.name == "plait.wsgi"
    assert record.exc_info
    assert record.getMessage() == "GET /: the application raised"
    return exchange


@pytest.mark.parametrize(
    "headers",
    [
        [("X-A", "1\r\nX-B: 2")],
        [("X A", "1")],
        [("X-A", "\u20ac")],
        [("X-A", 1)],
        [(b"x-a", "1")],
        [("Content-Length", "-1")],
        [("Content-Length", "1"), ("Content-Length", "2")],
        [(":status", "200")],
    ],
)
def test_fields_that_may_not_be_sent(caplog: Any, headers: Any) -> None:
    exchange = failed(caplog, answering([b"never"], *headers))
    assert (exchange.status, exchange.body) == (500, b"Internal Server Error")


@pytest.mark.parametrize("status", ["", "20", "abc OK", "2000", "101 Switching", "099 X", 200])
def test_statuses_that_there_are_not(caplog: Any, status: Any) -> None:
    assert failed(caplog, answering([], status=status)).status == 500


def test_errors_are_raised_where_they_are_made() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        with pytest.raises(ValueError, match="must not be sent"):
            start_response("200 OK", [("X-A", "1\n")])
        start_response("200 OK", [])
        return [b"fine"]

    assert exchanged(app).body == b"fine"


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(1), KeyboardInterrupt()])
def test_an_application_that_raises(caplog: Any, error: BaseException) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise error

    assert failed(caplog, app).status == 500


def test_an_application_that_raises_before_its_body(caplog: Any) -> None:
    result = Closing(RuntimeError("broken"))
    assert failed(caplog, answering(result, ("X-A", "1"))).status == 500
    assert result.closed == 1


def test_an_application_that_raises_within_its_body(caplog: Any) -> None:
    result = Closing(b"some", RuntimeError("broken"))
    exchange = failed(caplog, answering(result))
    assert kinds(exchange) == ["start", "write", "abort"]
    assert result.closed == 1


def test_a_close_that_raises_after_the_response(caplog: Any) -> None:
    class Broken(Closing):
        def close(self) -> None:
            raise RuntimeError("broken")

    exchange = failed(caplog, answering(Broken(b"all"), ("Content-Length", "3")))
    assert (exchange.status, exchange.body, exchange.aborted) == (200, b"all", False)


@pytest.mark.parametrize("result", [[b"x"], [], Closing(b"x"), Closing()])
def test_start_response_was_not_called(caplog: Any, result: Any) -> None:
    assert failed(caplog, lambda environ, start_response: result).status == 500
    if isinstance(result, Closing):
        assert result.closed == 1


@pytest.mark.parametrize("result", [["text"], Closing("text"), "text", 7])
def test_a_body_that_is_not_bytes(caplog: Any, result: Any) -> None:
    assert failed(caplog, answering(result)).status == 500


def test_start_response_called_twice(caplog: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        start_response("404 Not Found", [])
        return []

    assert failed(caplog, app).status == 500


@pytest.mark.parametrize("length", ["3", "5"])
def test_a_list_that_is_not_as_long_as_it_says(caplog: Any, length: str) -> None:
    assert failed(caplog, answering([b"four"], ("Content-Length", length))).status == 500


@pytest.mark.parametrize("length", ["3", "9"])
def test_a_body_that_is_not_as_long_as_it_says(caplog: Any, length: str) -> None:
    result = Closing(b"tw", b"o ", b"more")
    exchange = failed(caplog, answering(result, ("Content-Length", length)))
    assert exchange.aborted
    assert result.closed == 1


def test_more_than_everything(caplog: Any) -> None:
    exchange = failed(caplog, answering(Closing(b"all", b"more"), ("Content-Length", "3")))
    assert (exchange.body, exchange.aborted) == (b"all", False)


# --- exc_info -----------------------------------------------------------------------------------


def test_an_error_page_replaces_what_was_not_sent() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1")])
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            start_response("503 Sorry", [("X-B", "2")], sys.exc_info())
        return [b"sorry"]

    assert exchanged(app).sent == [("respond", 503, [(b"x-b", b"2")], b"sorry")]


@pytest.mark.parametrize("headers", [[], [("Content-Length", "4")]])
def test_too_late_for_an_error_page(caplog: Any, headers: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", headers)
        yield b"some"
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            start_response("503 Sorry", [], sys.exc_info())
        yield b"never"

    exchange = failed(caplog, app)
    assert exchange.status == 200
    assert exchange.body == b"some"
    assert exchange.aborted == (not headers)
    assert "RuntimeError: broken" in caplog.text


def test_an_error_page_by_keyword_or_without_an_error(caplog: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        start_response("503 Sorry", [], exc_info=(RuntimeError, RuntimeError("broken"), None))
        # outside of an except clause sys.exc_info() is that: no reason to change one's mind
        start_response("200 OK", [], (None, None, None))
        return []

    failed(caplog, app)
    assert "without exc_info" in caplog.text


@pytest.mark.parametrize("headers", [[], [("Content-Length", "4")]])
def test_write_when_the_response_is_over(headers: Any) -> None:
    writes: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        writes.append(start_response("200 OK", headers))
        return [b"some"]

    assert exchanged(app).body == b"some"
    with pytest.raises((RuntimeError, ValueError), match=r"too late|Content-Length"):
        writes[0](b"more")
    writes[0](b"")


# --- early hints and trailers -------------------------------------------------------------------


def test_early_hints() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
        environ["plait.early_hints"]([("Link", "</b.css>; rel=preload")])
        start_response("200 OK", [])
        return [b"page"]

    assert exchanged(app).sent == [
        ("inform", 103, [(b"link", b"</a.css>; rel=preload")]),
        ("inform", 103, [(b"link", b"</b.css>; rel=preload")]),
        ("respond", 200, [], b"page"),
    ]


@pytest.mark.parametrize("headers", [[], [("Content-Length", "4")]])
def test_late_early_hints(headers: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", headers)
        yield b"page"
        with pytest.raises(RuntimeError, match="too late"):
            environ["plait.early_hints"]([("Link", "</a.css>")])

    assert exchanged(app).finished


@pytest.mark.parametrize("result", [[b"body"], Closing(b"body"), [], Closing()])
def test_trailers(result: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        environ["plait.trailers"]([("X-Sum", "1")])
        return result

    assert exchanged(app).sent[-1] == ("finish", [(b"x-sum", b"1")])


def test_trailers_that_are_announced_may_come_late() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Trailer", "X-Sum"), ("Content-Length", "4")])
        yield b"body"
        environ["plait.trailers"]([("X-Sum", "1")])

    exchange = exchanged(app)
    assert kinds(exchange) == ["start", "write", "finish"]
    assert exchange.sent[-1] == ("finish", [(b"x-sum", b"1")])


def test_trailers_that_come_too_late() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "4")])
        yield b"body"
        with pytest.raises(RuntimeError, match="too late"):
            environ["plait.trailers"]([("X-Sum", "1")])

    assert kinds(exchanged(app)) == ["respond"]


# --- wsgiref.validate ---------------------------------------------------------------------------


def test_the_validator_of_the_standard_library_is_content() -> None:
    read: list[bytes] = []

    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"]
        read.extend([body.read(3), body.readline(), *body.readlines(), body.read(-1)])
        read.extend(environ["wsgi.input"])
        environ["wsgi.errors"].write("")
        write = start_response("200 OK", [PLAIN])
        write(b"one ")
        return [b"two"]

    exchange = exchanged(
        validator(app), b"POST", b"/a?b", [(b"content-type", b"a/b")], body=[b"abcde\nfgh\nij"]
    )
    assert read == [b"abc", b"de\n", b"fgh\n", b"ij", b""]
    assert exchange.body == b"one two"


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_the_validator_is_content_with_requests_without_a_body(method: bytes) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [PLAIN])
        return [b"fine"] if environ["REQUEST_METHOD"] == "GET" else []

    exchange = exchanged(validator(app), method)
    assert exchange.status == 200
    assert exchange.finished
