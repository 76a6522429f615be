"""How often and how fast: executions accepted and finished, escalations, repairs, and the latency of what completed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """Of production executions and their calls. `escalated` had a flag that reached a rung: a tier or a person."""

    executions: int
    finished: int
    escalated: int
    step_calls: int
    repair_calls: int
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True)
class Reported:
    """What agents executed themselves, and told. `cost` in pico-dollars, of the calls that have a price; `unpriced`: those
    that have none. None of it is in any other figure."""

    executions: int
    calls: int
    cost: int
    unpriced: int
