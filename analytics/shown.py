"""What a cost summary looks like in an answer. docs/api.md says what each figure is."""

from typing import Annotated

from pydantic import Field

from executions.models import Flag
from executions.shown import Tokens
from shadows.models import Subject
from wire.answers import Answer, Count, Day, Id, Money, Percentage, Rate, Time, perhaps, word_of

from .baselines import Method
from .learning.by_version import Verdict
from .waterfall import PARTS

Interval = Annotated[list[Rate], Field(min_length=2, max_length=2, description="95%: from, to.")]


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


class EscalatedVersion(Answer):
    version: str
    published_at: Annotated[Time, Field(description="First.")]
    finished: Count
    escalated: Count
    run_again: Annotated[
        Count, Field(description="Of them, run again on the version that closed their flags. They count here only.")
    ]
    escalation_rate: Rate | None
    interval: Interval | None


class EscalationChange(Answer):
    """The last version against the one before it."""

    before: str
    after: str
    difference: Annotated[Rate | None, Field(description="The rate of `after` less that of `before`.")]
    interval: Interval | None
    verdict: word_of(Verdict)


class DesignSpent(Answer):
    """Of designs, or redesigns, that ended in these days."""

    completed: Count
    failed: Count
    cancelled: Count
    unfinished: Annotated[Count, Field(description="By now; in nothing else.")]
    cost: Annotated[Money | None, Field(description="Of all that ended, whatever came of them.")]
    unpriced_calls: Count
    cost_per_completed: Money | None


class DeclaredDesigns(Answer):
    versions: Count
    cost: Money


class RecurredGroup(Answer):
    id: Id
    step: str
    reason: word_of(Flag.Reason)
    version: Annotated[str, Field(description="The first that was to end it.")]
    closed_at: Annotated[Time, Field(description="When that version closed the first of its flags.")]
    flags: Annotated[Count, Field(description="That came since.")]
    latest_at: Time


class Recurrence(Answer):
    closed: Annotated[Count, Field(description="Groups of which a flag was closed.")]
    recurred: Annotated[Count, Field(description="Of them, flagged again since.")]
    groups: Annotated[list[RecurredGroup], Field(description="Those with the most flags.")]


class TimeToFix(Answer):
    flags: Count
    p50: Annotated[int | None, Field(description="Seconds.")]
    p95: int | None


class InRedesign(Answer):
    """Flags that wait now for a version that closes them."""

    flags: Count
    oldest: Annotated[Time | None, Field(description="When the oldest of them was raised.")]


class Learning(Answer):
    workflow: str
    since: Day | None
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    versions: Annotated[list[EscalatedVersion], Field(description="In the order in which they went live.")]
    change: Annotated[EscalationChange | None, Field(description="Null before there are two versions.")]
    design: DesignSpent
    redesign: DesignSpent
    declared: DeclaredDesigns
    redesign_per_design: Annotated[
        str | None, Field(pattern=r"^\d+\.\d{4}$", description="What a redesign costs, as a part of a design.")
    ]
    recurrence: Recurrence
    time_to_fix: TimeToFix
    in_redesign: InRedesign


class SummaryBaseline(Answer):
    method: word_of(Method)
    model: str | None
    subject: Annotated[word_of(Subject) | None, Field(description="Of the method measured.")]
    n: Count
    estimated: bool
    unpriced: Count
    borrowed: Annotated[Count | None, Field(description="Completed executions of a kind that has no shadows.")]
    agreement: Rate | None
    agreement_interval: Interval | None
    interval: Annotated[list[Money] | None, Field(description="95%: if_all_frontier, from, to.")]
    savings_interval: Annotated[list[Money] | None, Field(description="95%: from, to.")]
    savings_percent_interval: Annotated[list[Percentage] | None, Field(description="95%: from, to.")]


class Group(Answer):
    """Calls of one kind. It has the keys that name it: by `step`, `workflow` and `step`."""

    workflow: str | None = perhaps()
    version: str | None = perhaps()
    step: str = perhaps()
    tier: Annotated[str | None, Field(description="Null: of calls that no step makes.")] = perhaps()
    model: str = perhaps()
    lane: Annotated[str | None, Field(description="Null: of calls of no execution.")] = perhaps()
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


class Part(Answer):
    part: word_of(PARTS)
    amount: Annotated[Money | None, Field(description="What it takes off; negative: it adds. Null counts as nothing.")]
    reason: Annotated[str | None, Field(description="Why it is not known.")]


class Waterfall(Answer):
    """From `if_all_frontier` down to `total_cost`: start less all parts is the total, where it is `complete`."""

    workflow: str | None
    since: Day | None
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    complete: bool
    unpriced_calls: Count
    completed: Count
    baseline: SummaryBaseline
    if_all_frontier: Money | None
    parts: list[Part]
    total_cost: Money | None
