"""Runs the compiled variant under AddressSanitizer and UndefinedBehaviorSanitizer.

`python tools/sanitize.py check` exits with 0 when gcc and both runtimes are here, and otherwise
says what is missing. `... run FOLDER` takes plait from that folder, where it was built with
`PLAIT_SANITIZE=address,undefined`, and replays every recorded octet through it: the corpus and the
cases of fuzzing, attacks among them, the corpus that both variants are compared with; then the
tests of the protocol packages. The first report of a sanitizer ends it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIMES = ("libasan.so", "libubsan.so")
# What the compiler calls in instrumented code.
MARKS = (b"__asan_init", b"__ubsan_handle_")
# The sanitizers want to see the signals and the memory themselves.
PYTEST = ("-m", "pytest", "-q", "-p", "no:faulthandler", "-p", "no:cacheprovider", "-n", "2")
TESTS = ("--dist", "loadfile", "tests/hpack", "tests/http2")


def runtimes() -> list[str]:
    """The sanitizers' libraries, to be loaded before anything else.

    Raises:
        SystemExit: One is missing; the message says what to install.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        sys.exit("Nothing was sanitized: gcc is not here (install the package gcc).")
    found = []
    for name in RUNTIMES:
        command = [compiler, f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not Path(path).is_absolute():
            sys.exit(f"Nothing was sanitized: gcc has no {name} (install libgcc's -dev package).")
        found.append(path)
    return found


def environment(installed: Path) -> dict[str, str]:
    """Where Python finds the sanitized plait, and how the sanitizers behave."""
    return {
        **os.environ,
        "LD_PRELOAD": ":".join(runtimes()),
        # Python frees little at its end, which is no leak of ours
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        # one block for each object, so that its borders are known
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(installed),
        "PLAIT_EXPECT": "compiled",
    }


def check_instrumented(installed: Path) -> None:
    """Every module that can be compiled must be, with both sanitizers in it."""
    sidecars = list((installed / "plait").rglob("*.pxd"))
    modules = [path for path in sidecars if path.with_suffix(".py").exists()]
    for sidecar in modules:
        binaries = list(sidecar.parent.glob(f"{sidecar.stem}.*.so"))
        if not binaries or any(mark not in binaries[0].read_bytes() for mark in MARKS):
            sys.exit(f"{sidecar.stem} is not built with the sanitizers")
    print(f"{len(modules)} modules are built with the sanitizers", flush=True)


def run(installed: Path) -> None:
    """All the steps; ends the program at the first that fails."""
    check_instrumented(installed)
    env = environment(installed)
    python = sys.executable
    print("==> the corpus and the cases of fuzzing", flush=True)
    replay = [python, "-m", "fuzz", "replay", "fuzz/corpus", "fuzz/cases"]
    if subprocess.run(replay, cwd=ROOT, env=env, check=False).returncode:
        sys.exit("a replayed input failed")
    print("==> the corpus of the variants", flush=True)
    done = subprocess.run(
        [python, "-m", "tests.support.replay"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit("the corpus of the variants failed")
    report = json.loads(done.stdout)
    if report["variant"] != "compiled" or report["faults"]:
        sys.exit(f"the corpus of the variants: {report['variant']}, {report['faults']}")
    print(f"{len(report['digests'])} conversations", flush=True)
    print("==> the tests of hpack and http2", flush=True)
    if subprocess.run([python, *PYTEST, *TESTS], cwd=ROOT, env=env, check=False).returncode:
        sys.exit("a test failed")


def main() -> None:
    """Does what the first argument says."""
    if sys.argv[1:] == ["check"]:
        runtimes()
    elif len(sys.argv) == 3 and sys.argv[1] == "run":
        run(Path(sys.argv[2]).resolve())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
