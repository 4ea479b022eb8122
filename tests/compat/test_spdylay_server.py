"""What handlers of `ThreadedSPDYServer` see, and what of their answers goes over the wire."""

from __future__ import annotations

import io
import re
import socket
import sys
from queue import Queue
from typing import Any

import pytest

from plait.compat import spdylay
from plait.spdy import frames as spdy

from .spdylay_peers import Client, echo, handling, ok, port_of, serving

VERSIONS = [spdylay.PROTO_SPDY2, spdylay.PROTO_SPDY3, spdylay.PROTO_SPDY3_1]


def noting(*names: str) -> tuple[Any, Queue[Any]]:
    """A `do_` method that notes attributes, and where it notes them."""
    notes: Queue[Any] = Queue()

    def do(self: Any) -> None:
        notes.put([getattr(self, name) for name in names])
        self.send_response(200)

    return do, notes


# --- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_and_its_answer(version: int) -> None:
    do, notes = noting("command", "path", "request_version", "headers", "rfile", "spdy_version")
    handler = handling(do_GET=do)
    with serving(handler, version=version) as server, Client(port_of(server), version) as client:
        answer = client.get("/a?b=c", "GET", None, ("Accept", "x"), (":odd", "y"), ("a", "1"))
    command, path, request_version, headers, rfile, spoken = notes.get_nowait()
    assert (command, path, request_version) == ("GET", "/a?b=c", "HTTP/1.1")
    assert sorted(headers) == [(":odd", "y"), ("a", "1"), ("accept", "x")]
    assert rfile is None
    assert spoken == version
    head = answer.head
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", head.pop("date"))
    python = sys.version.split()[0]
    assert head == {
        ":status": "200 OK",
        ":version": "HTTP/1.1",
        "server": f"Python-spdylay Python/{python}",
    }
    # DATA always follows: here a bare FIN
    assert (answer.body, answer.frames, answer.closed) == (b"", 1, spdylay.OK)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_settings(version: int) -> None:
    with (
        serving(handling(), version=version) as server,
        Client(port_of(server), version) as client,
    ):
        client.until(lambda: client.frames)
    (settings,) = client.frames
    assert isinstance(settings, spdy.Settings)
    # SPDY/2 knows no windows, and gets one of which there is no end
    endless = [(7, 0, 2**31 - 1)] if version == 2 else []
    assert settings.entries == [(4, 0, 100), *endless]
    assert settings.flags == 0


def test_one_handler_serves_a_connection_and_its_attributes_are_replaced() -> None:
    notes: Queue[Any] = Queue()

    def do(self: Any) -> None:
        notes.put((self, self.stream, self.wfile, self.rfile, self.session))
        self.send_response(200)

    with serving(handling(do_POST=do)) as server, Client(port_of(server)) as client:
        client.get("/1", "POST", b"one")
        client.get("/2", "POST", b"")
        peer = client.socket.getsockname()
    first, second = notes.get_nowait(), notes.get_nowait()
    assert first[0] is second[0]
    assert first[1:4] != second[1:4]
    assert second[3] is None  # no octet of a body came
    assert first[4] is second[4] is first[0].session
    assert isinstance(first[4], spdylay.Session)
    assert first[0].client_address == peer
    assert first[0].server is server
    assert isinstance(first[0].request, socket.socket)


def test_the_stream_tells_more() -> None:
    notes: Queue[Any] = Queue()
    closed: Queue[Any] = Queue()
    do = ok(b"12345")

    def do_get(self: Any) -> None:
        notes.put((self.stream, self.stream.status))
        do(self)

    handler = handling(do_GET=do_get, on_stream_close=lambda self, s, code: closed.put((s, code)))
    with serving(handler) as server, Client(port_of(server)) as client:
        client.answer(client.request("/path", priority=3))
    stream, status_before = notes.get_nowait()
    assert status_before is None
    assert closed.get_nowait() == (stream, spdylay.OK)
    assert (stream.stream_id, stream.priority, stream.method) == (1, 3, "GET")
    assert (stream.path, stream.scheme, stream.host) == ("/path", "https", "localhost")
    assert (stream.version, stream.headers) == ("HTTP/1.1", [])
    assert (stream.status, stream.sent, stream.is_closed) == ("200 OK", 5, True)
    assert repr(stream) == "<stream 1: GET /path>"


def test_rfile_stands_at_its_beginning() -> None:
    do, notes = noting("rfile")
    with serving(handling(do_POST=do)) as server, Client(port_of(server)) as client:
        client.get("/", "POST", b"the body")
    (rfile,) = notes.get_nowait()
    assert type(rfile) is io.BytesIO
    assert (rfile.tell(), rfile.getvalue()) == (0, b"the body")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "odd-case"])
