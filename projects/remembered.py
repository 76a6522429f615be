"""What the hot path asks of a project again and again, remembered for a few seconds: prices, providers,
budgets, what may be kept of texts."""

import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SECONDS = 5.0  # until a change that another process made is known here


class PerProject(Generic[T]):
    """`load(project)` at most once in so many seconds, from any thread."""

    def __init__(self, load: Callable[[int], T], seconds: float = SECONDS) -> None:
        self._load, self._seconds = load, seconds
        self._found: dict[int, tuple[float, T]] = {}

    def of(self, project: int) -> T:
        loaded_at, found = self._found.get(project, (None, None))
        if loaded_at is None or time.monotonic() - loaded_at > self._seconds:
            found = self._load(project)
            self._found[project] = (time.monotonic(), found)
        return found

    def latest(self, project: int) -> T | None:
        """What was loaded last, however long ago: where nobody may wait for the database."""
        return self._found.get(project, (None, None))[1]

    def forget(self, project: int) -> None:
        """A change that this process made is known to the next one who may wait for the database."""
        if project in self._found:
            self._found[project] = (-math.inf, self._found[project][1])

    def clear(self) -> None:
        self._found.clear()
