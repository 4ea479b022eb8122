"""The names of the protocol versions in TLS.

NPN is gone from Python's ``ssl``; the same names go into ALPN::

    context.set_alpn_protocols(spdylay.get_npn_protocols())
    ...
    version = spdylay.npn_get_version(connection.selected_alpn_protocol())
"""

from __future__ import annotations

from plait.spdy.constants import PROTOCOL_NAMES


def get_npn_protocols() -> list[str]:
    """Return the names of the versions, the most preferred first, as a new list."""
    return list(PROTOCOL_NAMES)


def npn_get_version(proto: str | None) -> int:
    """Return the version of a negotiated name: ``PROTO_SPDY2`` and so on, 0 for anything else.

    :param proto: the name; ``None`` where nothing was negotiated.
    """
    return int(PROTOCOL_NAMES.get(proto, 0)) if isinstance(proto, str) else 0
