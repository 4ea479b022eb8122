"""Where a server listens."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from plait.server import HTTP2Server
from plait.server.addresses import open_listeners
from tests.server.rawclient import LOOPS, client_of, recorder, run


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


async def exchange(server: HTTP2Server) -> Any:
    """One request over the first address; what the handler knew of its client."""
    async with client_of(server) as client:
        client.send(client.request(1))
        assert (await client.response(1))[1] == b"hello"
        return server.handler_factory.handlers[-1].client_address  # type: ignore[attr-defined]


def served(address: Any, loop: str = "asyncio", **options: Any) -> Any:
    async def main() -> Any:
        async with HTTP2Server(address, recorder(), **options) as server:
            return await exchange(server)

    return run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_port_0_takes_a_free_port(loop: str) -> None:
    assert served(("127.0.0.1", 0), loop)[0] == "127.0.0.1"


@needs_ipv6
@pytest.mark.parametrize("loop", LOOPS)
def test_ipv6(loop: str) -> None:
    address = served(("::1", 0), loop)
    assert address[0] == "::1"
    assert len(address) == 4


def close(listeners: list[Any]) -> None:
    for each in listeners:
        each.close()


@pytest.mark.parametrize("host", [None, ""])
def test_no_host_is_every_interface_on_one_port(host: str | None) -> None:
    listeners = open_listeners((host, 0), backlog=10)
    families = {each.sock.family for each in listeners}
    assert families == {socket.AF_INET, socket.AF_INET6} or not has_ipv6()
    assert len({each.address[1] for each in listeners}) == 1
    for each in listeners:
        if each.sock.family == socket.AF_INET6:
            assert each.sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    close(listeners)


def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    listeners = open_listeners(("several.example", 0), backlog=10)
    assert [each.address[0] for each in listeners] == ["127.0.0.1", "127.0.0.2"]
    assert len({each.address[1] for each in listeners}) == 1
    close(listeners)


def test_a_name_whose_addresses_are_all_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(OSError, match=r"192\.0\.2\.1, port 0"):
        open_listeners(("elsewhere.example", 0), backlog=10)


@pytest.mark.parametrize("loop", LOOPS)
def test_several_addresses_at_once(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        addresses: Any = [("127.0.0.1", 0), f"unix:{tmp_path / 's'}", ("127.0.0.2", 0)]
        async with HTTP2Server(addresses, recorder()) as server:
            assert len(server.addresses) == len(server.sockets) == len(server.servers) == 3
            assert server.port == server.addresses[0][1]
            bound = server.addresses
            for each in bound:
                server._addresses = [each]
                await exchange(server)

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("form", ["text", "path"])
def test_unix_socket_comes_and_goes(loop: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    assert served(f"unix:{path}" if form == "text" else path, loop) == ("unix", 0)
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    assert path.exists()
    served(path)


def test_a_unix_socket_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="socket"):
            HTTP2Server(path, recorder())
    path.unlink()
    path.write_text("precious")
    with pytest.raises(OSError, match="socket") as caught:
        HTTP2Server(path, recorder())
    assert caught.value.errno == errno.EADDRINUSE
    assert path.read_text() == "precious"


def test_a_unix_socket_that_somebody_replaced_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (listener,) = open_listeners(path, backlog=1)
    path.unlink()
    path.write_text("another's")
    listener.close()
    listener.close()
    assert path.read_text() == "another's"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("listening", [True, False])
def test_an_existing_socket(loop: str, listening: bool) -> None:
    mine = socket.socket()
    mine.bind(("127.0.0.1", 0))
    if listening:
        mine.listen()
    assert served(mine, loop)[0] == "127.0.0.1"
    assert mine.fileno() == -1, "it was given away, and is closed with the server"


def test_an_existing_unix_socket(tmp_path: Path) -> None:
    mine = socket.socket(socket.AF_UNIX)
    mine.bind(str(tmp_path / "socket"))
    served(mine)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("localhost:80", ValueError),
        ("unix:", ValueError),
        ([], ValueError),
        (8080, TypeError),
        (("127.0.0.1", 99999), ValueError),
        (("127.0.0.1", -1), ValueError),
        (("127.0.0.1", "80"), TypeError),
        (("127.0.0.1",), ValueError),
        (("192.0.2.1", 0), OSError),
    ],
)
def test_what_is_no_address(address: Any, error: Any) -> None:
    with pytest.raises(error):
        HTTP2Server(address, recorder())


def test_datagram_sockets_are_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        with pytest.raises(ValueError, match="not a stream socket"):
            HTTP2Server(datagram, recorder())


def test_an_address_in_use_is_named_and_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1, port {port}") as caught:
            HTTP2Server([("127.0.0.1", 0), ("127.0.0.1", port)], recorder())
        assert caught.value.errno == errno.EADDRINUSE
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")
def test_reuse_port_lets_two_listen() -> None:
    first = open_listeners(("127.0.0.1", 0), backlog=1, reuse_port=True)
    second = open_listeners(("127.0.0.1", first[0].address[1]), backlog=1, reuse_port=True)
    close(first + second)


def test_connections_wait_from_the_constructor_on() -> None:
    server = HTTP2Server(("127.0.0.1", 0), recorder())
    waiting = socket.create_connection(server.addresses[0][:2])
    waiting.close()

    async def main() -> None:
        await server.start()
        await server.close()

    run(main())
