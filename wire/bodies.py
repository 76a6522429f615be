"""Bodies of requests as pydantic models: strict, closed, and with faults that speak to a person."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from .problems import Fault, Invalid, pointer


class Body(BaseModel):
    """A request body. Unknown keys are refused, not ignored: a client that sends `status` must learn that it cannot."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, data: object) -> Self:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise Invalid.of(faults_of(error, data)) from error

    @classmethod
    def may_be_empty(cls) -> bool:
        """Where every key is optional, a body of nothing at all is as good as `{}`."""
        return not any(field.is_required() for field in cls.model_fields.values())


class Nothing(Body):
    """A body that has nothing to say."""


_SENTENCES = {
    "missing": "This is required.",
    "extra_forbidden": "Unknown key.",
    "string_type": "This must be text.",
    "int_type": "This must be a whole number.",
    "bool_type": "This must be true or false.",
    "dict_type": "This must be an object.",
    "list_type": "This must be a list.",
    "tuple_type": "This must be a list.",
    "float_type": "This must be a number.",
    "too_short": "At least {min_length} must stand in this list.",
    "too_long": "At most {max_length} may stand in this list.",
    "string_too_short": "This has at least {min_length} characters.",
    "string_too_long": "This has at most {max_length} characters.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
    "literal_error": "This must be {expected}.",
    "enum": "This must be {expected}.",
}


def faults_of(error: ValidationError, data: object) -> list[Fault]:
    """One fault for each place of `data`: where several readings of a place failed, what the first one says."""
    found: dict[str, Fault] = {}
    for item in error.errors(include_url=False, include_input=False):
        where = pointer(*_place(item["loc"], data, missing=item["type"] == "missing"))
        known = _SENTENCES.get(item["type"])
        sentence = known.format_map(item.get("ctx", {})) if known else item["msg"].removeprefix("Value error, ") + "."
        found.setdefault(where, Fault(where, sentence.replace("..", ".")))
    return list(found.values())


def _place(location: tuple[str | int, ...], data: object, *, missing: bool) -> Iterator[str | int]:
    """The parts of pydantic's location that lead through `data`. Others name a reading, such as one side of a union."""
    for number, part in enumerate(location, 1):
        if isinstance(data, dict) and (part in data or (missing and number == len(location))):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            continue
        yield part


def usd(value: object) -> Decimal:
    """Of a number, or of plain digits: Python reads much more than those as a number."""
    wanted = isinstance(value, int | float) and not isinstance(value, bool)
    if not wanted and not (isinstance(value, str) and _AMOUNT.fullmatch(value)):
        raise ValueError('This must be an amount in USD, such as "5.20"')
    amount = Decimal(str(value))
    if not 0 <= amount <= MAX_USD:
        raise ValueError(f"This must be an amount from 0 to {MAX_USD} USD")
    if amount != amount.quantize(SMALLEST):
        raise ValueError("An amount has at most twelve places")
    return amount


def _share(value: object) -> Decimal:
    wanted = isinstance(value, int | float) and not isinstance(value, bool)
    share = Decimal(str(value)) if wanted or (isinstance(value, str) and _AMOUNT.fullmatch(value)) else None
    if share is None or not 0 <= share <= 1 or share != share.quantize(SMALLEST_SHARE):
        raise ValueError('This must be a share from 0 to 1 with at most four places, such as "0.02"')
    return share


def _minutes(value: object) -> Decimal:
    wanted = isinstance(value, int | float) and not isinstance(value, bool)
    minutes = Decimal(str(value)) if wanted or (isinstance(value, str) and _AMOUNT.fullmatch(value)) else None
    if minutes is None or not 0 <= minutes <= MAX_MINUTES or minutes != round(minutes, 2):
        raise ValueError(f'This must be minutes from 0 to {MAX_MINUTES} with at most two places, such as "2.50"')
    return minutes


def moment(value: object) -> datetime:
    """Of RFC 3339; Python reads more of ISO 8601 than that."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) and _TIME.fullmatch(value) else "")
    except ValueError:
        raise ValueError("This must be a time such as 2026-11-23T09:30:00Z (RFC 3339)") from None
    if moment.tzinfo is None:
        raise ValueError("This time needs its offset, such as Z or +02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time lies outside the years 1 to 9999 in UTC") from None


def day(value: object) -> date:
    """As in 2026-11-23, and in no other way that Python reads."""
    try:
        found = date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        found = None
    if found is None or found.isoformat() != value:
        raise ValueError("This must be a day such as 2026-11-23, in UTC")
    return found


MAX_USD = Decimal(1_000_000)
MAX_MINUTES = Decimal(10_000)
SMALLEST = Decimal("1E-12")
SMALLEST_SHARE = Decimal("1E-4")
_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_USD = {
    "description": "USD, with at most twelve places.",
    "anyOf": [
        {"type": "string", "pattern": r"^\d{1,30}(\.\d{1,30})?$"},
        {"type": "number", "minimum": 0, "maximum": int(MAX_USD)},
    ],
}
Usd = Annotated[Decimal, BeforeValidator(usd), WithJsonSchema(_USD)]
_SHARE = {
    "description": "With at most four places.",
    "anyOf": [{"type": "string", "pattern": r"^[01](\.\d{1,4})?$"}, {"type": "number", "minimum": 0, "maximum": 1}],
}
Share = Annotated[Decimal, BeforeValidator(_share), WithJsonSchema(_SHARE)]
_MINUTES = {
    "description": "With at most two places.",
    "anyOf": [
        {"type": "string", "pattern": r"^\d{1,5}(\.\d{1,2})?$"},
        {"type": "number", "minimum": 0, "maximum": int(MAX_MINUTES)},
    ],
}
Minutes = Annotated[Decimal, BeforeValidator(_minutes), WithJsonSchema(_MINUTES)]
Moment = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[date, BeforeValidator(day), WithJsonSchema({"type": "string", "format": "date"})]
