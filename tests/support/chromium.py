"""Chromium, driven by Playwright: started with nothing but what a test needs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, sync_playwright

from tests.support.certs import TLSFiles
from tests.support.peers import require_tool

# No sandbox (containers), no GPU, no calls home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def flags(files: TLSFiles) -> list[str]:
    """The command line of a Chromium that trusts the key of `files`.

    It is better than to ignore faults of the certificate, for then Chromium caches nothing,
    and a hinted resource would be fetched twice.
    """
    key = x509.load_pem_x509_certificate(files.cert.read_bytes()).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    return [*FLAGS, f"--ignore-certificate-errors-spki-list={digest}"]


@contextmanager
def running_chromium(files: TLSFiles) -> Iterator[Browser]:
    """A browser that trusts the key of `files`; skips where Chromium is not installed."""
    chromium = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags(files))
        yield browser
        browser.close()
