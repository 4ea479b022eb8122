"""``run``: an application served as the settings say; ``check``: all of it but the serving."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from .application import load_application, split_target
from .binds import Bind
from .errors import UserError
from .hosts import check_extras, trusted_proxies
from .memory import SUPPORTED
from .single import Single
from .sockets import Bound, all_sockets, binds_of, close_all, open_binds
from .supervisor import Supervisor
from .systemd import Notifier, inherited_descriptors
from .telling import announcement, plan
from .tls import development_context, load_certificates
from .worker import Worker

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from .channel import Channel
    from .settings import Settings
    from .watching import Watcher

DEFAULT_BIND = Bind("127.0.0.1", 8080)

logger = logging.getLogger("plait.process")


def run(settings: Settings, say: Callable[[str], None]) -> int:
    """Serve until a signal ends it; return the exit status.

    With workers this returns in each of those too: the caller is to end the process as usual.

    :param say: tells the user a line.
    :raises UserError: if it cannot be served.
    """
    notifier = Notifier()
    inherited = inherited_descriptors()
    binds = settings.binds or tuple(binds_of(inherited)) or (DEFAULT_BIND,)
    settings = replace(settings, binds=binds)
    context = _prepare(settings)
    bound = open_binds(binds)
    health: list[Bound] = []
    try:
        if settings.health_bind is not None:
            health = open_binds([settings.health_bind], "--health-bind")
    except UserError:
        close_all(bound)
        raise

    def announce(interface: str) -> None:
        for line in announcement(settings, bound, interface):
            say(line)

    if settings.supervised:
        return _supervise(settings, bound, health, context, notifier, announce)
    try:
        return Single(settings, bound, health, context, notifier, announce).run()
    finally:
        close_all([*bound, *health])


def check(settings: Settings, say: Callable[[str], None]) -> int:
    """Load all that would be served, and tell what it is; return the exit status.

    :param say: tells the user a line.
    :raises UserError: if it could not be served.
    """
    if not settings.binds:
        settings = replace(settings, binds=(DEFAULT_BIND,))
    _prepare(settings)
    application = load_application(
        settings.target,
        interface=settings.interface,
        factory=settings.factory,
        folder=settings.app_dir,
        debug=settings.log_level == "debug",
    )
    for line in plan(settings, application.interface):
        say(line)
    return 0


def _prepare(settings: Settings) -> ssl.SSLContext | None:
    """Find what is wrong before anything is begun; return the certificate made on the spot."""
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
    load_certificates(settings)
    return development_context(settings)


def _supervise(
    settings: Settings,
    bound: Sequence[Bound],
    health: Sequence[Bound],
    context: ssl.SSLContext | None,
    notifier: Notifier,
    announce: Callable[[str], None],
) -> int:
    with contextlib.ExitStack() as stack:
        stack.callback(close_all, [*bound, *health])
        watcher = _watch(settings, stack)
        changes = None if watcher is None else watcher.channel
        supervisor = Supervisor(settings, bound, health, notifier, announce, changes)
        channel = supervisor.run()
        if channel is None:
            return 0
        # A worker: what is on the stack is the supervisor's to clear away.
        stack.pop_all()
    return _work(settings, bound, health, context, channel)


def _watch(settings: Settings, stack: contextlib.ExitStack) -> Watcher | None:
    if not settings.reload:
        return None
    from .watching import Watcher

    watcher = Watcher(settings)
    stack.callback(watcher.stop)
    return watcher


def _work(
    settings: Settings,
    bound: Sequence[Bound],
    health: Sequence[Bound],
    context: ssl.SSLContext | None,
    channel: Channel,
) -> int:
    try:
        worker = Worker(settings, channel, all_sockets(bound), all_sockets(health), context)
        return worker.run()
    finally:
        for each in [*bound, *health]:
            each.let_go()
