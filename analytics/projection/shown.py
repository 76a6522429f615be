"""What a projection and a what-if look like in an answer. docs/projection.md says what each figure is."""

from typing import Annotated

from pydantic import Field

from designs.models import Design
from wire.answers import Answer, Count, Day, Id, Money, Percentage, Rate, word_of

from ..baselines import Method
from .arithmetic import Why

Number = Annotated[str, Field(pattern=r"^\d+\.\d{2}$", description="Of executions; an estimate, so not whole.")]
Sentences = Annotated[list[str], Field(description="In sentences.")]


class ComparedWith(Answer):
    method: word_of(Method)
    model: str | None


class BasedOn(Answer):
    """The days that the rates come from."""

    since: Day
    until: Annotated[Day, Field(description="Exclusive.")]
    days: Count
    completed: Count
    at_least: Annotated[int, Field(ge=1, description="Completed executions, before anything is said of days to come.")]


class PredictedPayback(Answer):
    """What the design said, before there was an execution."""

    design: Id
    kind: word_of(Design.Kind)
    version: str
    said_on: Day
    design_cost: Money | None
    cost_per_execution: Money | None
    if_all_frontier_per_execution: Money | None
    payback_executions: Count | None
    executions_per_month: Annotated[int | None, Field(description="As it was expected.")]
    paid_back_at: Annotated[Day | None, Field(description="At so many executions a month, from the day it was said.")]


class ActualPayback(Answer):
    """Life to date, as in the costs."""

    completed: Count
    design_cost: Money | None
    savings: Money | None
    payback_executions: Count | None
    paid_back_at: Day | None


class Payback(Answer):
    predicted: Annotated[PredictedPayback | None, Field(description="Null where nobody designed it here.")]
    actual: ActualPayback
    paid_back: Annotated[bool | None, Field(description="Whether everything that was paid has come back by now.")]
    executions_left: Count | None
    expected_on: Annotated[Day | None, Field(description="At the pace of these days.")]
    reason: Annotated[word_of(Why) | None, Field(description="Why something of it is null.")]


class EachExecution(Answer):
    """Per completed execution of these days, without what came before."""

    cost: Money | None
    if_all_frontier: Money | None
    saves: Money | None


class AtCount(Answer):
    """What so many executions come to, designed once."""

    executions: Count
    design_cost: Money | None
    execution_cost: Money | None
    cost: Money | None
    if_all_frontier: Money | None
    savings: Money | None
    share_of_execution_cost: Annotated[Percentage | None, Field(description="What designing is of `execution_cost`.")]
    share_of_total: Annotated[Percentage | None, Field(description="And of `cost`.")]


class AtPace(Answer):
    executions: Number | None
    cost: Money | None
    evaluation_and_shadow_cost: Money | None
    if_all_frontier: Money | None
    savings: Annotated[Money | None, Field(description="`if_all_frontier` less both costs.")]


class Projection(Answer):
    workflow: str
    currency: word_of(("USD",))
    simulated: bool
    estimated: bool
    baseline: ComparedWith
    based_on: BasedOn
    payback: Payback
    per_execution: EachExecution
    at: list[AtCount]
    per_day: AtPace
    per_month: Annotated[AtPace, Field(description="Of 365.25 / 12 days.")]
    per_year: Annotated[AtPace, Field(description="Of 365.25 days.")]


class Costing(Answer):
    per_completed: Money | None
    per_month: Money | None
    saves_per_month: Annotated[Money | None, Field(description="Against the baseline.")]


class Difference(Answer):
    per_completed: Annotated[Money | None, Field(description="What it would cost less what it cost.")]
    per_month: Money | None


class RepricedStep(Answer):
    step: str
    calls: Count
    recorded: Annotated[Money | None, Field(description="Per completed execution.")]
    what_if: Money | None
    difference: Money | None


class WhatIf(Answer):
    """What recorded executions would have cost otherwise."""

    workflow: str
    since: Day
    until: Annotated[Day, Field(description="Exclusive.")]
    currency: word_of(("USD",))
    simulated: bool
    estimated: bool
    completed: Annotated[Count, Field(description="In these days.")]
    n: Annotated[Count, Field(description="Of them, those that were priced anew.")]
    share_of_all: Rate | None
    baseline: ComparedWith
    volume_per_month: Number | None
    if_all_frontier: Annotated[Money | None, Field(description="Per completed execution of these days.")]
    recorded: Costing
    what_if: Costing
    difference: Difference
    percent: Percentage | None
    by_step: list[RepricedStep]
    assumptions: Sentences
    unknown: Sentences
