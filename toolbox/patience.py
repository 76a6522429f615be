"""Keeps the time of a tool that waits for others: on an event loop of its own, in the thread that the tool was given."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Coroutine[object, object, T]) -> T:
    """What it returns or raises; `TimeoutError` where that takes longer. A resolver that hangs is left behind."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(work, seconds))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
