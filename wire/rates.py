"""How often something happened in the present minute, counted in Django's cache: exact over the threads of a process. The
cache is the process's own, so each web process counts for itself."""

import time

from django.core.cache import cache

MINUTE = 60


def within(name: str, limit: int) -> bool:
    """Counts one more, and says whether that is within so many a minute. 0 is no limit, and counts nothing."""
    return not limit or _count(name) <= limit


def spent(name: str, limit: int) -> bool:
    """Whether so many were counted in this minute already. Counts nothing."""
    return bool(limit) and cache.get(_key(name), 0) >= limit


def seconds_left() -> int:
    """Of the present minute, after which everything is counted anew."""
    return MINUTE - int(time.time()) % MINUTE


def _count(name: str) -> int:
    key = _key(name)
    while True:
        cache.add(key, 0, 2 * MINUTE)
        try:
            return cache.incr(key)
        except ValueError:  # the cache was full, and let go of it between the two
            continue


def _key(name: str) -> str:
    return f"{name}:{int(time.time()) // MINUTE}"