def test_any_method_may_have_a_body(method: str) -> None:
    handler = handling(**{"do_" + method: echo})
    with serving(handler) as server, Client(port_of(server)) as client:
        assert client.get("/", method, b"content").body == b"content"


def test_headers_frames_are_appended() -> None:
    do, notes = noting("headers", "path")
    with serving(handling(do_POST=do)) as server, Client(port_of(server)) as client:
        engine = client.connection
        stream_id = engine.send_syn_stream([(b":method", b"POST"), (b":path", b"/"), (b"a", b"1")])
        engine.send_headers(stream_id, [(b"b", b"2"), (b":path", b"/other")])
        engine.send_headers(stream_id, [(b"a", b"3")], end_stream=True)
        assert client.answer(stream_id).status == "200 OK"
    assert notes.get_nowait() == [[("a", "1"), ("b", "2"), ("a", "3")], "/"]


def test_without_version_and_path_they_are_none() -> None:
    do, notes = noting("path", "request_version")
    with serving(handling(do_GET=do)) as server, Client(port_of(server)) as client:
        client.answer(client.send_request([(":method", "GET")]))
    assert notes.get_nowait() == [None, None]


def test_a_request_without_a_method_is_bad() -> None:
    with serving(handling()) as server, Client(port_of(server)) as client:
        answer = client.answer(client.send_request([(":path", "/")]))
        assert answer.status == "400 Bad Request"
        # and so is one that has two of something there can only be one of
        twice = [(":method", "GET"), (":path", "/"), (":path", "/other")]
        assert client.answer(client.send_request(twice)).status == "400 Bad Request"


@pytest.mark.parametrize("method", ["PUT", "get", "HEAD"])
def test_methods_that_there_are_not(method: str) -> None:
    with serving(handling(do_GET=ok())) as server, Client(port_of(server)) as client:
        answer = client.get("/", method)
    assert answer.status == f"501 Unsupported method ({method})"
    assert (b"<p>Server does not support this operation</p>" in answer.body) == (method != "HEAD")


def test_the_response_to_head_has_no_body() -> None:
    def do_head(self: Any) -> None:
        self.send_response(200)
        self.send_header("content-length", "7")
        self.wfile.write(b"content")

    with serving(handling(do_HEAD=do_head)) as server, Client(port_of(server)) as client:
        answer = client.get("/", "HEAD")
    assert (answer.head["content-length"], answer.body) == ("7", b"")
    assert answer.closed == spdylay.OK


# --- responses ----------------------------------------------------------------------------------


def test_a_page_for_an_error() -> None:
    handler = handling(do_GET=lambda self: self.send_error(404))
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get()
        page = (
            '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
            "<html><head>\n"
            "<title>404 Not Found</title>\n"
            "</head><body>\n"
            "<h1>Not Found</h1>\n"
            "<p>Nothing matches the given URI</p>\n"
            "<hr>\n"
            f"<address>Python-spdylay at {socket.getfqdn()} Port {port_of(server)}</address>\n"
            "</body></html>\n"
        )
    assert answer.body.decode() == page
    head = answer.head
    del head["date"]
    assert head == {
        ":status": "404 Not Found",
        ":version": "HTTP/1.1",
        "content-length": str(len(page)),
        "content-type": "text/html; charset=UTF-8",
        "server": f"Python-spdylay Python/{sys.version.split()[0]}",
    }


def test_pages_are_escaped_and_of_ones_own_making() -> None:
    def do_get(self: Any) -> None:
        self.send_error("404", "<ä & b>")

    members = {
        "server_version": "<Own>",
        "sys_version": "1",
        "error_content_type": "text/plain",
        "error_message_format": "{code}|{reason}|{explain}|{server}|{port}",
        "responses": {404: ("Gone", "It is > here")},
    }
    with (
        serving(handling(do_GET=do_get, **members)) as server,
        Client(port_of(server)) as client,
    ):
        answer = client.get()
    said = f"404|&lt;ä &amp; b&gt;|It is &gt; here|&lt;Own&gt;|{port_of(server)}"
    assert answer.body.decode() == said
    assert answer.status == "404 <ä & b>"
    assert answer.head["content-type"] == "text/plain"
    assert answer.head["server"] == "<Own> 1"


def test_status_texts() -> None:
    def do_get(self: Any) -> None:
        code = int(self.path[1:])
        if code == 404:
            self.send_response(code, "Own")
        else:
            self.send_response(code)

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        assert client.get("/201").status == "201 Created"
        assert client.get("/299").status == "299 ???"
        assert client.get("/404").status == "404 Own"


def test_an_unknown_error_is_explained_by_question_marks() -> None:
    handler = handling(do_GET=lambda self: self.send_error(599))
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get()
    assert answer.status == "599 ???"
    assert b"<p>???</p>" in answer.body


