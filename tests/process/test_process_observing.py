"""The access log and the metrics of a service, and settings that are read again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from plait.process import Settings
from plait.process.observing import Observation

from .services import APPLICATION, PATIENCE, Service

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

QUICK = ("--bind", "127.0.0.1:0", "--log-level", "warning")
OBSERVED = ("--metrics", "127.0.0.1:0", "--access-log", "log", "--access-log-format", "%(p)s %(U)s")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "application.py").write_text(APPLICATION.replace("VERSION", "first"))
    return tmp_path


def ask(port, path="/"):
    """What a new connection is answered."""
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=PATIENCE) as client:
        return client.get(f"http://127.0.0.1:{port}{path}").text


def scrape(service):
    """The metrics of a service: names with their labels' values, and numbers."""
    port = service.wait_for(r"metrics, at /metrics, are told on http://127.0.0.1:(\d+)/")[1]
    found = {}
    for family in text_string_to_metric_families(ask(port, "/metrics")):
        for sample in family.samples:
            found[" ".join((sample.name, *sample.labels.values()))] = sample.value
    return found


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_what_is_not_wanted_costs_nothing():
    settings = Settings(target="application:app")
    observation = Observation(settings)
    assert observation.observer is None
    assert observation.metrics is None
    observation.reopen()
    observation.close()


def test_one_process_tells_and_writes(folder):
    with Service("application:app", *QUICK, *OBSERVED, cwd=folder) as service:
        port = service.port()
        pid = ask(port, "/1?x").split()[1]
        assert scrape(service)["plait_responses_total GET 200 2"] == 1
        assert scrape(service)["plait_connections_accepted_total"] == 1
        (folder / "log").rename(folder / "log.1")
        service.process.send_signal(signal.SIGUSR1)
        eventually((folder / "log").exists)
        ask(port, "/2")
        eventually(lambda: lines(folder / "log"))
        assert lines(folder / "log.1") == [f"{pid} /1"]
        assert lines(folder / "log") == [f"{pid} /2"]
        assert service.stop(signal.SIGTERM) == 0


def ask_all(port, workers):
    """Ask until so many workers have answered; return their answers."""
    answers = []
    while len(set(answers)) < workers:
        assert len(answers) < 2000
        answers.append(ask(port))
    return answers


@pytest.mark.slow
def test_the_metrics_of_all_workers_add_up_and_outlive_them(folder):
    shared = folder / "shared"
    shared.mkdir()
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    options = ("--workers", "2", "--metrics", "127.0.0.1:0", *QUICK)
    with Service("application:app", *options, cwd=folder, env=environ) as service:
        port = service.port()
        asked = ask_all(port, 2)
        eventually(lambda: scrape(service)["plait_responses_total GET 200 2"] == len(asked))
        eventually(lambda: scrape(service)["plait_requests_total"] == len(asked))
        # two that stay: they are counted, and no longer when their worker is no more
        with socket.create_connection(("127.0.0.1", port)) as one:
            eventually(lambda: scrape(service)["plait_connections_open"] == 1)
            for pid in {int(answer.split()[1]) for answer in asked}:
                os.kill(pid, signal.SIGKILL)
            service.wait_for("is lost: was killed by SIGKILL")
            eventually(lambda: one.recv(1) == b"")
        fresh = ask_all(port, 2)
        assert not set(fresh) & set(asked)
        whole = len(asked) + len(fresh)
        eventually(lambda: scrape(service)["plait_responses_total GET 200 2"] == whole)
        eventually(lambda: scrape(service)["plait_connections_open"] == 0)
        assert service.stop(signal.SIGTERM) == 0
    # those who took their places went on with their files
    assert {path.stem.rpartition("_")[2] for path in shared.iterdir()} == {"plait1", "plait2"}


@pytest.mark.slow
def test_what_workers_share_is_cleared_away(folder):
    environ = {"TMPDIR": str(folder)}
    options = ("--workers", "2", "--metrics", "127.0.0.1:0", *QUICK[:2])
    with Service("application:app", *options, cwd=folder, env=environ) as service:
        ask_all(service.port(), 2)
        [made] = folder.glob("plait-metrics-*")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_times("has ended", 2)
        assert made.is_dir()  # workers that end take nothing with them
        assert service.stop(signal.SIGTERM) == 0
        assert not made.exists()


