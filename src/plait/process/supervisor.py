"""The process above the workers. It serves nothing itself and imports nothing of the application.

It has no event loop and no threads, so that a worker is a plain fork of it: with the sockets, and
with the application still to be imported. It waits for three kinds of news: signals (whose numbers
the interpreter writes into a socket), words of workers, and that files have changed.

A worker ends by itself when its channel does, that is, when the supervisor is gone.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.server.metrics import forget

from .channel import FAILED, HURRY, LEAVE, READY, REOPEN, RETIRE, STOP, Channel
from .crew import DRAINING, STARTING, Crew, Member
from .crew import READY as SERVING
from .errors import UserError
from .memory import resident_memory
from .telling import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .settings import Settings
    from .sockets import Listening
    from .systemd import Notifier

_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGCHLD,
)

# Seconds: between two looks at the memory; that a worker has for its end beyond the grace, for the
# last octets and the application's own end; that one has which was told to hurry.
_LOOK = 1.0
_MARGIN = 8.0
_HURRY = 2.0

logger = logging.getLogger("plait.process")


class _Forked(BaseException):
    """In the child: leave everything of the supervisor's behind and be a worker."""

    def __init__(self, recruit: Recruit) -> None:
        self.recruit = recruit


@dataclass(frozen=True, slots=True)
class Recruit:
    """What a new worker is told.

    :ivar channel: to the supervisor.
    :ivar number: one that no other living worker has.
    :ivar settings: to serve with.
    """

    channel: Channel
    number: int
    settings: Settings


