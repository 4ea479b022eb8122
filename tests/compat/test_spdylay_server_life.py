"""`ThreadedSPDYServer` from its constructor to its end."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from plait.compat import spdylay
from plait.compat.spdylay import ThreadedSPDYServer
from plait.compat.spdylay.channel import Channel, StopSignal
from plait.spdy import Config
from plait.spdy import frames as spdy
from tests.support.certs import TLSFiles
from tests.support.process import Background

from .spdylay_peers import (
    PATIENCE,
    Client,
    connected,
    echo,
    handling,
    logged,
    ok,
    port_of,
    serving,
    threads_of,
)

GOAWAY = bytes.fromhex("80030007")  # how such a frame begins
LARGE = bytes(range(256)) * 2048


class Gate:
    """A `do_` method that waits until it is let go."""

    def __init__(self) -> None:
        self.entered: Queue[None] = Queue()
        self.leave: Queue[None] = Queue()

    def __get__(self, handler: Any, kind: Any) -> Any:
        def do() -> None:
            self.entered.put(None)
            self.leave.get(timeout=PATIENCE)
            handler.send_response(200)
            handler.wfile.write(b"let go")

        return do

    def wait_entered(self) -> None:
        self.entered.get(timeout=PATIENCE)

    def open(self) -> None:
        self.leave.put(None)


@contextlib.contextmanager
def background(function: Any, *arguments: Any) -> Iterator[threading.Thread]:
    """Runs a function beside the block, and waits for it afterwards."""
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def goaways(client: Client) -> list[tuple[int, int]]:
    return [(f.last_good_stream_id, f.status) for f in client.received(spdy.Goaway)]


# --- construction -------------------------------------------------------------------------------


def test_construction_binds_and_the_address_is_told() -> None:
    with ThreadedSPDYServer(("127.0.0.1", 0), handling()) as server:
        host, port = server.server_address
        assert host == "127.0.0.1"
        assert port > 0
        assert server.ctx is None
        assert server.version == spdylay.PROTO_SPDY3_1
        assert server.allow_reuse_address
        with pytest.raises(OSError, match="in use"):
            ThreadedSPDYServer(("127.0.0.1", port), handling())


def test_who_is_gone_before_being_accepted_is_no_error(
    caplog: pytest.LogCaptureFixture, tls_files: TLSFiles
) -> None:
    caplog.set_level(logging.WARNING, "spdylay")
    handler = handling(do_GET=ok())
    server = ThreadedSPDYServer(("127.0.0.1", 0), handler, tls_files.cert, tls_files.key)
    with server:
        with socket.create_connection(server.server_address[:2]) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.start()
        with Client(port_of(server), tls=tls_files.client_context("spdy/3.1")) as client:
            assert client.get().status == "200 OK"
    assert caplog.records == []


def test_a_handler_may_close_the_server() -> None:
    """What the server waits with is closed with its last connection."""
    handler = handling(do_GET=lambda self: self.server.server_close())
    server = ThreadedSPDYServer(("127.0.0.1", 0), handler)
    server.start()
    with Client(port_of(server)) as client:
        assert client.get().status == "200 OK"
        client.until_end()
    for thread in threading.enumerate():
        if thread.name.startswith("spdylay-connection"):
            thread.join(PATIENCE)
    assert server.stop_signal.fileno() == -1
    server.server_close()


def test_arguments_that_do_not_fit(tls_files: TLSFiles, tmp_path: Path) -> None:
    address, handler = ("127.0.0.1", 0), handling()
    with pytest.raises(spdylay.UnsupportedVersionError):
        ThreadedSPDYServer(address, handler, version=5)
    with pytest.raises(ValueError, match="no cert_file"):
        ThreadedSPDYServer(address, handler, None, tls_files.key)
    with pytest.raises(ValueError, match="go into ssl_context"):
        ThreadedSPDYServer(address, handler, tls_files.cert, ssl_context=tls_files.server_context())
    with pytest.raises(FileNotFoundError):
        ThreadedSPDYServer(address, handler, tmp_path / "missing.pem")


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_an_ipv6_address() -> None:
    with ThreadedSPDYServer(("::1", 0), handling()) as server:
        assert server.server_address[0] == "::1"
        assert server.socket.family == socket.AF_INET6


def test_it_can_be_served_with_handle_request() -> None:
    """The other ways of socketserver work too."""
    with (
        ThreadedSPDYServer(("127.0.0.1", 0), handling(do_GET=ok())) as server,
        Client(port_of(server)) as client,
    ):
        server.handle_request()
        assert client.get().body == b"fine"


# --- the end ------------------------------------------------------------------------------------


def test_shutdown_lets_open_streams_finish() -> None:
    gate = Gate()
    handler = handling(do_GET=gate, do_PUT=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        # one is being answered, one is not complete, one is on its way
        partial = client.connection.send_syn_stream([(b":method", b"PUT")])
        first = client.request()
        gate.wait_entered()
        with background(server.shutdown) as ending:
            gate.open()
            client.until(lambda: goaways(client))
            assert goaways(client) == [(first, spdylay.GOAWAY_OK)]
            assert client.answer(first).body == b"let go"
            assert ending.is_alive()
            client.connection.send_data(partial, LARGE)
            assert client.answer(partial).body == LARGE
            client.until_end()
            client.socket.close()
        assert server.connections == 0
        # the port is still bound; whoever serves again finds it as it was
        server.start()
        with Client(port_of(server)) as client:
            assert client.get("/", "PUT", b"again").body == b"again"


def test_requests_after_goaway_are_not_taken() -> None:
    handler = handling(do_PUT=echo)
    with serving(handler) as server, Client(port_of(server)) as client:
        taken = client.connection.send_syn_stream([(b":method", b"PUT")])
        client.connection.ping()
        client.flush()
        client.until(lambda: client.received(spdy.Ping))  # it has the stream now
        with background(server.shutdown):
            held = b""
            while GOAWAY not in held:
                held += client.socket.recv(65536)
            # the client has not looked at it yet
            late = client.request("/", "PUT", b"too late")
            client.take(client.connection.receive_data(held))
            client.connection.send_data(taken, b"in time")
            assert client.answer(taken).body == b"in time"
            client.until_end()
            client.socket.close()
        assert client.answers[late].fields == []
    assert list(handler.log.queue) == [("close", taken, spdylay.OK)]


def test_shutdown_cuts_off_what_does_not_finish() -> None:
    handler = handling(do_GET=ok(LARGE))
    with (
        serving(handler) as server,
        Client(port_of(server), config=Config(manual_credit=True)) as client,
    ):
        stream_id = client.request()
        client.until(lambda: len(client.answers[stream_id].data) == 65_536)
        server.shutdown(0.05)
        client.until_end()
        assert goaways(client) == [(1, spdylay.GOAWAY_OK)]
    assert logged(handler, "close") == ("close", 1, spdylay.INTERNAL_ERROR)


def test_shutdown_under_load() -> None:
    """Whatever was begun is finished, or was never taken: nothing is half done."""
    handler = handling(do_PUT=echo)
    with serving(handler) as server:
        clients = [Client(port_of(server)) for _ in range(4)]
        sent = [
            (client, client.request("/", "PUT", LARGE[:100_000]))
            for client in clients
            for _ in range(10)
        ]
        with background(server.shutdown):
            for client in clients:
                client.until_end()
                client.socket.close()
        assert server.connections == 0
    for client, stream_id in sent:
        answer = client.answers[stream_id]
        ((last, status),) = goaways(client)
        assert status == spdylay.GOAWAY_OK
        if stream_id <= last:
            assert answer.body == LARGE[:100_000]
            assert answer.closed == spdylay.OK
        else:
            assert answer.fields == []
            assert answer.closed in (None, spdylay.REFUSED_STREAM)


def test_who_waits_to_be_accepted_learns_of_the_end() -> None:
    class Slow(ThreadedSPDYServer):
        def verify_request(self, request: Any, client_address: Any) -> bool:
            while not self.stop_signal.is_set():
                time.sleep(0.001)
            return True

    with (
        serving(handling(do_GET=ok()), server=Slow) as server,
        Client(port_of(server)) as first,
        Client(port_of(server)) as second,
        background(server.shutdown),
    ):
        for client in (first, second):
            client.request()
            client.until_end()
            assert goaways(client) == [(0, spdylay.GOAWAY_OK)]
            client.socket.close()


def test_a_handler_that_does_not_return_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    monkeypatch.setattr(sys.modules[ThreadedSPDYServer.__module__], "_GRACE", 0.0)
    with serving(handling(do_GET=gate)) as server, Client(port_of(server)) as client:
        client.request()
        gate.wait_entered()
        server.shutdown(0.05)
        assert server.connections == 1
        assert "1 connections have handlers that do not return" in caplog.messages
        gate.open()
        client.until_end()


def test_a_handler_may_end_the_server() -> None:
    def do_get(self: Any) -> None:
        self.server.shutdown()
        self.wfile.write(b"the last one")

    with serving(handling(do_GET=do_get)) as server, Client(port_of(server)) as client:
        assert client.get().body == b"the last one"
        client.until_end()
        assert goaways(client) == [(1, spdylay.GOAWAY_OK)]


def test_ends_are_harmless_when_repeated() -> None:
    server = ThreadedSPDYServer(("127.0.0.1", 0), handling(do_GET=ok()))
    server.shutdown()  # nobody serves
    server.start()
    with Client(port_of(server)) as client:
        client.get()
    server.shutdown()
    server.shutdown()
    server.server_close()
    server.server_close()
    server.shutdown()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE)


def test_server_close_stops_listening_before_open_streams_finish() -> None:
    gate = Gate()
    server = ThreadedSPDYServer(("127.0.0.1", 0), handling(do_GET=gate))
    server.start()
    with Client(port_of(server)) as client:
        stream_id = client.request()
        gate.wait_entered()
        with background(server.server_close, PATIENCE):
            while server.socket.fileno() >= 0:
                time.sleep(0.001)
            with pytest.raises(ConnectionRefusedError):
                connected(server)
            gate.open()
            assert client.answer(stream_id).body == b"let go"
            client.socket.close()


def test_server_close_alone_ends_everything() -> None:
    server = ThreadedSPDYServer(("127.0.0.1", 0), handling(do_GET=ok()))
    server.start()
    with Client(port_of(server)) as client:
        client.get()
        with background(server.server_close):
            client.until_end()
            client.socket.close()
        assert goaways(client) == [(1, spdylay.GOAWAY_OK)]


def test_shutdown_right_after_start() -> None:
    with ThreadedSPDYServer(("127.0.0.1", 0), handling()) as server:
        server.start()
        server.shutdown()
        assert threads_of(server) == {}


def test_daemon_threads() -> None:
    gate = Gate()
    with ThreadedSPDYServer(("127.0.0.1", 0), handling(do_GET=gate)) as server:
        server.start(daemon=True)
        with Client(port_of(server)) as client:
            client.request()
            gate.wait_entered()
            names = threads_of(server)
            gate.open()
    assert names == {"spdylay-server": True, "spdylay-connection": True}


PROGRAM = """
import signal, sys
from plait.compat import spdylay

