"""One target under atheris: started by `fuzz.__main__` in a process of its own.

`python -m fuzz.engine TARGET LIBFUZZER-ARGUMENTS...`; plait's modules are instrumented as they
are imported, the oracles and the targets are not.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

import atheris

# Before anything imports plait.
with atheris.instrument_imports(include=["plait"]):
    import plait.hpack
    import plait.http2
    import plait.spdy  # noqa: F401 - imported here to be instrumented

from fuzz import program
from fuzz.targets import PROGRAMS, TARGETS

# Seconds of CPU that one input may take. (libFuzzer's own limit is of the clock on the wall,
# which goes on when a busy machine lets the process wait.)
SLOWEST = 5.0


def mutate_octets(data: bytes, most: int) -> bytes:
    """The mutations that libFuzzer has itself."""
    return bytes(atheris.Mutate(data, most)) if data else b""


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Half of the mutations know what a program is."""
    if seed & 1:
        return mutate_octets(data or b"\0", max_size)
    return program.mutate(data, max_size, seed >> 1, mutate_octets)


def give_up(_number: int, _frame: FrameType | None) -> None:
    """One input takes too long: that is a finding."""
    raise TimeoutError(f"more than {SLOWEST} s of CPU")


def main() -> None:
    """Fuzzes until libFuzzer has had enough, or something is found."""
    name = sys.argv[1]
    target = TARGETS[name]
    # What libFuzzer starts again, through a shell, when it merges.
    arguments = [f"{sys.executable} -m fuzz.engine {name}", *sys.argv[2:]]

    def test_one_input(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST)
        target(data, None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    signal.signal(signal.SIGVTALRM, give_up)

    if name in PROGRAMS:
        atheris.Setup(arguments, test_one_input, custom_mutator=mutate)
    else:
        atheris.Setup(arguments, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
