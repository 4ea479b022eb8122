"""Command lines of the hosts that are compared, each at the settings that serve it best.

All have uvloop, no access log, no lifespan where that can be said, and none of the header fields
that can be switched off. Where it depends on the work which settings are best, there are several
command lines, and a trial decides (`benchmarks.contest`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from benchmarks.servers import Server, free_port


@dataclass(frozen=True, slots=True)
class Hosting:
    """What is to be served, and how.

    :ivar app: ``module:name``.
    :ivar interface: ``asgi`` or ``wsgi``.
    :ivar http1: whether HTTP/1.1 is all that is asked for.
    :ivar tls: key and certificate.
    """

    app: str
    interface: str = "asgi"
    http1: bool = False
    workers: int = 1
    tls: tuple[str, str] | None = None


def _server(name: str, module: str, options: list[str], port: int, hosting: Hosting) -> Server:
    command = [sys.executable, "-m", module, *options]
    return Server(name, command, port, everywhere=hosting.workers > 1)


def plait_host(name: str, hosting: Hosting, python: str = sys.executable) -> list[Server]:
    """`plait run`, of the environment that an interpreter belongs to."""
    port = free_port()
    options = ["run", hosting.app, "--interface", hosting.interface]
    options += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    options += ["--workers", str(hosting.workers)]
    if hosting.tls:
        options += ["--keyfile", hosting.tls[0], "--certfile", hosting.tls[1]]
    command = [python, "-m", "plait", *options]
    return [Server(name, command, port, everywhere=hosting.workers > 1)]


def granian(hosting: Hosting) -> list[Server]:
    """Rust (hyper). Which task implementation, or how many threads for WSGI, is best differs."""
    if hosting.interface == "wsgi":
        variants = [["--blocking-threads", "1"], ["--blocking-threads", "8"]]
    else:
        variants = [["--task-impl", "asyncio"], ["--task-impl", "rust"]]
    return [_granian(hosting, variant) for variant in variants]


def _granian(hosting: Hosting, variant: list[str]) -> Server:
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--interface", hosting.interface]
    options += ["--http", "1" if hosting.http1 else "2", "--workers", str(hosting.workers)]
    options += ["--loop", "uvloop", "--runtime-mode", "mt", "--no-ws", "--no-access-log"]
    if hosting.tls:
        options += ["--ssl-keyfile", hosting.tls[0], "--ssl-certificate", hosting.tls[1]]
    return _server("granian", "granian", [*options, *variant, hosting.app], port, hosting)


def h2corn(hosting: Hosting) -> list[Server]:
    """Rust. One thread for its input and output, or two. It has no WSGI."""
    if hosting.interface == "wsgi":
        return []
    return [_h2corn(hosting, threads) for threads in ("1", "2")]


def _h2corn(hosting: Hosting, threads: str) -> Server:
    port = free_port()
    options = [hosting.app, "--bind", f"127.0.0.1:{port}", "--workers", str(hosting.workers)]
    options += ["--loop", "uvloop", "--runtime-threads", threads]
    options += ["--lifespan", "off", "--no-access-log", "--no-date-header"]
    if hosting.tls:
        options += ["--keyfile", hosting.tls[0], "--certfile", hosting.tls[1]]
    return _server("h2corn", "h2corn", options, port, hosting)


def uvicorn(hosting: Hosting) -> list[Server]:
    """Python, its HTTP in Zig (zttp). Its WSGI, on its way out, answers nothing over HTTP/2."""
    if hosting.interface == "wsgi":
        return []
    port = free_port()
    options = [hosting.app, "--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop"]
    options += ["--http", "zttp", "--workers", str(hosting.workers)]
    options += [] if hosting.http1 else ["--http2"]
    options += ["--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    options += ["--no-proxy-headers", "--no-server-header", "--no-date-header"]
    if hosting.tls:
        options += ["--ssl-keyfile", hosting.tls[0], "--ssl-certfile", hosting.tls[1]]
    return [_server("uvicorn, zttp", "uvicorn", options, port, hosting)]


def hypercorn(hosting: Hosting) -> list[Server]:
    """Python, its HTTP/2 the package h2. A single worker is best in the first process."""
    port = free_port()
    prefix = "wsgi:" if hosting.interface == "wsgi" else ""
    options = [prefix + hosting.app, "--bind", f"127.0.0.1:{port}", "--worker-class", "uvloop"]
    options += ["--workers", str(hosting.workers if hosting.workers > 1 else 0)]
    options += ["--log-level", "warning"]
    if hosting.tls:
        options += ["--keyfile", hosting.tls[0], "--certfile", hosting.tls[1]]
    return [_server("hypercorn", "hypercorn", options, port, hosting)]


#: The peers by their names in the table.
RIVALS = {"granian": granian, "h2corn": h2corn, "uvicorn, zttp": uvicorn, "hypercorn": hypercorn}


def contestants(mine: str, hosting: Hosting) -> dict[str, list[Server]]:
    """plait and those of the peers that can serve this."""
    found = {mine: plait_host(mine, hosting)}
    for name, servers in RIVALS.items():
        if variants := servers(hosting):
            found[name] = variants
    return found
