"""SECURITY.md tells every limit with the default that the code has."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from plait.http2 import Config, Limits
from plait.server import HTTP2Server, TimeLimits

from .documents import code_spans, table_rows

SHOWN = dict(
    span.split("=", 1) for span in code_spans("SECURITY.md") if re.fullmatch(r"\w+=[\w.]+", span)
)


@pytest.mark.parametrize("limits", [Limits, TimeLimits])
def test_every_limit_is_told_with_its_default(limits: type) -> None:
    for field in fields(limits):
        assert SHOWN.get(field.name) == repr(field.default), field.name


def test_every_default_that_is_told_is_one() -> None:
    known = {
        field.name: repr(field.default)
        for each in (Limits, TimeLimits, Config)
        for field in fields(each)
    }
    known["max_connections"] = repr(HTTP2Server.__init__.__kwdefaults__["max_connections"])
    assert SHOWN.items() <= known.items()


def test_every_row_says_what_stops_the_attack() -> None:
    rows = table_rows("SECURITY.md")
    assert len(rows) > 20
    assert all(len(row) == 3 and row[0] and row[1] for row in rows)
