"""The event loop for objects that are made outside of coroutines."""

from __future__ import annotations

import asyncio
import warnings


def usable_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop; else the current loop of this thread; else a new one.

    A new loop is installed as the thread's current loop, so that callbacks which call
    ``asyncio.get_event_loop()`` meet the same one. ``asyncio.get_event_loop`` alone warns or fails
    where no loop exists, depending on the version of Python.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            loop = asyncio.get_event_loop()
    except RuntimeError:
        pass
    else:
        if not loop.is_closed():
            return loop
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
