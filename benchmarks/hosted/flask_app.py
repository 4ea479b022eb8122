"""An application of Flask's."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/hello")
def hello() -> str:
    """Thirteen octets."""
    return "Hello, world\n"
