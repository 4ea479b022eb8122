"""The event loop of a process that serves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from plait.server import new_event_loop

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

logger = logging.getLogger("plait.process")


def run_to_its_end(main: Coroutine[Any, Any, None]) -> None:
    """Run what serves in an event loop of its own, whatever an application does to that.

    ``SystemExit`` that comes out of a task ends an event loop: one ``sys.exit()`` somewhere in an
    application would end all requests. Its own is answered with 500, and the loop goes on.

    :raises Exception: what ``main`` raises.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        loop = runner.get_loop()
        serving = loop.create_task(main)
        while True:
            try:
                loop.run_until_complete(serving)
            except SystemExit as error:
                if serving.done():
                    raise
                logger.warning("the application wants to leave by %r: it is served on", error)
            else:
                return
