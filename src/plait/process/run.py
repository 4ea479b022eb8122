"""``run``: an application served as the settings say; ``check``: all of it but the serving."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from plait.server import metrics

from .application import split_target, wanted_application
from .binds import Bind
from .errors import UserError
from .hosts import check_extras, trusted_proxies
from .memory import SUPPORTED
from .observing import check_observation
from .single import Single
from .sockets import Listening, binds_of, close_all, listen
from .supervisor import Recruit, Supervisor
from .systemd import Notifier, inherited_descriptors
from .telling import announcement, plan
from .tls import development_context, load_certificates
from .worker import Worker

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .settings import Settings
    from .watching import Watcher

DEFAULT_BIND = Bind("127.0.0.1", 8080)

# What belongs to the supervisor, which lives on when workers are replaced.
_LASTING = (
    *("binds", "health_bind", "metrics", "dev_cert", "log_level"),
    *("reload", "reload_dirs", "reload_include", "reload_exclude"),
)

logger = logging.getLogger("plait.process")


def run(
    settings: Settings,
    say: Callable[[str], None],
    reread: Callable[[], Settings] | None = None,
) -> int:
    """Serve until a signal ends it; return the exit status.

    With workers this returns in each of those too: the caller is to end the process as usual.

    :param say: tells the user a line.
    :param reread: called for a reload, where there are workers: returns the settings as they are
        now, or raises `UserError`.
    :raises UserError: if it cannot be served.
    """
    notifier = Notifier()
    inherited = inherited_descriptors()
    given, binds = settings, settings.binds or tuple(binds_of(inherited)) or (DEFAULT_BIND,)
    settings = replace(settings, binds=binds)
    _check(settings)
    context = development_context(settings)
    listening = listen(settings)

    def announce(interface: str) -> None:
        for line in announcement(settings, listening, interface):
            say(line)

    def again() -> Settings:
        assert reread is not None
        return _lasting(reread(), given, binds)

    if settings.supervised:
        renew = None if reread is None else again
        return _supervise(settings, listening, context, notifier, announce, renew)
    try:
        return Single(settings, listening, context, notifier, announce).run()
    finally:
        close_all(listening)


def check(settings: Settings, say: Callable[[str], None]) -> int:
    """Load all that would be served, and tell what it is; return the exit status.

    :param say: tells the user a line.
    :raises UserError: if it could not be served.
    """
    if not settings.binds:
        settings = replace(settings, binds=(DEFAULT_BIND,))
    _check(settings)
    development_context(settings)
    application = wanted_application(settings)
    for line in plan(settings, application.interface):
        say(line)
    return 0


def _check(settings: Settings) -> None:
    """Find what is wrong before anything is begun; raises `UserError`."""
    split_target(settings.target)
    check_extras(settings)
    if not settings.supervised:
        for name in ("max_requests", "max_memory"):
            if getattr(settings, name) is not None:
                option = name.replace("_", "-")
                raise UserError(f"--{option} replaces workers: give their number with --workers")
    if settings.max_memory is not None and not SUPPORTED:
        raise UserError("--max-memory works on Linux only: leave it out")
    if settings.health is not None and not settings.health.startswith("/"):
        raise UserError(f"--health: {settings.health!r} is not a path, such as /health")
    trusted_proxies(settings)
    certificates = load_certificates(settings)
    for line in [] if certificates is None else certificates.untimely():
        logger.warning("%s", line)
    check_observation(settings)


def _lasting(new: Settings, given: Settings, binds: tuple[Bind, ...]) -> Settings:
    """Return new settings without what cannot change before the next start; raises `UserError`."""
    changed = [name for name in _LASTING if getattr(new, name) != getattr(given, name)]
    if changed:
        names = ", ".join("bind" if name == "binds" else name.replace("_", "-") for name in changed)
        logger.warning("these have changed and stay as they were until the next start: %s", names)
    lasting = {name: getattr(given, name) for name in _LASTING}
    new = replace(new, **{**lasting, "binds": binds})
    _check(new)
    return new


def _supervise(
    settings: Settings,
    listening: Listening,
    context: ssl.SSLContext | None,
    notifier: Notifier,
    announce: Callable[[str], None],
    reread: Callable[[], Settings] | None,
) -> int:
    with contextlib.ExitStack() as stack:
        stack.callback(close_all, listening)
        if settings.metrics is not None:
            _share_metrics(stack)
        watcher = _watch(settings, stack)
        changes = None if watcher is None else watcher.channel
        supervisor = Supervisor(settings, listening, notifier, announce, changes, reread)
        recruit = supervisor.run()
        if recruit is None:
            return 0
        # A worker: what is on the stack is the supervisor's to clear away.
        stack.pop_all()
    return _work(recruit, listening, context)


def _share_metrics(stack: contextlib.ExitStack) -> None:
    """Make the place where the workers keep what they count, unless there is one."""
    if metrics.shared() is not None:
        return
    try:
        directory = tempfile.mkdtemp(prefix="plait-metrics-")
    except OSError as error:
        raise UserError(
            f"--metrics: no temporary directory for what workers count: {error.strerror}; "
            "name another place in TMPDIR"
        ) from None
    # no TemporaryDirectory, which would be cleared away by every worker too
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    metrics.share(directory)


def _watch(settings: Settings, stack: contextlib.ExitStack) -> Watcher | None:
    if not settings.reload:
        return None
    from .watching import Watcher

    watcher = Watcher(settings)
    stack.callback(watcher.stop)
    return watcher


def _work(recruit: Recruit, listening: Listening, context: ssl.SSLContext | None) -> int:
    try:
        return Worker(recruit.settings, recruit.channel, recruit.number, listening, context).run()
    finally:
        for each in listening:
            each.let_go()
