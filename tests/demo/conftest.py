"""The demonstration site, running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.site import Site, running_site
from tests.support.certs import TLSFiles


@pytest.fixture
def site() -> Iterator[Site]:
    """The site over h2c, which has not yet seen a connection."""
    with running_site() as site:
        yield site


@pytest.fixture
def secure_site(tls_files: TLSFiles) -> Iterator[Site]:
    """The same over TLS."""
    with running_site(tls_files.server_context()) as site:
        yield site
