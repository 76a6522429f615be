"""The parameters of a query: what a filter reads is what the schema says of it, because both stand in one place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from .bodies import moment
from .problems import Malformed


@dataclass(frozen=True)
class Filter:
    """`read` takes the filter's name and its text, and raises `Malformed`. `schema` is JSON Schema of the text."""

    read: Callable[[str, str], object]
    schema: dict[str, object]


def one_of(known: Iterable[str]) -> Filter:
    """One of these words."""
    known = list(known)

    def read(name: str, text: str) -> str:
        if text not in known:
            raise Malformed(f"{name} is one of {', '.join(known)}.")
        return text

    return Filter(read, {"type": "string", "enum": known})


def _boolean(name: str, text: str) -> bool:
    return _TRUTH.read(name, text) == "true"


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Malformed(f"{name} is a day such as 2026-11-23, in UTC.")
    return day


def _time(name: str, text: str) -> datetime:
    """A time, or a day, which begins at midnight UTC."""
    try:
        return moment(f"{text}T00:00:00Z" if len(text) == len("2026-11-23") else text)
    except ValueError as error:
        raise Malformed(f"{name}: {error}.") from error


_TRUTH = one_of(["true", "false"])
TEXT = Filter(lambda name, text: text, {"type": "string"})
BOOLEAN = Filter(_boolean, {"type": "boolean"})
DAY = Filter(_day, {"type": "string", "format": "date"})
TIME = Filter(_time, {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})


def check_days(since: date | None, until: date | None) -> None:
    """Raises `Malformed` for days of which none is left."""
    if since and until and until <= since:
        raise Malformed("until is a day after since; it is not counted itself.")
