"""What the figures were taken on: processor, cores, kernel, versions. No names, no paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = (
    *("plait", "ngh2", "h2", "hpack", "uvloop", "Cython"),
    *("granian", "h2corn", "hypercorn", "uvicorn", "zttp", "starlette", "flask"),
    *("httpx", "grpclib"),
)
_PROGRAMS = (
    *(("nghttpd", "--version"), ("h2load", "--version"), ("wrk", "--version")),
    ("valgrind", "--version"),
)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    models = re.findall(r"^(?:cpu family|model)\s*:\s*(\d+)$", text, re.MULTILINE)
    name = names[0] if names else platform.machine()
    return f"{name} (family {models[0]}, model {models[1]})" if len(models) >= 2 else name


def _memory() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GiB of memory"


def describe_machine() -> list[str]:
    """Processor, cores, memory, kernel."""
    return [
        _processor(),
        f"{os.cpu_count()} cores",
        _memory(),
        f"{platform.system()} {platform.release()} {platform.machine()}",
    ]


def program_version(name: str, option: str = "--version") -> str | None:
    """The version a program says it has; None when it is not installed."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        return None
    done = subprocess.run([path, option], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def describe_versions() -> list[str]:
    """The interpreter, the peers and the tools."""
    out = [f"{platform.python_implementation()} {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            out.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    for program, option in _PROGRAMS:
        version = program_version(program, option)
        if version is not None:
            out.append(f"{program} {version}")
    return out


def anonymous_kib(pid: int) -> int:
    """A process's anonymous memory: heap and stacks, without the pages of programs and files."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Anonymous:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1])


def subject_core() -> int:
    """The core on which what is measured runs: the first this process may use."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The core for the load generator: another one where there is one."""
    return max(os.sched_getaffinity(0))


def pinned(command: Sequence[str], core: int) -> list[str]:
    """The command line bound to a core, where `taskset` is there to do it."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(core), *command] if taskset else list(command)
