"""A program of a user of plait, as a type checker sees it (`make types`)."""

from __future__ import annotations

from typing import assert_type

import plait

assert_type(plait.__version__, str)
assert_type(plait.build_info(), plait.BuildInfo)
