"""`H2KyoukaiComponent` over TLS, with Werkzeug and Asphalt and without them."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import asphalt.core
import pytest
import werkzeug.wrappers
from werkzeug.exceptions import HTTPException

from plait.compat.kyoukai import H2KyoukaiComponent, KyoukaiBaseComponent, Request, Response
from plait.compat.kyoukai.requests import readable
from plait.http2 import Connection, DataReceived, ResponseReceived, Role
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background
from tests.support.process import run as run_program
from tests.support.project import ROOT

from .kyoukai_peer import GET, POST, App, Peer, response, run


def component(app: Any, files: TLSFiles, **more: Any) -> H2KyoukaiComponent:
    return H2KyoukaiComponent(app, str(files.key), str(files.cert), **{"port": 0, **more})


class Werkzeug(App):
    """An application in Werkzeug's terms; `request_class` is a class here."""

    def __init__(self, answer: Any, request_class: Any = Request) -> None:
        super().__init__(answer)
        self.request_class = request_class

    async def process_request(self, request: Any, parent_context: Any) -> Any:
        try:
            return await self.answer(request)
        except HTTPException as error:
            return error.get_response(request.environ)


async def ask(made: H2KyoukaiComponent, files: TLSFiles, *alpn: str) -> tuple[int, bytes]:
    """The answer to a GET, by plait's engine over asyncio's streams."""
    reader, writer = await asyncio.open_connection(
        made.ip, made.port, ssl=files.client_context(*(alpn or ("h2",)))
    )
    client = Connection(Role.CLIENT)
    client.initiate_connection()
    client.send_request(GET)
    status, body, ended = 0, b"", False
    while not ended and not client.closed:
        writer.write(client.data_to_send())
        data = await asyncio.wait_for(reader.read(65_536), 10)
        if not data:
            break
        for event in client.receive_data(data):
            if isinstance(event, ResponseReceived):
                status = event.status
            elif isinstance(event, DataReceived):
                body += event.data
            ended = ended or getattr(event, "end_stream", False)
    writer.close()
    await writer.wait_closed()
    return status, body


# --- the component --------------------------------------------------------------------------------


