"""The threads that applications run in.

Each idle thread sleeps on a lock of its own, and the one that came last is called first, so that
few threads do the work where few are enough. Only one call is ever under way: the thread that was
called takes a request, and calls the next one if there are more. When requests are short, the first
thread has done them all before a second one gets the interpreter; when they block, each is taken up
by another thread at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol


class Job(Protocol):
    """Something to be run in a thread."""

    def run(self) -> None:
        """Run; must not raise."""


class ThreadPool:
    """At most ``threads`` threads, started when they are needed.

    :param threads: how many, 1 or more.
    :param most: how many jobs may wait while every thread is busy, 0 or more.
    """

    def __init__(self, threads: int, most: int) -> None:
        self._threads = threads
        self._most = most
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Job, None] = OrderedDict()
        self._idle: list[threading.Lock] = []
        self._started: list[threading.Thread] = []
        self._left = 0
        self._called = False
        self._emptied: Callable[[], None] | None = None

    @property
    def closed(self) -> bool:
        """Whether no more jobs are taken."""
        return self._emptied is not None

    @property
    def alive(self) -> int:
        """How many threads have not come to their end."""
        return len(self._started) - self._left

    def submit(self, job: Job) -> bool:
        """Run a job when a thread is free; ``False`` if too many wait already."""
        with self._lock:
            # The thread that was called is neither idle nor at work.
            free = self._threads - len(self._started) + len(self._idle) + self._called
            if self.closed or len(self._jobs) >= self._most + free:
                return False
            self._jobs[job] = None
            if not self._called:
                self._call()
        return True

    def withdraw(self, job: Job) -> bool:
        """Forget a job; ``False`` if a thread has it."""
        with self._lock:
            if job not in self._jobs:
                return False
            del self._jobs[job]
            return True

    def close(self, emptied: Callable[[], None]) -> None:
        """End every thread as soon as it has finished what it is at; what waits is dropped.

        :param emptied: called, once and in any thread, when there are no threads any more.
        """
        with self._lock:
            self._emptied = emptied
            self._jobs.clear()
            for bell in self._idle:
                bell.release()
            self._idle.clear()
            empty = not self.alive
        if empty:
            emptied()

    def join(self) -> None:
        """Wait until every thread has ended."""
        for thread in self._started:
            thread.join()

    def _call(self) -> None:
        """Call a thread to work, if there is one to call."""
        if self._idle:
            self._called = True
            self._idle.pop().release()
        elif len(self._started) < self._threads:
            name = f"plait-wsgi-{len(self._started)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system has no more threads: those that there are must do.
                if not self._started:
                    self._jobs.clear()
                    raise
                return
            self._called = True
            self._started.append(thread)

    def _work(self) -> None:
        """Run jobs until the pool is closed."""
        bell = threading.Lock()
        bell.acquire()
        called = True
        while not self.closed:
            job = self._next(called, bell)
            called = job is None
            if job is None:
                bell.acquire()
            else:
                job.run()
                # An idle thread must not keep what it has worked on.
                job = None
        with self._lock:
            self._left += 1
            empty = not self.alive
        if empty and self._emptied is not None:
            self._emptied()

    def _next(self, called: bool, bell: threading.Lock) -> Job | None:
        """Take a job; ``None`` if there is none, and then the bell will be rung.

        :param called: whether it was this thread that was called.
        """
        with self._lock:
            if called:
                self._called = False
            if self.closed:
                bell.release()
                return None
            if not self._jobs:
                self._idle.append(bell)
                return None
            job, _ = self._jobs.popitem(last=False)
            if self._jobs and not self._called:
                self._call()
            return job
