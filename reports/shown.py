"""What exports and digests look like in an answer."""

from typing import Annotated, ClassVar

from pydantic import Field

from wire.answers import Answer, Day, Id, Json, Time, word_of

from . import models


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


class Digest(Answer):
    """A summary that is sent at fixed times."""

    id: Id
    workflow: Annotated[str | None, Field(description="Null: of the whole project.")]
    every: word_of(models.Digest.Every)
    hour: Annotated[int, Field(ge=0, le=23, description="In UTC.")]
    emails: list[str]
    endpoint: Annotated[Id | None, Field(description="The webhook that is told.")]
    enabled: bool
    due_at: Annotated[Time | None, Field(description="When the next one is sent; null while it is disabled.")]
    last_sent_for: Annotated[Day | None, Field(description="The first day of the last one.")]
    created_by: str
    created_at: Time


class Sent(Answer):
    deliveries: Annotated[list[Id], Field(description="What came of each: see its endpoint.")]
