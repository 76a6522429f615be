"""What advice looks like in an answer. docs/advice.md says what each figure is, and why each limit is what it is."""

from typing import Annotated

from pydantic import Field

from analytics.shown import Interval
from wire.answers import Answer, Count, Day, Id, Json, Money, Rate, word_of

from .next_step import Kind, Level
from .rules import Fit, Verdict

CODES = ("too_rare_to_pay", "changing_too_often", "no_cases", "escalates_too_much", "saves", "quality", "good")
FITS = (Fit.GREAT.value, Fit.HYBRID.value, Fit.KEEP_ON_FRONTIER.value)


class AdviceDo(Answer):
    say: str
    address: Annotated[str, Field(description="A method, and a path below /api/v1/.")]


class AdviceFinding(Answer):
    code: word_of(CODES)
    verdict: word_of([one.value for one in Verdict])
    reason: str
    figures: Annotated[dict[str, Json], Field(description="What the reason says; null where it is not known.")]
    do: AdviceDo | None


class DesignedFit(Answer):
    """What the design said of the fit, before anything was executed."""

    design: Id
    verdict: word_of(FITS)
    reasons: list[str]


class StepTest(Answer):
    right: Annotated[Count, Field(description="Or, of shadows, the same.")]
    n: Count
    rate: Rate | None
    interval: Interval | None
    passed: Annotated[bool | None, Field(description="Null: it came to no verdict of its own.")]
    address: str


class StepSample(Answer):
    """Of recorded answers of the step."""

    answers: Count
    repeats: Annotated[Count, Field(description="Answers to an input that had come before.")]
    same: Annotated[Count, Field(description="Of them, the same as the first one.")]
    distinct_outputs: Count


class StepAdvice(Answer):
    step: str
    kind: word_of([one.value for one in Kind])
    advised: bool
    reason: str
    tier: str
    model: str
    to_tier: str | None
    to_model: str | None
    calls: Count
    cost: Annotated[Money | None, Field(description="Of its calls in these days.")]
    cost_now: Annotated[Money | None, Field(description="The same tokens at the prices of today.")]
    cost_then: Annotated[Money | None, Field(description="And on the model that it would have.")]
    saving: Money | None
    saving_per_month: Money | None
    estimated: Annotated[bool, Field(description="Two models may count the same text differently.")]
    evidence: word_of([one.value for one in Level])
    test: StepTest | None
    sample: StepSample | None
    do: AdviceDo | None


class Advice(Answer):
    workflow: str
    since: Day
    until: Day | None
    currency: word_of(("USD",))
    simulated: bool
    fit: word_of([one.value for one in Fit])
    reasons: list[str]
    designed: DesignedFit | None
    findings: list[AdviceFinding]
    next_step: StepAdvice | None
    steps: Annotated[list[StepAdvice], Field(description="The best first, 10 at most.")]
