"""What a chart is on a page: a picture with its title and description, what its lines are, and its figures as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from ..numbers import count, exact, usd


@dataclass(frozen=True)
class Cell:
    """`exact`: every digit, shown to who points at it. `href`: where the rows behind it are."""

    text: str
    exact: str = ""
    href: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Key:
    """A line or bar of the picture. `mark`: the class that colours it, and gives its dash or pattern: `ours`, `theirs`, …"""

    mark: str
    label: str


@dataclass(frozen=True)
class Chart:
    """`said`: what one sees in it, with the figures that matter, for who reads or hears it. `picture` None: there is too little to
    draw, and `said` says so. The first cell of a row is its name. `unit`: of its axis."""

    name: str
    title: str
    said: str
    picture: Markup | None
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    keys: Sequence[Key] = ()
    note: str = ""
    unit: str = ""


def money(amount: Decimal | None, href: str = "") -> Cell:
    return Cell(usd(amount), exact(amount), href, is_number=True)


def counted(value: int | None, href: str = "") -> Cell:
    return Cell(count(value), "", href, is_number=True)
