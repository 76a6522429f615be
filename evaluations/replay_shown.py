"""What replays look like from outside."""

from typing import Annotated

from pydantic import Field

from executions.models import Execution, Status
from wire.answers import Answer, Count, Day, Id, Json, Money, Time, word_of

from . import models
from .shown import ResultDetector, Target


class ReplayProgress(Answer):
    done: Count
    moving: Annotated[Count, Field(description="Executions that are on their way.")]
    total: Count


class Replay(Answer):
    id: Id
    workflow: str
    version: str
    status: word_of(models.Replay.Status)
    sample: Annotated[Count, Field(description="Past executions that it has at most.")]
    flagged: Annotated[bool, Field(description="Only those with a flag, whatever became of them.")]
    since: Day
    until: Annotated[Day, Field(description="Exclusive.")]
    tier_map: dict[str, Target]
    rules: dict[str, Json]
    at_once: Count
    budget: Money | None
    spent: Money
    simulated: bool
    progress: ReplayProgress
    figures: Annotated[
        dict[str, Json] | None, Field(description="What would change, in sum; null until it is completed.")
    ]
    created_by: str
    created_at: Time
    finished_at: Time | None


class ReplayEstimate(Answer):
    """Of all its executions together."""

    executions: Annotated[Count, Field(description="Of those whose input the version takes.")]
    past_executions: Count
    expected: Money | None
    upper_bound: Money | None
    basis: word_of(("recorded", "assumed"))
    simulated: bool


class ReplaySide(Answer):
    version: str
    status: word_of(Status)
    resolved_by: word_of(Execution.Resolver) | None
    output: Json
    flags: list[ResultDetector]
    cost: Annotated[Money | None, Field(description="Of its own calls; null where a model has no price.")]


class ReplayResult(Answer):
    id: Id
    past_execution: Id
    execution: Annotated[Id | None, Field(description="The one that repeats it.")]
    same: Annotated[bool | None, Field(description="Null: not compared yet, or it could not be tried.")]
    human: Annotated[bool, Field(description="That the answer of the past one is a person's.")]
    code: Annotated[str | None, Field(description="Why it could not be tried, in a word.")]
    said: Annotated[str, Field(description="What has changed, in a sentence.")]
    before: ReplaySide | None
    after: ReplaySide | None
    steps: Annotated[dict[str, Json], Field(description="Step → `same`, `said`, `before`, `after`.")]
    finished_at: Time | None
