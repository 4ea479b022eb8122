"""`plait.compat.h2` beside PyPI's `h2`: the same octets and calls, and the same of everything."""
