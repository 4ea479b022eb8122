"""`H2State` and the environment that is made from it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from plait.compat.kyoukai import (
    REQUEST_FINISHED,
    H2State,
    create_wsgi_environment,
    get_header,
)

from .kyoukai_peer import GET, run


class Protocol:
    """What a state asks of its protocol."""

    ip = "192.0.2.7"
    client_port = 55_555
    scheme = "https"
    server_name = "kyoukai.example"
    server_port = "4444"

    def __init__(self) -> None:
        self.credit: list[int] = []

    def consumed(self, stream_id: int, octets: int) -> None:
        assert stream_id == 1
        self.credit.append(octets)


def state_of(*chunks: bytes, end: bool = False, headers: Any = GET) -> tuple[H2State, list[int]]:
    protocol = Protocol()
    state = H2State(list(headers), 1, protocol)  # type: ignore[arg-type]
    for chunk in chunks:
        state.insert_data(chunk)
    if end:
        state.insert_data(REQUEST_FINISHED)
    return state, protocol.credit


# --- reading --------------------------------------------------------------------------------------


def test_read_gives_all_there_is_without_the_last_octet_missing() -> None:
    state, credit = state_of(b"hello", b" world")
    assert state.read() == b"hello world"
    assert state.read() == b""
    assert sum(credit) == 11


@pytest.mark.parametrize("size", [-1, -7, None])
def test_a_negative_size_is_all_there_is_and_the_sentinel_is_the_end(size: int | None) -> None:
    state, _ = state_of(b"hello", b" world", end=True)
    assert state.read(size) == b"hello world"
    assert state.read(size) == b""


def test_the_rest_of_a_chunk_goes_back_to_the_front() -> None:
    state, credit = state_of(b"hello", b" world", end=True)
    assert state.read(0) == b""
    assert state.read(3) == b"hel"
    assert credit == [3]
    assert state.read(4) == b"lo w"
    assert state.get_chunk() == b"orld"
    assert state.get_chunk() == b""
    assert sum(credit) == 11


def test_read_async_by_chunks_and_again_after_the_end() -> None:
    async def check() -> None:
        state, credit = state_of(b"ab", b"cd", end=True)
        assert [await state.read_async(to_end=False) for _ in range(4)] == [b"ab", b"cd", b"", b""]
        assert await state.read_async() == b""
        assert state.read() == b""
        assert sum(credit) == 4

    run(check())


def test_read_async_waits_for_the_end() -> None:
    async def check() -> None:
        state, _ = state_of(b"ab")
        assert state.read(1) == b"a"
        whole = asyncio.ensure_future(state.read_async())
        other = asyncio.ensure_future(state.read_async(False))
        await asyncio.sleep(0)
        state.insert_data(b"cd")
        state.insert_data(b"ef")
        await asyncio.sleep(0)
        state.insert_data(REQUEST_FINISHED)
        # several who wait share what comes, and all are told of the end
        assert len(await whole) + len(await other) == 5

    run(check())


def test_iteration_stops_at_the_end_and_not_before() -> None:
    state, _ = state_of(b"ab", b"cd")
    assert iter(state) is state
    assert [next(state), next(state), next(state)] == [b"ab", b"cd", b""]
    state.insert_data(b"ef")
    state.insert_data(REQUEST_FINISHED)
    assert list(state) == [b"ef"]
    assert list(state) == []


def test_a_body_that_was_cut_off_is_never_taken_for_a_whole_one() -> None:
    async def check() -> None:
        state, _ = state_of(b"ab")
        waiting = asyncio.ensure_future(state.read_async())
        await asyncio.sleep(0)
        state.cut_off()
        for attempt in (waiting, state.read_async(), state.read_async(False)):
            with pytest.raises(ConnectionResetError):
                await attempt
        for read in (state.read, state.get_chunk, state.__next__):
            with pytest.raises(ConnectionResetError):
                read()

    run(check())


# --- the head of the response ---------------------------------------------------------------------


def test_start_response_keeps_the_code_and_is_replaced_by_a_later_call() -> None:
    state, _ = state_of()
    with pytest.raises(RuntimeError, match="start_response"):
        state.get_response_headers()
    assert state.start_response("404 Not Found", [("A", "b")])(b"dropped") is None
    assert state.get_response_headers() == [(":status", "404"), ("A", "b")]
    state.start_response("200 OK", [("X-Name", "Value")], exc_info=None)
    assert state.get_response_headers() == [(":status", "200"), ("X-Name", "Value")]


# --- functions ------------------------------------------------------------------------------------


def test_get_header_is_the_first_of_exactly_that_name() -> None:
    fields = [("a", "1"), ("A", "2"), ("a", "3")]
    assert get_header(fields, "a") == "1"
    assert get_header(fields, "A") == "2"
    assert get_header(fields, "b") is None


def environ(*fields: tuple[str, str], **pseudo: str | None) -> Any:
    """The environment of a request; `path="/x"` replaces a pseudo-header field."""
    base = [(n, pseudo.get(n[1:], v)) for n, v in GET]
    headers = [(n, v) for n, v in base if v is not None]
    return create_wsgi_environment(state_of(headers=[*headers, *fields])[0])


def test_every_key_of_the_environment() -> None:
    state, _ = state_of(headers=GET)
    found = create_wsgi_environment(state)
    assert found == {
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "REQUEST_URI": "/",
        "SERVER_PROTOCOL": "HTTP/2",
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "example.com",
        "SERVER_PORT": "443",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": 55_555,
        "HTTP_HOST": "example.com",
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "https",
        "wsgi.input": state,
        "wsgi.input_terminated": True,
        "wsgi.async": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a/b;c=d?x=%41&y#z", "/a/b;c=d", "x=%41&y"),
        ("/caf%C3%A9", "/caf\xc3\xa9", ""),
        ("//host/path?", "//host/path", ""),
        ("*", "*", ""),
        ("/é?é", "/\xc3\xa9", "\xc3\xa9"),
        ("/\udcff", "/\xff", ""),
    ],
)
def test_the_path_is_decoded_and_the_query_is_not(target: str, path: str, query: str) -> None:
    found = environ(path=target)
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == (path, query)


@pytest.mark.parametrize(
    ("authority", "scheme", "name", "port"),
    [
        ("example.com", "https", "example.com", "443"),
        ("example.com", "http", "example.com", "80"),
        ("example.com:8443", "https", "example.com", "8443"),
        ("[::1]:80", "https", "[::1]", "80"),
        ("[::1]", "https", "[::1]", "443"),
        ("example.com:", "https", "example.com", "443"),
    ],
)
def test_server_name_and_port(authority: str, scheme: str, name: str, port: str) -> None:
    found = environ(authority=authority, scheme=scheme)
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == (name, port)
    assert found["HTTP_HOST"] == authority


def test_without_an_authority_the_host_field_counts_and_then_the_servers_name() -> None:
    found = environ(("host", "other.example:99"), authority=None)
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("other.example", "99")
    assert found["HTTP_HOST"] == "other.example:99"
    found = environ(authority=None)
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("kyoukai.example", "4444")
    assert "HTTP_HOST" not in found


def test_fields() -> None:
    found = environ(
        ("content-type", "text/plain"),
        ("content-length", "5"),
        ("cookie", "a=1"),
        ("x-twice", "1"),
        ("cookie", "b=2"),
        ("x-twice", "2"),
        ("x_forged", "1"),
        ("x-text", "é"),
    )
    assert (found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("text/plain", "5")
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_X_FORGED"} & set(found)
    assert found["HTTP_COOKIE"] == "a=1; b=2"
    assert found["HTTP_X_TWICE"] == "1,2"
    assert found["HTTP_X_TEXT"] == "\xc3\xa9"
