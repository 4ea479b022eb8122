"""Scenarios written by hand, through both."""

from __future__ import annotations

import pytest

from .comparison import EVERYWHERE, compare, explain
from .scenarios import SUBJECTS
from .world import FACADE, REAL, Implementation


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_do_the_same_or_the_difference_has_a_name(subject: str) -> None:
    real, here = Implementation(REAL), Implementation(FACADE)
    wrong = []
    for scenario in SUBJECTS[subject].scenarios:
        found = compare(real, here, scenario.steps, client=scenario.client, **scenario.options)
        if found.unnamed is not None:
            wrong.append(explain(found, scenario.name))
        elif found.classes.keys() - EVERYWHERE != scenario.differs:
            seen, said = sorted(found.classes.keys() - EVERYWHERE), sorted(scenario.differs)
            wrong.append(f"{scenario.name}: seen {seen}, said {said}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(SUBJECTS[subject].scenarios)}", *wrong])
