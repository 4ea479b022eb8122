"""What the page about Kyoukai says, beside the code; its programs are run."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any

import pytest

from plait.compat import install, kyoukai
from tests.compat.kyoukai_peer import POST, Peer

from .documents import blocks, table_rows

PAGE = "docs/kyoukai.md"
FORM = [*POST, ("content-type", "application/x-www-form-urlencoded")]


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the programs of the page define."""
    install("kyoukai")
    names: dict[str, Any] = {"__name__": "page"}
    for text in blocks(PAGE, "python"):
        exec(compile(text, PAGE, "exec"), names)
    return names


def told() -> dict[str, str]:
    """Each name of the table, and what stands beside it."""
    found = {}
    for row in table_rows(PAGE):
        if len(row) == 2:
            for span in re.findall("`(.+?)`", row[0]):
                found[span.partition("(")[0]] = row[1]
    return found


def test_every_name_is_in_the_table() -> None:
    assert set(told()) == set(kyoukai.__all__)


@pytest.mark.parametrize("name", ["H2KyoukaiComponent", "H2KyoukaiProtocol", "H2State"])
def test_what_is_told_of_a_class_is_there(name: str) -> None:
    kind = getattr(kyoukai, name)
    source = "".join(
        inspect.getsource(each) for each in kind.__mro__ if each.__module__[:5] == "plait"
    )
    for span in re.findall("`(.+?)`", told()[name]):
        assert hasattr(kind, span) or f"self.{span}" in source, span


def test_the_application_of_the_page(page: dict[str, Any]) -> None:
    async def check() -> None:
        peer = Peer(page["Application"]())
        answer = await peer.ended(peer.request(FORM, b"name=plait"))
        assert answer == (200, b"Hello, plait!\n")
        peer.lose()

    asyncio.run(check())


def test_the_programs_of_the_page_are_functions(page: dict[str, Any]) -> None:
    assert inspect.iscoroutinefunction(page["main"])
    assert inspect.isfunction(page["serve"])
