"""What two readers of a message may read in two ways is refused, and nothing behind it is heard."""

from __future__ import annotations

import pytest

from .connection import Connection

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

# What is sent, and the status of the answer.
BAD_HEADS = [
    # both lengths, several, and odd ones (RFC 9112 §6.3)
    (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    (POST + b"Content-Length: -3\r\n\r\nabc", 400),
    (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    (POST + b"Content-Length: 3 3\r\n\r\nabc", 400),
    (POST + b"Content-Length: \r\n\r\nabc", 400),
    (POST + b"Content-Length: 9999999999999999999999\r\n\r\nabc", 400),
    # transfer codings other than chunked, once and last
    (POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    (POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: \r\n\r\n", 400),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    # lines
    (GET + b"X: a\r\n b\r\n\r\n", 400),
    (GET + b"X: a\r\n\tb\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    (GET + b"X: a\n\r\n", 400),
    (GET + b"X: a\rb\r\n\r\n", 400),
    (GET + b"X: a\rY: b\r\n\r\n", 400),
    (GET + b"X: a\0b\r\n\r\n", 400),
    (GET + b"X\0: a\r\n\r\n", 400),
    (GET + b"X: a\x01b\r\n\r\n", 400),
    (GET + b"X: a\x7fb\r\n\r\n", 400),
    (GET + b"X : a\r\n\r\n", 400),
    (GET + b" X: a\r\n\r\n", 400),
    (GET + b": a\r\n\r\n", 400),
    (GET + b":path: /b\r\n\r\n", 400),
    (GET + b"X\r\n\r\n", 400),
    (GET + b"X y: a\r\n\r\n", 400),
    (GET + b"X(y): a\r\n\r\n", 400),
    # request lines
    (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /\r\nHost: a\r\n\r\n", 400),
    (b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
    (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
    (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    (b"DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    # Host (RFC 9112 §3.2)
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
    (b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    # the rest
    (POST + b"Expect: magic\r\nContent-Length: 1\r\n\r\n", 417),
]
BAD_CHUNKS = [
    b"0x3\r\nabc\r\n",
    b" 3\r\nabc\r\n",
    b"3 \r\nabc\r\n",
    b"3\t\r\nabc\r\n",
    b"+3\r\nabc\r\n",
    b"-3\r\nabc\r\n",
    b"\r\nabc\r\n",
    b"g\r\nabc\r\n",
    b"3\nabc\r\n",
    b"3\rabc\r\n",
    b"3\r\nabc\n",
    b"3\r\nabcd\r\n",
    b"3\r\nab\r\n0\r\n",
    b"fffffffffffffffff\r\nabc\r\n",
    b"3;\r\nabc\r\n",
    b"3;a\nb\r\nabc\r\n",
    b"3;a=\0\r\nabc\r\n",
    b"3;a\rb\r\nabc\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\n X: a\r\n\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\nX: a\n\r\n",
    b"0\r\nX: a\0\r\n\r\n",
    b"0\r\n:path: /\r\n\r\n",
    b"0\r\nContent-Length: 3\r\n\r\n",
    b"0\r\nHost: b\r\n\r\n",
    b"0\r\nX\r\n\r\n",
    b"ffffffffffffffff\r\nabc\r\n",
    b"3;a=b c\r\nabc\r\n",
    b"3 ;a\r\nabc\r\n",
    b"3\r\r\nabc\r\n",
    b"3\r\nabc\r\r\n",
    b"\xef\xbc\x93\r\nabc\r\n",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"0\r\nConnection: close\r\n\r\n",
    b"0\r\nTE: trailers\r\n\r\n",
]


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize(("sent", "status"), BAD_HEADS, ids=[repr(h[0]) for h in BAD_HEADS])
def test_a_bad_head_is_refused_and_the_connection_closed(
    sent: bytes, status: int, one_by_one: bool
) -> None:
    client = Connection()
    client.send(sent + NEXT, one_by_one=one_by_one)
    assert client.status() == status
    assert client.ended()
    assert client.server.cycles == []
    assert sum((client.protocol.refusals or {}).values()) == 1
    # whatever comes afterwards is not heard
    client.send(NEXT)
    assert client.receive() == b""
    assert client.server.cycles == []


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize("sent", BAD_CHUNKS, ids=repr)
def test_a_bad_chunk_is_refused_and_the_connection_closed(sent: bytes, one_by_one: bool) -> None:
    client = Connection()
    client.send(CHUNKED + sent + NEXT, one_by_one=one_by_one)
    assert client.status() == 400
    assert client.ended()
    assert [c.exchange.path for c in client.server.cycles] == [b"/"]
    assert client.cycle.heard == ["begin", ("closed", 1)]


def test_a_request_behind_a_bad_one_is_not_heard_and_one_before_it_is_answered() -> None:
    client = Connection()
    client.send(GET + b"\r\n" + GET + b"X : a\r\n\r\n" + NEXT)
    answers = client.receive()
    assert answers.count(b"HTTP/1.1 200 OK") == 1
    assert answers.count(b"HTTP/1.1 400 Bad Request") == 1
    assert len(client.server.cycles) == 1


def test_what_the_application_sees_of_a_body_is_the_body_and_no_more() -> None:
    tests = (
        (POST + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (POST + b"Content-Length: 0\r\n\r\n", b""),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (CHUNKED + b"4\r\n\r\n\r\n\r\n6\r\n0\r\n\r\n.\r\n0;x=y\r\n\r\n", b"\r\n\r\n0\r\n\r\n."),
        (CHUNKED + b"0000000003;a=b\r\nabc\r\n00\r\nX: y\r\n\r\n", b"abc"),
        (
            CHUNKED + b"A\r\n0123456789\r\n00f\r\n%b\r\n0\r\n\r\n" % bytes(15),
            b"0123456789" + bytes(15),
        ),
        (CHUNKED + b"00000aB\r\n%b\r\n0000000\r\n\r\n" % bytes(171), bytes(171)),
        # an upgrade that is not wanted does not make its body the next request
        (
            POST + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nGE",
            b"GE",
        ),
        (
            POST
            + b"Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"2\r\nGE\r\n0\r\n\r\n",
            b"GE",
        ),
    )
    for sent, body in tests:
        for one_by_one in (False, True):
            client = Connection()
            client.send(sent * 2 + NEXT, one_by_one=one_by_one)
            bodies = [cycle.body for cycle in client.server.cycles]
            assert bodies == [body, body, b""], sent
            assert client.receive().count(b"HTTP/1.1 200 OK") == 3
            assert not client.ended()
