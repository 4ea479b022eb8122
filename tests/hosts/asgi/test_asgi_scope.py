"""What an application is told of a request."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from plait.server.asgi import ASGIHost
from plait.server.asgi.application import Application
from plait.server.asgi.scope import common_scope, http_scope
from plait.server.asgi.tls import distinguished_name, tls_extension
from plait.server.host import Peer
from tests.support.certs import TLSFiles, make_client_certificate
from tests.support.exchange import RecordingExchange


def scope_of(path: bytes = b"/", *, root_path: str = "", **settings: Any) -> dict[str, Any]:
    settings.setdefault("loop", object())  # scopes need none
    exchange = RecordingExchange(path=path, **settings)
    return http_scope(exchange, Application(None, root_path))


def test_a_scope() -> None:
    headers = [(b"accept", b"*/*"), (b"cookie", b"a=1; b=2")]
    assert scope_of(b"/a%20b/%C3%BC?q=%20&r", headers=headers, scheme=b"https") == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "2",
        "server": ("192.0.2.2", 443),
        "client": ("192.0.2.1", 50_000),
        "scheme": "https",
        "method": "GET",
        "root_path": "",
        "path": "/a b/ü",
        "raw_path": b"/a%20b/%C3%BC",
        "query_string": b"q=%20&r",
        "headers": [(b"host", b"example.org"), *headers],
        "state": {},
        "extensions": {
            "http.response.trailers": {},
            "http.response.early_hint": {},
            "http.response.pathsend": {},
        },
    }


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/a?", "/a", b"/a", b""),
        (b"/a?b?c", "/a", b"/a", b"b?c"),
        (b"*", "*", b"*", b""),
        (b"", "", b"", b""),
        (b"/%2Fa%3Fb", "//a?b", b"/%2Fa%3Fb", b""),
        (b"/%", "/%", b"/%", b""),
        (b"/%zz%4", "/%zz%4", b"/%zz%4", b""),
        (b"/%FF", "/\ufffd", b"/%FF", b""),
        (b"/\xc3\xbc", "/ü", b"/\xc3\xbc", b""),
        (b"/%41?%41", "/A", b"/%41", b"%41"),
    ],
)
def test_paths(target: bytes, path: str, raw_path: bytes, query: bytes) -> None:
    scope = scope_of(target)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


def test_a_root_path_precedes_the_path() -> None:
    scope = scope_of(b"/b%20c?d", root_path="/a")
    assert scope["root_path"] == "/a"
    assert scope["path"] == "/a/b c"
    assert scope["raw_path"] == b"/a/b%20c"


def test_a_root_path_is_text() -> None:
    scope = scope_of(b"/b", root_path="/\u00fc %")
    assert scope["root_path"] == "/\u00fc %"
    assert scope["path"] == "/\u00fc %/b"
    assert scope["raw_path"] == b"/%C3%BC%20%25/b"


@pytest.mark.parametrize("target", [b"*", b""])
def test_a_target_that_is_no_path_has_no_root(target: bytes) -> None:
    assert scope_of(target, root_path="/a")["raw_path"] == target


@pytest.mark.parametrize("root_path", ["a", "/a/", "/"])
def test_a_root_path_that_is_none(root_path: str) -> None:
    with pytest.raises(ValueError, match="root_path"):
        ASGIHost(Path, root_path=root_path)  # type: ignore[arg-type]


def test_decoded_paths_are_kept_but_not_without_end() -> None:
    application = Application(None, "")
    assert application.target(b"/%41") is application.target(b"/%41")
    for number in range(3000):
        application.target(b"/%d" % number)
        application.target(b"/a?%d" % number)
        application.target(b"/" + b"x" * 300 + b"%d" % number)
    assert len(application.targets) <= 1024
    assert all(len(target) <= 256 for target in application.targets)


@pytest.mark.parametrize(
    ("sent", "told"), [(b"GET", "GET"), (b"post", "POST"), (b"PROPFIND", "PROPFIND")]
)
def test_methods_are_in_upper_case(sent: bytes, told: str) -> None:
    assert scope_of(method=sent)["method"] == told


@pytest.mark.parametrize(
    ("version", "can_push", "offered"),
    [
        ("2", True, {"trailers", "early_hint", "pathsend", "push"}),
        ("2", False, {"trailers", "early_hint", "pathsend"}),
        ("1.1", False, {"trailers", "early_hint", "pathsend"}),
        ("1.0", False, {"pathsend"}),
    ],
)
def test_extensions_are_offered_where_they_work(
    version: str, can_push: bool, offered: set[str]
) -> None:
    scope = scope_of(http_version=version, can_push=can_push)
    assert set(scope["extensions"]) == {f"http.response.{name}" for name in offered}


def test_a_connection_may_change_its_version() -> None:
    peer = Peer(None, None, None)
    offered = [
        len(scope_of(http_version=version, peer=peer)["extensions"]) for version in ("1.0", "1.1")
    ]
    assert offered == [1, 3]


def test_a_proxy_may_tell_another_client_for_each_request() -> None:
    application = Application(None, "")
    loop: Any = object()
    context = Peer(("192.0.2.9", 9), ("192.0.2.2", 443), None).context
    for port in (1, 2):
        peer = Peer(("198.51.100.7", port), None, None)
        peer.context = context
        exchange = RecordingExchange(peer=peer, loop=loop, scheme=b"https" if port > 1 else b"http")
        scope = http_scope(exchange, application)
        assert scope["client"] == ("198.51.100.7", port)
        assert scope["server"] is None
        assert scope["scheme"] == ("https" if port > 1 else "http")


def test_a_connection_may_have_two_applications() -> None:
    peer = Peer(None, None, None)
    roots = [scope_of(peer=peer, root_path=root)["root_path"] for root in ("/a", "/b")]
    assert roots == ["/a", "/b"]


def test_requests_do_not_share_what_they_may_change() -> None:
    peer = Peer(None, ("/run/x", None), None)
    application = Application(None, "")
    application.state["pool"] = pool = object()
    loop: Any = object()
    scopes = [http_scope(RecordingExchange(peer=peer, loop=loop), application) for _ in range(2)]
    first, second = scopes
    first["state"]["user"] = "me"
    first["extensions"].clear()
    first["headers"].append((b"x", b"y"))
    assert second["state"] == {"pool": pool} == application.state
    assert "http.response.pathsend" in second["extensions"]
    assert second["headers"] == [(b"host", b"example.org")]
    assert second["client"] is None
    assert second["server"] == ("/run/x", None)


def test_what_websockets_share() -> None:
    loop: Any = object()
    scope = common_scope(RecordingExchange(loop=loop), Application(None, ""))
    assert "method" not in scope
    assert scope["extensions"] == {}
    assert scope["path"] == "/"


# --- TLS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ((), ""),
        (
            (
                (("countryName", "XX"),),
                (("organizationName", "A, B"),),
                (("commonName", "me"), ("emailAddress", "me@example.org")),
            ),
            "CN=me+emailAddress=me@example.org,O=A\\, B,C=XX",
        ),
        (((("commonName", " #a;b "),),), "CN=\\ #a\\;b\\ "),
        (((("commonName", '#"<>\\+=\0'),),), 'CN=\\#\\"\\<\\>\\\\\\+=\\00'),
        (
            ((("domainComponent", "org"),), (("domainComponent", "example"),), (("userId", "u"),)),
            "UID=u,DC=example,DC=org",
        ),
    ],
)
def test_names_are_written_as_rfc_4514_says(subject: Any, name: str) -> None:
    assert distinguished_name(subject) == name


def shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The server's side of a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = server.wrap_bio(to_server, to_client, server_side=True)
    there = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(4):
        for side in (there, here):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert here.version()
    return here


@pytest.fixture
def contexts(tls_files: TLSFiles) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls_files.cert, tls_files.key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(tls_files.cert)
    return server, client


def test_tls_without_a_client_certificate(contexts: Any) -> None:
    extension = tls_extension(shaken(*contexts))
    assert extension["server_cert"] is None
    assert extension["client_cert_chain"] == []
    assert extension["client_cert_name"] is None
    assert extension["client_cert_error"] is None
    assert extension["tls_version"] == 0x0304
    assert extension["cipher_suite"] in (0x1301, 0x1302, 0x1303)


def test_tls_with_a_client_certificate(contexts: Any, tmp_path: Path) -> None:
    server, client = contexts
    files = make_client_certificate(tmp_path)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(files.cert)
    client.load_cert_chain(files.cert, files.key)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    peer = Peer(None, None, shaken(server, client))
    extension = scope_of(peer=peer, scheme=b"https")["extensions"]["tls"]
    pem = files.cert.read_text()
    chain = extension["client_cert_chain"]
    assert ssl.PEM_cert_to_DER_cert(chain[0]) == ssl.PEM_cert_to_DER_cert(pem)
    assert extension["client_cert_name"] == "CN=somebody"
    assert extension["tls_version"] == 0x0303
    assert 0xC000 <= extension["cipher_suite"] <= 0xCFFF
    assert scope_of(peer=peer)["extensions"]["tls"] == extension
