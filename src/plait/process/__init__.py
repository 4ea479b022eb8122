"""A server as a process, or several: listening, workers, signals, and what systemd wants."""

from __future__ import annotations

from .application import Application, load_application
from .binds import Bind, parse_bind
from .errors import UserError
from .run import check, run
from .settings import Certificate, Settings

__all__ = [
    "Application",
    "Bind",
    "Certificate",
    "Settings",
    "UserError",
    "check",
    "load_application",
    "parse_bind",
    "run",
]
