"""The tables of `docs/conformance/` hold, and the script that says so notices when they do not."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "tools/check_conformance.py"

Check = Callable[[Path], list[str]]

PAGE = """# A page

Key words: 4

| § | × | Demand | Of | Status | Where | Shown by |
| --- | --- | --- | --- | --- | --- | --- |
| 1.2 | 1 | Be brief | both | done | `some/module.py` | `tests/test_it.py::test_one` |
| 1.10 | 1 | Be kind | client | done | `some/module.py` | `tests/test_it.py::test_two` |
| 2 | 1 | Be paid | server | application: it has the money | | `tests/test_it.py::Test::test_it` |

## Others

| § | × | Demand | Of whom |
| --- | --- | --- | --- |
| 3 | 1 | Be elsewhere | caches |
"""

TESTS = """
import pytest

@pytest.mark.parametrize("letters", ["a-b"])
def test_one(letters):
    assert letters

def test_two():
    assert True

class Test:
    def test_it(self):
        assert True
"""


def load() -> ModuleType:
    """The script as a module; `tools` is no package."""
    spec = importlib.util.spec_from_file_location("check_conformance", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check() -> Check:
    """The check itself, which remembers nothing of earlier trees."""
    return load().check


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one page, one module and one file of tests."""
    for folder in ("docs/conformance", "src/plait/some", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/conformance/page.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "src/plait/some/module.py").touch()
    (tmp_path / "tests/test_it.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def test_every_module_and_test_of_the_tables_exists() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_script_prints_one_line_a_fault(tree: Path) -> None:
    (tree / "src/plait/some/module.py").unlink()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--root", str(tree)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"page.md:{line}: no module some/module.py" for line in (7, 8)
    ]


def test_the_tables_count_every_key_word_of_the_rfcs() -> None:
    # Counted in the texts, without the paragraph that explains the words.
    counts = {"rfc9113": 223, "rfc7541": 20, "rfc9218": 24, "rfc8441": 8}
    for page, count in counts.items():
        text = (ROOT / f"docs/conformance/{page}.md").read_text(encoding="utf-8")
        assert f"\nKey words: {count}" in text, page


def test_a_good_tree_has_no_faults(tree: Path, check: Check) -> None:
    assert check(tree) == []


MODULE, TWO = "`some/module.py`", "`tests/test_it.py::test_two`"
CHANGES = {
    "a module renamed": (
        f"client | done | {MODULE}",
        "client | done | `m.py`",
        "8: no module m.py",
    ),
    "a row left out": ("| 3 | 1 | Be elsewhere | caches |\n", "", "4 key words are said"),
    "a row twice": ("1.10 | 1 | Be kind | client", "1.2 | 1 | Be brief | both", "8: the same as"),
    "no demand": ("Be kind", "", "8: no demand"),
    "no role": ("| client |", "| all |", "8: no role: 'all'"),
    "no status": ("client | done", "client | perhaps", "8: no status: 'perhaps'"),
    "no reason": ("application: it has the money", "application", "9: application, but no reason"),
    "done by nobody": (f"{MODULE} | {TWO}", f"| {TWO}", "8: done, but nothing under 'where'"),
    "shown by nothing": (TWO, "", "8: done, but nothing under 'shown by'"),
    "a test without backticks": (TWO, "test_two", "8: something without backticks under 'Shown"),
    "a cell too few": ("| client ", "", "8: 6 cells instead of 7"),
    "no section": ("| 1.10 |", "| one |", "8: no section: 'one'"),
    "no number": ("| 1.10 | 1 |", "| 1.10 | |", "8: no number of key words: ''"),
    "another table": ("| Of whom |", "| Who |", "page.md:13: a table of other columns"),
    "no count": ("Key words: 4", "Words", "page.md: the line"),
}


@pytest.mark.parametrize(("old", "new", "fault"), CHANGES.values(), ids=CHANGES)
def test_a_fault_of_the_page_is_told(
    tree: Path, check: Check, old: str, new: str, fault: str
) -> None:
    assert PAGE.count(old) == 1
    (tree / "docs/conformance/page.md").write_text(PAGE.replace(old, new), encoding="utf-8")
    faults = check(tree)
    assert faults
    assert fault in faults[0]


@pytest.mark.parametrize(("name", "line"), [("test_one(", 7), ("test_two(", 8), ("test_it(", 9)])
def test_a_renamed_test_is_told(tree: Path, check: Check, name: str, line: int) -> None:
    (tree / "tests/test_it.py").write_text(TESTS.replace(name, "test_else("), encoding="utf-8")
    (fault,) = check(tree)
    assert fault.startswith(f"page.md:{line}: no test tests/test_it.py::")


def test_a_parameter_that_is_gone_is_told(tree: Path, check: Check) -> None:
    both = "`tests/test_it.py::test_one[a-b]`, `tests/test_it.py::test_one[a-c]`"
    page = PAGE.replace("`tests/test_it.py::test_one`", both)
    (tree / "docs/conformance/page.md").write_text(page, encoding="utf-8")
    assert check(tree) == ["page.md:7: no test tests/test_it.py::test_one[a-c]"]


def test_a_tree_without_pages_is_a_fault(tmp_path: Path, check: Check) -> None:
    assert check(tmp_path) == ["docs/conformance: no pages"]


def test_a_renamed_test_of_plait_is_noticed(tmp_path: Path, check: Check) -> None:
    # The real tables, against a copy of the real tests in which one name is another.
    shutil.copytree(ROOT / "docs/conformance", tmp_path / "docs/conformance")
    for source in (ROOT / "tests").rglob("*.py"):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    (tmp_path / "src").symlink_to(ROOT / "src")
    path = tmp_path / "tests/http2/test_goaway.py"
    name = "test_a_ping_is_answered_with_its_own_octets"
    path.write_text(path.read_text(encoding="utf-8").replace(name, "test_x"), encoding="utf-8")
    faults = check(tmp_path)
    assert faults
    assert all(fault.endswith(f"::{name}") for fault in faults)
