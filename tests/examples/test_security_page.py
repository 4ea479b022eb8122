"""SECURITY.md tells every limit with the default that the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from inspect import signature

import pytest

from plait import spdy
from plait.http2 import Config, Limits
from plait.server import HTTP2Server, TimeLimits
from plait.server.websocket import WebSocketOptions
from plait.server.wsgi import WSGIHost

from .documents import code_spans, table_rows


def shown(*, of_spdy: bool) -> dict[str, str]:
    """The defaults that the page tells."""
    spans = code_spans("SECURITY.md", spdy=of_spdy)
    return dict(span.split("=", 1) for span in spans if re.fullmatch(r"\w+=[\w.]+", span))


SHOWN = shown(of_spdy=False)
SHOWN_OF_SPDY = shown(of_spdy=True)


# What guards nothing.
HABITS = {"compression", "context_takeover", "window_bits"}


@pytest.mark.parametrize("limits", [Limits, TimeLimits, WebSocketOptions])
def test_every_limit_is_told_with_its_default(limits: type) -> None:
    for field in fields(limits):
        if field.name not in HABITS:
            assert SHOWN.get(field.name) == repr(field.default), field.name


def test_every_limit_of_spdy_is_told_with_its_default() -> None:
    for field in fields(spdy.Limits):
        assert SHOWN_OF_SPDY.get(field.name) == repr(field.default), field.name


def test_every_default_of_spdy_that_is_told_is_one() -> None:
    known = {
        field.name: repr(field.default)
        for each in (spdy.Limits, spdy.Config)
        for field in fields(each)
    }
    assert SHOWN_OF_SPDY.items() <= known.items()


def test_every_default_that_is_told_is_one() -> None:
    known = {
        field.name: repr(field.default)
        for each in (Limits, TimeLimits, Config, WebSocketOptions)
        for field in fields(each)
    }
    of_wsgi = signature(WSGIHost).parameters
    known |= {name: repr(of_wsgi[name].default) for name in ("threads", "max_queued", "body_wait")}
    known["max_connections"] = repr(HTTP2Server.__init__.__kwdefaults__["max_connections"])
    assert SHOWN.items() <= known.items()


def test_every_row_says_what_stops_the_attack() -> None:
    rows = table_rows("SECURITY.md")
    assert len(rows) > 20
    assert all(len(row) == 3 and row[0] and row[1] for row in rows)
