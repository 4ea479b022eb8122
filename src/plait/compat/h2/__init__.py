"""The API of python-hyper's ``h2`` on plait's engine.

``python -m plait.compat SCRIPT`` runs a program in which ``import h2`` finds this package, with the
modules ``config``, ``connection``, ``errors``, ``events``, ``exceptions``, ``settings``, ``stream``
and ``utilities``.
"""

from __future__ import annotations

# The version whose API this is: programs compare it to know what they may call.
__version__ = "4.4.1"

__all__ = ["__version__"]
