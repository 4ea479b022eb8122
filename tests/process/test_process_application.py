"""What kind of application an object is."""

from __future__ import annotations

import functools
import sys
from types import ModuleType

import pytest

from plait.process import UserError, load_application
from plait.server import BaseRequestHandler


class Handler(BaseRequestHandler):
    pass


class Asynchronous:
    async def __call__(self, scope, receive, send): ...


class Synchronous:
    def __call__(self, environ, start_response): ...


class Returning:
    def __call__(self, scope, receive, send): ...


async def asgi(scope, receive, send): ...


async def two_arguments(scope, receive): ...


def wsgi(environ, start_response): ...


def handler_function(http2, stream_id): ...


def decorated(*args, **kwargs): ...


def factory():
    return asgi


async def asynchronous_factory():
    return asgi


def broken_factory():
    raise RuntimeError("no\nluck")


@pytest.fixture
def load(monkeypatch):
    module = ModuleType("objects_to_load")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def load(value, **options):
        module.value = value
        return load_application(f"{module.__name__}:value", **options)

    return load


@pytest.mark.parametrize(
    ("value", "interface"),
    [
        (Handler, "handler"),
        (handler_function, "handler"),
        (asgi, "asgi"),
        (functools.partial(asgi), "asgi"),
        (Asynchronous(), "asgi"),
        (Asynchronous().__call__, "asgi"),
        (Returning(), "asgi"),
        (wsgi, "wsgi"),
        (Synchronous(), "wsgi"),
        (decorated, "wsgi"),
    ],
)
def test_it_is_seen_what_an_application_is(load, value, interface):
    loaded = load(value)
    assert (loaded.interface, loaded.object) == (interface, value)


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "handler"])
def test_what_is_said_counts(load, interface):
    assert load(decorated, interface=interface).interface == interface


def test_factories(load):
    assert load(factory, factory=True).object is asgi
    assert load(factory, factory=True).interface == "asgi"


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        (factory, {}, "if it returns the application, add --factory"),
        (Asynchronous, {}, "neither an ASGI nor a WSGI application.*add --factory"),
        (lambda one: None, {}, "neither an ASGI nor a WSGI application nor a request handler$"),
        (asgi, {"interface": "handler"}, r"cannot be called with \(http2, stream_id\)"),
        (wsgi, {"factory": True}, "cannot be called without arguments"),
        (1, {"factory": True}, "is not callable, as a factory is"),
        (asynchronous_factory, {"factory": True}, "is a coroutine function"),
        (broken_factory, {"factory": True}, r"failed with RuntimeError: no luck \(.*, line \d+\);"),
        (two_arguments, {}, r"cannot be called with \(scope, receive, send\), as an ASGI"),
        (asgi, {"interface": "wsgi"}, r"cannot be called with \(environ, start_response\)"),
        (asgi, {"folder": "no/such"}, "there is no directory"),
    ],
)
def test_what_cannot_be_served(load, value, options, says):
    with pytest.raises(UserError, match=says):
        load(value, **options)
