"""What groups of flags look like from outside."""

from typing import Annotated

from pydantic import Field

from executions import models as executions
from executions.shown import Flag
from wire.answers import Answer, Count, Id, Money, Time, word_of

from .models import Group as GroupRow

Similarity = Annotated[float, Field(ge=0, le=1, description="With the first flag of the group.")]


class RefusedFlag(Answer):
    flag: Id
    detail: Annotated[str | None, Field(description="Why; null where the texts of its execution were deleted.")]


class GroupDecision(Answer):
    """What was last decided of all open flags at once."""

    resolution: word_of(executions.Flag.Resolution)
    resolved: Annotated[Count, Field(description="Flags that it resolved.")]
    by: str
    at: Time
    reopened_at: Annotated[Time | None, Field(description="When it was taken back.")]


class FlagGroup(Answer):
    """Flags of one workflow that are alike in kind and in what came in."""

    id: Id
    workflow: str
    step: str | None
    reason: word_of(executions.Flag.Reason)
    edge_case: str | None
    to: Annotated[str | None, Field(description="The role that the flags ask.")]
    text: Annotated[str | None, Field(description="What the flags are compared with; null: it was deleted.")]
    first: Annotated[Id | None, Field(description="The flag whose text it is.")]
    state: word_of(GroupRow.State)
    flags: Annotated[Count, Field(description="All, decided or not.")]
    open: Count
    in_redesign: Count
    waiting: Annotated[Count, Field(description="Undecided flags for which an execution stands still.")]
    cost: Annotated[Money | None, Field(description="What one of the executions has cost so far; null: unknown.")]
    simulated: Annotated[bool | None, Field(description="Of the cost.")]
    place: Annotated[str, Field(description="Why it stands where it does among the groups.")]
    decision: GroupDecision | None
    created_at: Time


class GroupedFlag(Flag):
    similarity: Similarity
    why: Annotated[str | None, Field(description="Why it is of this group; null where its texts were deleted.")]


class GroupResolved(Answer):
    resolution: word_of(executions.Flag.Resolution)
    resolved: list[Id]
    refused: list[RefusedFlag]
    left: Annotated[Count, Field(description="Open flags that were not come to: send the same again.")]


class GroupReopened(Answer):
    reopened: list[Id]
    refused: list[RefusedFlag]
