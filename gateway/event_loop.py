"""The event loop of this process, in a thread of its own: every provider is asked on it, so that a call which waits costs
no thread. Started at first use, and anew in a forked child."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

_starting = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def event_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner
    with _starting:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="event loop", daemon=True).start()
        return _loop


def wait_for(coroutine: Coroutine[object, object, T]) -> T:
    """Runs it on the loop and waits for what it returns or raises. Never called on the loop itself: it would wait for
    ever."""
    return asyncio.run_coroutine_threadsafe(coroutine, event_loop()).result()
