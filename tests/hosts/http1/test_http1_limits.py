"""How much a client may send, how long it may take, and how a connection in HTTP/1 ends."""

from __future__ import annotations

from typing import Any

import pytest

from plait.http2 import Limits
from plait.server import TimeLimits

from .connection import Connection, FakeServer, hello

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMITS = {"max_header_list_size": 2000, "limits": Limits(max_fields=10, max_cookies=5)}


def head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"GET / HTTP/1.1", b"Host: a", *lines, b"", b""))


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"GET /" + b"x" * 3000, 414, "http1.target"),
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 3000), 414, "http1.target"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 3000, 431, "headers.too_large"),
        (head(b"X: " + b"x" * 3000), 431, "headers.too_large"),
        # 32 octets are added for each field, as in HTTP/2
        (head(*[b"x: " + b"y" * 195] * 9), 431, "headers.too_large"),
        (head(*[b"x: y"] * 11), 431, "headers.too_many"),
        (head(*[b"x: y"] * 20), 431, "headers.too_many"),
        (head(*[b"Cookie: y"] * 6), 431, "headers.too_many"),
        (CHUNKED + b"1;" + b"x" * 3000, 431, "http1.chunk_extension"),
        (CHUNKED + b"1;x=%b\r\na\r\n" % (b"y" * 900) * 3, 431, "http1.chunk_extension"),
        (CHUNKED + b"0\r\n" + b"x" * 3000, 431, "http1.chunk_extension"),
        (CHUNKED + b"0\r\n" + b"x: y\r\n" * 11 + b"\r\n", 431, "headers.too_many"),
        (CHUNKED + b"0\r\n" + (b"x: " + b"y" * 180 + b"\r\n") * 10 + b"\r\n", 431, None),
    ],
)
@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "octets"])
def test_too_much_is_refused(sent: bytes, status: int, slug: str | None, one_by_one: bool) -> None:
    client = Connection(FakeServer(**LIMITS))
    client.send(sent, one_by_one=one_by_one)
    assert client.ended()
    refusals = client.protocol.refusals
    assert refusals is not None
    assert sum(refusals.values()) == 1
    if slug is not None:
        assert list(refusals) == [slug]
        assert client.status() == status


def test_as_much_as_that_is_not() -> None:
    client = Connection(FakeServer(**LIMITS))
    client.send(head(*[b"x: y"] * 9, *[b"Cookie: y"] * 5))
    client.send(head(b"X: " + b"x" * 1900))
    assert client.receive().count(b"HTTP/1.1 200 OK") == 2
    # the limits are of a head, and of chunk extensions beyond the body, not of the connection
    client.send((CHUNKED + b"1;x=%b\r\na\r\n" % (b"y" * 900) * 2 + b"0\r\n\r\n") * 3)
    client.send(CHUNKED + b"3e8;x=%b\r\n%b\r\n" % (b"y" * 900, b"a" * 1000) * 20 + b"0\r\n\r\n")
    assert client.receive().count(b"HTTP/1.1 200 OK") == 4


# --- time -----------------------------------------------------------------------------------------


def passes(client: Connection, seconds: float, **limits: Any) -> None:
    """Let time pass, with a look each second."""
    for _ in range(int(seconds)):
        client.loop.now += 1.0
        client.protocol.look(TimeLimits(**limits), client.loop.now)


def test_a_client_that_says_nothing_is_closed() -> None:
    client = Connection()
    passes(client, 9, preface=10)
    assert not client.ended()
    passes(client, 1, preface=10)
    assert client.ended()
    assert client.receive() == b""
    assert client.protocol.refusals == {"timeout.preface": 1}


def test_a_head_must_come_to_its_end() -> None:
    client = Connection().send(GET)
    client.receive()
    passes(client, 30)
    for octet in b"GET / HTT":
        client.send(bytes((octet,)))
        passes(client, 1, field_section=9)
    assert not client.ended()
    passes(client, 2, field_section=9)
    assert client.status() == 408
    assert client.ended()
    assert client.protocol.refusals == {"timeout.fields": 1}


def test_a_body_must_go_on() -> None:
    server = FakeServer()
    client = Connection(server).send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n")
    for _ in range(5):
        client.send(bytes(5000))
        passes(client, 9, body=10)
    assert not client.ended()
    client.send(b"x")
    passes(client, 11, body=10)
    assert client.status() == 408
    assert client.cycle.heard == ["begin", ("closed", 1)]


def test_a_body_may_wait_for_the_application_and_beside_the_response() -> None:
    server = FakeServer(initial_window_size=20_000)
    for begun in (False, True):
        client = Connection(server)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n")
        client.cycle.takes = begun
        client.send(bytes(30_000))
        if begun:
            client.cycle.exchange.start(200, [])
        passes(client, 100, body=10)
        assert not client.ended()


