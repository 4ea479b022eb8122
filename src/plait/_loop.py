"""The event loop for objects that are made outside of coroutines."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Callable


def usable_loop(
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> asyncio.AbstractEventLoop:
    """Return the running loop; else the current loop of this thread; else a new one.

    A new loop is installed as the thread's current loop, so that callbacks which call
    ``asyncio.get_event_loop()`` meet the same one. ``asyncio.get_event_loop`` alone warns, fails,
    or makes a loop of the standard kind where there is none, depending on the version of Python.

    :param make: makes a new loop.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    if _has_current_loop():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                loop = asyncio.get_event_loop()
        except RuntimeError:
            pass
        else:
            if not loop.is_closed():
                return loop
    loop = make()
    asyncio.set_event_loop(loop)
    return loop


def _has_current_loop() -> bool:
    """Whether asking for the current loop is worth it: it would not just make a standard one."""
    if sys.version_info >= (3, 14):
        return True
    policy = asyncio.get_event_loop_policy()
    if type(policy) is not asyncio.DefaultEventLoopPolicy:
        return True  # the program has chosen what kind of loop it wants
    # There is no public way to ask without making one.
    return getattr(getattr(policy, "_local", None), "_loop", None) is not None
