"""Numbers of events that are not there yet: pure arithmetic, of which `history` makes sure that nothing is lost.

A number is given out before its row is committed, so a row may turn up behind one with a greater number that was read already.
What is missing between two numbers is a gap. It is looked at again until everybody has ended who could still fill it.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """`bound`: the number of a transaction that began after the gap was noticed; None: none has, since."""

    first: int
    last: int
    bound: int | None = None


def between(position: int, numbers: Iterable[int]) -> list[Gap]:
    """What is missing behind `position` and before the last of these ascending numbers."""
    found = []
    for number in numbers:
        if number > position + 1:
            found.append(Gap(position + 1, number - 1))
        position = number
    return found


def without(gap: Gap, numbers: Iterable[int]) -> list[Gap]:
    """What is left of it when these ascending numbers were found in it."""
    left, first = [], gap.first
    for number in numbers:
        if gap.first <= number <= gap.last:
            if number > first:
                left.append(Gap(first, number - 1, gap.bound))
            first = number + 1
    return [*left, Gap(first, gap.last, gap.bound)] if first <= gap.last else left


def still_open(gaps: Iterable[Gap], found: Iterable[int], transaction: int, oldest: int) -> list[Gap]:
    """Of the gaps of earlier rounds those that may still be filled. `transaction`: our own, which began after all of them were
    noticed; `oldest`: the oldest one that ran before `found` was looked for."""
    found = sorted(found)
    living = [gap for gap in gaps if gap.bound is None or oldest <= gap.bound]
    left = [part for gap in living for part in without(gap, found)]
    return [Gap(gap.first, gap.last, gap.bound or transaction) for gap in left]