def test_an_idle_connection_is_closed_without_a_word() -> None:
    client = Connection().send(GET)
    client.receive()
    passes(client, 20, idle=30)
    client.send(GET)
    client.receive()
    passes(client, 29, idle=30)
    assert not client.ended()
    passes(client, 3, idle=30)
    assert client.ended()
    assert client.receive() == b""
    assert client.protocol.refusals == {"timeout.idle": 1}


def test_a_client_that_does_not_read_is_cut_off() -> None:
    client = Connection().send(GET)
    client.transport.full_at = 100
    passes(client, 11, write=10)
    assert client.transport.aborted
    assert client.protocol.refusals == {"timeout.write": 1}


def test_a_client_that_reads_slowly_may_have_asked_ahead() -> None:
    server = FakeServer()
    server.answer = lambda cycle: cycle.exchange.respond(200, [], bytes(200_000))
    client = Connection(server)
    client.transport.full_at = 100
    client.send(GET * 2)
    passes(client, 100, field_section=9, write=None)
    assert not client.ended()
    assert len(server.cycles) == 1
    client.transport.full_at = None
    client.protocol.resume_writing()
    client.loop.turn()
    assert client.receive().count(b"HTTP/1.1 200 OK") == 2
    # and now it is its turn
    client.send(GET[:5])
    passes(client, 11, field_section=9)
    assert client.status() == 408


def test_a_connection_may_last_only_so_long() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET)
    passes(client, 31, connection=30)
    assert client.cycle.heard == ["begin", "leaving"]
    hello(client.cycle)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()
    client = Connection(server).send(GET)
    passes(client, 45, connection=30)
    assert client.ended()
    assert client.cycle.heard == ["begin", "leaving", ("closed", 8)]


# --- the end --------------------------------------------------------------------------------------


def test_at_a_graceful_end_the_last_answer_says_so() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET + GET)
    client.protocol.begin_shutdown()
    assert client.cycle.heard == ["begin", "leaving"]
    hello(client.cycle)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()
    assert len(server.cycles) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_an_idle_connection_may_ask_once_more_and_ends_after_a_moment(before: int) -> None:
    client = Connection().send(GET * before)
    client.receive()
    client.protocol.begin_shutdown()
    assert not client.ended()
    client.send(GET)
    assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()
    client = Connection().send(GET * before)
    client.protocol.begin_shutdown()
    client.protocol.say_goodbye()
    assert client.ended()


@pytest.mark.parametrize("goodbye", ["before the end", "after the end"])
def test_an_answer_that_had_begun_is_followed_by_another(goodbye: str) -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET)
    exchange = client.cycle.exchange
    exchange.start(200, [(b"content-length", b"2")])
    client.protocol.begin_shutdown()
    if goodbye == "before the end":
        client.protocol.say_goodbye()
    exchange.write(b"ok")
    exchange.finish()
    assert b"connection: close" not in client.receive()
    if goodbye == "after the end":
        # it was not told, so it may ask
        assert not client.ended()
        client.send(GET)
        hello(client.cycle)
        assert b"\r\nconnection: close\r\n" in client.receive()
    assert client.ended()


def test_a_connection_made_while_the_server_ends_gets_one_answer() -> None:
    server = FakeServer()
    server.is_closing = True
    client = Connection(server).send(GET + GET)
    assert client.receive().count(b"connection: close") == 1
    assert len(server.cycles) == 1


def test_what_is_not_answered_in_time_is_told_so() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET)
    client.protocol.terminate(0, "")
    assert client.cycle.heard == ["begin", ("closed", 8)]
    assert client.ended()


def test_over_tls_the_end_waits_until_the_client_has_read() -> None:
    client = Connection(secure=True).send(
        GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert not client.transport.ended
    assert client.transport.closed


def test_a_client_that_ended_its_side_has_gone_when_it_gets_nothing_for_a_moment() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(GET)
    exchange = client.cycle.exchange
    exchange.start(200, [])
    client.loop.turn()
    assert client.protocol.eof_received() is True
    for _ in range(5):
        passes(client, 1)
        exchange.write(b"more")
        client.loop.turn()
    assert not client.ended()
    # what the client has yet to read says nothing of it
    client.transport.full_at = 1
    passes(client, 5)
    assert not client.ended()
    client.transport.full_at = None
    passes(client, 2)
    assert client.ended()
    assert client.cycle.heard == ["begin", ("closed", 8)]


def test_a_response_without_a_length_that_is_cut_off_does_not_look_whole() -> None:
    server = FakeServer()
    server.answer = None
    client = Connection(server).send(b"GET / HTTP/1.0\r\n\r\n")
    client.cycle.exchange.start(200, [])
    client.cycle.exchange.write(b"some")
    client.loop.turn()
    client.protocol.terminate(0, "")
    assert client.transport.aborted
