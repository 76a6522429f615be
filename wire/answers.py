"""What an answer looks like, as pydantic models that the schema publishes. Nothing is made of them: an app's
`representation.py` makes plain dictionaries, and the tests hold every answer they see against its model."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from django.db.models import Choices
from pydantic import BaseModel, ConfigDict, Field

Row = TypeVar("Row")

Json = Any
Id = Annotated[str, Field(description="Opaque; do not read anything into it.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, in UTC.")]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, description="In UTC.")]
Money = Annotated[str, Field(pattern=r"^-?\d+\.\d{2,12}$", description="USD, exact.")]
Percentage = Annotated[str, Field(pattern=r"^-?\d+\.\d{2}$")]
Rate = Annotated[str, Field(pattern=r"^-?\d+\.\d{4}$", description="From 0 to 1.")]
Count = Annotated[int, Field(ge=0)]


def word_of(choices: type[Choices] | Sequence[str]) -> Any:
    """The type of a field that has one of these words."""
    return Literal[tuple(getattr(choices, "values", choices))]


def perhaps(**said: Any) -> Any:
    """The field of a key that is not always there."""
    return Field(default_factory=lambda: None, **said)  # unlike a default, a factory is not published


class Answer(BaseModel):
    """Every key is always there but those that are `perhaps`; what is unknown is null."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Listed(Answer, Generic[Row]):
    """A page of a list."""

    results: list[Row]
    next: Annotated[str | None, Field(description="The address of the next page; null on the last one.")]

    @classmethod
    def model_parametrized_name(cls, params: tuple[type, ...]) -> str:
        return f"{params[0].__name__}List"


class ProblemFault(Answer):
    pointer: Annotated[str, Field(description="A JSON pointer (RFC 6901) into the body.")]
    detail: str


class Problem(BaseModel):
    """RFC 9457. Some problems have keys of their own, such as the `state` that was found."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: list[ProblemFault] = perhaps(min_length=1)
