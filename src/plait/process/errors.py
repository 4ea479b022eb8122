"""What the user can put right: told in one line, without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Wrong input; the message says what is wrong and what to do."""


def one_line(text: str) -> str:
    """Return `text` with every run of white space, line ends among it, made one space."""
    return " ".join(text.split())
