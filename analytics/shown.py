"""What a cost summary looks like in an answer. docs/api.md says what each figure is."""

from typing import Annotated

from pydantic import Field

from executions.shown import Tokens
from wire.answers import Answer, Count, Day, Money, Percentage, Rate, perhaps, word_of

from .baselines import Method


class DesignCost(Answer):
    declared: Money
    measured: Money


class Reported(Answer):
    """What agents executed themselves; in no other figure of the summary."""

    executions: Count
    calls: Count
    cost: Annotated[Money, Field(description="Of the calls that have a price.")]
    unpriced_calls: Count


class Latency(Answer):
    p50: int | None
    p95: int | None


class SummaryBaseline(Answer):
    method: word_of(Method)
    model: str | None
    n: Count
    estimated: bool
    unpriced: Count
    agreement: Rate | None
    interval: list[Rate] | None


class Group(Answer):
    """Calls of one kind. It has the keys that name it: by `step`, `workflow` and `step`."""

    workflow: str | None = perhaps()
    version: str | None = perhaps()
    step: str = perhaps()
    model: str = perhaps()
    day: Day = perhaps()
    cost: Money
    calls: Count
    unpriced_calls: Count
    tokens: Tokens


class Override(Answer):
    """A version that is live although no verdict passed."""

    workflow: str
    version: str
    by: str
    reason: str


class Summary(Answer):
    workflow: str | None
    since: Day | None
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    complete: bool
    unpriced_calls: Count
    reported: Reported
    unproven: bool
    overridden: list[Override]
    executions: Count
    finished: Count
    completed: Count
    execution_cost: Money | None
    design_cost: Money | None
    design: DesignCost
    evaluation_cost: Money | None
    shadow_cost: Money | None
    in_doubt_cost: Money | None
    total_cost: Money | None
    if_all_frontier: Money | None
    savings: Money | None
    savings_percent: Percentage | None
    roi_percent: Percentage | None
    cost_per_completed: Money | None
    payback_executions: Count | None
    paid_back_at: Day | None
    escalation_rate: Rate | None
    retry_rate: Rate | None
    cache_savings: Money | None
    batch_savings: Money | None
    agreement: Rate | None
    latency_ms: Latency
    baseline: SummaryBaseline
    groups: list[Group] = perhaps(description="Where `group_by` is asked for.")
