"""How many examples, and whether they are the same in every run.

Examples derive from the test itself, so that it fails for everybody or for nobody. The ordinary
suite tells of a failure at once, and leaves it to the long test beside it to find a smaller one.
With ``PLAIT_EXPLORE=1`` the long tests draw new examples, to find what nobody has seen yet; they
print what repeats a failure.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings

_EXPLORES = bool(os.environ.get("PLAIT_EXPLORE"))

# Where long tests that count their random programs begin.
FIRST_SEED = random.randrange(10**6) if _EXPLORES else 1000

_ANY = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def ordinary(examples: int, **more: int) -> settings:
    """The same examples in every run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        **_ANY,
        **more,
    )


def long(examples: int, **more: int) -> settings:
    """Many more, and smaller ones of what failed."""
    return settings(
        max_examples=examples,
        derandomize=not _EXPLORES,
        print_blob=True,
        **_ANY,
        **more,
    )


def slow(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a long test, with time to find a smaller example of what failed."""
    return pytest.mark.slow(pytest.mark.timeout(900)(test))
