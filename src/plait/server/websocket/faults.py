"""What a WebSocket is closed with (RFC 6455 §7.4.1), and what a client did wrong."""

from __future__ import annotations

NORMAL = 1000
PROTOCOL_ERROR = 1002
ABNORMAL = 1006
INVALID_DATA = 1007
POLICY = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012


class Fault(Exception):
    """The client broke a rule: the WebSocket must be closed.

    :param code: to close with.
    :param reason: to tell the client.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
