"""Instances of plait that several tests share, begun when the first of them asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.certs import TLSFiles

from .setting import Instance, plait

TRUSTING = "--proxies=127.0.0.1"

Instances = Callable[..., Instance]


@pytest.fixture(scope="session")
def instances(tls_files: TLSFiles) -> Iterator[Instances]:
    """`instances("app" or "wsgi", secure=False, trusting=True)`."""
    with ExitStack() as stack:
        found: dict[tuple[str, bool, bool], Instance] = {}

        def instance(name: str, *, secure: bool = False, trusting: bool = True) -> Instance:
            key = (name, secure, trusting)
            if key not in found:
                tls = tls_files if secure else None
                found[key] = stack.enter_context(
                    plait(name, *([TRUSTING] if trusting else []), tls=tls)
                )
            return found[key]

        yield instance
