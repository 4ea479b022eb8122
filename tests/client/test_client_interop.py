"""The client against servers of other people: nghttpd and Node's http2."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from plait.client import BaseResponseHandler, HTTP2Client
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port

from .peers import Recorder

pytestmark = pytest.mark.interop

LARGE = bytes(range(256)) * 8192


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<link href=/style.css>")
    (folder / "style.css").write_text("body{margin:0;}")
    (folder / "large.bin").write_bytes(LARGE)
    return folder


def with_nghttpd(
    talk: Callable[[HTTP2Client], Awaitable[None]],
    *options: str | Path,
    tls: TLSFiles | None = None,
) -> str:
    """Runs `talk` with a client of a fresh nghttpd; what nghttpd printed."""
    port = free_port()
    security = [str(tls.key), str(tls.cert)] if tls else ["--no-tls"]
    command = [require_tool("nghttpd"), "-v", "-a", "127.0.0.1", *options]
    command += [security[0], str(port)] if not tls else [str(port), *security]

    async def run() -> None:
        context = tls.client_context() if tls else None
        async with HTTP2Client(("127.0.0.1", port), ssl=context) as client:
            await asyncio.wait_for(talk(client), 20)

    with Background(command) as server:
        server.wait_for_port(port)
        asyncio.run(run())
    return server.output


async def fetched(client: HTTP2Client, **request: object) -> Recorder:
    handler = Recorder()
    client.send_request(handler=handler, **request)  # type: ignore[arg-type]
    await handler.wait()
    return handler


@pytest.mark.parametrize("secure", [False, True])
def test_nghttpd_serves_files(secure: bool, site: Path, tls_files: TLSFiles) -> None:
    async def talk(client: HTTP2Client) -> None:
        made = [Recorder() for _ in range(20)]
        for handler in made:
            client.send_request(url="/large.bin", handler=handler)
        for handler in made:
            await handler.wait()
            assert handler.status == b"200"
            assert handler.body == LARGE
            assert handler.log[-2:] == [("done",), ("close", 0)]
        assert (await fetched(client, url="/nothing")).status == b"404"
        head = await fetched(client, method="HEAD", url="/style.css")
        assert (b"content-length", b"15") in head.headers
        assert head.body == b""

    said = with_nghttpd(talk, "-d", site, tls=tls_files if secure else None)
    assert "recv GOAWAY" in said
    assert "Error" not in said


class Accepting(Recorder):
    """Accepts the pushes of one path."""

    def __init__(self, path: bytes) -> None:
        super().__init__()
        self.path_wanted = path
        self.pushed_ones: list[Recorder] = []
        self.promises: list[bytes | None] = []

    def on_push_promise(self, push_promise: BaseResponseHandler) -> None:
        self.promises.append(push_promise.path)
        if push_promise.path == self.path_wanted:
            self.pushed_ones.append(Recorder())
            self.accept_push(push_promise, self.pushed_ones[-1])
        else:
            self.reject_push(push_promise)


def test_nghttpd_pushes(site: Path) -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = Accepting(b"/style.css")
        client.send_request(url="/index.html", handler=handler)
        await handler.wait()
        assert handler.body == b"<link href=/style.css>"
        assert sorted(handler.promises) == [b"/large.bin", b"/style.css"]
        (pushed,) = handler.pushed_ones
        await pushed.wait()
        assert pushed.body == b"body{margin:0;}"
        assert pushed.pushed
        assert (pushed.path, pushed.method) == (b"/style.css", b"GET")
        assert pushed.log[-1] == ("close", 0)

    said = with_nghttpd(talk, "-d", site, "-p/index.html=/style.css,/large.bin")
    assert "recv RST_STREAM" in said


class Upload:
    """A body generator that may pause before every chunk."""

    def __init__(self, handler: BaseResponseHandler, *, defers: bool) -> None:
        self.handler = handler
        self.defers = defers
        self.paused = False
        self.source = io.BytesIO(LARGE)

    def __call__(self, n: int) -> tuple[bytes | None, int]:
        self.paused = self.defers and not self.paused
        if self.paused:
            asyncio.get_running_loop().call_soon(self.handler.resume)
            return None, DATA_DEFERRED
        data = self.source.read(n)
        return data, DATA_OK if self.source.tell() < len(LARGE) else DATA_EOF


@pytest.mark.parametrize("kind", ["bytes", "file", "generator", "deferred"])
def test_nghttpd_echoes_uploads(kind: str, site: Path) -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = Recorder()
        body: object = Upload(handler, defers=kind == "deferred")
        if kind in ("bytes", "file"):
            body = LARGE if kind == "bytes" else io.BytesIO(LARGE)
        client.send_request("POST", "/echo", body=body, handler=handler)
        await handler.wait()
        assert handler.body == LARGE

    with_nghttpd(talk, "-d", site, "--echo-upload")


def test_nghttpd_sends_trailers(site: Path) -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client, url="/style.css")
        assert handler.trailers == [(b"x-sum", b"15")]
        assert handler.events == ["headers", "data", "done", "close"]

    with_nghttpd(talk, "-d", site, "--trailer", "x-sum: 15")


def test_nghttpd_allows_few_streams(site: Path) -> None:
    async def talk(client: HTTP2Client) -> None:
        made = [Recorder() for _ in range(50)]
        for handler in made:
            client.send_request(url="/style.css", handler=handler)
        for handler in made:
            await handler.wait()
            assert handler.log[-1] in (("close", 0), ("close", 7))
        # those sent before the limit was known may be refused; later ones never are
        made = [Recorder() for _ in range(50)]
        for handler in made:
            client.send_request(url="/style.css", handler=handler)
        for handler in made:
            await handler.wait()
            assert handler.body == b"body{margin:0;}"

    with_nghttpd(talk, "-d", site, "-m", "3")


NODE = """
const http2 = require('http2');
const server = http2.createServer();
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const path = headers[':path'];
  if (path === '/hints') {
    stream.additionalHeaders({':status': 103, 'link': '</a>; rel=preload'});
    stream.respond({':status': 200}, {waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'x-sum': '4'}));
    stream.end('hint');
  } else if (path === '/push') {
    stream.pushStream({':path': '/pushed'}, (error, pushed) => {
      pushed.on('error', () => {});
      pushed.respond({':status': 200, 'x-pushed': 'yes'});
      pushed.end('pushed body');
    });
    stream.respond({':status': 200});
    stream.end('main');
  } else if (path === '/reset') {
    stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (path === '/bye') {
    stream.respond({':status': 200});
    stream.end('bye');
    stream.session.close();
  } else {
    stream.respond({':status': 200, 'x-method': headers[':method']});
    stream.pipe(stream);
  }
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
"""


def with_node(talk: Callable[[HTTP2Client], Awaitable[None]], folder: Path) -> None:
    script = folder / "server.js"
    script.write_text(NODE)

    async def run(port: int) -> None:
        async with HTTP2Client(("127.0.0.1", port)) as client:
            await asyncio.wait_for(talk(client), 20)

    with Background([require_tool("node"), script]) as server:
        asyncio.run(run(int(server.wait_for(r"port (\d+)")[1])))


def test_node(tmp_path: Path) -> None:
    async def talk(client: HTTP2Client) -> None:
        hints = await fetched(client, url="/hints")
        assert hints.log[0][:2] == ("informational", 103)
        assert (b"link", b"</a>; rel=preload") in hints.log[0][2]
        assert hints.events[1:] == ["headers", "data", "done", "close"]
        assert hints.trailers == [(b"x-sum", b"4")]

        main = Accepting(b"/pushed")
        client.send_request(url="/push", handler=main)
        await main.wait()
        (pushed,) = main.pushed_ones
        await pushed.wait()
        assert (main.body, pushed.body) == (b"main", b"pushed body")
        assert (b"x-pushed", b"yes") in pushed.headers

        assert (await fetched(client, url="/reset")).log == [("close", 11)]

        echo = await fetched(client, method="PUT", url="/echo", body=LARGE)
        assert echo.body == LARGE
        assert (b"x-method", b"PUT") in echo.headers

        bye = await fetched(client, url="/bye")
        assert bye.body == b"bye"
        await client.wait_closed()

    with_node(talk, tmp_path)
