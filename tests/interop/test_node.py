"""Node's http2 client: each test is a script that prints what it found as JSON."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.application import pattern
from tests.interop.conftest import Served
from tests.support.peers import require_tool
from tests.support.process import run

pytestmark = pytest.mark.interop

PRELUDE = """
const http2 = require('http2'), fs = require('fs'), crypto = require('crypto');
const [,, url, certificate] = process.argv;
const options = certificate ? {ca: fs.readFileSync(certificate), servername: 'localhost'} : {};
const connect = (more) => http2.connect(url, {...options, ...more});
const tell = (found) => console.log(JSON.stringify(found));
const sha = (octets) => crypto.createHash('sha256').update(octets).digest('hex');
// Everything one exchange brings; body is what to upload, as a Buffer.
const ask = (session, path, fields = {}, body = undefined) => new Promise((done, fail) => {
  const stream = session.request({':path': path, ...fields}, {endStream: body === undefined});
  const found = {interim: [], trailers: null}, chunks = [];
  stream.on('headers', (h) => found.interim.push(h[':status']));
  stream.on('response', (h) => { found.status = h[':status']; found.fields = h; });
  stream.on('trailers', (h) => { found.trailers = {...h}; });
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('error', fail);
  stream.on('close', () => { found.body = Buffer.concat(chunks); found.code = stream.rstCode;
                             done(found); });
  if (body !== undefined) stream.end(body);
});
(async () => {
"""

UPLOAD = pattern(4_000_000)
DIGEST = hashlib.sha256(UPLOAD).hexdigest()


def node(served: Served, folder: Path, script: str) -> Any:
    path = folder / "client.js"
    path.write_text(PRELUDE + script + "\n})().catch((e) => { console.error(e); process.exit(1) })")
    (folder / "upload").write_bytes(UPLOAD)
    trust = [served.tls.cert] if served.tls else []
    return json.loads(run([require_tool("node"), path, served.url, *trust], cwd=folder))


def test_large_bodies_up_and_down(either: Served, tmp_path: Path) -> None:
    found = node(
        either,
        tmp_path,
        """
        const session = connect({settings: {initialWindowSize: 100000}});
        const upload = fs.readFileSync('upload'), post = {':method': 'POST'};
        const all = await Promise.all([
          ask(session, '/bytes?n=4000000'),
          ask(session, '/sink', post, upload),
          ask(session, '/echo', post, upload),
          ask(session, '/bytes?n=4000000&length=0'),
        ]);
        tell([sha(all[0].body), JSON.parse(all[1].body), sha(all[2].body), sha(all[3].body)]);
        session.close();
        """,
    )
    assert found == [DIGEST, [len(UPLOAD), DIGEST], DIGEST, DIGEST]


def test_pushes_interim_responses_and_trailers(either: Served, tmp_path: Path) -> None:
    found = node(
        either,
        tmp_path,
        """
        const session = connect(), pushed = [];
        session.on('stream', (stream, request) => {
          const one = {path: request[':path'], body: 0};
          stream.on('push', (response) => { one.name = response['x-name']; });
          stream.on('data', (chunk) => { one.body += chunk.length; });
          stream.on('close', () => { one.code = stream.rstCode; pushed.push(one); });
        });
        const main = await ask(session, '/push?n=200000');
        while (pushed.length < 2) await new Promise((done) => setTimeout(done, 5));
        pushed.sort((a, b) => a.path < b.path ? -1 : 1);
        const interim = await ask(session, '/interim?count=2');
        const up = session.request({':path': '/fields', ':method': 'POST'},
                                   {waitForTrailers: true});
        up.on('wantTrailers', () => up.sendTrailers({'x-after': 'the body'}));
        up.end('body');
        let fields = '';
        for await (const chunk of up) fields += chunk;
        const trailers = (await ask(session, '/trailers?n=70000')).trailers;
        const refusing = connect({settings: {enablePush: false}});
        const off = await ask(refusing, '/push');
        tell({main: main.body.toString(), pushed, interim: interim.interim, trailers,
              after: JSON.parse(fields).pop(), off: off.body.toString()});
        session.close(); refusing.close();
        """,
    )
    assert found == {
        "main": "pushing",
        "pushed": [
            {"path": "/pushed/one", "name": "one", "body": 200_000, "code": 0},
            {"path": "/pushed/two", "name": "two", "body": 200_000, "code": 0},
        ],
        "interim": [103, 103],
        "trailers": {"x-sum": "70000"},
        "after": ["x-after", "the body"],
        "off": "not pushing",
    }


def test_pings_settings_and_resets_on_a_connection_that_lives_on(
    either: Served, tmp_path: Path
) -> None:
    before = either.report()["closed"].get("8", 0)
    found = node(
        either,
        tmp_path,
        """
        const session = connect();
        const remote = await new Promise((done) => session.on('remoteSettings', done));
        const ping = await new Promise((done, fail) =>
          session.ping(Buffer.from('12345678'), (e, ms, back) => e ? fail(e) : done(`${back}`)));
        for (const change of [{initialWindowSize: 1000}, {headerTableSize: 0, maxFrameSize: 20000},
                              {headerTableSize: 4096, initialWindowSize: 1000000}])
          await new Promise((done, fail) => session.settings(change, (e) => e ? fail(e) : done()));
        const sizes = [];
        for (const path of ['/bytes?n=100000', '/many?count=50&size=100', '/hello'])
          sizes.push((await ask(session, path)).body.length);
        const codes = [];
        for (const path of ['/never', '/bytes?n=100000000', '/silent'])
          codes.push(await new Promise((done) => {
            const stream = session.request({':path': path});
            stream.on('error', () => {});
            stream.on('close', () => done(stream.rstCode));
            const cancel = () => stream.close(http2.constants.NGHTTP2_CANCEL);
            path === '/silent' ? setTimeout(cancel, 20) : stream.on('data', cancel);
          }));
        const hello = await ask(session, '/hello');
        await new Promise((done) => session.close(done));
        tell({streams: remote.maxConcurrentStreams, ping, sizes, codes, hello: `${hello.body}`});
        """,
    )
    assert found == {
        "streams": 100,
        "ping": "12345678",
        "sizes": [100_000, 4, 13],
        "codes": [8, 8, 8],
        "hello": "Hello, world\n",
    }
    report = either.report()
    assert report["open"] == 0
    assert report["closed"]["8"] - before == 3


def test_more_requests_than_streams_wait_for_their_turn(either: Served, tmp_path: Path) -> None:
    found = node(
        either,
        tmp_path,
        """
        const session = connect();
        await new Promise((done) => session.on('remoteSettings', done));
        const all = await Promise.all(
          Array.from({length: 500}, () => ask(session, '/delay?ms=1')));
        tell(all.filter((one) => one.status === 200 && `${one.body}` === '/delay?ms=1').length);
        session.close();
        """,
    )
    assert found == 500


def test_a_destroyed_session_frees_everything(either: Served, tmp_path: Path) -> None:
    found = node(
        either,
        tmp_path,
        """
        const session = connect();
        session.on('error', () => {});
        await Promise.all(Array.from({length: 30}, () => new Promise((done) => {
          const stream = session.request({':path': '/never'});
          stream.on('error', () => {}).on('data', done);
        })));
        session.destroy();
        tell('destroyed');
        """,
    )
    assert found == "destroyed"
    while either.report()["open"]:
        time.sleep(0.02)
