"""Watching the application's files, in a process of its own.

The watcher of `watchfiles` has threads, and the supervisor, which forks, must have none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from .channel import Channel
from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .settings import Settings

CHANGED = "changed"

# Directories that tools write to while nothing has changed for the application.
_NEVER = frozenset(
    (
        *(".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
        *(".hypothesis", ".tox", ".nox", ".venv", "node_modules", "site-packages"),
    )
)
_PROGRAM = "from plait.process.watching import watch_to_the_end; watch_to_the_end()"


class Watcher:
    """A process that tells of changed files.

    :ivar channel: where it tells.
    :raises UserError: for a directory that is not there.
    """

    def __init__(self, settings: Settings) -> None:
        folders = [os.path.abspath(f) for f in settings.reload_dirs or (settings.folder,)]
        for folder in folders:
            if not os.path.isdir(folder):
                raise UserError(f"there is no directory {folder!r} to watch: see --reload-dir")
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = [str(theirs.fileno()), *_list(settings.reload_include)]
            arguments += [*_list(settings.reload_exclude), *folders]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, *arguments], pass_fds=(theirs.fileno(),)
            )
        self.channel = Channel(ours)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        self.channel.close()


def _list(texts: Iterable[str]) -> list[str]:
    texts = list(texts)
    return [str(len(texts)), *texts]


def watch_to_the_end() -> None:
    """What the process does, with what the supervisor gives it as arguments."""
    from watchfiles import watch

    # Ctrl-C is for the supervisor, which then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    arguments = iter(sys.argv[1:])
    channel = Channel(socket.socket(fileno=int(next(arguments))))
    include = [next(arguments) for _ in range(int(next(arguments)))]
    exclude = [next(arguments) for _ in range(int(next(arguments)))]
    folders = list(arguments)
    counts = wanted(include, exclude, folders)
    with contextlib.suppress(KeyboardInterrupt):
        for changes in watch(
            *folders,
            watch_filter=lambda _, path: counts(path),
            debounce=400,
            step=50,
            rust_timeout=500,
            yield_on_timeout=True,
        ):
            for path in sorted(path for _, path in changes)[:1]:
                channel.send(CHANGED, os.path.relpath(path))
            # Nothing is ever said to this process; so this only sees that the other end is gone.
            channel.receive()
            if channel.ended:
                return


def wanted(
    include: Iterable[str], exclude: Iterable[str], folders: Iterable[str]
) -> Callable[[str], bool]:
    """Return a function that tells whether a changed file counts.

    :param folders: what is watched: directories above them do not matter.
    """
    include, exclude, folders = list(include), list(exclude), list(folders)

    def counts(path: str) -> bool:
        name = os.path.basename(path)
        for folder in folders:
            if path.startswith(folder + os.sep):
                below = os.path.relpath(path, folder)
                break
        else:
            below = name
        if _NEVER.intersection(Path(below).parts[:-1]):
            return False
        if any(fnmatch(name, one) or fnmatch(below, one) for one in exclude):
            return False
        return any(fnmatch(name, one) or fnmatch(below, one) for one in include)

    return counts
