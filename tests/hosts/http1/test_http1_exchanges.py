"""Requests and responses in HTTP/1, over a transport that only keeps what is written."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from plait.http2.errors import InvalidFieldError, UsageError

from .connection import Connection, FakeServer, Recorder, hello

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nHello"


def client_with(answer: Any, **config: Any) -> Connection:
    server = FakeServer(**config)
    server.answer = answer
    return Connection(server)


def post(length: int, body: bytes = b"", more: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n%b" % (length, more, body)


# --- requests -------------------------------------------------------------------------------------


def test_the_exchange_shows_the_request() -> None:
    client = Connection()
    client.send(
        b"GET /a?b=%20 HTTP/1.1\r\nAccept: */*\r\nHost:  example.org:80 \r\nCookie: a=1\r\n"
        b"X-Empty:\r\nCookie: b=2\r\n\r\n"
    )
    exchange = client.cycle.exchange
    assert (exchange.http_version, exchange.method, exchange.scheme) == ("1.1", b"GET", b"http")
    assert (exchange.host, exchange.path) == (b"example.org:80", b"/a?b=%20")
    assert exchange.headers == [
        (b"host", b"example.org:80"),
        (b"accept", b"*/*"),
        (b"x-empty", b""),
        (b"cookie", b"a=1; b=2"),
    ]
    assert exchange.complete
    assert exchange.protocol is None
    assert not exchange.can_push
    assert exchange.peer.client == ("192.0.2.1", 50_000)
    assert exchange.peer.server == ("192.0.2.2", 80)
    assert client.cycle.heard == ["begin", ("closed", 0)]


def test_over_tls_the_scheme_is_https() -> None:
    client = Connection(secure=True).send(GET)
    assert client.cycle.exchange.scheme == b"https"


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"http://b/x?y", b"b", b"/x?y"),
        (b"HTTPS://b:443?y", b"b:443", b"/?y"),
        (b"http://[::1]:80", b"[::1]:80", b"/"),
        (b"//b/x", b"a", b"//b/x"),
    ],
)
def test_the_host_of_an_absolute_target_counts(target: bytes, host: bytes, path: bytes) -> None:
    client = Connection().send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
    exchange = client.cycle.exchange
    assert (exchange.host, exchange.path) == (host, path)
    assert exchange.headers == [(b"host", host)]


def test_options_may_be_about_the_whole_server() -> None:
    for target in (b"*", b"http://a"):
        client = Connection().send(b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        assert client.cycle.exchange.path == b"*"


def test_a_repeated_head_gives_each_exchange_its_own_fields() -> None:
    client = Connection().send(GET)
    client.cycle.exchange.headers.append((b"x", b"y"))
    client.send(GET)
    assert client.cycle.exchange.headers == [(b"host", b"a")]


def test_one_empty_line_before_a_request_is_ignored() -> None:
    client = Connection().send(GET + b"\r\n" + GET + b"\r\n")
    assert client.receive() == OK * 2
    client.send(GET)
    assert client.receive() == OK


def test_a_request_octet_by_octet_is_the_same_request() -> None:
    body = b"5\r\nhello\r\n0\r\nX-T: z \r\n\r\n"
    sent = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n" + body
    for one_by_one in (False, True):
        client = Connection().send(sent + sent, one_by_one=one_by_one)
        assert client.receive() == OK * 2
        for cycle in client.server.cycles:
            assert cycle.body == b"hello"
            assert cycle.heard == ["begin", ("end", [(b"x-t", b"z")]), ("closed", 0)]


def test_chunks_of_one_read_are_given_together() -> None:
    pieces: list[bytes] = []
    client = Connection()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.cycle.data = pieces.append  # type: ignore[method-assign,assignment]
    client.send(b"1\r\na\r\n" * 100)
    assert pieces == [b"a" * 100]


# --- responses ------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order_and_in_one_write() -> None:
    def answer(cycle: Recorder) -> None:
        cycle.exchange.respond(200, [], cycle.exchange.path)

    client = client_with(answer)
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(20)))
    assert client.transport.writes == 1
    expected = [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n/%d" % (len(str(n)) + 1, n)
                for n in range(20)]  # fmt: skip
    assert client.receive() == b"".join(expected)


def test_a_request_sent_ahead_waits_for_the_answer_before_it() -> None:
    client = client_with(None)
    client.send(GET + GET)
    assert len(client.server.cycles) == 1
    hello(client.cycle)
    assert client.receive() == OK
    assert len(client.server.cycles) == 2
    assert client.server.cycles[0].heard == ["begin", ("closed", 0)]
    hello(client.cycle)
    assert client.receive() == OK


def test_what_is_sent_ahead_is_read_only_so_far() -> None:
    client = client_with(None)
    client.send(GET)
    while client.reads():
        client.send(GET * 100)
        assert len(client.protocol.unheard) < 100_000
    assert len(client.server.cycles) == 1
    client.server.answer = hello
    hello(client.cycle)
    client.receive()
    assert client.reads()


def test_answers_that_nobody_reads_do_not_pile_up() -> None:
    client = client_with(lambda cycle: cycle.exchange.respond(200, [], bytes(50_000)))
    client.transport.full_at = 200_000
    client.send(GET * 100)
    assert len(client.server.cycles) < 10
    client.transport.full_at = None
    client.protocol.resume_writing()
    client.loop.turn()
    assert len(client.server.cycles) == 100


def test_the_version_and_the_fields_say_whether_the_connection_goes_on() -> None:
    end = b"content-type: text/plain\r\n%b\r\nHello"
    tests = (
        (b"HTTP/1.1", b"", b"", False),
        (b"HTTP/1.1", b"Connection: keep-alive\r\n", b"", False),
        (b"HTTP/1.1", b"Connection: x, Close\r\n", b"connection: close\r\n", True),
        (b"HTTP/1.0", b"", b"connection: close\r\n", True),
        (b"HTTP/1.0", b"Connection: Keep-Alive\r\n", b"connection: keep-alive\r\n", False),
        (b"HTTP/1.0", b"Connection: keep-alive, close\r\n", b"connection: close\r\n", True),
    )
    for version, field, said, ends in tests:
        client = Connection()
        client.send(b"GET / %b\r\nHost: a\r\n%b\r\n" % (version, field) + GET)
        received = client.receive()
        assert received.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n" + end % said)
        assert client.ended() is ends
        assert len(client.server.cycles) == (1 if ends else 2)


def test_the_date_is_added_unless_the_application_gives_one() -> None:
    client = Connection().send(GET)
    assert client.transport.data.count(b"\r\ndate: ") == 1
    client = client_with(lambda cycle: cycle.exchange.respond(200, [(b"Date", b"then")], b""))
    client.send(GET)
    assert client.transport.data.count(b"date: ") == 1
    assert b"\r\ndate: then\r\n" in client.transport.data


def streamed(trailers: Any = None, headers: Any = ()) -> Any:
    def answer(cycle: Recorder) -> None:
        cycle.exchange.start(200, headers)
        cycle.exchange.write(b"ab")
        cycle.exchange.write(b"")
        cycle.exchange.write(memoryview(b"c" * 16))
        cycle.exchange.finish(trailers)

    return answer


def test_a_body_of_unknown_length_comes_in_chunks() -> None:
    client = client_with(streamed([(b"X-T", b"z")])).send(GET + GET)
    assert client.receive() == 2 * (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n10\r\ncccccccccccccccc\r\n0\r\nx-t: z\r\n\r\n"
    )
    assert not client.ended()


def test_in_1_0_it_ends_with_the_connection() -> None:
    client = client_with(streamed([(b"x-t", b"z")]))
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert client.receive() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab" + b"c" * 16
    assert client.ended()


def test_a_length_that_is_given_is_kept() -> None:
    client = client_with(streamed(headers=[(b"content-length", b"18")])).send(GET)
    assert client.receive() == b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\nab" + b"c" * 16
    assert not client.ended()


def test_more_than_the_given_length_is_not_sent() -> None:
    def answer(cycle: Recorder) -> None:
        exchange = cycle.exchange
        with pytest.raises(ValueError, match="content-length"):
            exchange.respond(200, [(b"content-length", b"3")], b"four")
        exchange.start(200, [(b"content-length", b"3")])
        exchange.write(b"ab")
        with pytest.raises(ValueError, match="1 octets more"):
            exchange.write(b"cd")
        exchange.write(b"c")
        exchange.finish()

    client = client_with(answer).send(GET)
    assert client.receive() == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"


def test_less_than_the_given_length_closes_the_connection(caplog: Any) -> None:
    client = client_with(streamed(headers=[(b"content-length", b"19")]))
    with caplog.at_level(logging.ERROR):
        client.send(GET + GET)
    assert client.ended()
    assert client.cycle.heard == ["begin", ("closed", 2)]
    assert len(client.server.cycles) == 1
    assert "1 octets less" in caplog.text


def test_responses_without_a_body_have_none() -> None:
    cases: list[tuple[bytes, int, list[tuple[bytes, bytes]], bytes]] = [
        (b"HEAD", 200, [], b"content-length: 5\r\n"),
        (b"HEAD", 200, [(b"content-length", b"7")], b"content-length: 7\r\n"),
        (b"GET", 204, [(b"content-length", b"5")], b""),
        (b"GET", 205, [], b"content-length: 0\r\n"),
        (b"GET", 304, [(b"content-length", b"7")], b"content-length: 7\r\n"),
        (b"GET", 304, [], b""),
    ]
    for method, status, fields, length in cases:

        def whole(cycle: Recorder, status: int = status, fields: Any = fields) -> None:
            cycle.exchange.respond(status, fields, b"Hello")

        def pieces(cycle: Recorder, status: int = status, fields: Any = fields) -> None:
            cycle.exchange.start(status, fields)
            assert cycle.exchange.write(b"Hello")
            cycle.exchange.finish([(b"x", b"y")])

        for answer in (whole, pieces):
            client = client_with(answer)
            client.send(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method)
            head, _, rest = client.receive().partition(b"\r\n\r\n")
            assert rest == b""
            if answer is whole or fields or status == 205:
                assert (head + b"\r\n").partition(b"\r\n")[2] == length
            client.server.answer = hello
            client.send(GET)
            assert client.receive() == OK


def test_what_may_not_be_sent_raises_and_nothing_of_it_is_sent() -> None:
    def answer(cycle: Recorder) -> None:
        exchange = cycle.exchange
        bad = (b"a\r\nb: c", b"a\r\n", b"a\x01 ")
        for headers in ([(b"x y", b"a")], *([(b"x", value)] for value in bad)):
            with pytest.raises(InvalidFieldError):
                exchange.respond(200, headers, b"")
        with pytest.raises(InvalidFieldError):
            exchange.start(200, [(b"content-length", b"1"), (b"content-length", b"1")])
        for status in (99, 100, 199, 1000):
            with pytest.raises(ValueError, match="status"):
                exchange.respond(status, [], b"")
        for status in (99, 101, 200):
            with pytest.raises(ValueError, match="status"):
                exchange.inform(status, [])
        with pytest.raises(ValueError, match="switch"):
            exchange.start(101, [])
        with pytest.raises(UsageError):
            exchange.write(b"x")
        with pytest.raises(UsageError):
            exchange.finish()
        assert exchange.status == 0
        exchange.start(200, [])
        with pytest.raises(UsageError):
            exchange.start(200, [])
        with pytest.raises(UsageError):
            exchange.inform(103, [])
        with pytest.raises(InvalidFieldError):
            exchange.finish([(b"content-length", b"1")])
        exchange.finish()
        with pytest.raises(UsageError):
            exchange.write(b"x")

    client = client_with(answer).send(GET)
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    assert client.receive() == chunked
    assert client.cycle.heard == ["begin", ("closed", 0)]


def test_what_an_application_says_of_the_connection_is_left_out() -> None:
    fields = [(b"Connection", b"keep-alive"), (b"transfer-encoding", b"chunked"), (b"x", b"y")]
    client = client_with(lambda cycle: cycle.exchange.respond(200, fields, b"")).send(GET)
    assert client.receive() == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: y\r\n\r\n"
    assert not client.ended()
    fields = [(b"Connection", b"close")]
    client = client_with(lambda cycle: cycle.exchange.respond(200, fields, b"")).send(GET)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()


def test_space_around_a_value_is_taken_off() -> None:
    client = client_with(lambda cycle: cycle.exchange.respond(200, [(b"X", b" a b; \t")], b""))
    assert b"\r\nx: a b;\r\n" in client.send(GET).receive()


def test_an_interim_response_has_no_content_length() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET)
    with pytest.raises(InvalidFieldError):
        client.cycle.exchange.inform(103, [(b"Content-Length", b"5")])
    hello(client.cycle)
    assert client.receive().startswith(b"HTTP/1.1 200")


def test_of_many_requests_at_once_some_wait_for_the_next_turn() -> None:
    client = Connection()
    client.protocol.data_received(GET * 100)
    answered = len(client.server.cycles)
    assert 10 < answered < 50
    client.loop.turn()
    assert len(client.server.cycles) == 100
    assert client.receive().count(b"HTTP/1.1 200 OK") == 100


@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_is_logged_by_whoever_has_it_first(
    secure: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    Connection(secure=secure)
    assert ("connection_made" in caplog.text) == secure


def test_interim_responses_come_first() -> None:
    def answer(cycle: Recorder) -> None:
        cycle.exchange.inform(103, [(b"link", b"</a>")])
        hello(cycle)

    client = client_with(answer)
    client.send(GET)
    assert client.receive() == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.receive().startswith(b"HTTP/1.1 200 OK\r\n")


# --- bodies and backpressure ----------------------------------------------------------------------


def test_a_client_that_expects_100_gets_it_once_when_the_cycle_wants_the_body() -> None:
    expect = b"Expect: 100-continue\r\n"
    client = Connection().send(post(5, more=expect))
    assert client.receive() == b""
    client.cycle.exchange.inform(100, [])
    client.cycle.exchange.inform(100, [])
    assert client.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"12345")
    assert client.receive() == OK
    assert not client.ended()
    # nobody waits for it here
    for sent in (post(5), post(0, more=expect), post(5, b"1", more=expect)):
        client = client_with(lambda cycle: None).send(sent)
        client.cycle.exchange.inform(100, [])
        assert client.receive() == b""


def test_an_answer_in_place_of_100_closes_the_connection() -> None:
    client = Connection().send(post(5, more=b"Expect: 100-continue\r\n"))
    hello(client.cycle)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()


def test_the_client_sends_only_what_the_application_takes() -> None:
    client = client_with(hello, initial_window_size=20_000)
    client.send(post(200_000))
    client.cycle.takes = False
    sent = 0
    while client.reads():
        client.send(bytes(10_000))
        sent += 10_000
    assert len(client.cycle.body) == 20_000
    assert sent < 100_000
    client.cycle.takes = True
    client.cycle.exchange.consumed(20_000)
    client.loop.turn()
    assert len(client.cycle.body) == sent
    assert client.reads()
    client.send(bytes(200_000 - sent))
    assert client.receive() == OK


def test_the_same_for_chunks() -> None:
    client = client_with(hello, initial_window_size=20_000)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.cycle.takes = False
    client.send(b"2710\r\n" + bytes(10_000) + b"\r\n")
    client.send((b"2710\r\n" + bytes(10_000) + b"\r\n") * 5 + b"0\r\n\r\n")
    assert len(client.cycle.body) <= 20_000
    assert not client.reads() or len(client.protocol.unheard) < 65_536
    client.cycle.takes = True
    client.cycle.exchange.consumed(20_000)
    assert client.receive() == OK
    assert len(client.cycle.body) == 60_000


def test_a_body_that_nobody_wants_is_thrown_away_if_it_is_small() -> None:
    client = client_with(None).send(post(50_000, b"x" * 10))
    hello(client.cycle)
    assert client.receive() == OK
    heard = list(client.cycle.heard)
    client.send(bytes(49_990) + GET)
    assert client.server.cycles[0].heard == heard == ["begin", ("closed", 0)]
    assert len(client.server.cycles) == 2
    assert not client.ended()


def test_a_large_one_closes_the_connection() -> None:
    client = client_with(None).send(post(500_000, b"x" * 10))
    hello(client.cycle)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()
    # that chunks are many is not known before
    client = client_with(None)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    hello(client.cycle)
    assert client.receive() == OK
    for _ in range(10):
        client.send(b"2000\r\n" + bytes(8192) + b"\r\n")
    assert client.ended()
    assert client.receive() == b""


def test_a_client_that_does_not_read_makes_the_application_wait() -> None:
    client = client_with(None).send(GET)
    exchange = client.cycle.exchange
    exchange.start(200, [])
    client.transport.full_at = 100_000
    assert exchange.write(bytes(90_000))
    client.loop.turn()
    assert exchange.write(bytes(20_000))
    client.loop.turn()
    assert not exchange.write(b"kept")
    assert client.cycle.heard == ["begin"]
    client.transport.full_at = None
    client.protocol.resume_writing()
    assert client.cycle.heard == ["begin", "writable"]
    exchange.finish()
    client.loop.turn()
    assert client.transport.data.endswith(b"4\r\nkept\r\n0\r\n\r\n")


def test_a_large_piece_is_followed_by_writable() -> None:
    client = client_with(None).send(GET)
    client.cycle.exchange.start(200, [])
    assert not client.cycle.exchange.write(bytes(200_000))
    client.loop.turn()
    assert client.cycle.heard == ["begin", "writable"]


def test_a_file_goes_out_as_the_client_takes_it() -> None:
    for headers in ([(b"content-length", b"1000000")], []):
        file = io.BytesIO(bytes(1_000_000) + b"more")
        client = client_with(None).send(GET)
        exchange = client.cycle.exchange
        exchange.start(200, headers)
        client.transport.full_at = 150_000
        exchange.write_file(file, 1_000_000)
        client.loop.turn()
        assert file.tell() < 400_000
        with pytest.raises(UsageError):
            exchange.write(b"x")
        client.transport.full_at = None
        client.protocol.resume_writing()
        client.loop.turn()
        assert file.closed
        assert client.cycle.heard == ["begin", "writable"]
        exchange.finish([(b"x", b"y")])
        client.loop.turn()
        body = client.transport.data.partition(b"\r\n\r\n")[2]
        if headers:
            assert body == bytes(1_000_000)
        else:
            assert body.endswith(b"\r\n0\r\nx: y\r\n\r\n")
            assert body.count(b"\0") == 1_000_000
        assert client.cycle.heard[-1] == ("closed", 0)


def test_the_end_may_be_told_while_a_file_is_being_sent() -> None:
    def answer(cycle: Recorder) -> None:
        cycle.exchange.start(200, [])
        cycle.exchange.write_file(io.BytesIO(b"abc"))
        cycle.exchange.finish()

    client = client_with(answer).send(GET + GET)
    one = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert client.receive() == one * 2
    assert client.cycle.heard == ["begin", ("closed", 0)]


def test_a_file_that_is_too_short_closes_the_connection() -> None:
    client = client_with(None).send(GET)
    client.cycle.exchange.start(200, [(b"content-length", b"10")])
    client.cycle.exchange.write_file(io.BytesIO(b"abc"))
    client.cycle.exchange.finish()
    client.loop.turn()
    assert client.ended()
    assert client.cycle.heard == ["begin", ("closed", 2)]


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["open", "begin", "data", "end"])
def test_a_cycle_that_raises_gets_500(where: str, caplog: Any) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("oh dear")

    server = FakeServer()
    if where == "open":
        server.make = fail
    else:
        opened = server.open

        def make(exchange: Any) -> Any:
            server.make = None
            cycle = opened(exchange)
            setattr(cycle, where, fail)
            return cycle

        server.make = make
    client = Connection(server).send(post(1, b"x"))
    assert client.status() == 500
    assert caplog.text.count("RuntimeError: oh dear") == 1
    if where != "open":
        assert client.cycle.heard[-1] == ("closed", 0)
    server.make = None
    client.send(GET)
    assert client.receive() == OK


def test_one_that_raises_after_the_head_is_cut_off() -> None:
    def answer(cycle: Recorder) -> None:
        cycle.exchange.start(200, [])
        cycle.exchange.write(b"abc")
        raise RuntimeError("oh dear")

    client = client_with(answer).send(GET + GET)
    assert client.receive().endswith(b"\r\n\r\n3\r\nabc\r\n")
    assert client.ended()
    assert client.cycle.heard == ["begin", ("closed", 2)]
    assert len(client.server.cycles) == 1
    # where the end of the connection is the end of the body, only a reset tells
    client = client_with(answer).send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.transport.aborted


@pytest.mark.parametrize("when", ["before the end", "after the end"])
def test_a_client_that_ends_its_side_gets_its_answers(when: str) -> None:
    client = client_with(hello if when == "before the end" else None)
    client.send(GET + GET)
    open_still = client.protocol.eof_received()
    assert open_still == (when == "after the end")
    if open_still:
        hello(client.cycle)
        client.loop.turn()
        hello(client.cycle)
    answers = client.receive()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert (b"connection: close" in answers.rpartition(b"HTTP/1.1")[2]) == open_still
    assert client.ended()
    assert len(client.server.cycles) == 2


def test_what_a_client_sent_before_it_ended_its_side_is_still_heard() -> None:
    client = client_with(None, initial_window_size=20_000)
    client.send(post(30_000))
    client.cycle.takes = False
    client.send(bytes(30_000))
    assert client.protocol.eof_received() is True
    client.cycle.exchange.consumed(20_000)
    client.loop.turn()
    assert client.cycle.heard == ["begin", ("end", [])]
    assert len(client.cycle.body) == 30_000


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        (b"", None),
        (GET[:-2], None),
        (GET + b"GE", ["begin", ("closed", 0)]),
        (post(3, b"ab"), ["begin", ("closed", 8)]),
        (CHUNKED + b"3\r\nab", ["begin", ("closed", 8)]),
    ],
)
def test_a_client_that_ends_within_a_request_has_gone(sent: bytes, heard: Any) -> None:
    client = client_with(hello if sent.startswith(GET) else None).send(sent)
    assert client.protocol.eof_received() is False
    assert client.ended()
    assert [cycle.heard for cycle in client.server.cycles] == ([] if heard is None else [heard])


def test_over_tls_a_client_that_ends_has_gone() -> None:
    client = Connection(secure=True)
    client.server.answer = None
    assert client.send(GET).protocol.eof_received() is False


def test_a_client_that_goes_away_is_told_to_the_cycle_once() -> None:
    client = client_with(None).send(GET)
    client.protocol.connection_lost(None)
    assert client.cycle.heard == ["begin", ("closed", 8)]
    exchange = client.cycle.exchange
    assert exchange.closed
    exchange.respond(200, [], b"")
    exchange.start(200, [])
    assert exchange.write(b"")
    exchange.finish()
    exchange.inform(103, [])
    exchange.consumed(5)
    exchange.abort()
    file = io.BytesIO()
    exchange.write_file(file)
    assert file.closed
    assert client.receive() == b""
    assert client.server.connections == set()
    assert client.server.totals.requests == 1
    assert client.server.totals.octets_received == len(GET)


def test_the_observer_is_told_of_each_exchange_and_the_proxies_before_it() -> None:
    told: list[Any] = []

    class Observer:
        def ended(self, exchange: Any, code: int) -> None:
            began = exchange.began > 0
            told.append((exchange.path, exchange.status, exchange.octets_out, began, code))

    class Proxies:
        def apply(self, exchange: Any) -> None:
            exchange.scheme = b"https"

    server = FakeServer()
    server.observer = Observer()
    server.proxies = Proxies()
    Connection(server).send(GET)
    assert told == [(b"/", 200, 5, True, 0)]
    assert server.cycles[0].exchange.scheme == b"https"


# --- tunnels --------------------------------------------------------------------------------------

WEBSOCKET = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"


def test_a_tunnel_takes_octets_both_ways() -> None:
    client = client_with(None)
    client.send(WEBSOCKET + b"early")
    cycle = client.cycle
    assert cycle.exchange.protocol == b"websocket"
    assert not cycle.exchange.complete
    assert cycle.body == b""
    cycle.exchange.start(101, [(b"x", b"y"), (b"upgrade", b"websocket")])
    cycle.exchange.write(b"hello")
    assert client.receive() == (
        b"HTTP/1.1 101 Switching Protocols\r\nx: y\r\n"
        b"upgrade: websocket\r\nconnection: upgrade\r\n\r\nhello"
    )
    assert cycle.body == b"early"
    client.send(GET)
    assert cycle.body == b"early" + GET
    cycle.exchange.write(b"bye")
    cycle.exchange.finish()
    assert client.receive() == b"bye"
    assert client.ended()
    assert cycle.heard == ["begin", ("closed", 0)]


def test_the_clients_side_of_a_tunnel_may_end_first() -> None:
    client = client_with(None).send(WEBSOCKET)
    client.cycle.exchange.start(101, [])
    client.loop.turn()
    client.cycle.answer = lambda cycle: cycle.exchange.finish()
    client.protocol.eof_received()
    assert client.cycle.heard == ["begin", ("end", []), ("closed", 0)]
    assert client.ended()


def test_what_stands_before_the_end_of_a_tunnel_is_heard_before_it() -> None:
    client = client_with(None, initial_window_size=20_000).send(WEBSOCKET)
    cycle = client.cycle
    cycle.takes = False
    cycle.exchange.start(101, [])
    client.send(bytes(30_000))
    assert client.protocol.eof_received() is True
    assert cycle.heard == ["begin"]
    cycle.exchange.consumed(20_000)
    client.loop.turn()
    assert len(cycle.body) == 30_000
    assert cycle.heard == ["begin", ("end", [])]
    assert not client.ended()


def test_a_tunnel_is_read_only_as_fast_as_the_application_takes_it() -> None:
    client = client_with(None, initial_window_size=20_000).send(WEBSOCKET)
    client.cycle.takes = False
    client.cycle.exchange.start(101, [])
    client.send(bytes(30_000))
    assert len(client.cycle.body) == 20_000
    assert not client.reads()
    client.cycle.exchange.consumed(20_000)
    client.loop.turn()
    assert len(client.cycle.body) == 30_000
    assert client.reads()


def test_an_upgrade_that_is_refused_leaves_the_connection_as_it_was() -> None:
    client = client_with(lambda cycle: None).send(WEBSOCKET)
    client.cycle.exchange.respond(403, [], b"")
    assert client.status() == 403
    client.server.answer = hello
    client.send(GET)
    assert client.receive() == OK


def test_what_is_no_upgrade_to_a_websocket_is_none() -> None:
    for sent in (
        WEBSOCKET.replace(b"HTTP/1.1", b"HTTP/1.0"),
        WEBSOCKET.replace(b"GET", b"PUT"),
        WEBSOCKET.replace(b"Connection: Upgrade", b"Connection: x"),
        WEBSOCKET.replace(b"WebSocket", b"other"),
        WEBSOCKET.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx"),
    ):
        assert Connection().send(sent).cycle.exchange.protocol is None


H2C = (
    b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nAccept: */*\r\nTE: trailers\r\n\r\n"
)


def test_h2c_is_taken_where_it_is_wanted() -> None:
    server = FakeServer()
    server.h2c_upgrade = True
    client = Connection(server).send(H2C + b"PRI * ")
    assert client.receive() == (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    )
    assert server.upgraded is not None
    transport, peer, fields, settings, rest, more = server.upgraded
    assert transport is client.transport
    assert peer.client == ("192.0.2.1", 50_000)
    assert fields == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", b"/x"),
        (b"accept", b"*/*"),
        (b"te", b"trailers"),
    ]
    assert (settings, rest, more) == (b"AAMAAABkAAQAAP__", b"PRI * ", {"end_stream": True})
    assert server.connections == set()


def test_h2c_is_ignored_otherwise() -> None:
    tests = (
        (H2C, False, False),
        (H2C, True, True),
        (H2C.replace(b", HTTP2-Settings", b""), True, False),
        (H2C.replace(b"AAMA", b"A!MA"), True, False),
        (H2C.replace(b"Accept", b"HTTP2-Settings"), True, False),
        (H2C.replace(b"Accept: */*", b"Content-Length: 0\r\nContent-Type: x"), False, False),
    )
    for sent, wanted, secure in tests:
        server = FakeServer()
        server.h2c_upgrade = wanted
        client = Connection(server, secure=secure).send(sent)
        assert client.receive() == OK
