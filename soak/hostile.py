"""``python -m soak hostile``: every attack against the real server, an honest client beside it."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soak.attacks import ATTACKS, Attack, Target
from soak.attacks.base import NotWithstood
from soak.honest import Honest, Latencies, latencies
from soak.peer import Ended, TimeIsUp
from soak.subject import Subject, client_cores, difference

MOST_GROWTH = 16 * 2**20  # octets for one attacking connection
MOST_DELAY = 5.0  # times the idle p99
_IDLE = 10.0  # seconds without an attack at the beginning
_PAUSE = 1.5  # and before each attack
_ENDLESS = 20.0  # seconds after which an endless attack gives up; others wait for a time limit
_HURRY = 2.0  # seconds for those of the first kind in a short run
_LEAST = 3.0  # seconds that an attack goes on, again and again if it ends sooner

LIMITS = {
    "handshake": 5.0,
    "preface": 10.0,
    "field_section": 10.0,
    "body": 60.0,
    "write": 60.0,
    "settings": 5.0,
    "idle": 180.0,
}
SHORT_LIMITS = {name: min(1.0, value) for name, value in LIMITS.items()}


@dataclass
class Finding:
    """One line of the table."""

    attack: Attack
    attackers: int
    stopped_by: list[str] = field(default_factory=list)
    runs: int = 0
    connections: int = 0
    calls: int = 0
    growth: float = 0.0
    left: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: Latencies | None = None
    problems: list[str] = field(default_factory=list)


def give_way() -> None:
    """Let this thread come after the honest client, and never to the server's core.

    Attackers have machines of their own; here they must not take the turns of those measured.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, client_cores())
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(mine + 10, 19))
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def assault(attack: Attack, targets: Sequence[Target], finding: Finding, measured: bool) -> None:
    """Run one attack with every attacker at once; ``measured``: latencies are, meanwhile."""
    lock = threading.Lock()

    def attacker(target: Target) -> None:
        if measured:
            give_way()
        problem = None
        try:
            attack.run(target)
        except Ended:
            pass
        except TimeIsUp:
            if attack.ends:
                problem = f"not ended within {attack.patience:.0f} s"
        except NotWithstood as error:
            problem = str(error)
        except OSError as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            with lock:
                finding.problems.append(problem)

    threads = [threading.Thread(target=attacker, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Siege:
    """A server, perhaps an honest client, and the attacks in turn."""

    def __init__(
        self, subject: Subject, honest: Honest | None, attackers: int, short: bool
    ) -> None:
        self.subject = subject
        self.honest = honest
        self.guests = 0 if honest is None else 1
        self.attackers = attackers
        self.short = short
        self.limits = SHORT_LIMITS if short else LIMITS
        self.idle: list[float] = []

    def rest(self, seconds: float) -> None:
        """Let the honest client be alone for a while."""
        if self.honest is not None:
            start = time.monotonic()
            time.sleep(seconds)
            self.idle += self.honest.between(start, time.monotonic())

    def under(self, attack: Attack) -> Finding:
        """One attack, start to end; again and again if it ends too soon to tell anything."""
        subject = self.subject
        finding = Finding(attack, self.attackers)
        before = subject.settled(self.guests)
        told = len(subject.complaints)
        self.rest(_PAUSE)
        subject.forget_peak()
        resident, cpu = subject.resident(), subject.cpu()
        start = time.monotonic()
        while True:
            finding.runs += 1
            words = self.once(attack, finding)
            finding.seconds = time.monotonic() - start
            if self.honest is None or finding.seconds > _LEAST or finding.problems:
                break
        if self.honest is not None:
            times = self.honest.between(start, time.monotonic())
            finding.latencies = latencies(times)
        finding.cpu = subject.cpu() - cpu
        connections = self.attackers * attack.connections
        finding.growth = max(0, subject.peak() - resident) / connections
        after = subject.settled(self.guests)
        finding.left = (subject.resident() - resident) / connections
        refused = difference(before["refusals"], after["refusals"]) or words
        finding.stopped_by = sorted(refused, key=lambda slug: -refused[slug])
        calls = difference(before["calls"], after["calls"])
        finding.calls = sum(
            number
            for path, number in calls.items()
            if path != "report" and not path.startswith("honest")
        )
        self.judge(finding, after, subject.complaints[told:])
        return finding

    def once(self, attack: Attack, finding: Finding) -> dict[str, int]:
        """Run it once; return what the GOAWAYs said."""
        subject = self.subject
        ports = subject.clear, subject.secure, subject.slow
        patience = attack.patience
        if self.short and not attack.ends and patience <= _ENDLESS:
            patience = min(patience, _HURRY)
        targets = [Target(*ports, patience, self.limits) for _ in range(self.attackers)]
        assault(attack, targets, finding, self.honest is not None)
        words: Counter[str] = Counter()
        for peer in [peer for target in targets for peer in target.peers]:
            finding.connections += 1
            if peer.goaway is not None:
                words[_slug(*peer.goaway)] += 1
            peer.close()
        return words

    def judge(self, finding: Finding, after: dict[str, int], told: Sequence[str]) -> None:
        """What is wrong, whatever the latencies were."""
        attack = finding.attack
        if attack.calls is not None and (
            finding.calls > attack.calls * self.attackers * finding.runs
        ):
            finding.problems.append(f"{finding.calls} requests reached the application")
        if finding.growth > MOST_GROWTH:
            finding.problems.append(f"grew by {finding.growth / 2**20:.0f} MiB a connection")
        if after["open"] > 1 + self.guests or after["connections"] > 1 + self.guests:
            left = after["open"], after["connections"]
            finding.problems.append("{} handlers and {} connections are left".format(*left))
        if any("Traceback" in line for line in told):
            finding.problems.append("traceback: " + next((w for w in reversed(told) if w), ""))
        warnings = [line for line in told if re.match("(WARNING|ERROR|CRITICAL)", line)]
        if len(warnings) > finding.connections:
            finding.problems.append(f"{len(warnings)} lines in the log")


def _slug(code: int, debug: bytes) -> str:
    text = debug.decode("ascii", "replace").partition(":")[0]
    return text or f"code {code}"


def hostile(
    attackers: int = 1,
    short: bool = False,
    attacks: Sequence[Attack] = ATTACKS,
    honest: bool = True,
    tell: Callable[[str], None] = print,
) -> tuple[Latencies | None, list[Finding]]:
    """Run attacks; return what the honest client saw without them, and a finding for each.

    :param short: give the server short time limits.
    """
    limits = SHORT_LIMITS if short else LIMITS
    options = [f"{name}={value}" for name, value in limits.items()]
    findings: list[Finding] = []
    with contextlib.ExitStack() as stack:
        subject = stack.enter_context(Subject(*options))
        client = None
        if honest:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            client = stack.enter_context(Honest(subject.clear, Path(folder) / "latencies"))
            time.sleep(1)
        siege = Siege(subject, client, attackers, short)
        siege.rest(_IDLE)
        for attack in attacks:
            findings.append(siege.under(attack))
            tell(line(findings[-1], latencies(siege.idle)))
    return latencies(siege.idle), findings


def line(finding: Finding, idle: Latencies | None) -> str:
    """One finding for the terminal."""
    text = (
        f"{finding.attack.name[:58]:58} {finding.runs:4} x {finding.seconds / finding.runs:5.1f}s "
        f"cpu {finding.cpu:5.1f} calls {finding.calls:7,} "
        f"{finding.growth / 2**20:6.2f} MiB left {finding.left / 2**20:6.2f} | "
    )
    seen = finding.latencies
    if seen is not None and idle is not None:
        text += f"{seen.p50 * 1e3:7.2f} {seen.p99 * 1e3:8.2f} {seen.p99 / idle.p99:6.1f}x "
        text += f"{seen.failed} failed | " if seen.failed else "| "
    text += ", ".join(finding.stopped_by)[:90]
    return text + "".join(f"\n    !! {problem}" for problem in dict.fromkeys(finding.problems))