def test_start_serves_and_close_ends(tls_files: TLSFiles, caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        app = App()
        app.loop = asyncio.get_running_loop()
        made = component(app, tls_files)
        await made.close()  # nothing has begun
        await made.start(None)
        assert isinstance(made.server, asyncio.AbstractServer)
        assert app.finalized == 1
        assert made.port > 0
        assert f"Kyoukai H2 serving on 127.0.0.1:{made.port}" in caplog.text
        assert await ask(made, tls_files) == (200, b"hello")
        await made.close()
        with pytest.raises(OSError):
            await asyncio.open_connection(made.ip, made.port)

    with caplog.at_level("INFO", "Kyoukai"):
        run(check())


def test_close_lets_requests_finish_and_then_no_more(tls_files: TLSFiles) -> None:
    async def check() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def answer(request: Any) -> Any:
            begun.set()
            await go.wait()
            return response(b"last")

        made = component(App(answer), tls_files)
        await made.start()
        asked = asyncio.ensure_future(ask(made, tls_files))
        await begun.wait()
        closing = asyncio.ensure_future(made.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        go.set()
        assert await asked == (200, b"last")
        await closing

        begun.clear()
        go.clear()
        late = component(App(answer), tls_files)
        late.close_timeout = -0.99
        await late.start()
        asked = asyncio.ensure_future(ask(late, tls_files))
        await begun.wait()
        await late.close()
        assert await asked == (0, b"")

    run(check())


def test_a_client_that_chooses_no_h2_is_sent_away(tls_files: TLSFiles) -> None:
    async def check() -> None:
        made = component(App(), tls_files)
        await made.start()
        context = tls_files.client_context()
        reader, writer = await asyncio.open_connection(made.ip, made.port, ssl=context)
        said = await asyncio.wait_for(reader.read(), 10)
        # GOAWAY, PROTOCOL_ERROR; and the end
        assert (said[3], said[13:17]) == (7, b"\0\0\0\1")
        writer.close()
        await writer.wait_closed()
        await made.close()

    run(check())


def test_wrong_input(tls_files: TLSFiles, tmp_path: Path) -> None:
    async def check() -> None:
        app = App()
        with pytest.raises(ssl.SSLError):
            # mind the order: the key comes first
            await H2KyoukaiComponent(app, str(tls_files.cert), str(tls_files.key)).start()
        with pytest.raises(FileNotFoundError):
            await H2KyoukaiComponent(app, str(tmp_path / "a"), str(tmp_path / "b")).start()
        assert app.finalized == 0
        first = component(App(), tls_files)
        await first.start()
        with pytest.raises(OSError):
            await component(App(), tls_files, port=first.port).start()
        await first.close()

    run(check())


def test_an_application_may_be_named() -> None:
    made = H2KyoukaiComponent(f"{__name__}:NAMED", "key", "cert")
    assert made.app is NAMED
    for wrong in ("no_such_module:x", f"{__name__}:no.such.thing"):
        with pytest.raises(LookupError, match="there is no"):
            H2KyoukaiComponent(wrong, "key", "cert")


NAMED = App()


def test_the_base_component_serves_nothing() -> None:
    async def check() -> None:
        base = KyoukaiBaseComponent(App(), "::1", 99)
        assert (base.ip, base.port, base.cfg) == ("::1", 99, {})
        with pytest.raises(NotImplementedError):
            await base.start()
        with pytest.raises(NotImplementedError):
            base.get_protocol(None, None)

    run(check())


def test_without_a_name_of_its_own_the_server_is_called_like_the_machine() -> None:
    app = App()
    app.server_name = None
    made = H2KyoukaiComponent(app, "key", "cert")
    assert made.get_server_name() == made._server_name != ""
    app.server_name = "later.example"
    assert made.get_server_name() == "later.example"


def test_finalize_may_be_awaited(tls_files: TLSFiles) -> None:
    class Slow(App):
        async def finalize(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            self.finalized += 1

    async def check() -> None:
        app = Slow()
        made = component(app, tls_files)
        await made.start()
        assert app.finalized == 1
        await made.close()

    run(check())


def test_as_a_component_of_asphalt(tls_files: TLSFiles) -> None:
    async def check() -> None:
        app = App()
        files = {"ssl_keyfile": str(tls_files.key), "ssl_certfile": str(tls_files.cert)}
        root = asphalt.core.ContainerComponent(
            {"h2": {"type": H2KyoukaiComponent, "app": app, "port": 0, **files}}
        )
        async with asphalt.core.Context() as context:
            await root.start(context)
            made = root.child_components["h2"]
            assert isinstance(made, H2KyoukaiComponent)
            assert await ask(made, tls_files) == (200, b"hello")
            assert app.contexts == [context]
        # at the end of the context the server has closed
        assert not made.server.sockets

    run(check())


# --- Werkzeug -------------------------------------------------------------------------------------


FORM = [*POST, ("content-type", "application/x-www-form-urlencoded"), ("content-length", "7")]


def by_a_function(environ: Any) -> Request:
    return Request(environ)


class OwnRequest(werkzeug.wrappers.Request):
    """A request class that knows nothing of plait."""


@pytest.mark.parametrize(
    "request_class",
    [Request, werkzeug.wrappers.Request, OwnRequest, by_a_function],
)
def test_a_request_of_werkzeug_can_be_awaited(request_class: Any) -> None:
    async def answer(request: Any) -> Any:
        assert isinstance(request, werkzeug.wrappers.Request)
        if request_class is OwnRequest:
            assert isinstance(request, OwnRequest)
        body = await request.read_async()
        assert body == await request.read_async() == b"a=1&b=2"
        assert await request.read_async(to_end=False) == b""
        form = request.form
        return Response(f"{form['a']} {form['b']} {request.method} {request.host}")

    async def check() -> None:
        peer = Peer(Werkzeug(answer, request_class))
        stream_id = peer.request(FORM, None, end_stream=False)
        for octet in (b"a=1", b"&b=2"):
            await peer.turn()
            peer.client.send_data(stream_id, octet)
        await peer.turn()
        peer.client.send_data(stream_id, b"", end_stream=True)
        assert await peer.ended(stream_id) == (200, b"1 2 POST example.com")
        assert peer.fields(stream_id)[b"content-type"] == b"text/plain; charset=utf-8"
        peer.lose()

    run(check())


def test_without_a_request_class_there_is_werkzeugs() -> None:
    class Bare:
        def finalize(self) -> None:
            pass

        async def process_request(self, request: Any, parent_context: Any) -> Any:
            return Response(type(request).__qualname__)

    async def check() -> None:
        peer = Peer(Bare())
        assert await peer.ended(peer.request()) == (200, b"Request")
        peer.lose()

    run(check())


def test_a_subclass_is_made_once() -> None:
    assert readable(OwnRequest) is readable(OwnRequest)
    assert readable(Request) is Request


def test_responses_of_werkzeug() -> None:
    async def answer(request: Any) -> Any:
        if request.path == "/404":
            werkzeug.exceptions.abort(404)
        if request.path == "/stream":
            return Response((str(n) for n in range(10)), mimetype="text/event-stream")
        return Response(b"body", 201, {"X-Query": request.args["a"]})

    def path(value: str) -> Any:
        return [(n, value if n == ":path" else v) for n, v in GET]

    async def check() -> None:
        peer = Peer(Werkzeug(answer))
        assert (await peer.ended(peer.request(path("/404"))))[0] == 404
        assert await peer.ended(peer.request(path("/stream"))) == (200, b"0123456789")
        stream_id = peer.request(path("/?a=%C3%A9"))
        assert await peer.ended(stream_id) == (201, b"body")
        assert peer.fields(stream_id)[b"x-query"] == "é".encode("latin-1")
        peer.lose()

    run(check())


# --- nothing but Python ---------------------------------------------------------------------------

BARE = """
    import sys

    class Nothing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("asphalt", "werkzeug"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Nothing())
    import asyncio, ssl
    from plait.compat import install
    install("kyoukai")
    from kyoukai.backends.http2 import *
    from kyoukai.asphalt import ConnectionMadeEvent, KyoukaiBaseComponent

    for kind in (Request, Response, MultiDict):
        try:
            kind("x")
        except ModuleNotFoundError as problem:
            print(problem)

    seen = []

    class App:
        loop = server_name = None

        def finalize(self):
            pass

        def request_class(self, environ):
            return environ

        async def process_request(self, environ, context):
            body = await environ["wsgi.input"].read_async()

            def respond(environ, start_response):
                start_response("200 OK", [("x-name", environ["SERVER_NAME"])])
                return [b"%d octets" % len(body)]

            return respond

    def fail(event):
        raise ValueError("a listener has failed")

    async def main():
        made = H2KyoukaiComponent(App(), sys.argv[1], sys.argv[2], port=0)
        assert isinstance(made, KyoukaiBaseComponent)
        made.connection_made.connect(fail)
        for _ in range(2):
            made.connection_made.connect(seen.append)
        made.connection_lost.connect(seen.append)
        made.connection_lost.connect(fail)
        made.connection_lost.disconnect(fail)
        made.connection_lost.disconnect(fail)
        await made.start(Context())
        context = ssl.create_default_context(cafile=sys.argv[2])
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection("localhost", made.port, ssl=context)
        from plait.http2 import Role

        client = H2Connection(Role.CLIENT)
        client.initiate_connection()
        client.send_request(
            [(":method", "POST"), (":scheme", "https"), (":authority", "a"), (":path", "/")], b"abc"
        )
        said = []
        while not any(getattr(event, "end_stream", False) for event in said):
            writer.write(client.data_to_send())
            said += client.receive_data(await reader.read(65536))
        print(*[event.data for event in said if isinstance(event, DataReceived)])
        writer.close()
        await made.close()
        print([type(event).__name__ for event in seen], seen[0].source is made, seen[0].topic)
        assert seen[0].time > 0 and seen[1].exc is None
        assert H2KyoukaiComponent.connection_made.topic == "connection_made"

    asyncio.run(main())
"""


def test_without_asphalt_and_werkzeug(tls_files: TLSFiles) -> None:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(BARE)]
    done = subprocess.run(
        [*command, str(tls_files.key), str(tls_files.cert)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "a listener has failed" in done.stderr
    assert done.stdout.splitlines() == [
        "Request needs werkzeug: pip install 'plait[kyoukai]'",
        "Response needs werkzeug: pip install 'plait[kyoukai]'",
        "MultiDict needs werkzeug: pip install 'plait[kyoukai]'",
        "b'3 octets'",
        "['ConnectionMadeEvent', 'ConnectionLostEvent'] True connection_made",
    ]


def test_the_old_names_lead_here() -> None:
    code = (
        "from plait.compat import install; install('kyoukai')\n"
        "import kyoukai.backends.http2 as old, kyoukai.asphalt\n"
        "import plait.compat.kyoukai.backends.http2 as new, plait.compat.kyoukai.asphalt\n"
        "assert old is new and kyoukai.asphalt is plait.compat.kyoukai.asphalt\n"
        "from kyoukai.backends import http2\n"
        "assert http2 is new\n"
    )
    run_program([sys.executable, "-W", "error", "-c", code])


# --- the example, and other people's clients ------------------------------------------------------


@pytest.mark.interop
def test_the_example(tls_files: TLSFiles, tmp_path: Path) -> None:
    example = ROOT / "examples" / "kyoukai_app.py"
    command = [sys.executable, "-W", "error", "-m", "plait.compat", str(example)]
    count = b"".join(b"%d\n" % number for number in range(1000))
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(3_000_000))
    with Background([*command, str(tls_files.key), str(tls_files.cert), "0"]) as program:
        url = program.wait_for(r"^https://127\.0\.0\.1:\d+/$")[0]
        curl = [require_tool("curl"), "-sS", "--http2", "--cacert", str(tls_files.cert)]
        assert run_program([*curl, "-d", "name=plait", url + "hello"]) == "Hello, plait!\n"
        assert run_program([*curl, url + "count"]).encode() == count
        sent = ["--data-binary", f"@{upload}", "-w", "%{http_version} %{http_code}"]
        assert run_program([*curl, *sent, url + "sum"]) == "3000000\n2 200"
        assert run_program([*curl, "-o", "/dev/null", "-w", "%{http_code}", url]) == "404"
        assert run_program([*curl, "-I", url + "hello"]).startswith("HTTP/2 200")
        # a client of HTTP/1.1 is sent away, and the next one is served
        run_program([*curl, "--http1.1", url], status=None)
        nghttp = [require_tool("nghttp"), "-nsy", "-w10", "-d", str(upload)]
        asked = [f"{url}{path}?{n}" for n in range(10) for path in ("hello", "sum")]
        assert run_program([*nghttp, *asked]).count(" 200 ") == len(asked)
        h2load = [require_tool("h2load"), "-n2000", "-c5", "-m20"]
        said = run_program([*h2load, url + "hello"])
        assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said
        assert "Traceback" not in program.output