class Handler(spdylay.BaseSPDYRequestHandler):
    def do_GET(self):
        self.wfile.write(b"fine")

server = spdylay.ThreadedSPDYServer(("127.0.0.1", 0), Handler)
if sys.argv[1] == "handler":
    signal.signal(signal.SIGTERM, lambda *_: server.shutdown())
print("port", server.server_address[1], flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("interrupted")
server.server_close()
print("ended")
"""


@pytest.mark.parametrize(
    ("how", "number", "said"),
    [("handler", signal.SIGTERM, "ended"), ("except", signal.SIGINT, "interrupted\nended")],
)
def test_signals(how: str, number: signal.Signals, said: str) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, how]
    with Background(command) as program:
        port = int(program.wait_for(r"^port (\d+)$")[1])
        with Client(port) as client:
            assert client.get().body == b"fine"
            program.process.send_signal(number)
            client.until_end()
            assert goaways(client) == [(1, spdylay.GOAWAY_OK)]
        assert program.process.wait(PATIENCE) == 0
        assert program.stop(number) == 0
    assert program.output.partition("\n")[2] == said


# --- accepting ----------------------------------------------------------------------------------


def test_more_connections_than_allowed_are_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "spdylay")
    with serving(handling(do_GET=ok()), attributes={"max_connections": 1}) as server:
        with Client(port_of(server)) as first:
            first.get()
            with Client(port_of(server)) as second:
                second.until_end()
            assert first.get().body == b"fine"
            assert re.search(r"turned away, there are 1 connections", caplog.text)
        while server.connections:  # until the first one's thread is over
            time.sleep(0.001)
        with Client(port_of(server)) as third:
            assert third.get().body == b"fine"


def test_a_lack_of_descriptors_is_borne(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lack = [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "gone")]
    accept = socket.socket.accept

    def failing(self: socket.socket) -> Any:
        if lack:
            raise lack.pop(0)
        return accept(self)

    monkeypatch.setattr(sys.modules[ThreadedSPDYServer.__module__], "_PAUSE", 0.0)
    monkeypatch.setattr(socket.socket, "accept", failing)
    with serving(handling(do_GET=ok())) as server, Client(port_of(server)) as client:
        assert client.get().body == b"fine"
    assert "cannot accept a connection: [Errno 24] Too many open files" in caplog.messages


def test_a_thread_that_cannot_be_started_costs_its_connection_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tls_files: TLSFiles
) -> None:
    class Unstartable(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with serving(handling(do_GET=ok()), tls_files.cert, tls_files.key) as server:
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Thread", Unstartable)
            with connected(server) as turned_away:
                assert turned_away.recv(1) == b""
        assert server.connections == 0
        with Client(port_of(server), tls=tls_files.client_context("spdy/3.1")) as client:
            assert client.get().body == b"fine"
    assert "can't start new thread" in caplog.text


def test_connections_can_be_refused_by_their_address() -> None:
    class Choosy(ThreadedSPDYServer):
        def verify_request(self, request: Any, client_address: Any) -> bool:
            return False

    with serving(handling(), server=Choosy) as server, Client(port_of(server)) as client:
        client.until_end()


# --- the parts by themselves --------------------------------------------------------------------


def test_a_signal_wakes_everybody_until_it_is_cleared() -> None:
    stop = StopSignal()
    ours, peers = socket.socketpair()
    with ours, peers, contextlib.closing(stop):
        channels = [Channel(ours, stop) for _ in range(2)]
        stop.set(5.0)
        stop.set(7.0)
        assert stop.deadline == 5.0
        for channel in channels:
            assert channel.wait(PATIENCE, reading=True, writing=False)
            assert not channel.wait(0, reading=True, writing=False)  # it is told once
            channel.close()
        stop.clear()
        stop.clear()
        assert (stop.is_set(), stop.deadline) == (False, float("inf"))
        channel = Channel(ours, stop)
        assert not channel.wait(0, reading=True, writing=False)
        channel.close()
