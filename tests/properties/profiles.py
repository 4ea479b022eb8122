"""How many examples, and whether they are the same in every run.

The ordinary suite derives its examples from the test itself, so that it fails for everybody or
for nobody; it tells of a failure at once, and leaves it to the long test beside it to find a
smaller one. The long tests draw new examples each time, and print what repeats a failure.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings

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
    """Other examples in each run."""
    return settings(
        max_examples=examples,
        derandomize=False,
        print_blob=True,
        **_ANY,
        **more,
    )


def slow(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a long test, with time to find a smaller example of what failed."""
    return pytest.mark.slow(pytest.mark.timeout(900)(test))
