"""The documentation as the tests see it: pages and the code blocks in them."""

from __future__ import annotations

import re

from tests.support.project import ROOT

DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [
        ROOT / "README.md",
        ROOT / "SECURITY.md",
        ROOT / "examples" / "README.md",
        *sorted(DOCS.rglob("*.md")),
    ]
}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPDY = re.compile(r"^(##+) SPDY\n.*?(?=^#|^<!--|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language, in their order."""
    found = _BLOCK.findall(PAGES[page].read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def code_spans(page: str, *, spdy: bool | None = None) -> set[str]:
    """What stands in back-quotes outside of code blocks."""
    return set(_CODE.findall(_BLOCK.sub("", _part(page, spdy))))


def table_rows(page: str, *, spdy: bool | None = None) -> list[list[str]]:
    """Every row of every table of a page, cells stripped."""
    lines = _part(page, spdy).splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]


def _part(page: str, spdy: bool | None) -> str:
    """A page, its section on SPDY (limits and slugs have the names of HTTP/2's), or the rest."""
    text = PAGES[page].read_text(encoding="utf-8")
    if spdy is None:
        return text
    found = _SPDY.search(text)
    assert found is not None, f"{page} has no section on SPDY"
    return found[0] if spdy else text[: found.start()] + text[found.end() :]
