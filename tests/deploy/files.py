"""The files of `deploy/`, with their ports and paths replaced by those of a test."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from tests.support.certs import TLSFiles
from tests.support.project import ROOT

DEPLOY = ROOT / "deploy"
PLAIT = Path(sys.executable).with_name("plait")


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def adapted(name: str, folder: Path, tls: TLSFiles, ports: dict[int, int]) -> Path:
    """Writes a file of `deploy/` into a folder, for these ports and the tests' certificate."""
    text = text_of(name)
    both = folder / "site.pem"
    both.write_text(tls.cert.read_text() + tls.key.read_text())
    text = re.sub(r"/etc/\w+/site\.pem", str(both), text)
    text = re.sub(r"/etc/\w+/cert\.pem", str(tls.cert), text)
    text = re.sub(r"/etc/\w+/key\.pem", str(tls.key), text)
    text = text.replace("/run/plait", str(folder)).replace("/srv/app", str(DEPLOY))
    for said, used in ports.items():
        text = re.sub(rf"\b{said}\b", str(used), text)
    path = folder / name
    path.write_text(text)
    return path


def commands_in(text: str) -> list[list[str]]:
    """The command lines that the comments of a file tell, without `plait`."""
    found = re.findall(r"^#   plait (.+)$", text, re.MULTILINE)
    return [shlex.split(line) for line in found]
