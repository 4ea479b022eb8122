"""What stands in front of the server: whom to believe, and what they say."""

from __future__ import annotations

from .header import ProxyHeader
from .trusted import FIELDS, TrustedProxies

__all__ = ["FIELDS", "ProxyHeader", "TrustedProxies"]
