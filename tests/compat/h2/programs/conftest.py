"""Programs that run beside the tests of this folder, once with each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compat.h2.programs.engines import ENGINES
from tests.compat.h2.programs.serving import Served, hypercorn
from tests.support.certs import TLSFiles


@pytest.fixture(scope="module")
def hypercorns(tls_files: TLSFiles) -> Iterator[dict[str, Served]]:
    """hypercorn with each engine, with its one worker process."""
    with ExitStack() as stack:
        yield {engine: stack.enter_context(hypercorn(engine, tls_files)) for engine in ENGINES}
