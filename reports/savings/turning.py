"""A long table in parts: which part an address asks for, and the addresses of those beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wire.filters import Filter
from wire.problems import Malformed

from .asking import TURNED, Asked

MOST = 10_000


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise Malformed(f"{name} is a number from 1 to {MOST:,}.")
    return int(text)


FILTER = Filter(_number, {"type": "integer", "minimum": 1, "maximum": MOST})


@dataclass(frozen=True)
class Turned:
    """`before`, `after`: addresses, empty where there is nothing. `first`, `last`: counted from 1."""

    rows: list[Any]
    first: int
    last: int
    count: int
    before: str
    after: str


def turned(about: Asked, page: str, rows: Sequence[Any], count: int, at_once: int) -> Turned:
    """`rows` may be a query: no more than a part of it is read."""
    number = min(int(about.given.get(TURNED, 1)), max(-(-count // at_once), 1))
    begins = (number - 1) * at_once
    shown = list(rows[begins : begins + at_once])
    before = about.to(page, **{TURNED: number - 1 if number > 2 else None}) if number > 1 else ""
    after = about.to(page, **{TURNED: number + 1}) if begins + at_once < count else ""
    return Turned(shown, begins + 1 if shown else 0, begins + len(shown), count, before, after)
