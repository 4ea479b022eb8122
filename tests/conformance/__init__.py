"""Tests of single sentences of the RFCs, for which no other test stands.

The tables in `docs/conformance/` name these and all others.
"""
