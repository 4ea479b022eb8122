"""Coverage-guided fuzzing of the protocol packages with atheris (libFuzzer).

Each target takes any octets and raises when plait does what it must not: `targets` lists them,
`python -m fuzz` runs them, `corpus/` holds inputs that reach much of the code, and `cases/` the
ones that once found something. Both are replayed by ordinary tests, which need no atheris.
"""
