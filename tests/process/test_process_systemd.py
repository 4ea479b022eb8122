"""What systemd hands over and wants to hear."""

from __future__ import annotations

import os
import socket

import pytest

from plait.process import UserError
from plait.process.binds import Bind
from plait.process.sockets import binds_of, close_all, open_binds
from plait.process.systemd import Notifier, inherited_descriptors


@pytest.fixture
def manager(tmp_path):
    """A service manager's socket, and what it has heard."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(10)
        yield sock


def test_inherited_sockets_are_those_that_this_process_is_told_of():
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    assert list(inherited_descriptors(environ)) == [3, 4]
    assert environ == {}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "2"},
        {"LISTEN_FDS": "2"},
        {"LISTEN_PID": str(os.getpid())},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
    ],
)
def test_sockets_for_others_are_left_alone(environ):
    assert list(inherited_descriptors(environ)) == []
    assert environ == {}


def test_what_the_manager_hears(manager):
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "3000000"}
    notifier = Notifier(environ)
    assert environ == {}
    assert notifier.interval == 1.5
    notifier.ready("serving")
    assert manager.recv(1000) == f"READY=1\nMAINPID={os.getpid()}\nSTATUS=serving".encode()
    notifier.reloading()
    said = dict(line.split("=") for line in manager.recv(1000).decode().splitlines())
    assert said["RELOADING"] == "1"
    assert said["MONOTONIC_USEC"].isdecimal()
    notifier.alive()
    assert manager.recv(1000) == b"WATCHDOG=1"
    notifier.stopping()
    assert manager.recv(1000).startswith(b"STOPPING=1\n")


def test_a_name_in_the_abstract_namespace():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0plait-{os.getpid()}")
        sock.settimeout(10)
        Notifier({"NOTIFY_SOCKET": f"@plait-{os.getpid()}"}).alive()
        assert sock.recv(100) == b"WATCHDOG=1"


def test_the_watchdog_of_another_process_is_not_ours():
    assert Notifier({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}).interval is None
    assert Notifier({}).interval is None


def test_nobody_listening_is_no_fault(tmp_path):
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nothing")}).alive()
    Notifier({}).alive()


def test_a_descriptor_is_listened_on_and_told_by_its_address():
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    [bind] = binds_of([sock.detach()])
    bound = open_binds([bind])
    try:
        assert bound[0].places("http") == [f"http://127.0.0.1:{port}/"]
        assert not bound[0].sockets[0].get_inheritable()
    finally:
        close_all(bound)


def test_descriptors_that_cannot_be_listened_on(tmp_path):
    with open(tmp_path / "file", "wb") as file, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for number, says in (
            (9999, "there is no open descriptor of that number"),
            (file.fileno(), "it is no socket"),
            (datagrams.fileno(), "it is no stream socket"),
        ):
            with pytest.raises(UserError, match=f"cannot listen on fd://{number}: {says}"):
                open_binds([Bind("", 0, descriptor=number)])


def test_what_was_opened_is_closed_if_the_next_cannot_be(tmp_path):
    path = tmp_path / "socket"
    with pytest.raises(UserError):
        open_binds([Bind("", 0, str(path)), Bind("", 0, descriptor=9999)])
    assert not path.exists()
