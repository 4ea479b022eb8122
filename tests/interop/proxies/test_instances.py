"""Two instances behind HAProxy: one is stopped, reloaded or killed under load, and nobody notices.

h2load asks without a pause from before until after. Each of its requests must be answered by 2xx:
HAProxy sends only those anew whose connection could not be made.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pytest

from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, run

from .setting import Front, Instance, haproxy, plaits

pytestmark = pytest.mark.interop

BALANCED = """
    balance roundrobin
    option redispatch 1
    retries 3
"""
CHECKED = f"""{BALANCED}
    option httpchk
    http-check send meth GET uri /healthz hdr host localhost
    http-check expect status 200
    default-server check inter 500ms fall 2 rise 1
"""


class Site(NamedTuple):
    """HAProxy, and the instances behind it."""

    front: Front
    both: list[Instance]
    admin: Path

    def statistics(self, number: int) -> dict[str, str]:
        """What HAProxy knows of an instance, asked by its socket."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.admin))
            admin.sendall(b"show stat\n")
            text = b"".join(iter(lambda: admin.recv(65_536), b"")).decode()
        names, *lines = text.strip().splitlines()
        keys = names.removeprefix("# ").split(",")
        rows = [dict(zip(keys, line.split(","), strict=True)) for line in lines]
        (found,) = [row for row in rows if row["svname"] == f"number{number}"]
        return found

    def checked(self, number: int) -> tuple[str, str]:
        """What it thinks of an instance, and the status that the last check was answered with."""
        found = self.statistics(number)
        return found["status"], found["check_code"]


@contextmanager
def site(
    folder: Path, tls: TLSFiles, *options: str, lines: str = BALANCED, version: str = "2"
) -> Iterator[Site]:
    """Two instances, and HAProxy before them."""
    with (
        plaits(2, "app", "--log-level=warning", *options) as both,
        haproxy(both, folder, tls, lines=lines, version=version) as front,
    ):
        admin = folder / "admin"
        wait_until(admin.exists)  # HAProxy makes it after its ports
        yield Site(front, both, admin)


class Load:
    """h2load, twice at a time, again and again.

    :ivar answered: how many requests were answered by 2xx.
    :ivar lost: how many were not.
    """

    def __init__(self, front: Front, requests: int) -> None:
        self.answered = 0
        self.lost = 0
        self._command = [require_tool("h2load"), "-c4", "-m8", front.url("http") + "/seen"]
        self._lock = threading.Lock()
        self._runs = 0
        self._over = threading.Event()
        self._faults: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._go_on, args=(number,))
            for number in (requests, requests * 3 // 2)  # so that they do not end together
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self._faults, self._faults

    def under_way(self) -> None:
        """Wait until it has come to the end of a run, and is in another."""
        seen = self._runs
        wait_until(lambda: self._runs > seen or bool(self._faults))

    def _go_on(self, number: int) -> None:
        try:
            while not self._over.is_set():
                said = run([*self._command, f"-n{number}"], patience=60)
                good = re.search(r"^status codes: (\d+) 2xx", said, re.MULTILINE)
                assert good, said
                with self._lock:
                    self.answered += int(good[1])
                    self.lost += number - int(good[1])
                    self._runs += 1
        except BaseException as fault:  # noqa: BLE001 - the test shows it
            self._faults.append(fault)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2", pytest.param("1.1", marks=pytest.mark.slow)])
def test_one_of_two_is_stopped_and_no_request_is_lost(
    version: str, tls_files: TLSFiles, tmp_path: Path
) -> None:
    with site(tmp_path, tls_files, version=version) as found:
        with Load(found.front, 300) as load:
            load.under_way()
            assert found.both[0].process.stop(signal.SIGTERM) == 0
            load.under_way()
        assert load.lost == 0, found.front.process.output
        for number in (0, 1):
            assert int(found.statistics(number)["stot"]) > 50


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2", "1.1"])
def test_checks_of_the_health_send_requests_elsewhere_before_the_end(
    version: str, tls_files: TLSFiles, tmp_path: Path
) -> None:
    options = ("--health=/healthz", "--shutdown-delay=4")
    with site(tmp_path, tls_files, *options, lines=CHECKED, version=version) as found:
        wait_until(lambda: found.checked(0) == found.checked(1) == ("UP", "200"))
        leaving = found.both[0].process
        with Load(found.front, 1000) as load:
            load.under_way()
            leaving.process.send_signal(signal.SIGTERM)
            wait_until(lambda: found.checked(0) == ("DOWN", "503"))
            # it still accepts and answers, and is asked no more
            assert leaving.process.poll() is None
            assert leaving.process.wait(PATIENCE) == 0
            assert found.checked(1)[0] == "UP"
        assert load.lost == 0, found.front.process.output


# --- workers --------------------------------------------------------------------------------------


def workers(instance: Instance) -> set[int]:
    """The processes that serve: the children of the supervisor."""
    pid = instance.process.pid
    return {int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2", "1.1"])
def test_a_reload_loses_no_request(version: str, tls_files: TLSFiles, tmp_path: Path) -> None:
    with site(tmp_path, tls_files, "--workers=2", version=version) as found:
        each = found.both[0]
        before = workers(each)
        assert len(before) == 2
        with Load(found.front, 1000) as load:
            load.under_way()
            each.process.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not before & workers(each))
            assert len(workers(each)) == 2
            load.under_way()
        assert load.lost == 0, found.front.process.output


@pytest.mark.slow
def test_a_worker_that_is_killed_takes_only_its_own_requests_along(
    tls_files: TLSFiles, tmp_path: Path
) -> None:
    with site(tmp_path, tls_files, "--workers=2") as found:
        each = found.both[0]
        before = workers(each)
        with Load(found.front, 1000) as load:
            load.under_way()
            killed = min(before)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: len(workers(each) - {killed}) == 2)
            load.under_way()
        # no more than were on their way, which are 8 on each of 8 connections
        assert load.lost <= 64
        assert len(workers(each) - before) == 1
        with Load(found.front, 1000) as load:
            load.under_way()
        assert load.lost == 0, found.front.process.output
