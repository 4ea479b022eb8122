"""The supervisor and its workers, as processes: they end, they grow, they are told to."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from .services import APPLICATION, Load, Service

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

QUICK = ("--bind", "127.0.0.1:0", "--no-http1")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "first")
    return tmp_path


def write(folder, version):
    (folder / "application.py").write_text(APPLICATION.replace("VERSION", version))


def client():
    return httpx.Client(http1=False, http2=True, trust_env=False, timeout=20)


def ask(port):
    """What a new connection is answered: the version of the code, and the worker."""
    with client() as fresh:
        version, pid = fresh.get(f"http://127.0.0.1:{port}/").raise_for_status().text.split()
    return version, int(pid)


def test_workers_serve_and_end_with_the_supervisor(folder):
    with Service("application:app", "--workers", "2", *QUICK, cwd=folder) as service:
        assert ask(service.port())[0] == "first"
        assert len(service.processes()) == 3
        assert service.stop(signal.SIGTERM) == 0
        assert service.processes() == []
        assert service.output.count("has ended") == 2


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_an_application_that_cannot_be_imported_is_one_line(folder, options):
    (folder / "application.py").write_text("raise RuntimeError('no luck')")
    done = subprocess.run(
        [sys.executable, "-m", "plait", "application:app", *options, *QUICK],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("INFO ")]
    assert line.startswith("plait: importing application failed with RuntimeError: no luck")


@pytest.mark.slow
def test_a_lifespan_that_fails_is_one_line(folder):
    (folder / "application.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await receive()\n"
        "    await send({'type': 'lifespan.startup.failed', 'message': 'no data base'})\n"
    )
    for options in ((), ("--workers", "1")):
        with Service("application:app", *options, *QUICK, cwd=folder) as service:
            service.wait_for("^plait: the application cannot be served: .*no data base")
            assert service.process.wait(20) == 2


@pytest.mark.slow
def test_a_worker_that_dies_while_it_starts_is_told(folder):
    (folder / "application.py").write_text("import os, signal; os.kill(os.getpid(), 9)")
    with Service("application:app", "--workers", "2", *QUICK, cwd=folder) as service:
        service.wait_for("^plait: a worker was killed by SIGKILL before it could serve")
        assert service.process.wait(20) == 2


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(folder):
    with Service("application:app", "--workers", "2", *QUICK, cwd=folder) as service:
        port = service.port()
        before = set(service.processes())
        with contextlib.suppress(httpx.HTTPError), client() as session:
            # its own connections are lost, and nothing else
            session.get(f"http://127.0.0.1:{port}/kill")
            os.kill(ask(port)[1], signal.SIGKILL)
        service.wait_for("is lost: was killed by SIGKILL")
        service.wait_for_times(" serves", 3)
        assert ask(port)[0] == "first"
        assert len(set(service.processes()) - before) == 1


@pytest.mark.slow
def test_workers_end_when_the_supervisor_is_killed(folder):
    with Service("application:app", "--workers", "3", *QUICK, cwd=folder) as service:
        service.port()
        service.process.kill()
        service.process.wait(20)
        service.wait_for_times("the supervisor is gone", 3)
        # the end of the test sees that none is left


@pytest.mark.slow
def test_a_reload_under_load_loses_no_request(folder):
    with Service(
        *("application:app", "--workers", "2", *QUICK, "--log-level", "warning"), cwd=folder
    ) as service:
        with Load(service.port()) as load:
            load.until("first")
            for version in ("second", "third"):
                write(folder, version)
                service.process.send_signal(signal.SIGHUP)
                load.until(version)
        assert load.faults == []
        assert ask(load.port)[0] == "third"
        assert service.stop(signal.SIGTERM) == 0


@pytest.mark.slow
def test_a_reload_that_fails_leaves_the_old_workers(folder):
    with Service("application:app", "--workers", "2", *QUICK, cwd=folder) as service:
        port = service.port()
        (folder / "application.py").write_text("raise RuntimeError('not yet')")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("not reloaded, the old workers go on: .*not yet")
        assert ask(port)[0] == "first"
        write(folder, "second")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("reloaded: 2 new workers")
        assert ask(port)[0] == "second"


@pytest.mark.slow
def test_a_unix_socket_outlives_the_workers(folder):
    path = folder / "plait.sock"
    options = ("--workers", "1", "--no-http1", "--bind", f"unix:{path}")
    with Service("application:app", *options, cwd=folder) as service:
        service.wait_for("^plait: serving")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("has ended")
        transport = httpx.HTTPTransport(uds=str(path), http1=False, http2=True)
        with httpx.Client(transport=transport, trust_env=False) as session:
            assert session.get("http://localhost/").text.startswith("first")
        assert service.stop(signal.SIGTERM) == 0
        assert not path.exists()


@pytest.mark.slow
def test_workers_are_replaced_after_enough_requests_and_none_is_lost(folder):
    with Service(
        *("application:app", "--workers", "2", *QUICK, "--max-requests", "50"),
        *("--max-requests-jitter", "10"),
        cwd=folder,
    ) as service:
        with Load(service.port()) as load:
            service.wait_for_times("is replaced after", 4)
        assert load.faults == []
        assert len({text.split()[1] for text in load.answers if text}) > 2


@pytest.mark.slow
def test_a_worker_that_has_too_much_memory_is_replaced(folder):
    (folder / "application.py").write_text(
        "held = []\n"
        + APPLICATION.replace("VERSION", "x")
        + "    held.append(bytes(4) * 20_000_000)\n"
    )
    with Service(
        *("application:app", "--workers", "1", *QUICK, "--max-memory", "100"), cwd=folder
    ) as service:
        port = service.port()
        first = ask(port)[1]
        service.wait_for(rf"worker {first} is replaced with \d+ MiB of memory")
        service.wait_for(rf"worker {first} has ended")
        assert ask(port)[1] != first


@pytest.mark.slow
def test_workers_are_added_and_taken_away(folder):
    with Service("application:app", "--workers", "1", *QUICK, cwd=folder) as service:
        service.port()
        service.process.send_signal(signal.SIGTTIN)
        service.wait_for_times(" serves", 2)
        assert len(service.processes()) == 3
        service.process.send_signal(signal.SIGTTOU)
        service.wait_for("has ended")
        service.process.send_signal(signal.SIGTTOU)  # the last one stays
        service.wait_for_times("wanted: 1 worker", 2)
        assert len(service.processes()) == 2


@pytest.mark.slow
def test_changed_files_are_served(folder):
    with Service("application:app", "--reload", *QUICK, cwd=folder) as service:
        port = service.port()
        assert ask(port)[0] == "first"
        for number in range(50):  # until the watcher watches
            write(folder, f"edited{number}")
            with contextlib.suppress(AssertionError):
                service.wait_for("reloaded: 1 new worker$", 1)
                break
        deadline = time.monotonic() + 20
        while ask(port)[0] != f"edited{number}":
            assert time.monotonic() < deadline
        (folder / "application.py").write_text("no python")
        service.wait_for("not reloaded, the old workers go on: .*SyntaxError")
        assert ask(port)[0] == f"edited{number}"


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_systemd_hands_over_a_socket_and_hears_of_it(folder, options):
    # what systemd does between fork and exec: a listening descriptor 3, and whose it is
    starter = (
        "import os, socket, sys\n"
        "listening = socket.create_server(('127.0.0.1', 0))\n"
        "os.dup2(listening.fileno(), 3)\nos.set_inheritable(3, True)\n"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'plait', *sys.argv[1:]])\n"
    )
    (folder / "starter.py").write_text(starter)
    environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "400000"}
    service = Service("application:app", "--no-http1", *options, cwd=folder, env=environ)
    service.command[1:3] = [str(folder / "starter.py")]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(20)
        with service:
            assert ask(service.port())[0] == "first"
            heard = {manager.recv(1000).split(b"\n")[0] for _ in range(4)}
            assert heard == {b"READY=1", b"WATCHDOG=1"}
            assert service.stop(signal.SIGTERM) == 0
            while not manager.recv(1000).startswith(b"STOPPING=1"):
                pass


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_health_is_told_until_the_end(folder, options):
    with Service(
        *("application:app", *QUICK, *options, "--health", "/health"),
        *("--health-bind", f"unix:{folder}/health.sock", "--shutdown-delay", "30"),
        cwd=folder,
    ) as service:
        port = service.port()
        transport = httpx.HTTPTransport(uds=f"{folder}/health.sock", http1=False, http2=True)
        with httpx.Client(transport=transport, trust_env=False) as aside, client() as inside:
            address = f"http://127.0.0.1:{port}/health"
            assert inside.get(address).text == "serving\n"
            assert aside.get("http://health/").status_code == 200
            assert inside.post(address).status_code == 405
            service.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 20
            while inside.get(address).status_code == 200:
                assert time.monotonic() < deadline
            assert aside.get("http://health/").status_code == 503
            assert ask(port)[0] == "first"
        assert service.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_sighup_reloads_certificates_without_workers(folder, tls_files):
    certificate = ("--certfile", str(tls_files.cert), "--keyfile", str(tls_files.key))
    with Service("application:app", *QUICK, *certificate, cwd=folder) as service:
        service.port()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("certificates reloaded, for: .*localhost")


def test_a_port_in_use_is_one_line(folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = "{}:{}".format(*other.getsockname())
        with Service("application:app", "--workers", "2", "--bind", address, cwd=folder) as service:
            assert service.process.wait(20) == 2
            service._reader.join()
            assert re.fullmatch(
                f"plait: cannot listen on {address}: the port is in use; "
                r"choose another with --bind \(0 takes a free one\)",
                service.output,
            )
