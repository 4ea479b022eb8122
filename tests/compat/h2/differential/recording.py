"""Records what real programs say to h2: `python -m tests.compat.h2.differential.recording NAME...`

The octets of one connection are written to `recordings/NAME.hex`. Those of a client were said to
a server (`Answering`), those of a server to a client (`Asking`): the same applications run when
they are played back, so each recording fits what it was an answer to.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.support.certs import TLSFiles, make_certificate
from tests.support.chromium import running_chromium
from tests.support.peers import find_tool
from tests.support.process import free_port

from .application import application_for
from .world import REAL, Implementation, World, receive

FOLDER = Path(__file__).parent / "recordings"
PATIENCE = 3.0


def converse(connection: socket.socket, *, client: bool) -> bytes:
    """Talk until the other side has nothing more to say; what it said."""
    world = World(Implementation(REAL), client=client)
    application = application_for(world)
    for step in application.begins():
        world.play(step)
        connection.sendall(world.octets)
    heard = b""
    connection.settimeout(PATIENCE)
    with suppress(TimeoutError, ConnectionError):
        while octets := connection.recv(65_536):
            heard += octets
            outcome = world.play(receive(octets))
            connection.sendall(world.octets)
            for step in application.reacts(outcome):
                world.play(step)
                connection.sendall(world.octets)
    return heard


# --- clients, who talk to us ----------------------------------------------------------------------


@contextmanager
def listening(files: TLSFiles | None) -> Iterator[tuple[int, list[bytes]]]:
    """A server; what was said on each connection to it."""
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with suppress(ssl.SSLError, OSError):
            if files is not None:
                context = files.server_context("h2")
                connection = context.wrap_socket(connection, server_side=True)
            heard.append(converse(connection, client=False))
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=talk, args=(server.accept()[0],)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for thread in threads:
            thread.join()


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=False, timeout=20, capture_output=True)


def by_nghttp(port: int) -> None:
    urls = [f"http://127.0.0.1:{port}/{path}" for path in ("", "large", "early", "push")]
    run("nghttp", "-n", "-p", "32", *urls)


def by_curl(port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    body = ("--data-binary", "x" * 7000)
    run("curl", "-s", "--http2-prior-knowledge", "-b", "a=1; b=2", base, f"{base}/large", *body)


def by_h2load(port: int) -> None:
    run("h2load", "-n", "12", "-c", "1", "-m", "4", f"http://127.0.0.1:{port}/large")


def by_httpx(port: int) -> None:
    with httpx.Client(http1=False, http2=True) as client:
        client.get(f"http://127.0.0.1:{port}/large", cookies={"a": "1"})
        client.post(f"http://127.0.0.1:{port}/", content=b"x" * 7000)
        client.head(f"http://127.0.0.1:{port}/")


def by_grpc(port: int) -> None:
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        unary = channel.unary_unary("/plait.Test/Echo")
        for size in (0, 10, 5000):
            unary(
                bytes(size),
                timeout=10,
                metadata=[("authorization", "Bearer x"), ("x-bin", b"\0\1")],
            )
        list(channel.stream_stream("/plait.Test/Chat")(iter([b"one", b"two"]), timeout=10))


def by_node(port: int) -> None:
    script = f"""
        const client = require("http2").connect("http://127.0.0.1:{port}");
        let open = 3;
        const done = () => {{ open -= 1; if (!open) client.close(); }};
        for (const path of ["/", "/large", "/push"]) {{
            const request = client.request({{":path": path, "cookie": "a=1"}});
            request.resume(); request.on("close", done);
        }}
    """
    run("node", "-e", script)


def by_chromium(port: int, files: TLSFiles) -> None:
    with running_chromium(files) as browser:
        page = browser.new_context().new_page()
        page.goto(f"https://localhost:{port}/large")
        page.evaluate("fetch('/', {method: 'POST', body: 'x'.repeat(3000)}).then(r => r.text())")


CLIENTS: dict[str, Callable[[int], None]] = {
    "nghttp": by_nghttp,
    "curl": by_curl,
    "h2load": by_h2load,
    "httpx": by_httpx,
    "grpc": by_grpc,
    "node": by_node,
}


def record_client(name: str, files: TLSFiles) -> bytes:
    with listening(files if name == "chromium" else None) as (port, heard):
        if name == "chromium":
            by_chromium(port, files)
        else:
            CLIENTS[name](port)
    return max(heard, key=len)


# --- servers, who are asked -----------------------------------------------------------------------


def serve_nghttpd(port: int, folder: Path) -> list[object]:
    return ["nghttpd", "--no-tls", "-d", folder, "-a", "127.0.0.1", port]


def serve_nginx(port: int, folder: Path) -> list[object]:
    configuration = f"""
        daemon off; pid {folder}/pid; error_log stderr; events {{}}
        http {{ access_log off; server {{
            listen 127.0.0.1:{port} http2; root {folder}; client_body_temp_path {folder}/body;
            location /upload {{ return 405; }} }} }}
    """
    (folder / "nginx.conf").write_text(configuration)
    return [find_tool("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]


def serve_node(port: int, folder: Path) -> list[object]:
    script = f"""
        const server = require("http2").createServer();
        server.on("stream", (stream, headers) => {{
            stream.additionalHeaders({{":status": 103, "link": "</a>"}});
            const fields = {{":status": 200, "set-cookie": ["a=1", "b=2"]}};
            stream.respond(fields, {{waitForTrailers: headers[":method"] != "HEAD"}});
            stream.on("wantTrailers", () => stream.sendTrailers({{"x-sum": "1"}}));
            stream.resume();
            const size = headers[":path"] == "/large" ? 18000 : 10;
            if (headers[":method"] != "HEAD") stream.end("x".repeat(size));
        }});
        server.listen({port}, "127.0.0.1");
    """
    return ["node", "-e", script]


def serve_hypercorn(port: int, folder: Path) -> list[object]:
    application = textwrap.dedent("""
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            while (await receive()).get("more_body"):
                pass
            size = 18_000 if scope["path"] == "/large" else 10
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
            await send({"type": "http.response.body", "body": b"x" * size})
    """)
    (folder / "hosted.py").write_text(application)
    program = [sys.executable, "-m", "hypercorn", "-w", "0", "--bind", f"127.0.0.1:{port}"]
    return [*program, "hosted:app"]


SERVERS = {
    "nghttpd": serve_nghttpd,
    "nginx": serve_nginx,
    "node-server": serve_node,
    "hypercorn": serve_hypercorn,
}


def record_server(name: str, folder: Path) -> bytes:
    port = free_port()
    folder.chmod(0o755)
    (folder / "index.html").write_text("hello")
    (folder / "large").write_text("x" * 18_000)
    (folder / "upload").write_text("thanks")
    command = [str(part) for part in SERVERS[name](port, folder)]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as asked:
                    return converse(asked, client=True)
                threading.Event().wait(0.05)
            raise RuntimeError(f"{name} does not answer")
        finally:
            process.terminate()


def main(names: list[str]) -> None:
    """Record those that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or [*CLIENTS, "chromium", *SERVERS]:
        with tempfile.TemporaryDirectory() as folder:
            if name in SERVERS:
                octets = record_server(name, Path(folder))
            else:
                octets = record_client(name, make_certificate(Path(folder)))
        lines = textwrap.wrap(octets.hex(), 96)
        (FOLDER / f"{name}.hex").write_text("\n".join(lines) + "\n")
        print(f"{name}: {len(octets)} octets")


if __name__ == "__main__":
    main(sys.argv[1:])
