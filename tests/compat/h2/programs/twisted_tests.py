"""Twisted's own tests of its HTTP/2 server, as its `trial` runs them; the engine's name first.

python twisted_tests.py
"""

from __future__ import annotations

import sys

import h2.connection
import h2.settings  # the tests use these two without importing them,
import hyperframe.frame  # noqa: F401  because h2 itself has done so
from twisted.scripts.trial import run

if __name__ == "__main__":
    print(h2.connection.H2Connection.__module__)
    sys.argv[1:] = ["--reporter=verbose", "twisted.web.test.test_http2"]
    run()
