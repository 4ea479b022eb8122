"""The proxies of the deployment page in front of plait, as their files say."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, Background, free_port, run

from .files import DEPLOY, PLAIT, adapted, commands_in

pytestmark = [pytest.mark.slow, pytest.mark.interop]

# The proxies see clients here, and themselves come from 127.0.0.1.
CLIENT = "127.0.0.2"


class Site(NamedTuple):
    url: str
    tls: TLSFiles
    instances: list[Background]

    def curl(self, *arguments: str) -> str:
        command = [require_tool("curl"), "-sS", "--cacert", str(self.tls.cert)]
        return run([*command, "--interface", CLIENT, *arguments, self.url])


@contextmanager
def site(name: str, folder: Path, tls: TLSFiles) -> Iterator[Site]:
    """A proxy by its file, and what its comments say is to run behind it."""
    ports = {said: free_port() for said in (443, 8001, 8002)}
    path = adapted(name, folder, tls, ports)
    command = {
        "haproxy.cfg": ["haproxy", "-db", "-f", path],
        "envoy.yaml": ["envoy", "--log-level", "error", "--use-dynamic-base-id", "-c", path],
        "nginx.conf": ["nginx", "-c", path, "-g", settings_of_nginx(folder)],
    }[name]
    program = require_tool(str(command[0]))
    with ExitStack() as stack:
        instances = []
        for each in commands_in(path.read_text()):
            if each[0] == "app:app":
                plait = Background([PLAIT, *each, "--app-dir", DEPLOY])
                instances.append(stack.enter_context(plait))
        for plait in instances:
            plait.wait_for("serving app:app")
        proxy = stack.enter_context(Background([program, *command[1:]]))
        proxy.wait_for_port(ports[443])
        ready = Site(f"https://127.0.0.1:{ports[443]}/", tls, instances)
        wait_for_health(ready)
        yield ready
        for each in instances:
            assert "Traceback" not in each.output
            each.process.kill()  # its end would take as long as its file says


def settings_of_nginx(folder: Path) -> str:
    return f"daemon off; user root; error_log stderr; pid {folder}/nginx.pid;"


def wait_for_health(ready: Site) -> None:
    """A proxy knows after a moment whom it can ask."""
    deadline = time.monotonic() + PATIENCE
    while not ready.curl().startswith("https, "):
        assert time.monotonic() < deadline, ready.curl()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("name", "version"), [("haproxy.cfg", "2"), ("envoy.yaml", "2"), ("nginx.conf", "1.1")]
)
def test_the_application_learns_who_asks(
    name: str, version: str, tmp_path: Path, tls_files: TLSFiles
) -> None:
    with site(name, tmp_path, tls_files) as ready:
        lies = ["-H", "X-Forwarded-For: 192.0.2.1", "-H", "Forwarded: for=192.0.2.2;proto=http"]
        for protocol in ("--http2", "--http1.1"):
            said = ready.curl(protocol, *lies, "-w", "%{http_version}")
            body, _, spoken = said.partition("\n")
            assert body == f"https, HTTP/{version}, asked by {CLIENT}"
            assert spoken == ("2" if protocol == "--http2" else "1.1")


@pytest.mark.parametrize("name", ["haproxy.cfg", "envoy.yaml"])
def test_an_instance_is_stopped_and_no_request_fails(
    name: str, tmp_path: Path, tls_files: TLSFiles
) -> None:
    with site(name, tmp_path, tls_files) as ready:
        load = [require_tool("h2load"), "-n2000", "-c4", "-m4", "--rps=60", ready.url]
        with Background(load) as clients:
            clients.wait_for(r"progress: 10%")
            assert ready.instances[0].stop(signal.SIGTERM) == 0
            said = clients.wait_for(r"^requests: .*", 60)[0]
            clients.wait_for("^status codes: 2000 2xx")
    assert re.search("2000 succeeded, 0 failed, 0 errored, 0 timeout", said)
