"""A formula with its numbers: what stands on the method page line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ...charts.chart import Cell
from ...numbers import percent, rate


@dataclass(frozen=True)
class Line:
    """`how`: the formula in words. `by_hand`: the same with the numbers of these days, cells with signs between them; empty where
    it is a sum of the ledger's rows, which `comes_to` leads on to."""

    name: str
    how: str
    comes_to: Cell
    by_hand: Sequence[Cell | str] = ()


@dataclass(frozen=True)
class Part:
    """`said`: what has to be known of all of its lines."""

    name: str
    title: str
    said: str
    lines: list[Line]


def plus(cells: Sequence[Cell]) -> list[Cell | str]:
    found: list[Cell | str] = []
    for cell in cells:
        found += ["+", cell] if found else [cell]
    return found


def percentage(value: Decimal | None) -> Cell:
    return Cell(percent(value), "not known" if value is None else f"{_digits(value)}%", is_number=True)


def share(value: Decimal | None) -> Cell:
    """Of a rate between 0 and 1: as a percentage, and exactly as the formula has it."""
    return Cell(rate(value), "not known" if value is None else _digits(value), is_number=True)


def _digits(value: Decimal) -> str:
    """Twelve places at most, as of money."""
    return f"{round(value, 12).normalize():f}"
