"""What operators' metrics look like in an answer. docs/api.md says what each figure is."""

from typing import Annotated

from pydantic import Field

from executions.shown import Tokens
from wire.answers import Answer, Count, Day, Money, Rate, perhaps, word_of

from ..groups import GROUPINGS
from ..shown import Latency


class Cache(Answer):
    read_tokens: Count
    written_tokens: Count
    savings: Annotated[Money | None, Field(description="Null: what was cached has no price.")]
    model: Annotated[str | None, Field(description="The one that is asked most: the rest is about it alone.")]
    minimum_tokens: Annotated[Count | None, Field(description="Below it nothing is cached; null: nobody states it.")]
    prefix_tokens: Annotated[Count | None, Field(description="The median of the stable part of its prompts.")]
    cacheable: bool | None
    said: Annotated[str | None, Field(description="A sentence for people.")]


class Batch(Answer):
    calls: Count
    savings: Money | None


class Operation(Answer):
    """It has the keys that name it: by `step`, `workflow` and `step`. What has no meaning for the group is null."""

    workflow: str | None = perhaps()
    version: str | None = perhaps()
    step: str = perhaps()
    tier: str | None = perhaps()
    model: str = perhaps()
    lane: str | None = perhaps()
    day: Day = perhaps()
    executions: Count | None
    finished: Count | None
    completed: Count | None
    cost: Money
    cost_per_completed: Money | None
    human_minutes: Annotated[str | None, Field(pattern=r"^\d+\.\d{2}$")]
    human_cost: Money | None
    cost_per_completed_with_people: Money | None
    latency_ms: Annotated[Latency, Field(description="From acceptance to completion.")]
    call_latency_ms: Annotated[Latency, Field(description="Of the calls that were answered.")]
    calls: Count
    unpriced_calls: Count
    retry_rate: Rate | None
    escalation_rate: Rate | None
    tokens: Tokens
    cache: Cache
    batch: Batch


class Operations(Answer):
    workflow: str | None
    since: Day | None
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    group_by: word_of(tuple(GROUPINGS)) | None
    rows: Annotated[list[Operation], Field(description="Without `group_by`: one, of the whole.")]
