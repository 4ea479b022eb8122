"""The client side: plait's own, announcing what the original announces."""

from __future__ import annotations

import logging
from typing import ClassVar

from plait.client import BaseResponseHandler
from plait.client import HTTP2Client as _HTTP2Client
from plait.http2 import Config

from .settings import ORIGINAL_SETTINGS

__all__ = ["BaseResponseHandler", "HTTP2Client"]


class HTTP2Client(_HTTP2Client):
    """A client connected to one server; see ``plait.client.HTTP2Client``."""

    config: ClassVar[Config] = ORIGINAL_SETTINGS
    logger: ClassVar[logging.Logger] = logging.getLogger("nghttp2")
