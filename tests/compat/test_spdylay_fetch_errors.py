"""`urlfetch` with servers that refuse, break the protocol, fall silent or leave; and with handlers
that raise.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from typing import Any

import pytest

from plait.compat.spdylay import (
    CANCEL,
    INTERNAL_ERROR,
    OK,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    UrlFetchError,
    urlfetch,
)
from plait.http2 import DATA_EOF, DATA_OK
from tests.support.certs import TLSFiles

from .spdylay_fetching import FIN, OK_HEAD, PATIENCE, Connected, by_hand, fetch, noting
from .spdylay_peer import every_version, since_3

SHORT = 0.1  # seconds: a timeout that is waited for


def fetch_by_hand(script: Any, count: int = 1, handler: Any = None, **options: Any) -> list[Any]:
    """Fetches `count` URLs from a server made by hand."""
    version = options.setdefault("version", 4)
    with by_hand(script, version) as origin:
        return fetch([f"{origin}/{number}" for number in range(count)], handler, **options)


def statuses(done: list[Any]) -> list[int]:
    return [made.status for made in done]


# --- servers that leave -------------------------------------------------------------------------


def test_a_server_that_closes_at_once():
    (done,) = fetch_by_hand(lambda peer: None)
    assert done.status == INTERNAL_ERROR
    assert done.why in ("the server closed the connection", "the connection was lost")


def test_a_server_that_closes_within_an_answer():
    def script(peer: Connected) -> None:
        peer.requests(3)
        peer.answer(1)
        peer.send(peer.syn_reply(3, OK_HEAD), peer.data(3, b"not all"))

    done = fetch_by_hand(script, 3)
    assert statuses(done) == [OK, INTERNAL_ERROR, INTERNAL_ERROR]
    assert [made.data for made in done] == [b"fine", b"not all", b""]
    assert [made.why for made in done[1:]] == ["the server closed the connection"] * 2


def test_a_connection_that_is_reset():
    def script(peer: Connected) -> None:
        peer.requests(1)
        # closing sends RST instead of FIN
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    (done,) = fetch_by_hand(script)
    assert (done.status, done.why) == (INTERNAL_ERROR, "the connection was lost")
    assert isinstance(done.errors[0].__cause__, ConnectionResetError)


def test_what_a_leaving_server_said_is_read_even_if_it_takes_no_more():
    """A refused upload: the answer is there, and what is still sent meets a closed socket."""

    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.answer(1, b"no, thanks")
        peer.send(peer.rst_stream(1, CANCEL))

    body = lambda most: (bytes(most), 0)  # noqa: E731 - an endless one
    handler = noting(request_method="PUT", request_body=staticmethod(body))
    (done,) = fetch_by_hand(script, handler=handler, version=2)
    assert done.nv == [OK_HEAD]
    assert done.data == b"no, thanks"
    assert (done.status, done.why) == (CANCEL, "the server reset the stream: CANCEL")


def test_a_server_that_closes_tls_without_a_word(tls_files: TLSFiles):
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.answer(1)
        peer.requests(0)
        peer.until("GOAWAY")

    server = by_hand(script, tls=tls_files.server_context("spdy/3.1"))
    with server as origin:
        (done,) = fetch(origin, context=tls_files.client_context())
    assert done.status == OK


def test_a_handshake_that_is_cut_short(tls_files: TLSFiles):
    handler = noting()
    with by_hand(lambda peer: peer.socket.recv(1)) as origin:
        url = origin.replace("http:", "https:")
        with pytest.raises(UrlFetchError, match=r"^TLS handshake with .* failed$") as told:
            fetch(url, handler, context=tls_files.client_context())
    assert isinstance(told.value.__cause__, OSError)
    assert statuses(handler.made) == [INTERNAL_ERROR]


def test_a_server_that_insists_on_another_protocol(tls_files: TLSFiles):
    """The alert that RFC 7301 §3.2 asks for, from a server that is nothing else."""

    def script() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x78")  # fatal, no_application_protocol
            connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=script)
        thread.start()
        with pytest.raises(UrlFetchError, match=r"^NPN failed$") as told:
            fetch(
                f"https://localhost:{listener.getsockname()[1]}/",
                context=tls_files.client_context(),
            )
        thread.join()
    assert isinstance(told.value.__cause__, ssl.SSLError)


# --- servers that refuse ------------------------------------------------------------------------


@every_version
def test_goaway_ends_what_the_server_has_not_seen(version):
    def script(peer: Connected) -> None:
        peer.requests(3)
        peer.send(peer.goaway(1))
        peer.answer(1)
        peer.until_end()

    done = fetch_by_hand(script, 3, version=version)
    assert statuses(done) == [OK, REFUSED_STREAM, REFUSED_STREAM]
    assert done[0].data == b"fine"
    assert [made.why for made in done[1:]] == ["the server takes no more requests (GOAWAY)"] * 2


def test_goaway_ends_what_has_not_been_sent():
    def script(peer: Connected) -> None:
        peer.requests(100)
        peer.send(peer.goaway(1))
        peer.answer(1)
        peer.until_end()

    done = fetch_by_hand(script, 103)
    assert statuses(done) == [OK] + [REFUSED_STREAM] * 102
    assert [made.stream_id for made in done[99:]] == [199, None, None, None]


def test_goaway_stops_an_upload():
    seen = []

    def script(peer: Connected) -> None:
        peer.until("DATA")
        peer.send(peer.goaway(0))
        seen.extend(peer.until_end())

    waiting = noting(request_method="PUT", request_body=staticmethod(lambda most: (bytes(most), 0)))
    (done,) = fetch_by_hand(script, handler=waiting)
    assert done.status == REFUSED_STREAM
    assert ("RST_STREAM", 1, CANCEL) in seen


@every_version
def test_a_refused_stream_leaves_the_others_alone(version):
    def script(peer: Connected) -> None:
        peer.requests(3)
        peer.send(peer.rst_stream(3, REFUSED_STREAM), peer.rst_stream(1, 77))
        peer.answer(5)
        peer.until_end()

    done = fetch_by_hand(script, 3, version=version)
    assert statuses(done) == [77, REFUSED_STREAM, OK]
    assert done[0].why == "the server reset the stream: status 77"
    assert done[1].why == "the server reset the stream: REFUSED_STREAM"


@every_version
def test_a_limit_of_streams_is_kept(version):
    """100 before the server tells its own, and then that."""

    def nothing_more(peer: Connected, number: int) -> None:
        peer.send(peer.ping(number))
        assert [frame[0] for frame in peer.until("PING")] == ["PING"]

    def script(peer: Connected) -> None:
        early = [frame[1] for frame in peer.requests(100)]
        nothing_more(peer, 2)
        peer.answer(1)
        assert peer.requests(1)[0][1] == 201
        peer.send(peer.settings((4, 0, 3), (4, 0, 50)))
        for number in [*early[1:], 201][:-3]:
            peer.answer(number)
        nothing_more(peer, 4)
        for number in range(203, 221, 2):
            peer.answer(number - 6)
            assert peer.requests(1)[0][1] == number
        nothing_more(peer, 6)
        for number in (215, 217, 219):
            peer.answer(number)

    assert statuses(fetch_by_hand(script, 110, version=version)) == [OK] * 110


# --- servers that break the protocol ------------------------------------------------------------


@since_3
def test_a_second_reply(version):
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.send(peer.syn_reply(1, OK_HEAD), peer.syn_reply(1, OK_HEAD))
        peer.answer(3)
        peer.until_end()

    done = fetch_by_hand(script, 2, version=version)
    assert [made.status for made in done] == [8, OK]
    assert done[0].why == "the server broke the protocol: SynReply, STREAM_IN_USE"


def test_headers_that_break_the_rules():
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.syn_reply(1, [("Upper", "case")]))
        peer.until_end()

    (done,) = fetch_by_hand(script)
    assert (done.status, done.nv) == (PROTOCOL_ERROR, [])
    assert done.why == "the server broke the protocol: SynReply, PROTOCOL_ERROR"


@every_version
def test_a_frame_that_is_none(version):
    seen = []

    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.answer(1)
        peer.send(peer.control(6, b"PING!"))
        seen.extend(peer.until_end())

    done = fetch_by_hand(script, 2, version=version)
    assert statuses(done) == [OK, INTERNAL_ERROR]
    assert done[1].why == "the server sent octets that are no frame of type 6: -506"
    assert seen[-1][0] == "GOAWAY"


def test_data_before_an_answer():
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.data(1, b"what?"))
        peer.until_end()

    (done,) = fetch_by_hand(script)
    assert (done.status, done.data) == (INTERNAL_ERROR, b"")
    assert done.why == "the server broke the protocol"


def test_headers_that_are_not_text():
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.answer(1)
        peer.send(peer.syn_reply(3, [(b"name", b"\xff")]))
        peer.until_end()

    done = fetch_by_hand(script, 2)
    assert statuses(done) == [OK, INTERNAL_ERROR]
    assert done[1].why == "the server sent headers that are not UTF-8"
    assert isinstance(done[1].errors[0].__cause__, UnicodeDecodeError)


def test_a_fault_is_told_even_if_the_server_is_gone():
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.send(peer.syn_reply(1, OK_HEAD), peer.window_update(0, 2**31 - 1))

    done = fetch_by_hand(script, 2)
    assert statuses(done) == [INTERNAL_ERROR] * 2
    fault = "the server broke the protocol: WindowUpdate, PROTOCOL_ERROR"
    assert [made.why for made in done] == [fault] * 2


def test_a_fault_on_one_stream_is_not_held_against_the_others():
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.send(peer.syn_reply(1, [("Upper", "case")]))
        peer.until("RST_STREAM")

    done = fetch_by_hand(script, 2)
    assert statuses(done) == [PROTOCOL_ERROR, INTERNAL_ERROR]
    assert done[0].why == "the server broke the protocol: SynReply, PROTOCOL_ERROR"
    assert done[1].why == "the server closed the connection"


def test_a_reset_without_a_reason_is_no_success():
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.syn_reply(1, OK_HEAD), peer.data(1, b"half"), peer.rst_stream(1, OK))
        peer.until_end()

    (done,) = fetch_by_hand(script)
    assert (done.status, done.why) == (
        PROTOCOL_ERROR,
        "the server reset the stream: PROTOCOL_ERROR",
    )


def test_another_protocol_altogether():
    def script(peer: Connected) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    (done,) = fetch_by_hand(script)
    assert (done.status, len(done.errors)) == (INTERNAL_ERROR, 1)


@every_version
def test_pushes_are_cancelled_and_nobody_hears_of_them(version):
    seen = []

    def script(peer: Connected) -> None:
        peer.requests(1)
        pushed = [*OK_HEAD, (":path", "/pushed"), (":scheme", "http"), (":host", "x")]
        for number in (2, 4):
            peer.send(peer.syn_stream(number, pushed, 2, 1), peer.data(number, bytes(5000)))
        peer.send(peer.data(4, b"end", FIN))
        peer.answer(1)
        seen.extend(peer.until_end())

    (done,) = fetch_by_hand(script, version=version)
    assert (done.status, done.nv, done.data) == (OK, [OK_HEAD], b"fine")
    resets = [frame for frame in seen if frame[0] == "RST_STREAM"]
    assert resets == [("RST_STREAM", 2, CANCEL), ("RST_STREAM", 4, CANCEL)]


# --- silence ------------------------------------------------------------------------------------


def test_a_server_that_falls_silent():
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.answer(1)
        peer.until_end()

    done = fetch_by_hand(script, 2, timeout=SHORT)
    assert statuses(done) == [OK, INTERNAL_ERROR]
    assert done[1].why == "timed out"
    assert isinstance(done[1].errors[0].__cause__, TimeoutError)
    assert str(done[1].errors[0].__cause__) == "nothing happened for 0.1 s"


def test_a_handshake_that_gets_no_answer(tls_files: TLSFiles):
    handler = noting()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}/"
        with pytest.raises(UrlFetchError, match=r"^TLS handshake with .* failed$") as told:
            fetch(url, handler, context=tls_files.client_context(), timeout=SHORT)
    assert isinstance(told.value.__cause__, TimeoutError)
    assert statuses(handler.made) == [INTERNAL_ERROR]


def test_an_address_that_does_not_answer():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            # nobody accepts: what is beyond the backlog is left to wait
            for connection in waiting:
                connection.setblocking(False)
                connection.connect_ex(address)
            with pytest.raises(UrlFetchError, match=r"^Could not connect to ") as told:
                fetch(f"http://127.0.0.1:{address[1]}/", version=4, timeout=SHORT)
            assert isinstance(told.value.__cause__, TimeoutError)
        finally:
            for connection in waiting:
                connection.close()


def test_every_octet_starts_the_clock_anew():
    seen = threading.Semaphore(0)
    deadlines: list[float] = []

    def on_data(self: Any, data: bytes) -> None:
        deadlines.append(self.fetcher.deadline)
        seen.release()

    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.syn_reply(1, OK_HEAD))
        for flags in (0, 0, FIN):
            peer.send(peer.data(1, b".", flags))
            assert seen.acquire(timeout=PATIENCE)

    (done,) = fetch_by_hand(script, handler=noting(on_data=on_data))
    assert done.status == OK
    assert len(deadlines) == 3
    assert deadlines == sorted(set(deadlines))


def test_octets_that_leave_start_the_clock_anew_as_well():
    deadlines: list[float] = []

    class Upload(noting()):
        request_method = "PUT"

        def __init__(self, url: str, fetcher: Any) -> None:
            super().__init__(url, fetcher)
            self.request_body = self.read

        def read(self, most: int) -> tuple[bytes, int]:
            deadlines.append(self.fetcher.deadline)
            return bytes(most), DATA_EOF if len(deadlines) == 100 else DATA_OK

    def script(peer: Connected) -> None:
        while peer.until("DATA")[-1][2] != FIN:
            pass
        peer.answer(1)

    # SPDY/2 has no windows: the server says nothing before the end
    (done,) = fetch_by_hand(script, handler=Upload, version=2)
    assert done.status == OK
    assert deadlines == sorted(deadlines)
    assert len(set(deadlines)) > 2


def test_no_timeout_at_all():
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.answer(1)

    (done,) = fetch_by_hand(script, timeout=None)
    assert done.status == OK


# --- handlers that raise ------------------------------------------------------------------------


class Trouble(Exception):
    pass


def raising(method: str, error: BaseException) -> Any:
    """A class of handlers, of which the one for `/1` raises in a method."""

    def call(self: Any, argument: Any) -> None:
        getattr(super(handler, self), method)(argument)
        if self.url.endswith("/1"):
            raise error

    handler = type("Raising", (noting(),), {method: call})
    return handler


@pytest.mark.parametrize("method", ["on_header", "on_data", "on_close"])
@pytest.mark.parametrize(
    "error", [Trouble(), KeyboardInterrupt(), UnicodeDecodeError("a", b"", 0, 0, "")]
)
def test_what_a_handler_raises_comes_out_when_all_is_over(method, error):
    ended = threading.Event()

    def script(peer: Connected) -> None:
        peer.requests(3)
        peer.answer(3)
        peer.until_end()
        ended.set()

    handler = raising(method, error)
    with by_hand(script) as origin:
        with pytest.raises(type(error)) as told:
            urlfetch([f"{origin}/{n}" for n in range(3)], handler, version=4, timeout=PATIENCE)
        assert ended.wait(PATIENCE), "the connection is still open"
    assert told.value is error
    first, second, third = handler.made
    assert statuses([first, third]) == [INTERNAL_ERROR] * 2
    assert [made.why for made in (first, third)] == ["given up"] * 2
    assert first.errors[0].__cause__ is error
    assert second.status == OK
    assert second.data == b"fine"


def test_other_connections_are_closed_as_well():
    quiet, ended = threading.Event(), threading.Event()

    def silent(peer: Connected) -> None:
        peer.requests(1)
        quiet.set()
        peer.until_end()
        ended.set()

    def answering(peer: Connected) -> None:
        peer.requests(1)
        assert quiet.wait(PATIENCE)
        peer.answer(1)
        peer.until_end()

    handler = raising("on_data", Trouble())
    with by_hand(silent) as one, by_hand(answering) as two:
        with pytest.raises(Trouble):
            urlfetch([f"{one}/0", f"{two}/1"], handler, version=4, timeout=PATIENCE)
        assert ended.wait(PATIENCE), "the other connection is still open"
    assert [made.status is not None for made in handler.made] == [True, True]
    assert handler.made[0].why == "given up"


def test_what_on_error_raises_comes_out():
    handler = raising("on_error", Trouble())

    def script(peer: Connected) -> None:
        peer.requests(2)

    with by_hand(script) as origin, pytest.raises(Trouble):
        urlfetch([f"{origin}/0", f"{origin}/1"], handler, version=4, timeout=PATIENCE)
    assert statuses(handler.made) == [INTERNAL_ERROR] * 2


def test_a_handler_that_raises_where_nothing_is_connected():
    handler = raising("on_close", Trouble())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Trouble):
            urlfetch(f"http://127.0.0.1:{port}/1", handler, version=4)
    assert statuses(handler.made) == [INTERNAL_ERROR]


def test_a_body_that_cannot_be_read():
    def fail(most: int) -> Any:
        raise Trouble

    handler = noting(request_method="PUT", request_body=staticmethod(fail))
    with by_hand(lambda peer: peer.until_end()) as origin, pytest.raises(Trouble):
        fetch(origin, handler, version=4)
    assert statuses(handler.made) == [INTERNAL_ERROR]


def test_headers_that_fit_into_no_frame():
    """The second request is too large; the others are not kept by it."""

    class Large(noting()):
        def __init__(self, url: str, fetcher: Any) -> None:
            super().__init__(url, fetcher)
            if url.endswith("/1"):
                self.request_headers = [("x", "y" * 2**24)]

    def script(peer: Connected) -> None:
        first, third = peer.requests(2)
        assert dict(third[5])[b":path"] == b"/2"
        peer.answer(first[1])
        peer.answer(third[1])

    done = fetch_by_hand(script, 3, Large)
    assert statuses(done) == [OK, INTERNAL_ERROR, OK]
    assert done[1].why == "the request cannot be sent (error -522)"


def test_a_class_that_cannot_be_made():
    made = []

    def make(url: str, fetcher: Any) -> Any:
        made.append(url)
        raise Trouble

    with pytest.raises(Trouble):
        urlfetch(["https://127.0.0.1:1/", "https://127.0.0.1:2/"], make)
    assert made == ["https://127.0.0.1:1/"]
