"""What evaluations and gates look like from outside."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Id, Json, Money, Rate, Time, word_of

from . import models

Target = Annotated[str, Field(description="provider:model")]
Figures = Annotated[
    dict[str, Json] | None,
    Field(
        description="`arms` with shares, intervals and costs, `pairs`, `verdict` and `judge`; null until it is completed."
    ),
]


class EvaluationProgress(Answer):
    done: Count
    moving: Annotated[Count, Field(description="Executions that are on their way.")]
    total: Count


class Evaluation(Answer):
    id: Id
    workflow: str
    version: str
    status: word_of(models.Evaluation.Status)
    tier_map: Annotated[dict[str, Target], Field(description="tier → model; `steps.ID` → the model of one step.")]
    against: word_of(models.Evaluation.Against)
    incumbent: Annotated[str | None, Field(description="The version that it is compared with.")]
    rules: dict[str, Json]
    cases_hash: str
    repeats: Count
    at_once: Count
    budget: Money | None
    spent: Money
    judges: Annotated[dict[str, Target], Field(description="tier → the model that judges, where a grader asks one.")]
    simulated: bool
    progress: EvaluationProgress
    passed: Annotated[bool | None, Field(description="The verdict; null where there is none.")]
    opens_gate: Annotated[bool, Field(description="Whether its version may be published on it at this moment.")]
    figures: Figures
    created_by: str
    created_at: Time
    finished_at: Time | None


class EvaluationEstimate(Answer):
    """Of all its executions together."""

    executions: Count
    cases: Count
    expected: Money | None
    upper_bound: Money | None
    basis: word_of(("recorded", "assumed"))
    simulated: bool


class ResultDetector(Answer):
    reason: str
    detector: str
    step: str
    edge_case: str


class JudgeQuestion(Answer):
    """What a judge was asked, in one order, and what it said."""

    step: Annotated[str, Field(description="Empty: the whole answer.")]
    grader: Annotated[Count, Field(description="Its place among the graders.")]
    first: Annotated[str, Field(description="expected or output: which of the two stood first.")]
    prefers: Annotated[
        str | None, Field(description="expected, output or same; none: it could not be asked; null: not yet.")
    ]
    reason: str
    calls: Count


class EvaluationResult(Answer):
    id: Id
    arm: word_of(models.Result.Arm)
    case: Id
    kind: word_of(models.Case.Kind)
    repeat: Count
    right: Annotated[bool | None, Field(description="Null: not judged yet, or it could not be tried; `said` says why.")]
    said: str
    flags: list[ResultDetector]
    steps: dict[str, Json]
    expected: Json
    output: Json
    execution: Id | None
    resolved_by: str | None
    cost: Money | None
    judge: list[JudgeQuestion]
    judge_cost: Annotated[Money | None, Field(description="What judges cost; `cost` is without it.")]
    person_right: Annotated[bool | None, Field(description="What a person says of the answer.")]
    person_by: str | None
    person_at: Time | None
    latency_ms: Count | None
    finished_at: Time | None


class Gate(Answer):
    workflow: str
    min_cases: Count
    margin: Rate
    min_recall: Rate
    graders: list[Json]
    step_graders: dict[str, list[Json]]
    cases: Annotated[Count, Field(description="Confirmed ones.")]
    flawless_cases: Annotated[Count, Field(description="So few cases can pass at this margin, if all are right.")]
    stated_by: str | None
    stated_at: Time | None
