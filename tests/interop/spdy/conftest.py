"""The two Node programs, started once, and plait's clients in every version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from plait.spdy import Config, Version
from tests.interop.spdy.clients import Client, NativeClient, SessionClient
from tests.interop.spdy.node import NodeProgram
from tests.interop.spdy.serving import NativeServer, ThreadedServer
from tests.support.certs import TLSFiles

Connect = Callable[..., Client]

NAMES = {Version.SPDY2: "2", Version.SPDY3: "3", Version.SPDY3_1: "3.1"}


@pytest.fixture(scope="session")
def node_server(tls_files: TLSFiles) -> Iterator[NodeProgram]:
    """spdy-transport as a server."""
    with NodeProgram("server.js", tls_files.cert, tls_files.key) as program:
        yield program
        assert program.run("mistakes") == []


@pytest.fixture(scope="session")
def node_client() -> Iterator[NodeProgram]:
    """spdy-transport as a client."""
    with NodeProgram("client.js") as program:
        yield program


def name_of(version: Version) -> str:
    return f"spdy{NAMES[version]}"


# SPDY/3 is between the others: the octets of SPDY/3.1 without the session's window. Ordinarily
# only some tests run in it, by `every_version`.
VERSIONS = [
    pytest.param(version, marks=[pytest.mark.slow] if version == Version.SPDY3 else [])
    for version in Version
]

every_version = pytest.mark.parametrize("version", list(Version), ids=name_of, indirect=True)


@pytest.fixture(params=VERSIONS, ids=name_of)
def version(request: pytest.FixtureRequest) -> Version:
    """Each version."""
    chosen: Version = request.param
    return chosen


@pytest.fixture(params=[NativeClient, SessionClient], ids=["native", "session"])
def connect(
    request: pytest.FixtureRequest, version: Version, node_server: NodeProgram
) -> Iterator[Connect]:
    """Connects a client of plait's to the server: `connect(**config)`."""
    port = node_server.about["ports"][NAMES[version]]
    with ExitStack() as stack:

        def connect(**config: Any) -> Client:
            client: Client = request.param(port, version, client_config(version, **config))
            return stack.enter_context(client)

        yield connect


def client_config(version: Version, **config: Any) -> Config | None:
    """What a client says; in SPDY/2 that it holds nothing back, see `node.py`."""
    if version == Version.SPDY2:
        config.setdefault("initial_window_size", 2**31 - 1)
    return Config(**config) if config else None


@pytest.fixture(scope="session", params=["native", "threaded"])
def plait_servers(request: pytest.FixtureRequest) -> Iterator[dict[Version, int]]:
    """The ports of plait's servers, by version: on the engine, and ThreadedSPDYServer."""
    make: Callable[[Version], Any] = native_server if request.param == "native" else ThreadedServer
    with ExitStack() as stack:
        yield {version: stack.enter_context(make(version)).port for version in Version}


@pytest.fixture(scope="session")
def native_servers() -> Iterator[dict[Version, int]]:
    """The ports of the servers on the engine, by version, for what only they can do."""
    with ExitStack() as stack:
        yield {version: stack.enter_context(native_server(version)).port for version in Version}


def native_server(version: Version) -> NativeServer:
    config = Config(max_concurrent_streams=200, initial_window_size=100_000, manual_credit=True)
    if version == Version.SPDY2:
        config = config.with_(initial_window_size=2**31 - 1)
    return NativeServer(version, config)


@pytest.fixture
def exchange(node_client: NodeProgram, version: Version) -> Callable[..., Any]:
    """Has the Node program ask: `exchange(port, *requests, **how)`, see `client.js`."""

    def exchange(port: int, *requests: dict[str, Any], **how: Any) -> Any:
        found = node_client.run(
            "exchange", port=port, version=float(NAMES[version]), requests=requests, **how
        )
        assert found.pop("mistakes") == []
        return found

    return exchange


def expect_windows_kept_to(record: dict[str, Any], version: Version) -> None:
    """Whether plait sent no more than the peer's windows allowed, as far as there were any."""
    if version != Version.SPDY2:
        assert record["least"]["stream"] == 0
    if version == Version.SPDY3_1:
        assert record["least"]["session"] == 0
