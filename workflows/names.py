"""What workflows and versions may be called, wherever that is said."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import semver
from django.utils import timezone
from pydantic import AfterValidator, Field

from wire.bodies import Moment

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
APART = timedelta(minutes=5)  # that two clocks may be
SEMVER = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$"


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("A name has 1 to 100 lower-case letters, digits, dots, hyphens and underscores")
    return value


def _semver(value: str) -> str:
    if len(value) > 64 or not semver.Version.is_valid(value) or "+" in value:
        raise ValueError("This must be a semantic version such as 1.2.0, without build metadata")
    return value


def _designed_at(value: datetime) -> datetime:
    """A declared cost stands on this day in every report: a slip of the pen would stretch them over thousands of years."""
    if value < FIRST:
        raise ValueError("A version was designed on or after 2000-01-01")
    if value > timezone.now() + APART:
        raise ValueError("A version was not designed in the future")
    return value


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
Number = Annotated[str, AfterValidator(_semver), Field(json_schema_extra={"maxLength": 64, "pattern": SEMVER})]
DesignedAt = Annotated[Moment, AfterValidator(_designed_at)]
Text = Annotated[str, Field(max_length=200)]
