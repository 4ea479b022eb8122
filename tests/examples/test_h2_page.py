"""What the page about h2 says, beside the code; its programs are run."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from plait import http2
from plait.http2 import Connection
from tests.support.certs import TLSFiles
from tests.support.process import Background, run

from .documents import PAGES, blocks, table_rows
from .programs import EXAMPLES, port_of

PAGE = "docs/h2.md"
PYTHON = [sys.executable, "-W", "error"]
MODULES = ("config", "connection", "errors", "events", "exceptions", "settings")

# What is done with what the page defines: it cannot be here, where h2 itself may be imported.
USES = """
import sys
import h2
from plait.http2 import Connection as Peer, Role

assert h2.__name__ == "plait.compat.h2" == h2.connection.__package__, h2.__name__
assert H2Connection is h2.connection.H2Connection
assert h2.__version__ == "4.4.1"
print(*get(sys.argv[1]))

server, peer = H2Connection(H2Configuration(client_side=False)), Peer(Role.CLIENT)
peer.initiate_connection()
peer.send_request([(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")])
ping_on_a_stream = bytes.fromhex("000008060000000001") + bytes(8)
events = received(server, peer.data_to_send() + ping_on_a_stream)
assert RequestReceived in {type(event) for event in events}, events
assert server.data_to_send()
"""


def test_the_programs_of_the_page(tmp_path: Path, tls_files: TLSFiles) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join([*blocks(PAGE, "python"), USES]))
    files = ["--cert", str(tls_files.cert), "--key", str(tls_files.key), "--port", "0"]
    with Background([*PYTHON, str(EXAMPLES / "json_echo.py"), *files]) as program:
        url = program.wait_for(r"^https://127\.0\.0\.1:\d+/$")[0]
        said = run([*PYTHON, script, url], env={"SSL_CERT_FILE": str(tls_files.cert)})
    assert said.startswith('HTTP/2 {\n    "headers": {\n        ":method": "GET",')
    assert f'":authority": "127.0.0.1:{port_of(url)}"' in said


def test_the_line_for_a_whole_environment(tmp_path: Path) -> None:
    (line,) = (block for block in blocks(PAGE, "") if block.startswith("import "))
    (tmp_path / "plait-h2.pth").write_text(line)
    program = f"import site; site.addsitedir({str(tmp_path)!r}); import h2.events as e; print(e)"
    assert "plait/compat/h2/events.py" in run([*PYTHON, "-c", program])


def names(cell: str) -> set[str]:
    """What stands in back-quotes, without arguments."""
    return {re.split(r"[(.]", span)[0] for span in re.findall("`(.+?)`", cell)}


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    return [row for row in table_rows(PAGE) if len(row) == 3 and "---" not in row[0]][1:]


def test_the_names_of_h2_are_those_of_h2(rows: list[list[str]]) -> None:
    modules = [importlib.import_module(f"plait.compat.h2.{name}") for name in MODULES]
    known = {name for module in modules for name in dir(module)}
    known |= set(dir(modules[1].H2Connection)) | {"stream_ended"}
    for row in rows:
        assert names(row[0]) <= known | {"local_settings", "header_encoding"}, row


def test_the_names_beside_them_are_those_of_the_engine(rows: list[list[str]]) -> None:
    known = {*http2.__all__, *dir(Connection), *dir(http2.DataReceived)}
    for row in rows:
        assert names(row[1]) <= known, row
    assert len(rows) > 15


def test_the_examples_of_the_page_are_there() -> None:
    told = "\n".join(blocks(PAGE, "sh"))
    for name in re.findall(r"examples/(\w+\.py)", told):
        assert (EXAMPLES / name).is_file()
    assert "\n## Differences from h2\n" in PAGES[PAGE].read_text(encoding="utf-8")
