"""Numbers on the savings pages: rounded to be read, with every digit beside them for whoever points at one."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from wire import money
from wire.money import rounded, to_usd, usd_text

NOTHING = "–"
CLOSEST = 6  # places of a percentage
# Of a duration, in milliseconds, and from how many on: what rounds to 60.0 of one unit is 1.0 of the next.
UNITS = (("h", 3_600_000, 3_597_000), ("min", 60_000, 59_950), ("s", 1_000, 1_000))
Number = Decimal | Fraction | float | int


def usd(amount: Decimal | None) -> str:
    """To be read: `2,340.00 USD`."""
    return NOTHING if amount is None else rounded(amount).replace("-", "−")


def fine(amount: Decimal | None) -> str:
    """Three digits that say something, for an amount beside others close to it: `0.145 USD`."""
    return NOTHING if amount is None else money.fine(amount).replace("-", "−")


def exact(amount: Decimal | None) -> str:
    """Every digit, to the pico-dollar, for whoever points at it: `2340.0000012 USD`."""
    return "not known" if amount is None else f"{usd_text(round(amount, 12))} USD"


def percent(value: Number | None, interval: Iterable[Number] | None = None, places: int = 1) -> str:
    """Of a percentage, with its interval in brackets: `94.1% (92.0–95.3)`, `13,120.0%`. To a tenth, and closer where that would say
    all or nothing of what is not quite: `99.996%`."""
    if value is None:
        return NOTHING
    exactly = _decimal(value)
    while places < CLOSEST and exactly not in (0, 100) and round(exactly, places) in (0, 100):
        places += 1
    ends = "–".join(f"{_decimal(end):,.{places}f}" for end in interval or ())
    return (f"{exactly:,.{places}f}%" + (f" ({ends})" if ends else "")).replace("-", "−")


def rate(value: Number | None, interval: Iterable[Number] | None = None, places: int = 1) -> str:
    """Of a rate between 0 and 1: `94.1% (92.0–95.3)`."""
    return (
        NOTHING
        if value is None
        else percent(100 * _decimal(value), [100 * _decimal(end) for end in interval or ()], places)
    )


def _decimal(value: Number) -> Decimal:
    return Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else Decimal(value)


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def duration(milliseconds: int | None) -> str:
    """`850 ms`, `2.2 s`, `1.5 min`, `3.0 h`."""
    if milliseconds is None:
        return NOTHING
    for unit, size, least in UNITS:
        if milliseconds >= least:
            return f"{milliseconds / size:.1f} {unit}"
    return f"{milliseconds} ms"


def interval(low: Number, high: Number) -> str:
    """Of rates, where the rate itself stands elsewhere: `2.1–5.4`."""
    return "–".join(rate(end).removesuffix("%") for end in (low, high))


def day(value: date | datetime | None) -> str:
    return NOTHING if value is None else f"{value.day} {value:%B %Y}"


def from_pico(pico: int | Fraction | None) -> Decimal | None:
    """USD, to the pico-dollar: half to even."""
    return None if pico is None else to_usd(round(pico))


def of_percent(value: Fraction | None) -> str:
    """Of a percentage from 100 down to little: `187%`, `5.0%`, `0.52%`, `0.05%`."""
    if value is None:
        return NOTHING
    size = abs(value)
    places = next((places for places, least in ((0, 100), (1, 1), (2, Fraction(1, 100))) if size >= least), 4)
    return f"{float(value):,.{places if value else 0}f}%".replace("-", "−")
