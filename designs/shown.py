"""What designs look like from outside."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Id, Json, Money, Time, word_of

from . import models


class Question(Answer):
    question: str
    why: str
    assumed: Annotated[str, Field(description="What the draft does as long as nobody answers.")]


class DesignRow(Answer):
    id: Id
    kind: word_of(models.Design.Kind)
    workflow: str
    status: word_of(models.Design.Status)
    said: Annotated[str | None, Field(description="What came of it, or what it waits for.")]
    base: Annotated[str | None, Field(description="The version that a redesign patches.")]
    draft: Annotated[str | None, Field(description="The version that came of it.")]
    examples: Annotated[Count, Field(description="How many it was given.")]
    resolves: Annotated[list[Id], Field(description="Flags that the draft closes when it is published.")]
    model: Annotated[str, Field(description="Who designs: provider:model.")]
    rounds: Annotated[Count, Field(description="How often it was asked so far.")]
    max_rounds: Count
    budget: Money | None
    spent: Money
    simulated: bool
    follows: Annotated[Id | None, Field(description="The design whose questions were answered.")]
    created_by: str
    created_at: Time
    finished_at: Time | None


class Design(DesignRow):
    brief: dict[str, Json]
    questions: Annotated[list[Question], Field(description="What a person should decide.")]
    answer: Annotated[
        dict[str, Json] | None,
        Field(
            description="Of a design: `fit`, and what was considered. Of a redesign: `changes`, and what they soften."
        ),
    ]
    figures: Annotated[
        dict[str, Json] | None,
        Field(description="What an execution is expected to cost by tier, and after how many the design is paid."),
    ]


class DesignEstimate(Answer):
    model: str
    prompt_tokens: Annotated[Count, Field(description="Of the first round, at four bytes a token.")]
    expected: Money
    upper_bound: Annotated[Money, Field(description="All rounds at their longest, or the budget where that is less.")]
    simulated: bool


class Fault(Answer):
    pointer: str
    detail: str


class DesignRound(Answer):
    number: Count
    answer: str | None
    faults: list[Fault]
    model_calls: Annotated[list[Id], Field(description="Its rows in the ledger.")]
    created_at: Time
    finished_at: Time | None
