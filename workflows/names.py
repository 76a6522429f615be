"""What workflows and versions may be called, wherever that is said."""

import re
from typing import Annotated

import semver
from pydantic import AfterValidator, Field

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
SEMVER = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$"


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("A name has 1 to 100 lower-case letters, digits, dots, hyphens and underscores")
    return value


def _semver(value: str) -> str:
    if len(value) > 64 or not semver.Version.is_valid(value) or "+" in value:
        raise ValueError("This must be a semantic version such as 1.2.0, without build metadata")
    return value


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
Number = Annotated[str, AfterValidator(_semver), Field(json_schema_extra={"maxLength": 64, "pattern": SEMVER})]
Text = Annotated[str, Field(max_length=200)]
