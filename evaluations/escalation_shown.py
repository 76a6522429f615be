"""What the quality of escalation looks like from outside."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Day, Id, Money, Rate

Interval = Annotated[list[Rate] | None, Field(description="From and to; null where there is nothing to count.")]


class CountedShare(Answer):
    """How many of how many, with Wilson's interval at 95%."""

    n: Count
    count: Count
    rate: Rate | None
    interval: Interval


class ProbeDetector(Answer):
    detector: str
    reason: str
    flagged: Annotated[Count, Field(description="Cases.")]
    precision: Annotated[CountedShare, Field(description="Of those that it flagged: those that expect a flag.")]
    caught: Annotated[CountedShare, Field(description="Of the cases that expect a flag: those that it flagged.")]


class ConfidencePoint(Answer):
    min_confidence: Rate
    flagged: Annotated[CountedShare, Field(description="Of all answers: those below.")]
    recall: Annotated[CountedShare, Field(description="Of those that are wrong or not covered: those below.")]
    false_escalation: Annotated[CountedShare, Field(description="Of those that are right: those below.")]
    cost_per_case: Annotated[
        Money | None, Field(description="Of the step, where what is below goes on to the frontier; null: not measured.")
    ]


class ConfidenceCurve(Answer):
    min_confidence: Annotated[Rate, Field(description="What the version asks for.")]
    answers: Count
    unknown: Annotated[
        Count, Field(description="Of which nobody knows whether they were right: something stopped them.")
    ]
    points: list[ConfidencePoint]


class ProbeQuality(Answer):
    evaluation: Id
    tier_map: Annotated[dict[str, str], Field(description="tier → model; `steps.ID` → the model of one step.")]
    cases: Count
    precision: CountedShare
    recall: CountedShare
    false_escalation: CountedShare
    silent_failure: CountedShare
    detectors: list[ProbeDetector]
    curves: Annotated[dict[str, ConfidenceCurve], Field(description="By model step.")]


class ProductionDetector(Answer):
    detector: str
    reason: str
    flagged: Annotated[Count, Field(description="Executions.")]
    undecided: Annotated[Count, Field(description="Of which nobody has said yet whether the flag was right.")]
    precision: Annotated[CountedShare, Field(description="Of those that are decided: those where it was.")]


class EstimatedRecall(Answer):
    rate: Annotated[Rate | None, Field(description="Null under `min_spot_checks`, and where no flag was due.")]
    interval: Interval
    spot_checks: Count
    min_spot_checks: Count


class SpotCheckQuality(Answer):
    """Of a random sample of what completed without a flag."""

    undecided: Count
    silent_failure: CountedShare


class FeedbackQuality(Answer):
    """Of what somebody chose to judge, so of no sample."""

    silent_failure: CountedShare


class ProductionQuality(Answer):
    since: Day
    until: Day
    executions: Count
    unflagged: Annotated[Count, Field(description="Completed without a flag.")]
    flagged: Annotated[Count, Field(description="Executions.")]
    undecided: Count
    precision: CountedShare
    recall: EstimatedRecall
    spot_checks: SpotCheckQuality
    feedback: FeedbackQuality
    detectors: list[ProductionDetector]


class EscalationQuality(Answer):
    workflow: str
    version: str
    simulated: bool
    probes: Annotated[ProbeQuality | None, Field(description="Null where no evaluation of the version is completed.")]
    production: ProductionQuality
