"""An application of Starlette's."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(_request: Request) -> PlainTextResponse:
    """Thirteen octets."""
    return PlainTextResponse("Hello, world\n")


app = Starlette(routes=[Route("/hello", hello)])
