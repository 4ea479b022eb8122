"""Tests of the SPDY engine; `wire` and `script` know nothing of it."""
