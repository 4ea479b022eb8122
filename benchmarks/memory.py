"""Suite `memory`: what an idle connection and an open stream weigh in the server process.

The figure is the process's anonymous memory (heap), after as many connections have been opened
before as make the allocator's one-time costs disappear. The transport's own share is taken from
a server with a protocol of one line on the same kind of event loop.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.contest import documents
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.servers import Server, bare_transport, nghttpd, plait_app
from benchmarks.traffic import ACK, SETTINGS, Client, client_preface, frames
from benchmarks.workers import Missing, installed_name

SECTION = "Server, memory"

_WARM = 100


def _read_until(link: socket.socket, done: Callable[[bytes], bool]) -> bytes:
    """Receive until `done` says so of all that came."""
    data = b""
    while not done(data):
        more = link.recv(65536)
        if not more:
            raise ConnectionError("the server closed the connection")
        data += more
    return data


def settings_acknowledged(data: bytes) -> bool:
    """Whether the server's SETTINGS ACK is in `data`."""
    return any(kind == SETTINGS and flags & ACK for kind, flags, _, _ in frames(data))


def opened(server: Server) -> socket.socket:
    """A connection after the exchange of SETTINGS in both directions."""
    link = server.connect()
    link.sendall(client_preface())
    _read_until(link, settings_acknowledged)
    return link


def with_streams(server: Server, streams: int, client: Client | None = None) -> socket.socket:
    """A connection with requests that wait for the rest of their bodies."""
    link = opened(server)
    client = client or Client()
    link.sendall(b"".join([client.request(end_stream=False) for _ in range(streams)]))
    # the answer to a PING says that what came before it has been read
    link.sendall(b"\0\0\x08\x06\0\0\0\0\0" + bytes(8))
    _read_until(link, lambda data: any(frame[0] == 6 for frame in frames(data)))
    return link


def _kib_each(server: Server, count: int, make: Callable[[Server], socket.socket]) -> float:
    """KiB of memory that each of `count` further connections adds."""
    with ExitStack() as links:
        for _ in range(_WARM):
            links.enter_context(make(server))
        before = server.anonymous_kib()
        for _ in range(count):
            links.enter_context(make(server))
        return (server.anonymous_kib() - before) / count


def allow_files(count: int) -> None:
    """Raise the limit of open files, which the servers inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def memory(report: Report, options: Options) -> None:
    """KiB a connection beyond the transport's own, and KiB a stream."""
    connections = options.scaled(1000)
    allow_files(connections + _WARM + 200)
    mine = installed_name()
    try:
        with bare_transport() as server:
            bare = _kib_each(server, connections, opened)
        with plait_app("sink") as server:
            whole = _kib_each(server, connections, opened)
        report.add(
            SECTION,
            Row(
                work=f"idle connection, of {connections:,}, beyond the transport's own",
                subject=mine,
                value=whole - bare,
                unit="KiB",
                peer="the transport's own",
                peer_value=bare,
                goal=15,
                goal_on_value=True,
            ),
        )
        _streams(report, options, mine, whole)
        _peer(report, connections)
    except Missing as missing:
        report.skip("memory", str(missing))


def _streams(report: Report, options: Options, mine: str, idle: float) -> None:
    """A hundred connections with a hundred open requests each."""
    connections, streams = options.scaled(100, 10), 100
    with plait_app("sink") as server:
        each = _kib_each(server, connections, lambda server: with_streams(server, streams))
    report.add(
        SECTION,
        Row(
            work=f"open stream, of {connections} × {streams}",
            subject=mine,
            value=(each - idle) / streams,
            unit="KiB",
        ),
    )


def _peer(report: Report, connections: int) -> None:
    """nghttpd's, for orientation: its transport's share included."""
    with documents() as docs:
        with nghttpd(docs) as server:
            whole = _kib_each(server, connections, opened)
        with nghttpd(docs) as server:
            streams = _kib_each(server, 100, lambda server: with_streams(server, 100))
    report.add(SECTION, Row(f"idle connection, of {connections:,}, whole", "nghttpd", whole, "KiB"))
    report.add(SECTION, Row("open stream, of 100 × 100", "nghttpd", (streams - whole) / 100, "KiB"))
