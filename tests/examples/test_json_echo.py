"""The JSON echo server, three times: on h2, the same program on plait, and on plait's own classes.

All three are driven over sockets by a client that is all frames, and have to answer alike.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compat.serving import RawClient, body, head, resets
from tests.http2.frames import (
    DATA,
    GET,
    GOAWAY,
    HEAD,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    NO_ERROR,
    PING,
    POST,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    Fields,
    Frame,
    data,
    error_code,
    headers,
    parse_settings,
    ping,
    rst_stream,
    settings,
    settings_ack,
    window_update,
)
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, run

from .programs import EXAMPLES, curl, nghttp, port_of

PYTHON = [sys.executable, "-W", "error"]
VARIANTS = {
    "h2": [*PYTHON, str(EXAMPLES / "asyncio_h2_echo.py")],
    "h2_on_plait": [*PYTHON, "-m", "plait.compat", str(EXAMPLES / "asyncio_h2_echo.py")],
    "plait": [*PYTHON, str(EXAMPLES / "json_echo.py")],
}
CLEAR = ["--clear", "--port", "0"]
LARGE = b"0123456789abcdef" * 4000

# As it was measured on the original.
ASKED: Fields = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"ex.com"),
    (b":path", b"/p?q=1"),
    (b"x-a", b"1"),
    (b"x-a", b"2"),
]
ANSWERED = rb"""{
    "headers": {
        ":method": "POST",
        ":scheme": "http",
        ":authority": "ex.com",
        ":path": "/p?q=1",
        "x-a": "2"
    },
    "body": "h\u00e9\""
}"""


def started(program: Background, scheme: str = "http") -> str:
    return program.wait_for(rf"^{scheme}://127\.0\.0\.1:\d+/$")[0]


@pytest.fixture(scope="module", params=VARIANTS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a variant listens; at the end it has had nothing to complain of."""
    with Background([*VARIANTS[request.param], *CLEAR]) as program:
        address = started(program)
        yield address
        assert program.stop(signal.SIGINT) == 0
    said = [line for line in program.lines if not line.startswith("refused, ")]
    assert said == [address]


@pytest.fixture
def client(url: str) -> Iterator[RawClient]:
    with RawClient(int(port_of(url))) as connected:
        yield connected


def settled(client: RawClient) -> list[Frame]:
    """Everything that the server has to say at the moment.

    The first answer may be sent before a task that the server has made has begun.
    """
    frames = []
    for _ in range(2):
        client.send(ping())
        frames += client.until(lambda frame: frame.type == PING)[:-1]
    return frames


def answer(frames: list[Frame], stream_id: int = 1) -> dict[str, object]:
    found: dict[str, object] = json.loads(body(frames, stream_id))
    return found


# --- what is answered -----------------------------------------------------------------------------


def test_the_answer_is_the_measured_one(client: RawClient) -> None:
    client.send(headers(1, ASKED, end_stream=False), data(1, 'hé"'.encode(), end_stream=True))
    frames = client.until_end(1)
    (response,) = [frame for frame in frames if frame.type == HEADERS]
    assert response.fields == (
        (b":status", b"200"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(ANSWERED)),
        (b"server", b"asyncio-h2"),
    )
    assert body(frames) == ANSWERED


