"""What was found, as Markdown: RESULTS.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plait import build_info
from soak.connections import Leftovers
from soak.honest import Latencies
from soak.hostile import MOST_DELAY, MOST_GROWTH, Finding
from soak.streams import Endurance

_MIB = 2**20


@dataclass
class Report:
    """Everything of one run."""

    streams: list[Endurance] = field(default_factory=list)
    connections: Leftovers | None = None
    attackers: int = 1
    idle: Latencies | None = None
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    def problems(self) -> list[str]:
        """What is not as it must be; latencies apart, which others on the machine spoil."""
        found = [f"{each.name}: {what}" for each in self.streams for what in each.problems]
        if self.connections is not None:
            found += self.connections.problems
        found += [f"{each.attack.name}: {what}" for each in self.findings for what in each.problems]
        return list(dict.fromkeys(found))

    def late(self) -> list[Finding]:
        """The attacks beside which honest requests were later than they may be."""
        idle = self.idle
        if idle is None:
            return []
        return [
            each
            for each in self.findings
            if each.latencies is not None and each.latencies.p99 > MOST_DELAY * idle.p99
        ]

    def summary(self) -> str:
        """In a few lines."""
        lines = []
        if self.findings:
            grown = max(self.findings, key=lambda each: each.growth)
            lines.append(
                f"{len(self.findings)} attacks: at most {grown.growth / _MIB:.1f} MiB a connection "
                f"({grown.attack.name}), goal {MOST_GROWTH // _MIB}"
            )
            late = self.late()
            lines.append(
                f"honest p99 within {MOST_DELAY:g} × idle beside {len(self.findings) - len(late)} "
                f"of {len(self.findings)}"
                + "".join([f"; not beside: {each.attack.name}" for each in late])
            )
        problems = self.problems()
        lines.append(f"{len(problems)} problems" + "".join([f"\n  {each}" for each in problems]))
        lines.append(f"{self.seconds / 60:.0f} minutes")
        return "\n".join(lines)


def write(report: Report, machine: Sequence[str], versions: Sequence[str]) -> None:
    """Write RESULTS.md."""
    text = "\n\n".join(_parts(report, machine, versions)) + "\n"
    Path(__file__).with_name("RESULTS.md").write_text(text, encoding="utf-8")


def _parts(report: Report, machine: Sequence[str], versions: Sequence[str]) -> list[str]:
    out = [
        "# Soak results",
        "Written by `make soak` (`python -m soak --write`); how each figure is taken is said in "
        f"[README.md](README.md). The run took {report.seconds / 60:.0f} minutes.",
        "**Machine:** " + "; ".join(machine) + ".",
        "**Versions:** " + "; ".join(versions) + f"; {build_info()}.",
    ]
    if report.streams:
        out += ["## Streams over one connection", _streams(report.streams)]
    if report.connections is not None:
        out += ["## Connections dropped in every rude way", _connections(report.connections)]
    if report.findings and report.idle is not None:
        out += ["## Attacks", _attacks(report, report.idle)]
    problems = report.problems()
    if problems:
        out += ["## Not as it must be", "\n".join([f"- {each}" for each in problems])]
    return out


def _streams(found: Sequence[Endurance]) -> str:
    lines = [
        "| load | streams | time | memory after warm-up | at most | at the end "
        "| blocks after warm-up | at the end |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in found:
        warm, peak, end = [f"{octets / _MIB:.2f} MiB" for octets in each.memory]
        lines.append(
            f"| {each.name} | {each.streams:,} | {each.seconds:.0f} s | {warm} | {peak} | {end} "
            f"| {each.blocks[0]:,} | {each.blocks[1]:,} |"
        )
    return "\n".join(lines)


def _connections(found: Leftovers) -> str:
    names = {
        "resident": "memory (MiB)",
        "blocks": "blocks of Python's allocator",
        "descriptors": "open file descriptors",
        "tasks": "tasks, the program's own included",
        "connections": "connections, the one that asks included",
        "open": "handlers, the one that answers included",
    }
    lines = [
        f"{found.connections:,} connections in {found.seconds:.0f} s.",
        "",
        "| | after warm-up | at the end |",
        "| --- | ---: | ---: |",
    ]
    for name, (before, after) in found.figures.items():
        if name == "resident":
            lines.append(f"| {names[name]} | {before / _MIB:.2f} | {after / _MIB:.2f} |")
        else:
            lines.append(f"| {names[name]} | {before:,} | {after:,} |")
    more = ", ".join(f"{count} {kind}" for kind, count in found.objects.items()) or "none"
    lines += ["", f"Objects of plait's, the event loop's or TLS's that there are more of: {more}."]
    return "\n".join(lines)


def _attacks(report: Report, idle: Latencies) -> str:
    late = report.late()
    total = len(report.findings)
    lines = [
        f"Attackers at the same time: {report.attackers}. The honest client alone: p50 "
        f"{idle.p50 * 1e3:.2f} ms, p99 {idle.p99 * 1e3:.2f} ms ({idle.requests:,} requests). "
        f"Beside {total - len(late)} of {total} attacks its p99 was within {MOST_DELAY:g} times "
        "that.",
        "",
        "| attack | reference | what stopped or bounded it | times | requests that reached the "
        "application, each time | growth, MiB a connection | honest p50, ms | p99, ms | × idle |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in report.findings:
        seen = each.latencies
        runs = each.runs * report.attackers
        stopped = ", ".join([f"`{slug}`" for slug in each.stopped_by[:3]])
        if len(each.stopped_by) > 3:
            stopped += f" and {len(each.stopped_by) - 3} more"
        figures = "| | | |"
        if seen is not None:
            ratio = seen.p99 / idle.p99
            told = f"**{ratio:.1f}**" if ratio > MOST_DELAY else f"{ratio:.1f}"
            figures = f"| {seen.p50 * 1e3:.2f} | {seen.p99 * 1e3:.2f} | {told} |"
        lines.append(
            f"| {each.attack.name} | {each.attack.reference} | {stopped or 'bounded'} | {runs:,} "
            f"| {each.calls / runs:,.0f} | {each.growth / _MIB:.2f} {figures}"
        )
    return "\n".join(lines)
