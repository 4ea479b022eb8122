"""Programs written for `h2`, as PyPI has them, on `h2` itself and on what stands in for it."""
