"""What shadows look like from outside."""

from typing import Annotated

from pydantic import Field

from evaluations.escalation_shown import CountedShare
from wire.answers import Answer, Count, Day, Id, Json, Money, Rate, Time, perhaps, word_of

from . import models


class ShadowPlan(Answer):
    workflow: str
    enabled: bool
    subject: word_of(models.Subject)
    share: Annotated[Rate, Field(description="Of the completed executions, by the hash of their ids.")]
    monthly_budget: Annotated[Money | None, Field(description="In a calendar month, UTC; null: nobody stated a plan.")]
    spent: Annotated[
        Money, Field(description="By shadows of this workflow in this month, of the kind that the plan asks.")
    ]
    model: Annotated[str | None, Field(description="provider:model that is asked now; null: there is none.")]
    stated_by: str | None
    stated_at: Time | None


class ComparedStep(Answer):
    same: Annotated[bool | None, Field(description="Null: only a judge is asked of it.")]
    said: str


class Shadow(Answer):
    id: Id
    workflow: str
    version: str
    past_execution: Id
    execution: Annotated[Id | None, Field(description="That it is, of the subject workflow.")]
    subject: word_of(models.Subject)
    status: word_of(models.Shadow.Status)
    model: str
    simulated: bool
    flagged: Annotated[bool, Field(description="Whether the past one ever had a flag that escalates it.")]
    day: Annotated[Day, Field(description="On which the past one completed.")]
    same: Annotated[bool | None, Field(description="Null: not compared.")]
    said: Annotated[str, Field(description="What differs, or why there is nothing to compare, in a sentence.")]
    cost: Annotated[
        Money | None, Field(description="Without calls in doubt. Null: a model has no price, or it is not over.")
    ]
    created_at: Time
    finished_at: Time | None
    steps: Annotated[dict[str, ComparedStep], perhaps(description="Of one shadow alone.")]
    prompt: Annotated[str | None, perhaps(description="Of one shadow alone, of the subject task.")]
    before: Annotated[Json, perhaps(description="Of one shadow alone: the output of the past one.")]
    after: Annotated[Json, perhaps(description="Of one shadow alone: its own output.")]


class SubjectSummary(Answer):
    subject: word_of(models.Subject)
    simulated: bool
    drawn: Annotated[Count, Field(description="All of them.")]
    to_come: Count
    completed: Count
    failed: Count
    skipped: Count
    agreement: Annotated[CountedShare, Field(description="Of those that were compared: whose result is the same.")]
    steps: dict[str, CountedShare]
    mean_cost: Annotated[Money | None, Field(description="Of those that completed; null where none has a cost.")]
    spent: Money


class ShadowSummary(Answer):
    workflow: str
    subjects: list[SubjectSummary]
