"""A small reader for the sidecars, as far as this project's `.pxd` files go."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_CLASS = re.compile(r"cdef class (\w+)(?:\(([\w.]+)\))?:$")
_LEAD = re.compile(r"(?:(cdef|cpdef)\b\s*)?(?:(?:public|readonly|inline|packed|final)\s+)*(.*)$")
_SUFFIX = re.compile(r"\)\s*(?:noexcept|nogil|except\b[^)]*|\s)*$")
_NO_DECLARATION = ("from ", "import ", "cimport ", "@", "pass", '"""', "'''", "ctypedef ", "#")


@dataclass
class Declared:
    """What a sidecar says about one class, or, under the name "", about the module."""

    name: str
    base: str = ""
    attributes: set[str] = field(default_factory=set)
    methods: dict[str, int] = field(default_factory=dict)  # name to number of parameters


def read_sidecar(path: Path) -> dict[str, Declared]:
    """Class name to its declarations; `""` holds the functions and variables of the module."""
    found = {"": Declared("")}
    current = found[""]
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        text = line.strip()
        if not line.startswith((" ", "\t")):
            current = found[""]
        if match := _CLASS.match(text.replace("@final ", "")):
            current = found[match[1]] = Declared(match[1], (match[2] or "").rpartition(".")[2])
        elif not text.startswith(_NO_DECLARATION) and not text.endswith(":"):
            _read_declaration(text, current, path)
    return found


def read_cimports(path: Path) -> dict[str, str]:
    """Name to module of everything that a sidecar takes from others of plait."""
    found = {}
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        if match := re.match(r"from (plait[\w.]*) cimport \(?([^)]*)\)?$", line.strip()):
            found.update({name.strip(): match[1] for name in match[2].split(",") if name.strip()})
    return found


def _logical_lines(text: str) -> list[str]:
    """Lines without comments, those inside brackets joined."""
    lines: list[str] = []
    depth = 0
    for raw in text.splitlines():
        line = raw.partition("#")[0].rstrip()
        if not line.strip():
            continue
        if depth:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        depth += line.count("(") + line.count("[") - line.count(")") - line.count("]")
    return lines


def _read_declaration(text: str, into: Declared, path: Path) -> None:
    lead = _LEAD.match(text)
    assert lead, text
    rest = _SUFFIX.sub(")", lead[2])
    if rest.endswith(")"):
        name, parameters = _read_function(rest)
        into.methods[name] = len([p for p in parameters if p.strip() not in ("", "*", "/")])
        return
    # "long long a, b" and "dict a": a name is the last word of its part
    words = [part.split()[-1].lstrip("*") for part in _split(rest.partition("=")[0])]
    names = [word.partition("[")[0] for word in words]
    assert all(name.isidentifier() for name in names), f"{path}: {text!r}"
    into.attributes.update(names)


def _read_function(text: str) -> tuple[str, list[str]]:
    """Name and parameters of `TYPE name(parameters)`; the type may have brackets too."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0:
            return text[:at].rsplit(maxsplit=1)[-1].lstrip("*"), _split(text[at + 1 : -1])
    raise AssertionError(f"unbalanced: {text!r}")


def _split(text: str) -> list[str]:
    """Splits at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]
