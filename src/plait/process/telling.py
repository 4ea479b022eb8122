"""What the user is told about where something is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .hosts import speaks_http1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings
    from .sockets import Listening


def protocols(settings: Settings, interface: str) -> str:
    """Return the versions of HTTP that are spoken, as people call them."""
    names = ["h2" if settings.secure else "h2c"]
    if interface != "handler" and speaks_http1(settings):
        names.append("http/1.1")
    return ", ".join(names)


def announcement(settings: Settings, listening: Listening, interface: str) -> Iterator[str]:
    """Return the lines that tell what is served, and where."""
    scheme = "https" if settings.secure else "http"
    spoken = protocols(settings, interface)
    by = f" by {workers(settings.workers or 1)}" if settings.supervised else ""
    for each in listening.main:
        for place in each.places(scheme):
            yield f"serving {settings.target} on {place} ({spoken}){by}"
    for each in listening.health:
        for place in each.places("http"):
            yield f"the health is told on {place}"
    for each in listening.metrics:
        for place in each.places("http"):
            yield f"metrics, at /metrics, are told on {place}"
    if settings.dev_cert:
        yield "the certificate was made just now: the browser will warn, curl needs --insecure"
    elif spoken == "h2c":
        [place, *_] = listening.main[0].places(scheme)
        yield f"browsers speak HTTP/2 only over TLS; without it: {_curl(place)}"


def plan(settings: Settings, interface: str) -> Iterator[str]:
    """Return the lines that tell what would be served."""
    where = ", ".join(str(bind) for bind in settings.binds) or "what it is handed over"
    by = workers(settings.workers or 1) if settings.supervised else "one process"
    spoken = protocols(settings, interface)
    yield f"would serve {settings.target} ({interface}) on {where} ({spoken}) by {by}"
    for number, certificate in enumerate(settings.certificates):
        yield f"certificate {number + 1}: {certificate.certfile}"
    if settings.health_bind is not None:
        yield f"health on {settings.health_bind}"
    if settings.metrics is not None:
        yield f"metrics on {settings.metrics}"
    if settings.access_log is not None:
        yield f"access log: {settings.access_log}"


def workers(count: int, which: str = "") -> str:
    """Return a number of workers in words."""
    return f"{count} {which}worker{'' if count == 1 else 's'}"


def _curl(place: str) -> str:
    if place.startswith("unix:"):
        socket = place.removeprefix("unix:")
        place = f"--unix-socket {socket} http://localhost/"
    return f"curl --http2-prior-knowledge {place}"
