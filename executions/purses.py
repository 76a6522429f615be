"""Budgets that are full of what calls in flight have reserved, before the queue: as a gate does, they say how many more of a
stream to take, so that a backlog is not taken and given back again and again."""

import threading
from collections.abc import Sequence

from django.conf import settings

from gateway.models import Intent
from workflows import budgets
from workflows.models import Budget

Name = tuple[frozenset[int], bool]  # the budgets, and whether it is simulated money


class Purse:
    """What several budgets have left together. It is empty when a call found no room, and until it is measured again."""

    def __init__(self, held_to: Sequence[Budget], intent: Intent) -> None:
        self.held_to, self.intent = held_to, intent
        self.left: int | None = 0

    def room(self) -> int | None:
        """How many more calls like the last one that found none; None: it limits nothing any more."""
        return self.left


_lock = threading.Lock()
_purses: dict[Name, Purse] = {}


def emptied(intent: Intent) -> Purse:
    """The purse in which this call found no room."""
    held_to = budgets.limiting(intent.project, intent.workflow)
    name = frozenset(budget.pk for budget in held_to), intent.simulated
    with _lock:
        purse = _purses.setdefault(name, Purse(held_to, intent))
        purse.intent, purse.left = intent, 0
        return purse


def measure() -> None:
    """Once a second, in a thread that may wait for the database. What limits nothing any more, or has room for all that one
    worker can have in its hands, is forgotten."""
    with _lock:
        purses = list(_purses.items())
    for name, purse in purses:
        left = budgets.room(purse.held_to, purse.intent)
        with _lock:
            purse.left = None if left is None or left >= settings.IN_FLIGHT else left
            if purse.left is None:
                _purses.pop(name, None)
