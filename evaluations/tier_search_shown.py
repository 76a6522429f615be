"""What tier searches look like from outside."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Id, Json, Money, Time, word_of

from . import models
from .shown import Target

Assignment = Annotated[dict[str, Target], Field(description="Model step → provider:model.")]


class SearchEvaluation(Answer):
    id: Id
    models: Assignment
    status: word_of(models.Evaluation.Status)


class TierSearch(Answer):
    id: Id
    workflow: str
    version: str
    status: word_of(models.TierSearch.Status)
    candidates: dict[str, list[Target]]
    tier_map: dict[str, Target]
    rules: dict[str, Json]
    at_once: Count
    budget: Money | None
    spent: Money
    simulated: bool
    evaluations: list[SearchEvaluation]
    chosen: Assignment | None
    passed: Annotated[bool | None, Field(description="Whether what was chosen passes all together.")]
    draft: Annotated[str | None, Field(description="The version that has it.")]
    said: Annotated[str | None, Field(description="What came of it, in sentences.")]
    evidence: Annotated[
        dict[str, Json] | None,
        Field(description="`steps`: the models of each; `ways`: all of it, in several; null until it is completed."),
    ]
    created_by: str
    created_at: Time
    finished_at: Time | None


class TierSearchEstimate(Answer):
    """Of all its executions together."""

    evaluations: Annotated[Count, Field(description="Without the two of what is chosen, and of the cheapest.")]
    executions: Count
    expected: Money | None
    upper_bound: Money | None
    basis: word_of(("recorded", "assumed"))
    simulated: bool