class Supervisor:
    """Starts workers, and sees that there are as many as wanted.

    :param listening: what the workers listen on.
    :param announce: called when they serve for the first time, with the application's interface.
    :param changes: tells of changed files when it can be read; and what they were.
    :param reread: called on SIGHUP, for the settings of the workers that come; raises `UserError`.
    """

    def __init__(
        self,
        settings: Settings,
        listening: Listening,
        notifier: Notifier,
        announce: Callable[[str], None],
        changes: Channel | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings
        self._coming_settings = settings
        self._reread = reread
        self._listening = listening
        self._notifier = notifier
        self._announce = announce
        self._changes = changes
        self._crew = Crew(settings.workers or 1)
        self._announced = False
        self._interface = ""
        self._selector = selectors.DefaultSelector()
        self._awake, self._waker = socket.socketpair()
        self._stopping = False
        self._stop_at = 0.0
        self._hurrying = False
        self._next_look = 0.0
        self._next_sign = 0.0

    def run(self) -> Recruit | None:
        """Supervise to the end; return ``None``, or in a worker what it is told.

        :raises UserError: if no worker could ever serve.
        """
        before = self._watch_signals()
        # Collections would write into what the workers share with this process.
        gc.collect()
        gc.freeze()
        try:
            while not self._stopping or self._crew.members:
                self._wait()
                self._bury()
                self._act(time.monotonic())
        except _Forked as forked:
            return forked.recruit
        except BaseException:
            self._kill_all()
            raise
        self._leave_signals(before)
        self._close()
        return None

    # --- news -----------------------------------------------------------------------------------

    def _watch_signals(self) -> dict[int, object]:
        for sock in (self._awake, self._waker):
            sock.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._awake, selectors.EVENT_READ)
        if self._changes is not None:
            self._selector.register(self._changes.sock, selectors.EVENT_READ)
        return {number: signal.signal(number, _noted) for number in _SIGNALS}

    def _leave_signals(self, before: dict[int, object]) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _close(self) -> None:
        self._selector.close()
        self._awake.close()
        self._waker.close()
        for member in self._crew.members.values():
            member.channel.close()

    def _wait(self) -> None:
        """Wait for news, and take note of it."""
        for key, _ in self._selector.select(self._patience(time.monotonic())):
            if key.fileobj is self._awake:
                for number in self._signals():
                    self._signalled(number)
            elif self._changes is not None and key.fileobj is self._changes.sock:
                self._files_changed(self._changes)
            else:
                self._listen(key.data)

    def _patience(self, now: float) -> float:
        """Return how many seconds there is nothing to do without news."""
        times = [now + 60.0]
        if self._settings.max_memory is not None:
            times.append(self._next_look)
        if self._notifier.interval is not None:
            times.append(self._next_sign)
        if self._stopping:
            times.append(self._stop_at)
        elif self._crew.missing(self._crew.generation):
            times.append(self._crew.not_before)
        times += [m.deadline for m in self._crew.members.values() if m.deadline is not None]
        return max(0.0, min(times) - now)

    def _signals(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return self._awake.recv(4096)
        return b""

    def _signalled(self, number: int) -> None:
        crew = self._crew
        if number in (signal.SIGINT, signal.SIGTERM):
            self._stop()
        elif self._stopping:
            return
        elif number == signal.SIGHUP:
            self._reload("SIGHUP", self._reread)
        elif number == signal.SIGUSR1:
            for member in crew.members.values():
                member.channel.send(REOPEN)
        elif number == signal.SIGTTIN:
            crew.wanted += 1
            logger.info("wanted: %s", workers(crew.wanted))
        elif number == signal.SIGTTOU:
            crew.wanted = max(1, crew.wanted - 1)
            logger.info("wanted: %s", workers(crew.wanted))

    def _files_changed(self, changes: Channel) -> None:
        said = changes.receive()
        if changes.ended:
            self._selector.unregister(changes.sock)
            logger.error("the files are watched no more")
        if said and not self._stopping:
            self._reload(f"{said[-1][1]} has changed")

    def _listen(self, member: Member) -> None:
        for word, text in member.channel.receive():
            if word == READY:
                self._crew.ready(member)
                self._interface = text
                logger.info("worker %d serves", member.pid)
            elif word == FAILED:
                member.failure = text
            elif word == RETIRE:
                self._retire(member, text)
        if member.channel.ended:
            self._selector.unregister(member.channel.sock)

    # --- what has come of it --------------------------------------------------------------------

    def _bury(self) -> None:
        """Take note of the workers that have ended."""
        for member in list(self._crew.members.values()):
            try:
                pid, status = os.waitpid(member.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = member.pid, 0
            if pid:
                if not member.channel.ended:
                    self._listen(member)  # its last words
                del self._crew.members[member.pid]
                if not member.channel.ended:
                    self._selector.unregister(member.channel.sock)
                member.channel.close()
                if self._settings.metrics is not None:
                    forget(member.number)
                self._ended(member, os.waitstatus_to_exitcode(status))

    def _ended(self, member: Member, code: int) -> None:
        if member.phase == DRAINING or self._stopping:
            logger.info("worker %d has ended", member.pid)
            return
        why = member.failure or f"a worker {_how(code)} before it could serve"
        if member.generation == self._crew.coming:
            self._abandon(why)
        elif not self._crew.was_ready:
            raise UserError(why)
        else:
            how = member.failure or _how(code)
            logger.error("worker %d is lost: %s", member.pid, how)
            self._crew.lost(member, time.monotonic())

    def _act(self, now: float) -> None:
        """Bring about what should be."""
        crew = self._crew
        for member in list(crew.members.values()):
            if member.deadline is not None and now >= member.deadline:
                logger.error("worker %d does not end: killed", member.pid)
                member.deadline = None
                _kill(member.pid, signal.SIGKILL)
        if self._notifier.interval is not None and now >= self._next_sign:
            self._notifier.alive()
            self._next_sign = now + self._notifier.interval
        if self._stopping:
            self._go_on_stopping(now)
            return
        if self._settings.max_memory is not None and now >= self._next_look:
            self._next_look = now + _LOOK
            self._weigh(self._settings.max_memory)
        if crew.coming is not None:
            self._start(crew.coming, now)
            leaving = crew.take_over()
            if leaving is not None:
                self._dismiss(leaving, now)
                self._take_settings()
                serving = len(crew.of(crew.generation, SERVING))
                logger.info("reloaded: %s", workers(serving, "new "))
                self._notifier.ready(self._status())
        if now >= crew.not_before:
            self._start(crew.generation, now)
        self._dismiss(crew.superfluous(), now)
        if not self._announced and len(crew.of(crew.generation, SERVING)) >= crew.wanted:
            self._announced = True
            self._announce(self._interface)
            self._notifier.ready(self._status())

    def _status(self) -> str:
        return f"serving {self._settings.target}, {workers(self._crew.wanted)}"

    def _weigh(self, most: int) -> None:
        for member in self._crew.of(self._crew.generation, SERVING):
            size = resident_memory(member.pid) >> 20
            if size > most:
                self._retire(member, f"with {size} MiB of memory")

    def _retire(self, member: Member, why: str) -> None:
        if member.phase == SERVING and not member.retiring:
            logger.info("worker %d is replaced %s", member.pid, why)
            member.retiring = True

    # --- reloading and stopping -----------------------------------------------------------------

    def _reload(self, why: str, reread: Callable[[], Settings] | None = None) -> None:
        if not self._crew.was_ready:
            return  # the first workers are about to import what there is now
        logger.info("reloading: %s", why)
        self._notifier.reloading()
        if reread is not None:
            try:
                self._coming_settings = reread()
            except UserError as error:
                self._abandon(str(error))
                return
        self._dismiss(self._crew.begin_generation(), time.monotonic())

    def _abandon(self, why: str) -> None:
        logger.error("not reloaded, the old workers go on: %s", why)
        self._coming_settings = self._settings
        self._dismiss(self._crew.abandon(), time.monotonic())
        self._notifier.ready(f"{self._status()}; the last reload failed: {why}")

    def _take_settings(self) -> None:
        """The workers that serve now were made with these."""
        before, self._settings = self._settings, self._coming_settings
        if self._settings.workers != before.workers:
            self._crew.wanted = self._settings.workers or 1

    def _stop(self) -> None:
        now = time.monotonic()
        if not self._stopping:
            self._stopping = True
            self._stop_at = now + self._settings.shutdown_delay
            self._notifier.stopping()
            for member in self._crew.members.values():
                member.channel.send(LEAVE)
        elif not self._hurrying:
            self._hurrying = True
            self._stop_at = now
            for member in self._crew.members.values():
                member.channel.send(HURRY)
                member.deadline = now + _HURRY

    def _go_on_stopping(self, now: float) -> None:
        if now < self._stop_at:
            return
        self._stop_at = now + 3600.0
        self._dismiss(list(self._crew.members.values()), now)
        # What is not accepted now never will be: clients are to see that at once.
        for bound in self._listening.main:
            bound.close()

    def _dismiss(self, members: Sequence[Member], now: float) -> None:
        """Have workers end gracefully."""
        for member in members:
            if member.phase == DRAINING:
                continue
            if member.phase == STARTING:
                # It may be anywhere in the import of the application, and listens to nobody.
                _kill(member.pid, signal.SIGTERM)
            member.phase = DRAINING
            member.channel.send(STOP)
            if member.deadline is None:
                member.deadline = now + self._settings.graceful_timeout + _MARGIN

    # --- processes ------------------------------------------------------------------------------

    def _start(self, generation: int, now: float) -> None:
        for _ in range(self._crew.missing(generation)):
            self._spawn(generation, now)

    def _spawn(self, generation: int, now: float) -> None:
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            # what is buffered would be written twice
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        number = self._crew.free_number()
        coming = generation == self._crew.coming
        settings = self._coming_settings if coming else self._settings
        # No signal must meet a child that still has the supervisor's handlers.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._forget()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            raise _Forked(Recruit(Channel(theirs), number, settings))
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        member = Member(pid, number, Channel(ours), generation, now)
        self._crew.members[pid] = member
        self._selector.register(ours, selectors.EVENT_READ, member)

    def _forget(self) -> None:
        """In a child: give up what is the supervisor's.

        A channel that stayed open here would keep its worker from seeing the supervisor's end.
        """
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if self._changes is not None:
            self._changes.close()
        self._close()

    def _kill_all(self) -> None:
        """Leave no worker behind, whatever has gone wrong."""
        for member in self._crew.members.values():
            _kill(member.pid, signal.SIGKILL)
        for member in self._crew.members.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(member.pid, 0)
        signal.set_wakeup_fd(-1)
        self._close()


def _noted(*_: object) -> None:
    """The number of the signal has been written to the waker."""


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _how(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
