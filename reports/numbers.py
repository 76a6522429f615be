"""Numbers on the savings pages: rounded to be read, with every digit beside them for whoever points at one."""

from datetime import date, datetime
from decimal import Decimal

from wire.money import rounded, usd_text

NOTHING = "–"


def usd(amount: Decimal | None) -> str:
    """To be read: `2,340.00 USD`."""
    return NOTHING if amount is None else rounded(amount).replace("-", "−")


def exact(amount: Decimal | None) -> str:
    """Every digit, for whoever points at it: `2340.0000012 USD`."""
    return "not known" if amount is None else f"{usd_text(amount)} USD"


def percent(value: Decimal | None, places: int = 1) -> str:
    """Of a percentage: `94.1%`."""
    return NOTHING if value is None else f"{value:.{places}f}%".replace("-", "−")


def rate(value: Decimal | float | None, places: int = 1) -> str:
    """Of a rate between 0 and 1: `94.1%`."""
    return NOTHING if value is None else f"{100 * value:.{places}f}%"


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def day(value: date | datetime | None) -> str:
    return NOTHING if value is None else f"{value.day} {value:%B %Y}"
