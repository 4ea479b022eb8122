"""The page has the same tables as the code; `python -m tests.compat.h2.differential.test_page`
writes them anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .differences import DIFFERENCES, JUDGEMENTS, NOT_BY_STEPS, WORDS, Difference

PAGE = Path(__file__).parents[4] / "docs" / "h2.md"
BEGIN, END = "<!-- differences -->\n", "<!-- /differences -->"


def table(rows: Iterable[Difference]) -> str:
    lines = ["| class | h2 | here | why |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.slug} | {row.h2} | {row.ours} | {row.reason} |" for row in rows]
    return "\n".join(lines)


def tables() -> str:
    """What stands between the marks."""
    return f"""
The same in other words:

{table([*NOT_BY_STEPS, *WORDS])}

Other judgements:

{table(JUDGEMENTS)}

"""


def test_the_page_has_the_same_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    assert page.index("## Differences from h2") < begin < end < page.index("## What is not there")
    assert page[begin:end] == tables()


def test_every_difference_has_a_name_of_its_own() -> None:
    names = [row.slug for row in (*NOT_BY_STEPS, *DIFFERENCES)]
    assert len(set(names)) == len(names)


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(page[:begin] + tables() + page[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
