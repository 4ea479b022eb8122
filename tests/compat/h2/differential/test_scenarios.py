"""Scenarios written by hand, through both.

`scenarios/differs.txt` says which differences are seen in which scenario, in no other, and no
others. It is written anew by `python -m tests.compat.h2.differential.test_scenarios`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .comparison import EVERYWHERE, Comparison, compare, explain
from .differences import CREDIT, DIFFERENCES
from .scenarios import SCENARIOS, SUBJECTS, Scenario
from .world import FACADE, REAL, Implementation

DIFFERS = Path(__file__).parent / "scenarios" / "differs.txt"


def known() -> dict[str, set[str]]:
    """The differences of each scenario that has some."""
    lines = DIFFERS.read_text(encoding="utf-8").splitlines()
    return {name: set(slugs.split("; ")) for name, slugs in (line.split(" | ") for line in lines)}


def play(scenario: Scenario) -> Comparison:
    real, here = Implementation(REAL), Implementation(FACADE)
    return compare(real, here, scenario.steps, client=scenario.client, **scenario.options)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_do_the_same_or_the_difference_has_a_name(subject: str) -> None:
    expected = known()
    wrong = []
    for scenario in SUBJECTS[subject].scenarios:
        found = play(scenario)
        seen = found.classes.keys() - EVERYWHERE
        said = expected.get(f"{subject}: {scenario.name}", set())
        if found.unnamed is not None:
            wrong.append(explain(found, scenario.name))
        elif seen != said:
            wrong.append(f"{scenario.name}: seen {sorted(seen)}, known {sorted(said)}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(SUBJECTS[subject].scenarios)}", *wrong])


def test_every_difference_is_seen_and_every_scenario_exists() -> None:
    expected = known()
    assert expected.keys() <= SCENARIOS.keys()
    seen = set().union(*expected.values()) | EVERYWHERE
    assert seen == {difference.slug for difference in DIFFERENCES} | {CREDIT.slug}


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("windows of closed streams", "sending: end_stream"),
        ("words in GOAWAY", "faults: to a server: DATA on stream 0"),
        (CREDIT.slug, "windows: a part acknowledged while little is left"),
    ],
)
def test_what_is_met_everywhere_is_met(slug: str, name: str) -> None:
    assert play(SCENARIOS[name]).classes[slug]


def main() -> None:
    """Write down what is seen now."""
    lines = []
    for name, scenario in SCENARIOS.items():
        found = play(scenario)
        if found.unnamed is not None:
            print(explain(found, name))
        elif slugs := found.classes.keys() - EVERYWHERE:
            lines.append(f"{name} | {'; '.join(sorted(slugs))}\n")
    DIFFERS.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
