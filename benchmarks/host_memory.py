"""What a server with one worker weighs, idle and with a thousand connections."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.loads import Load, run_load
from benchmarks.memory import allow_files, opened
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.rivals import RIVALS, Hosting, plait_host
from benchmarks.servers import Server
from benchmarks.workers import Missing, installed_name

SECTION = "Hosts: memory"

_HOSTING = Hosting("benchmarks.hosted.asgi:hello")


def host_memory(report: Report, options: Options) -> None:
    """Of plait and of every peer, without goals."""
    connections = options.scaled(1000, 100)
    allow_files(connections + 300)
    mine = installed_name()
    hosts: dict[str, Callable[[Hosting], list[Server]]] = {
        mine: lambda hosting: plait_host(mine, hosting),
        **RIVALS,
    }
    for name, servers in hosts.items():
        try:
            idle, loaded = _weigh(servers(_HOSTING)[0], connections)
        except (Missing, OSError) as missing:
            report.skip(f"hosts, memory, {name}", str(missing))
            continue
        report.add(SECTION, Row("idle, after 1,000 requests", name, idle / 1024, "MiB"))
        report.add(SECTION, Row(f"with {connections:,} connections", name, loaded / 1024, "MiB"))
    report.remark(
        SECTION,
        "Anonymous memory (heap and stacks) of all processes of a server with one worker and the "
        "ASGI hello; the connections have exchanged SETTINGS and are idle.",
    )


def _weigh(server: Server, connections: int) -> tuple[int, int]:
    """KiB idle, and with so many connections."""
    with server, ExitStack() as links:
        run_load(server, Load(1000, path="/hello"))
        idle = server.anonymous_kib()
        for _ in range(connections):
            links.enter_context(opened(server))
        return idle, server.anonymous_kib()