def test_every_method_and_path_gets_it(client: RawClient) -> None:
    fields = [(b":method", b"PURGE"), *GET[1:], (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    client.send(headers(1, fields))
    asked = {name.decode(): value.decode() for name, value in fields} | {"cookie": "a=1; b=2"}
    found = answer(client.until_end(1))
    assert found == {"headers": asked, "body": ""}
    assert list(asked) == list(found["headers"])  # type: ignore[call-overload]  # a dict


def test_head_gets_the_fields_alone(client: RawClient) -> None:
    client.send(headers(1, HEAD))
    *_, response = client.until_end(1)
    assert response.type == HEADERS
    assert int(head([response])[b"content-length"]) > 100
    assert not [frame for frame in settled(client) if frame.stream_id == 1]


def test_trailers_are_ignored(client: RawClient) -> None:
    client.send(headers(1, POST, end_stream=False), data(1, b"text"), headers(1, [(b"x", b"y")]))
    found = answer(client.until_end(1))
    assert found["body"] == "text"
    assert "x" not in found["headers"]  # type: ignore[operator]  # a dict


def test_padding_is_no_part_of_the_body(client: RawClient) -> None:
    client.send(headers(1, POST, end_stream=False), data(1, b"text", end_stream=True, pad=200))
    assert answer(client.until_end(1))["body"] == "text"


# --- flow control ---------------------------------------------------------------------------------


def next_data(client: RawClient) -> bytes:
    return client.until(lambda frame: frame.type == DATA)[-1].payload


def test_an_answer_goes_out_as_the_window_allows(url: str) -> None:
    with RawClient(int(port_of(url)), (INITIAL_WINDOW_SIZE, 10)) as client:
        client.send(headers(1, ASKED, end_stream=False), data(1, 'hé"'.encode(), end_stream=True))
        assert next_data(client) == ANSWERED[:10]
        assert DATA not in {frame.type for frame in settled(client)}
        client.send(window_update(1, 15))
        assert next_data(client) == ANSWERED[10:25]
        assert DATA not in {frame.type for frame in settled(client)}
        client.send(settings((INITIAL_WINDOW_SIZE, 100_000)))
        *_, last = client.until_end(1)
        assert last.payload == ANSWERED[25:]


def test_a_stream_that_is_reset_while_it_waits_leaves_the_others_alone(url: str) -> None:
    with RawClient(int(port_of(url)), (INITIAL_WINDOW_SIZE, 10)) as client:
        for stream_id in (1, 3, 5):
            client.send(headers(stream_id, GET))
        settled(client)
        client.send(rst_stream(3), settings((INITIAL_WINDOW_SIZE, 100_000)))
        frames = client.until_end(1, 5) + settled(client)
        assert 3 not in {frame.stream_id for frame in frames}
        assert client.get(stream_id=7)[-1].end_stream


class Uploader(RawClient):
    """Sends bodies within the credit that it has; keeps all frames that come meanwhile."""

    def __init__(self, url: str, *first: Frame) -> None:
        super().__init__(int(port_of(url)), greet=False)
        self.initial = 65_535
        self.credit = {0: 65_535}
        self.seen: list[Frame] = []
        self.send(PREFACE, settings((INITIAL_WINDOW_SIZE, 2**31 - 1)), *first, settings_ack())
        self.wait(lambda frame: frame.type == SETTINGS and not frame.flags)

    def wait(self, enough: Callable[[Frame], bool]) -> None:
        """Reads until a frame will do."""
        self.take(self.until(enough))

    def take(self, frames: list[Frame]) -> None:
        """Keeps frames, and counts the credit in them."""
        self.seen += frames
        for frame in frames:
            if frame.type == WINDOW_UPDATE:
                self.credit.setdefault(frame.stream_id, self.initial)
                self.credit[frame.stream_id] += int.from_bytes(frame.payload, "big")
            elif frame.type == SETTINGS:
                self.initial = parse_settings(frame).get(INITIAL_WINDOW_SIZE, self.initial)

    def upload(self, stream_id: int, piece: int = 16_000) -> None:
        """Sends the large body on a stream."""
        self.credit[stream_id] = self.initial
        self.send(headers(stream_id, POST, end_stream=False))
        for at in range(0, len(LARGE), piece):
            while min(self.credit[0], self.credit[stream_id]) < piece:
                self.wait(lambda frame: frame.type == WINDOW_UPDATE)
            self.send(data(stream_id, LARGE[at : at + piece]))
            self.credit[0] -= piece
            self.credit[stream_id] -= piece
        self.send(data(stream_id, end_stream=True))

    def received(self) -> int:
        """Octets of bodies so far."""
        return sum(len(frame.payload) for frame in self.seen if frame.type == DATA)


def test_uploads_beyond_the_window_of_the_connection(url: str) -> None:
    """Credit comes back for the streams and for the connection."""
    with Uploader(url, window_update(0, 2**30)) as client:
        last = 2 * (client.credit[0] // len(LARGE)) + 3
        for stream_id in range(1, last + 1, 2):
            client.upload(stream_id)
        client.take(client.until_end(last))
        assert answer(client.seen, last)["body"] == LARGE.decode()


def test_the_window_of_the_connection_is_shared(url: str) -> None:
    with Uploader(url) as client:
        for stream_id in (1, 3):
            client.upload(stream_id)
        while client.received() < 65_535:
            client.wait(lambda frame: frame.type == DATA)
        client.take(settled(client))
        assert client.received() == 65_535
        over = {frame.stream_id for frame in client.seen if frame.end_stream}
        client.send(window_update(0, 2**30))
        client.take(client.until_end(*{1, 3} - over))
        for stream_id in (1, 3):
            assert answer(client.seen, stream_id)["body"] == LARGE.decode()


# --- what ends the original -----------------------------------------------------------------------


def test_a_body_that_is_not_utf8(client: RawClient) -> None:
    client.send(headers(1, POST, end_stream=False), data(1, b"\xff\xc3 text", end_stream=True))
    assert answer(client.until_end(1))["body"] == "\ufffd\ufffd text"
    assert client.get(stream_id=3)[-1].end_stream


def test_a_field_that_is_not_utf8(client: RawClient) -> None:
    client.send(headers(1, [*GET, (b"x-a", b"caf\xe9")]))
    found = answer(client.until_end(1))["headers"]
    assert found["x-a"] == "caf\ufffd"  # type: ignore[index]  # a dict
    assert client.get(stream_id=3)[-1].end_stream


def test_the_end_and_a_reset_in_one_read(client: RawClient) -> None:
    client.send(
        headers(1, GET),
        rst_stream(1),
        headers(3, POST, end_stream=False),
        data(3, b"text", end_stream=True),
        rst_stream(3),
        headers(5, POST, end_stream=False),
        data(5, b"text"),
        rst_stream(5),
        headers(7, GET),
    )
    frames = client.until_end(7) + settled(client)
    assert answer(frames, 7)["body"] == ""
    assert not resets(frames)
    assert not {frame.stream_id for frame in frames if frame.type == DATA} - {7}


def test_a_client_that_breaks_the_protocol_is_told_so(url: str, client: RawClient) -> None:
    with RawClient(int(port_of(url))) as other:
        client.send(data(1, b"of a stream that was never opened"))
        assert GOAWAY in {frame.type for frame in client.until_closed()}
        assert other.get()[-1].end_stream


# --- other people's clients, TLS, the command line ------------------------------------------------


@pytest.mark.interop
def test_curl_nghttp_and_h2load(url: str, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(LARGE * 2)
    assert json.loads(curl("-d", "some=data", url + "path"))["body"] == "some=data"
    assert json.loads(curl("--data-binary", f"@{sent}", url))["body"] == (LARGE * 2).decode()
    assert "content-length" in curl("--head", url)
    many = [f"{url}?{number}" for number in range(6)]
    assert nghttp("-d", sent, "-w10", "-ns", *many).count(" 200 ") == len(many)
    said = run([require_tool("h2load"), "-n", "120", "-c", "3", "-m", "20", url])
    assert "120 succeeded, 0 failed" in said


@pytest.mark.parametrize("variant", VARIANTS)
def test_over_tls_nothing_but_h2_is_offered(variant: str, tls_files: TLSFiles) -> None:
    files = ["--cert", str(tls_files.cert), "--key", str(tls_files.key)]
    with Background([*VARIANTS[variant], *files, "--port", "0"]) as program:
        port = int(port_of(started(program, "https")))
        chosen = []
        for offer in (["http/1.1", "h2"], ["http/1.1"]):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                tls_files.client_context(*offer).wrap_socket(
                    plain, server_hostname="localhost"
                ) as tls,
            ):
                chosen.append(tls.selected_alpn_protocol())
        assert chosen == ["h2", None]
        with RawClient(port, tls=tls_files.client_context("h2")) as client:
            client.send(headers(1, ASKED, end_stream=False), data(1, 'hé"'.encode()))
            client.send(data(1, end_stream=True))
            assert body(client.until_end(1)) == ANSWERED
            # at Ctrl-C the client is told
            program.process.send_signal(signal.SIGINT)
            *_, goaway = client.until(lambda frame: frame.type == GOAWAY)
            assert error_code(goaway) == NO_ERROR
        assert program.wait() == 0
    assert "Traceback" not in program.output


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["h2", "plait"])
def test_what_cannot_be_done_is_told_in_one_line(variant: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for arguments, told in (
            (["--port", "some"], "argument --port: invalid int value: 'some'"),
            (["--port", "70000", "--clear"], "port"),
            (["--port", str(taken.getsockname()[1]), "--clear"], "in use"),
            (["--cert", str(missing)], f"cannot use {missing}"),
        ):
            said = run([*VARIANTS[variant], *arguments], status=2)
            assert told in said
            assert said.count("\n") == 1