def test_headers_are_normalised_and_equal_ones_kept() -> None:
    def do_get(self: Any) -> None:
        self.send_response(200)
        self.send_header("Zebra", "z")
        self.send_header("Server", "own")
        self.send_header("apple", "a")

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        fields = client.get().fields
    assert [name for name, _ in fields] == [
        *(b":status", b":version", b"apple", b"date", b"server", b"server", b"zebra")
    ]
    assert (b"server", b"own") in fields


def test_without_send_response_it_is_200() -> None:
    handler = handling(do_GET=lambda self: self.wfile.write(b"said"))
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get()
    assert (answer.status, answer.body) == ("200 OK", b"said")


def test_the_last_status_counts_and_an_error_replaces_what_was_begun() -> None:
    def do_get(self: Any) -> None:
        self.send_header("x-before", "stays")
        self.send_response(200)
        self.send_response(202)
        if self.path == "/error":
            self.send_header("content-type", "image/png")
            self.wfile.write(b"half of it")
            self.send_error(404)

    def do_put(self: Any) -> None:
        self.send_header("www-authenticate", "Basic")
        self.send_error(401)

    handler = handling(do_GET=do_get, do_PUT=do_put)
    with serving(handler) as server, Client(port_of(server)) as client:
        answer = client.get("/")
        assert (answer.status, answer.head["x-before"]) == ("202 Accepted", "stays")
        error = client.get("/error")
        assert error.status == "404 Not Found"
        assert error.head["content-type"] == "text/html; charset=UTF-8"
        assert error.body.startswith(b"<!DOCTYPE")
        assert client.get("/", "PUT").head["www-authenticate"] == "Basic"


def test_nothing_is_sent_before_the_method_returns() -> None:
    entered, leave = Queue[None](), Queue[None]()

    def do_get(self: Any) -> None:
        self.send_response(200)
        self.wfile.write(b"x" * 100_000)
        entered.put(None)
        leave.get(timeout=10)

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        stream_id = client.request()
        client.until(lambda: client.frames)
        entered.get(timeout=10)
        client.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        client.socket.settimeout(10)
        leave.put(None)
        assert len(client.answer(stream_id).body) == 100_000


def test_texts_and_dates() -> None:
    handler = spdylay.BaseSPDYRequestHandler
    assert handler.server_version == "Python-spdylay"
    assert handler.sys_version == "Python/" + sys.version.split()[0]
    assert handler.version_string(handler) == f"Python-spdylay {handler.sys_version}"  # type: ignore[arg-type]
    assert handler.date_time_string(handler, 784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"  # type: ignore[arg-type]
    assert handler.weekdayname[0] == "Mon"
    assert handler.monthname[:2] == [None, "Jan"]
    codes = [100, 101, *range(200, 207), *range(300, 306), 307, *range(400, 418)]
    assert sorted(handler.responses) == [*codes, 428, 429, 431, *range(500, 506), 511]
    assert handler.responses[404] == ("Not Found", "Nothing matches the given URI")
    assert handler.responses[413] == ("Request Entity Too Large", "Entity is too large.")


# --- many at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_many_streams_of_many_connections(version: int) -> None:
    handler = handling(do_POST=echo)
    with serving(handler, version=version) as server:
        clients = [Client(port_of(server), version) for _ in range(3)]
        sent = {
            (client, client.request("/", "POST", b"%d" % number * 2000)): b"%d" % number * 2000
            for number in range(40)
            for client in clients
        }
        for (client, stream_id), body in sent.items():
            assert client.answer(stream_id).body == body
        assert server.connections == 3
        for client in clients:
            client.socket.close()


def test_more_streams_than_allowed_are_refused() -> None:
    with (
        serving(handling(do_POST=echo), attributes={"max_concurrent_streams": 2}) as server,
        Client(port_of(server)) as client,
    ):
        # the client sends them all before it learns of the limit
        streams = [client.request("/", "POST", lambda _: (None, 2)) for _ in range(3)]
        assert client.answer(streams[2]).closed == spdylay.REFUSED_STREAM
        client.connection.reset_stream(streams[0])
        client.flush()
        assert client.get("/", "POST", b"again").body == b"again"


def test_a_handler_may_push() -> None:
    def do_get(self: Any) -> None:
        self.send_response(200)
        fields = [(":path", "/style.css"), (":host", "localhost"), (":scheme", "https")]
        self.session.submit_syn_stream(
            spdylay.CTRL_FLAG_UNIDIRECTIONAL | spdylay.CTRL_FLAG_FIN,
            0,
            [*fields, (":status", "200 OK"), (":version", "HTTP/1.1")],
            self.stream.stream_id,
        )

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        client.get()
        client.until(lambda: client.received(spdy.SynStream))
    (pushed,) = client.received(spdy.SynStream)
    assert (pushed.stream_id, pushed.associated_stream_id) == (2, 1)
