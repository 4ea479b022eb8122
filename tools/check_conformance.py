"""Checks the tables of `docs/conformance/`: what the RFCs demand, who does it, which test shows it.

The tables are the source; nothing is generated from them. A page counts its key words (MUST,
MUST NOT, REQUIRED, SHALL) in the line `Key words: n`, and its rows must add up to that, so that no
sentence of an RFC is left out unseen. Of each row are checked: its cells, that it is not there
twice, that modules and tests exist. A test is named as pytest names it; without a parameter it
stands for all of its parameters.

Every fault is one line, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMANDS = ["§", "×", "Demand", "Of", "Status", "Where", "Shown by"]
OTHERS = ["§", "×", "Demand", "Of whom"]
ROLES = {"client", "server", "both", "encoder", "decoder"}
# These have their reason behind a colon.
REASONED = {"application", "platform", "not done"}


@dataclass
class Row:
    """A row of a table, and where it stands."""

    place: str
    cells: dict[str, str]

    @property
    def key_words(self) -> int:
        """How many key words of the RFC the row stands for."""
        return int(self.cells["×"])


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table, in which a bar behind a backslash is a character."""
    inner = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip().replace(r"\|", "|") for cell in inner]


def rows_of(page: Path) -> tuple[list[Row], list[str]]:
    """The rows of a page's tables, and what is wrong with the tables themselves."""
    rows: list[Row] = []
    faults: list[str] = []
    header: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{page.name}:{number}"
        if not line.startswith("|"):
            header = []
            continue
        cells = cells_of(line)
        if not header:
            header = cells
            if cells not in (DEMANDS, OTHERS):
                faults.append(f"{place}: a table of other columns: {cells}")
        elif set(line) <= set("|-: "):
            continue
        elif len(cells) != len(header):
            faults.append(f"{place}: {len(cells)} cells instead of {len(header)}")
        else:
            rows.append(Row(place, dict(zip(header, cells, strict=True))))
    return rows, faults


def spans(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


@cache
def tests_of(path: Path) -> frozenset[str]:
    """The names of the tests in a file, `Class::test` for methods; none if there is no file."""
    if not path.is_file():
        return frozenset()
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test"))


def collected(root: Path, files: set[str]) -> set[str]:
    """Every test of some files with its parameters, as pytest collects them."""
    if not files:
        return set()
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p"]
    done = subprocess.run(
        [*command, "no:cacheprovider", *sorted(files)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"pytest cannot collect the tests:\n{done.stdout}{done.stderr}")
    return set(done.stdout.splitlines())


def faults_of_cells(row: Row) -> list[str]:
    """What is wrong with the cells of a row by themselves."""
    faults = []
    if not re.fullmatch(r"[0-9A-Z]+(\.\d+)*", row.cells["§"]):
        faults.append(f"no section: {row.cells['§']!r}")
    if not re.fullmatch(r"[1-9]\d*", row.cells["×"]):
        faults.append(f"no number of key words: {row.cells['×']!r}")
    if not row.cells["Demand"]:
        faults.append("no demand")
    if "Of whom" in row.cells:
        return faults if row.cells["Of whom"] else [*faults, "of whom?"]
    if row.cells["Of"] not in ROLES:
        faults.append(f"no role: {row.cells['Of']!r}")
    status, colon, reason = row.cells["Status"].partition(":")
    if status == "done" and not colon:
        empty = [name.lower() for name in DEMANDS[5:] if not row.cells[name]]
        faults += [f"done, but nothing under {name!r}" for name in empty]
    elif status not in REASONED:
        faults.append(f"no status: {row.cells['Status']!r}")
    elif not reason.strip():
        faults.append(f"{status}, but no reason")
    return faults


def faults_of_names(root: Path, row: Row) -> list[str]:
    """Modules and tests of a row that are not there."""
    faults = []
    for column in ("Where", "Shown by"):
        cell = row.cells.get(column, "")
        if re.sub(r"`[^`]+`|[,\s]|<br>", "", cell):
            faults.append(f"something without backticks under {column!r}")
    modules = spans(row.cells.get("Where", ""))
    faults += [f"no module {name}" for name in modules if not (root / "src/plait" / name).is_file()]
    for test in spans(row.cells.get("Shown by", "")):
        file, _, name = test.partition("[")[0].partition("::")
        if name not in tests_of(root / file):
            faults.append(f"no test {test}")
    return faults


def faults_of_parameters(root: Path, rows: list[Row]) -> list[str]:
    """Tests that are named with a parameter that they do not have."""
    named = [
        (row.place, test)
        for row in rows
        for test in spans(row.cells.get("Shown by", ""))
        if test.endswith("]")
        and test.partition("::")[2].partition("[")[0] in tests_of(root / test.partition("::")[0])
    ]
    known = collected(root, {test.partition("::")[0] for _, test in named})
    return [f"{place}: no test {test}" for place, test in named if test not in known]


def faults_of_page(root: Path, page: Path, rows: list[Row]) -> list[str]:
    """What is wrong with a page, the parameters of its tests aside."""
    faults = []
    seen: dict[tuple[str, str, str], str] = {}
    for row in rows:
        wrong = [*faults_of_cells(row), *faults_of_names(root, row)]
        key = row.cells["§"], row.cells["Demand"], row.cells.get("Of", "")
        if key in seen:
            wrong.append(f"the same as {seen[key]}")
        seen[key] = row.place
        faults += [f"{row.place}: {fault}" for fault in wrong]
    said = re.search(r"^Key words: (\d+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    if said is None:
        faults.append(f"{page.name}: the line `Key words: n` is missing")
    elif not faults and sum(row.key_words for row in rows) != int(said[1]):
        total = sum(row.key_words for row in rows)
        faults.append(f"{page.name}: {said[1]} key words are said, the rows have {total}")
    return faults


def check(root: Path) -> list[str]:
    """Every fault of every page."""
    pages = sorted((root / "docs/conformance").glob("*.md"))
    if not pages:
        return ["docs/conformance: no pages"]
    faults: list[str] = []
    everything: list[Row] = []
    for page in pages:
        rows, wrong = rows_of(page)
        faults += wrong
        if not wrong:
            faults += faults_of_page(root, page, rows)
            everything += rows
    # Pytest has to import every test for its parameters: only once the names are right.
    return faults or faults_of_parameters(root, everything)


def main() -> int:
    """Prints the faults, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to check")
    faults = check(parser.parse_args().root)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
