"""What exports look like in an answer."""

from typing import Annotated, ClassVar

from pydantic import Field

from wire.answers import Answer, Day, Json, word_of


class Export(Answer):
    """A table. As CSV it has its columns and rows alone."""

    also: ClassVar[tuple[str, ...]] = ("text/csv",)  # media types that it comes in beside JSON

    table: str
    workflow: Annotated[str | None, Field(description="Null: of the whole project.")]
    since: Day | None
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    columns: list[str]
    rows: Annotated[list[dict[str, Json]], Field(description="Each has all columns; what is unknown is null.")]
