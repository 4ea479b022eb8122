"""The source tree as the project's own tests see it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "plait"


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """Every module of plait: dotted name to source file."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def modules_with_sidecar() -> dict[str, Path]:
    """Those of them that have a compiled twin."""
    return {n: path for n, path in modules().items() if path.with_suffix(".pxd").exists()}


@cache
def syntax_of(path: Path) -> ast.Module:
    """The parsed source of a file: to look at, not to change."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, tree: ast.Module | None = None) -> Iterator[tuple[int, str]]:
    """Yields line and dotted name of every import in a file, inside functions too.

    `from a import b` gives `a.b`: whether that is a module or a name in one, the layers
    are the same. Relative imports are resolved.
    """
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree or syntax_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
