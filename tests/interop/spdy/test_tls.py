"""spdy-transport over TLS, where ALPN chooses the version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plait.compat.spdylay import OK
from plait.spdy import Version
from tests.compat.spdylay_fetching import fetch
from tests.interop.application import pattern
from tests.interop.spdy.conftest import NAMES, every_version
from tests.interop.spdy.node import NodeProgram
from tests.interop.spdy.serving import ThreadedServer
from tests.support.certs import TLSFiles

pytestmark = pytest.mark.interop

SIZE = 60_000


@pytest.fixture(scope="module")
def secure_server(tls_files: TLSFiles) -> Iterator[ThreadedServer]:
    """ThreadedSPDYServer for every version."""
    with ThreadedServer(None, tls_files) as server:
        yield server


@every_version
def test_a_client_of_node_asks_in_its_version(
    exchange: Callable[..., Any],
    secure_server: ThreadedServer,
    version: Version,
    tls_files: TLSFiles,
) -> None:
    found = exchange(
        secure_server.port,
        {"path": f"/bytes?n={SIZE}"},
        {"path": "/echo", "method": "POST", "size": SIZE},
        trust=str(tls_files.cert),
    )
    assert found["alpn"] == f"spdy/{NAMES[version]}"
    assert [one["length"] for one in found["results"]] == [SIZE, SIZE]
    assert found["results"][0]["sha256"] == found["results"][1]["sha256"]


@every_version
def test_urlfetch_asks_in_the_version_that_it_is_told(
    node_server: NodeProgram, version: Version, tls_files: TLSFiles
) -> None:
    where = f"https://localhost:{node_server.about['secure']}"
    made, record = fetch(
        [f"{where}/bytes?n={SIZE}", f"{where}/record"],
        version=version,
        context=tls_files.client_context(),
    )
    assert (made.status, record.status) == (OK, OK)
    assert made.data == pattern(SIZE)
    assert f'"version":{NAMES[version]},'.encode() in record.data


def test_urlfetch_and_the_server_of_node_choose_the_latest_version(
    node_server: NodeProgram, tls_files: TLSFiles
) -> None:
    url = f"https://localhost:{node_server.about['secure']}/record"
    (made,) = fetch([url], context=tls_files.client_context())
    assert b'"version":3.1,' in made.data
