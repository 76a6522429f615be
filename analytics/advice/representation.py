"""Advice as the API shows it: money as exact text, rates rounded, once, here."""

from datetime import date
from decimal import Decimal

from analytics.representation import usd
from evaluations.statistics import Interval
from wire.money import rate_text

from .advising import Advice
from .evidence import Designed
from .next_step import Kind, Move, Repeats, Test
from .rules import Do, Finding

MONEY = {"savings", "gain_per_execution", "savings_before"}


def represent_advice(advice: Advice) -> dict:
    extent = advice.extent
    return {
        "workflow": extent.workflow.name,
        "since": extent.since.isoformat(),
        "until": extent.until and extent.until.isoformat(),
        "currency": "USD",
        "simulated": extent.simulated,
        "fit": advice.fit,
        "reasons": advice.reasons,
        "designed": advice.designed and _represent_designed(advice.designed),
        "findings": [_represent_finding(one) for one in advice.findings],
        "next_step": advice.next_step and _represent_move(advice.next_step),
        "steps": [_represent_move(one) for one in advice.steps],
    }


def _represent_designed(said: Designed) -> dict:
    return {"design": str(said.design), "verdict": said.verdict, "reasons": said.reasons}


def _represent_finding(one: Finding) -> dict:
    return {
        "code": one.code,
        "verdict": one.verdict,
        "reason": one.reason,
        "figures": {name: _figure(name, value) for name, value in one.figures.items()},
        "do": _represent_do(one.do),
    }


def _represent_do(do: Do | None) -> dict | None:
    return do and {"say": do.say, "address": do.address}


def _figure(name: str, value: object) -> object:
    match value:
        case Interval():
            return _interval(value)
        case Decimal():
            return usd(value) if name in MONEY else rate_text(value)
        case date():
            return value.isoformat()
    return value


def _interval(interval: Interval | None) -> list[str | None] | None:
    return interval and [rate_text(Decimal(end)) for end in interval]


def _represent_move(move: Move) -> dict:
    return {
        "step": move.step,
        "kind": move.kind,
        "advised": move.advised,
        "reason": move.reason,
        "tier": move.tier,
        "model": move.model,
        "to_tier": "code" if move.kind == Kind.MAKE_CODE else move.to_tier,
        "to_model": move.to_model,
        "calls": move.calls,
        "cost": usd(move.paid),
        "cost_now": usd(move.now),
        "cost_then": usd(move.then),
        "saving": usd(move.saving),
        "saving_per_month": usd(move.saving_per_month),
        "estimated": move.kind == Kind.MOVE_DOWN,
        "evidence": move.level,
        "test": move.test and _represent_test(move.test),
        "sample": move.repeats and _represent_repeats(move.repeats),
        "do": _represent_do(move.do),
    }


def _represent_test(test: Test) -> dict:
    return {
        "right": test.right,
        "n": test.n,
        "rate": rate_text(test.rate),
        "interval": _interval(test.interval),
        "passed": test.passed,
        "address": test.source,
    }


def _represent_repeats(repeats: Repeats) -> dict:
    return {
        "answers": repeats.answers,
        "repeats": repeats.repeats,
        "same": repeats.same,
        "distinct_outputs": repeats.outputs,
    }
