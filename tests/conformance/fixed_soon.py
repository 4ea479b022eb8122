"""A mark for what is known and about to be mended."""

import pytest


def fixed_soon(number):
    return pytest.mark.xfail(strict=True, reason=f"C{number}")
