"""Rows with a figure, a peer's figure, their ratio and the goal; printed and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Row:
    """One line of the table.

    ``ratio`` is the median of the per-round ratios, so it is not exactly ``value / peer_value``,
    which are each the best round. ``goal`` is the largest ratio that still counts as reached;
    a row with no goal is there for orientation. With ``goal_on_value`` the goal bounds ``value``.
    """

    work: str
    subject: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    goal: float | None = None
    goal_on_value: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        measured = self.value if self.goal_on_value else self.ratio
        if self.goal is None or measured is None:
            return None
        return measured <= self.goal


@dataclass(slots=True)
class Report:
    """What one run found: rows by section, and what it had to leave out."""

    sections: dict[str, list[Row]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)

    def add(self, section: str, *rows: Row) -> None:
        """Append rows to a section, made on first use."""
        self.sections.setdefault(section, []).extend(rows)

    def remark(self, section: str, text: str) -> None:
        """Say under a section's table how it was measured."""
        self.remarks.setdefault(section, []).append(text)

    def skip(self, what: str, why: str) -> None:
        """Note what could not be measured and what to do about it."""
        self.left_out.append(f"{what}: left out, {why}")

    @property
    def rows(self) -> list[Row]:
        """All rows in order."""
        return [row for rows in self.sections.values() for row in rows]


HEADINGS = ("work", "measured", "", "peer", "", "ratio", "goal", "reached")
_RIGHT = (2, 4, 5, 6)


def figure(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}"


def _bound(value: float) -> str:
    """A ratio below a tenth reads better as a fraction: 1/60."""
    if 0 < value < 0.2:
        return f"1/{1 / value:.3g}" if value > 0.0005 else figure(value)
    return figure(value)


def cells(row: Row) -> list[str]:
    """The row as text, in the order of `HEADINGS`."""
    reached = {True: "yes", False: "NO", None: ""}[row.reached]
    goal = ""
    if row.goal is not None:
        goal = f"≤ {figure(row.goal)} {row.unit}" if row.goal_on_value else f"≤ {_bound(row.goal)}"
    return [
        row.work,
        row.subject,
        f"{figure(row.value)} {row.unit}",
        row.peer,
        "" if row.peer_value is None else f"{figure(row.peer_value)} {row.unit}",
        "" if row.ratio is None else _bound(row.ratio),
        goal,
        reached,
    ]


def text_table(rows: Sequence[Row]) -> str:
    """A table for the terminal."""
    grid = [list(HEADINGS), *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(HEADINGS))]
    lines = []
    for line in grid:
        parts = [
            cell.rjust(widths[i]) if i in _RIGHT else cell.ljust(widths[i])
            for i, cell in enumerate(line)
        ]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown_table(rows: Sequence[Row]) -> str:
    """The same table for RESULTS.md."""
    align = ["---:" if i in _RIGHT else "---" for i in range(len(HEADINGS))]
    lines = [list(HEADINGS), align]
    for row in rows:
        line = cells(row)
        if line[-1] == "NO":
            line[-1] = "**no**"
        lines.append(line)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def summary(report: Report) -> str:
    """How many of the goals are reached."""
    judged = [row for row in report.rows if row.reached is not None]
    met = sum(1 for row in judged if row.reached)
    return f"{met} of {len(judged)} goals reached"


def as_text(report: Report) -> str:
    """Everything for the terminal but the machine."""
    out = []
    for title, rows in report.sections.items():
        out.append(f"{title}\n{text_table(rows)}")
        notes = [f"{row.work}, {row.subject}: {row.note}" for row in rows if row.note]
        out[-1] += "".join(f"\n  {note}" for note in report.remarks.get(title, []) + notes)
    out.extend(report.left_out)
    out.append(summary(report))
    return "\n\n".join(out)


def as_markdown(report: Report, machine: Sequence[str], versions: Sequence[str]) -> str:
    """The whole of RESULTS.md."""
    out = [
        "# Benchmark results",
        "Written by `make bench` (`python -m benchmarks`); how each figure is taken is said in "
        "[README.md](README.md). Times are CPU time, best round; a ratio is the median of the "
        "rounds' ratios, measured / peer, so smaller is better.",
        "**Machine:** " + "; ".join(machine) + ".",
        "**Versions:** " + "; ".join(versions) + ".",
        f"**{summary(report)}.**",
    ]
    for title, rows in report.sections.items():
        out.append(f"## {title}")
        out.extend(report.remarks.get(title, []))
        out.append(markdown_table(rows))
        notes = [f"- {row.work}, {row.subject}: {row.note}" for row in rows if row.note]
        if notes:
            out.append("\n".join(notes))
    if report.left_out:
        out.append("## Left out")
        out.append("\n".join(f"- {line}" for line in report.left_out))
    return "\n\n".join(out) + "\n"