@pytest.mark.slow
def test_all_workers_go_on_in_a_new_log(folder):
    with Service("application:app", "--workers", "2", *QUICK, *OBSERVED, cwd=folder) as service:
        port = service.port()
        before = ask_all(port, 2)
        eventually(lambda: len(lines(folder / "log")) == len(before))
        (folder / "log").rename(folder / "log.1")
        service.process.send_signal(signal.SIGUSR1)
        eventually((folder / "log").exists)
        ask_all(port, 2)
        after = []
        while len({line.split()[0] for line in lines(folder / "log")}) < 2:
            after += ask_all(port, 2)
            assert len(after) < 2000
        assert service.stop(signal.SIGTERM) == 0


@pytest.mark.slow
def test_a_log_whose_directory_has_gone_goes_on_in_the_old_file(folder):
    (folder / "logs").mkdir()
    log = ("--access-log", "logs/log", "--access-log-format", "json")
    with Service("application:app", *QUICK, *log, cwd=folder) as service:
        port = service.port()
        (folder / "logs").rename(folder / "old")
        service.process.send_signal(signal.SIGUSR1)
        service.wait_for("the access log stays in its old file: .*No such file")
        ask(port, "/x")
        eventually(lambda: lines(folder / "old" / "log"))
        assert json.loads(lines(folder / "old" / "log")[0])["path"] == "/x"
        assert service.stop(signal.SIGTERM) == 0


@pytest.mark.slow
def test_the_file_is_read_again_for_a_reload(folder):
    file = folder / "plait.toml"

    def settings(text):
        file.write_text('app = "application:app"\nbind = "127.0.0.1:0"\n' + text)

    settings("workers = 1\n")
    with Service("--config", "plait.toml", cwd=folder) as service:
        port = service.port()
        assert ask(port).startswith("first")
        settings("workers = 2\naccess-log = 'log'\nmax-memory = 500\nlog-level = 'debug'\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("stay as they were until the next start: log-level$")
        service.wait_for("reloaded: 1 new worker$")
        service.wait_for_times(" serves", 3)
        ask_all(port, 2)
        assert lines(folder / "log")
        for text, says in (
            ("workers = 'x'\n", "plait.toml: workers: must be a whole number"),
            ("proxies = 'x'\n", "--proxies: 'x' is"),
            ("workers = = 2", "plait.toml is not TOML"),
        ):
            settings(text)
            service.process.send_signal(signal.SIGHUP)
            service.wait_for(f"ERROR .*not reloaded, the old workers go on: {says}")
        assert len(service.processes()) == 3
        ask_all(port, 2)
        file.unlink()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("not reloaded, .*cannot read the configuration plait.toml: No such file")
        # what the application's failure leaves behind is not taken either
        settings("workers = 1\napp-dir = 'elsewhere'\n")
        (folder / "elsewhere").mkdir()
        (folder / "elsewhere" / "application.py").write_text("raise RuntimeError('not yet')")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("not reloaded, the old workers go on: .*not yet")
        settings("workers = 2\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("reloaded: 2 new workers")
        assert ask(port).startswith("first")
        assert service.stop(signal.SIGTERM) == 0


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_a_signal_ends_a_startup_that_never_ends(folder, options):
    (folder / "application.py").write_text(
        "import asyncio, os\n"
        "async def app(scope, receive, send):\n"
        "    os.write(1, b'starting\\n')  # in one piece\n"
        "    await asyncio.sleep(3600)\n"
    )
    with Service("application:app", *options, *QUICK, cwd=folder) as service:
        service.wait_for_times("starting", 2 if options else 1)
        assert service.stop(signal.SIGTERM) == 0
        assert "killed" not in service.output
        assert "Traceback" not in service.output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_what_is_told_too_early_does_not_end_the_process(folder, number):
    (folder / "application.py").write_text(
        "import os, time\n"
        "print('importing', flush=True)\n"
        "while not os.path.exists('go'):\n"
        "    time.sleep(0.01)\n" + APPLICATION.replace("VERSION", "first")
    )
    with Service("application:app", *QUICK, cwd=folder) as service:
        service.wait_for("importing")
        service.process.send_signal(number)
        (folder / "go").touch()
        assert ask(service.port()).startswith("first")
        assert service.stop(signal.SIGTERM) == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_application_that_blocks_the_loop_can_be_ended(folder, number):
    (folder / "application.py").write_text(
        "import time\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'http':\n"
        "        print('blocked', flush=True)\n"
        "        time.sleep(3600)\n"
    )
    with Service("application:app", *QUICK, cwd=folder) as service:
        with socket.create_connection(("127.0.0.1", service.port())) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            service.wait_for("blocked")
            deadline = time.monotonic() + PATIENCE
            while service.process.poll() is None:
                assert time.monotonic() < deadline
                service.process.send_signal(number)
                time.sleep(0.2)
        assert service.process.returncode == -number
