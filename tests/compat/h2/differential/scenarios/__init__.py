"""Scripts written by hand, by subject; each says which differences it shows."""

from . import calls, ending, events, faults, fields, sending, settings, windows
from .writing import Scenario, Scripts

SUBJECTS: dict[str, Scripts] = {
    "events": events.SCRIPTS,
    "sending": sending.SCRIPTS,
    "calls": calls.SCRIPTS,
    "fields": fields.SCRIPTS,
    "settings": settings.SCRIPTS,
    "windows": windows.SCRIPTS,
    "ending": ending.SCRIPTS,
    "faults": faults.SCRIPTS,
}
SCENARIOS: dict[str, Scenario] = {
    f"{subject}: {scenario.name}": scenario
    for subject, scripts in SUBJECTS.items()
    for scenario in scripts.scenarios
}
assert len(SCENARIOS) == sum(len(scripts.scenarios) for scripts in SUBJECTS.values())

__all__ = ["SCENARIOS", "Scenario"]
