"""What executions, steps, calls and flags look like in an answer. `representation.py` makes them."""

from typing import Annotated

from pydantic import Field

from gateway.models import Call as CallRow
from gateway.types import Outcome, Purpose
from projects.models import Tier
from wire.answers import Answer, Count, Id, Json, Money, Time, word_of

from . import models

Resolver = word_of(models.Execution.Resolver)
TierName = word_of(Tier)
Milliseconds = Annotated[int, Field(ge=0)]


class Tokens(Answer):
    """Disjoint: `input` is the uncached part. `output` includes thinking."""

    input: Count
    output: Count
    cache_read: Count
    cache_write: Count


class CallTokens(Tokens):
    thinking: Annotated[int, Field(ge=0, description="Part of output.")]


class ShortFlag(Answer):
    id: Id
    reason: word_of(models.Flag.Reason)
    explanation: Annotated[str | None, Field(description="Null where the texts of its execution were deleted.")]
    waiting: Annotated[bool, Field(description="Whether the execution stands still for it.")]
    state: word_of(models.Flag.State)


class FlagResolution(Answer):
    resolution: word_of(models.Flag.Resolution)
    note: str | None
    resolved_by: str


class Flag(ShortFlag):
    execution: Id
    workflow: str
    version: str
    step: str | None
    iteration: int | None
    to: Annotated[str | None, Field(description="The role that a review asks.")]
    detector: str
    edge_case: str | None
    answered_by: Resolver | None
    resolution: FlagResolution | None
    created_at: Time
    resolved_at: Time | None


class Step(Answer):
    """One attempt of a step."""

    id: str
    iteration: int | None
    kind: word_of(("code", "model", "tool", "workflow", "review"))
    status: word_of(models.StepResult.Status)
    attempt: Annotated[int, Field(ge=1)]
    output: Json
    confidence: float | None
    rationale: str | None
    explanation: Annotated[str | None, Field(description="Why a rejected or superseded output was not taken.")]
    model: str | None
    tier: TierName | None
    answered_by: Resolver
    execution: Annotated[Id | None, Field(description="The execution of another workflow that is this step.")]
    cost: Annotated[Money | None, Field(description="Of its own calls, not of those of an execution that it is.")]
    latency_ms: Milliseconds
    started_at: Time
    finished_at: Time


class Tracking(Answer):
    followed: Annotated[bool | None, Field(description="Null until it is completed.")]
    unexpected: list[str]
    update_suggested: bool


class Report(Answer):
    """Of an execution that an agent ran itself."""

    executor: str
    update: Annotated[str | None, Field(description="What should change in the workflow.")]
    by: str


class Feedback(Answer):
    """The newest: whether the answer was right."""

    accepted: bool
    output: Annotated[Json, Field(description="What it should have been.")]
    note: str | None
    by: str
    at: Time


class Execution(Answer):
    id: Id
    workflow: str
    version: str
    status: word_of(models.Status)
    waiting_for: str | None
    resume_at: Time | None
    purpose: word_of(models.Execution.Purpose)
    lane: Annotated[str | None, Field(description="Null until the design has chosen one.")]
    simulated: bool
    input: Json
    output: Json
    resolved_by: Resolver | None
    answered_by: Resolver | None
    flags: Annotated[list[ShortFlag], Field(description="Also of the executions that it called.")]
    tracking: Tracking
    reported: Report | None
    feedback: Feedback | None
    cost: Annotated[
        Money | None, Field(description="With that of the executions that it called. Null where a call has no price.")
    ]
    tokens: Tokens
    latency_ms: Annotated[int | None, Field(ge=0, description="From acceptance to the end.")]
    steps: list[Step]
    error: Annotated[dict[str, Json] | None, Field(description="How it failed, or what it waits for.")]
    metadata: dict[str, Json]
    redacted: Annotated[
        int | None, Field(ge=0, description="Values of input and metadata that were replaced by marks.")
    ]
    caller: Annotated[Id | None, Field(description="The execution whose step this is.")]
    rerun_of: Id | None
    superseded_by: Id | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    purged_at: Annotated[Time | None, Field(description="When its texts were deleted.")]


class Accepted(Answer):
    """What a batch became, in the order of its inputs."""

    results: list[Execution]


class Price(Answer):
    """As it was in force at the call."""

    input: Money | None
    output: Money | None
    cache_read: Money | None
    cache_write_5m: Money | None
    cache_write_1h: Money | None
    per_tokens: int
    source: str | None
    version: str | None


class ModelCall(Answer):
    """A row of the ledger."""

    id: Id
    purpose: word_of([purpose.value for purpose in Purpose])
    step: str | None
    attempt: Annotated[int, Field(ge=1)]
    tier: TierName | None
    outcome: word_of([outcome.value for outcome in Outcome])
    error: str | None
    provider: str
    model_planned: str
    model_served: str | None
    tokens: CallTokens
    price: Price
    cost: Money | None
    cost_state: word_of(CallRow.CostState)
    simulated: bool
    reported: Annotated[bool, Field(description="An agent's own call, which it told of.")]
    batch: bool
    latency_ms: Milliseconds
    at: Time


class EstimatedCost(Answer):
    expected: Money | None
    upper: Money | None


class Estimate(Answer):
    executions: Count
    calls: Count
    cost: EstimatedCost
    basis: word_of(("recorded", "assumed"))
    recorded_executions: Count
