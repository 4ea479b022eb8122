"""Memory that was given back and is soon wanted again stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_ROUNDS = 40

_PROGRAM = f"""
import resource
from plait.server.heap import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({_ROUNDS}):
        blocks = [b"x" * 262_144 for _ in range(6)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc only")
def test_pages_do_not_come_and_go_with_bodies() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 100 * _ROUNDS
    assert after < 10 * _ROUNDS
