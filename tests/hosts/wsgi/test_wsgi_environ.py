"""What WSGI applications are told of a request."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

import pytest

from plait.server.host import Peer
from plait.server.wsgi import FileWrapper, WSGIHost
from plait.server.wsgi.environ import add_fields
from tests.support.exchange import RecordingExchange

from .serving import environ_of, exchanged, hosted, until


def test_environ() -> None:
    environ = environ_of(
        b"POST",
        b"/a%20b/%C3%BC/%fc?q=%20&r",
        [
            (b"content-type", b"text/x"),
            (b"content-length", b"9"),
            (b"x-a", b"1"),
            (b"x-a", b"2"),
            (b"x-latin", b"\xfc"),
            (b"cookie", b"a=1"),
            (b"cookie", b"b=2"),
        ],
        scheme=b"https",
        body=[b"sent ", b"data"],
    )
    assert environ.pop("wsgi.errors") is sys.stderr
    for callable_ in ("wsgi.early_hints", "plait.early_hints", "plait.trailers"):
        assert callable(environ.pop(callable_))
    environ.pop("wsgi.input")
    assert environ == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xbc/\xfc",
        "QUERY_STRING": "q=%20&r",
        "REQUEST_URI": "/a%20b/%C3%BC/%fc?q=%20&r",
        "RAW_URI": "/a%20b/%C3%BC/%fc?q=%20&r",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "9",
        "SERVER_NAME": "192.0.2.2",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/2.0",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "HTTPS": "on",
        "HTTP_HOST": "example.org",
        "HTTP_X_A": "1,2",
        "HTTP_X_LATIN": "\xfc",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "body": b"sent data",
    }


def test_what_is_absent_is_empty() -> None:
    environ = environ_of(host=None)
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("", "")
    assert (environ["QUERY_STRING"], environ["body"]) == ("", b"")
    assert environ["wsgi.url_scheme"] == "http"
    assert "HTTP_HOST" not in environ
    assert "HTTPS" not in environ


@pytest.mark.parametrize(("version", "told"), [("1.0", "HTTP/1.0"), ("1.1", "HTTP/1.1")])
def test_the_version_is_told(version: str, told: str) -> None:
    assert environ_of(http_version=version)["SERVER_PROTOCOL"] == told


def test_names_with_underscores_are_left_out() -> None:
    # "x_real_ip" would pass for the "x-real-ip" that a proxy sets
    environ = environ_of(b"GET", b"/", [(b"x_real_ip", b"1"), (b"x-real-ip", b"2")])
    assert environ["HTTP_X_REAL_IP"] == "2"
    environ = environ_of(b"GET", b"/", [(b"content_length", b"7")])
    assert environ["CONTENT_LENGTH"] == ""


def test_a_repeated_content_type_is_not_joined() -> None:
    fields = [(b"content-type", b"a/b"), (b"content-type", b"c/d")]
    assert environ_of(b"GET", b"/", fields)["CONTENT_TYPE"] == "a/b"


def test_more_names_than_are_remembered() -> None:
    names = [b"x-%d" % number for number in range(2_000)]
    environ = environ_of(b"GET", b"/", [(name, name) for name in names])
    assert environ["HTTP_X_1999"] == "x-1999"


def test_names_that_clients_invent_are_not_kept() -> None:
    invented = [[(b"x-%d-" % number + bytes(20_000), b"")] for number in range(600)]
    tracemalloc.start()
    try:
        for fields in invented:
            add_fields({}, fields)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    for number in range(600):
        add_fields({}, [(b"x-invented-%d" % number, b"")])
    one: dict[str, str] = {}
    two: dict[str, str] = {}
    for environ in (one, two):
        add_fields(environ, [(b"x-honest", b"")])
    # the very string, as it was remembered
    assert next(iter(one)) is next(iter(two))


def test_on_a_unix_socket() -> None:
    peer = Peer(None, ("/run/plait.sock", None), None)
    environ = environ_of(peer=peer)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert environ["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in environ
    assert environ_of(peer=peer, scheme=b"https")["SERVER_PORT"] == "443"


def test_the_client_that_a_proxy_tells_of() -> None:
    socket_peer = Peer(("192.0.2.1", 1), ("192.0.2.2", 80), None)
    assert environ_of(peer=socket_peer)["REMOTE_ADDR"] == "192.0.2.1"
    told = Peer(("198.51.100.7", 2), ("192.0.2.2", 80), None)
    told.context = socket_peer.context
    assert environ_of(peer=told)["REMOTE_ADDR"] == "198.51.100.7"
    assert environ_of(peer=socket_peer)["REMOTE_ADDR"] == "192.0.2.1"


def test_options_of_the_whole_server_has_no_path() -> None:
    environ = environ_of(b"OPTIONS", b"*")
    assert (environ["PATH_INFO"], environ["REQUEST_URI"]) == ("", "*")


@pytest.mark.parametrize(
    ("path", "info"),
    [
        (b"/shop/cart?a", "/cart"),
        (b"/shop", ""),
        (b"/shop/", "/"),
        (b"/cart", "/cart"),  # a proxy has cut it off
        (b"/shopping", "/shopping"),
    ],
)
def test_where_the_application_is_mounted(path: bytes, info: str) -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
        start_response("204 No Content", [])
        return []

    host = WSGIHost(app, root_path="/shop/")

    async def scenario() -> None:
        exchange = RecordingExchange(b"GET", path)
        exchange.open(host)
        await until(lambda: exchange.released)

    hosted(host, scenario)
    assert seen == [("/shop", info)]


def test_a_body_that_is_there_has_its_length() -> None:
    # a client need not send one, but there are applications that read nothing without
    environ = environ_of(b"POST", b"/", body=[b"abc", b"de"])
    assert environ["CONTENT_LENGTH"] == "5"
    assert environ["body"] == b"abcde"


def test_connect_is_not_for_applications() -> None:
    exchange = exchanged(None, b"CONNECT", b"")
    assert exchange.status == 501


@pytest.mark.parametrize("settings", [{"threads": 0}, {"max_queued": -1}, {"root_path": "shop"}])
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        WSGIHost(lambda environ, start_response: [], **settings)
