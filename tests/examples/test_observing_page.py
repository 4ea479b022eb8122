"""What the pages about observing, proxies and TLS show is so."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from plait.server.access_log import _PARTS, FORMATS, AccessLog
from plait.server.host import Peer
from plait.server.metrics import Metrics
from plait.server.proxies import FIELDS, TrustedProxies
from tests.server.rawclient import eventually, run
from tests.support.certs import TLSFiles
from tests.support.exchange import RecordingExchange

from .documents import blocks, table_rows

PAGE = "docs/observing.md"


def test_every_atom_has_its_row() -> None:
    listed = [
        atom for row in table_rows(PAGE) for atom in re.findall(r"`%\((\w+)\)s`", row[0]) if atom
    ]
    assert sorted(listed) == sorted(_PARTS)


def test_the_named_formats_are_as_they_are_shown() -> None:
    rows = {row[0].strip("`"): row[1] for row in table_rows(PAGE)}
    common = rows["common"].strip("`")
    assert FORMATS["common"] == common
    (more,) = re.findall("`(.+)`", rows["combined"])
    assert FORMATS["combined"] == f"{common} {more}"


def test_the_line_in_json_has_these_keys() -> None:
    (shown,) = [json.loads(text) for text in blocks(PAGE, "") if text.startswith("{")]

    async def main() -> None:
        stream = io.StringIO()
        log = AccessLog(stream, "json")
        log.ended(RecordingExchange(), 0)
        log.close()
        assert list(json.loads(stream.getvalue())) == list(shown)

    run(main())


def test_every_metric_has_its_row_with_its_labels() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    told = {}
    for family in registry.collect():
        counted = family.type == "counter"
        told[family.name + "_total" * counted] = family.documentation
    rows = {}
    for row in table_rows(PAGE):
        for name in re.findall(r"`(plait_\w+)`", row[0]):
            rows[name] = set(re.findall(r"`(\w+)`", row[1]))
    assert rows.keys() == told.keys()
    with_labels = {
        name: set(getattr(collector, "_labelnames", ()))
        for collector, names in registry._collector_to_names.items()
        for name in names
        if name in rows
    }
    assert rows == with_labels


def test_clients_are_who_the_table_says() -> None:
    rows = [row for row in table_rows("docs/proxies.md") if len(row) == 3][2:]
    assert len(rows) == 6
    proxies = TrustedProxies(["10.0.0.1"])

    async def main() -> None:
        for peer, field, client in ([cell.strip("`") for cell in row] for row in rows):
            fields = [] if field == "none" else [(b"x-forwarded-for", field.encode())]
            exchange: Any = RecordingExchange(headers=fields, peer=Peer((peer, 1), None, None))
            proxies.apply(exchange)
            assert exchange.peer.client[0] == client, field

    run(main())


def test_the_fields_are_all_that_there_are() -> None:
    rows = [row for row in table_rows("docs/proxies.md") if len(row) == 2]
    assert [row[0].strip("`") for row in rows[2:]] == list(FIELDS)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Takes no part in anything."""
    raise NotImplementedError


def names_in(page: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """What the program on a page defines, on ports that are free."""
    monkeypatch.chdir(folder)
    (text,) = blocks(page, "python")
    text = re.sub(r'\("[\d.]*", (8080|9000|8443|443)\)', '("127.0.0.1", 0)', text)
    names: dict[str, Any] = {}
    exec(text, names)
    return names


async def begun(serving: Any) -> None:
    """Run it until it serves and waits."""
    task = asyncio.ensure_future(serving)
    await eventually(lambda: task.done() or _waits(task.get_coro()))
    assert not task.done(), task.exception()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _waits(coroutine: Any) -> bool:
    while coroutine is not None:
        if getattr(coroutine, "__name__", "") == "wait_closed":
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False


def test_the_program_that_observes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = names_in(PAGE, monkeypatch, tmp_path)
    registry = CollectorRegistry()
    names["Metrics"] = lambda: Metrics(registry)
    run(begun(names["serve"](app)))
    assert (tmp_path / "access.log").exists()
    assert registry.get_sample_value("plait_connections_open") == 0


def test_the_program_with_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls_files: TLSFiles
) -> None:
    cert, key = tls_files.cert.read_bytes(), tls_files.key.read_bytes()
    (tmp_path / "example.org.pem").write_bytes(cert)
    (tmp_path / "example.org.key").write_bytes(key)
    (tmp_path / "example.net.pem").write_bytes(cert + key)
    (tmp_path / "authorities.pem").write_bytes(cert)
    names = names_in("docs/tls.md", monkeypatch, tmp_path)
    run(begun(names["serve"](app)))


def test_the_programs_behind_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls_files: TLSFiles
) -> None:
    names = names_in("docs/proxies.md", monkeypatch, tmp_path)

    async def main() -> None:
        async with names["behind_proxies"](app):
            pass
        context = tls_files.server_context()
        async with names["behind_the_proxy_protocol"](app, context):
            pass

    run(main())
