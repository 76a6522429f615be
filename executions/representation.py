"""Executions, steps, model calls and flags as the API shows them. Loads what a page of them needs in a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.models import Call
from wire.money import to_usd, usd_text
from wire.times import rfc3339

from . import calling
from .estimates import Estimate
from .models import Execution, Feedback, Flag, Report, StepResult
from .tracking import tracking

PRICE_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


def represent_executions(executions: Sequence[Execution]) -> list[dict]:
    """Three queries for any number of them: steps, calls, flags; one for each level of executions that they called; and one each
    where there is feedback, and a report."""
    ids = [execution.pk for execution in executions]
    steps = _grouped(StepResult.objects.filter(execution__in=ids).order_by("pk"), "execution_id")
    callers = {row.execution_id for rows in steps.values() for row in rows if row.called}
    below = calling.below(callers) if callers else {}
    everything = {*ids}.union(*below.values())
    calls = _grouped(Call.objects.filter(execution__in=everything).order_by("intended_at", "pk"), "execution")
    flags = _grouped(Flag.objects.filter(execution__in=everything).order_by("pk"), "execution_id")
    own = {pk: Own(calls[pk], flags[pk]) for pk in everything}
    feedback = _of_some(Feedback, [row.pk for row in executions if row.judged_right is not None])
    reports = _of_some(Report, [row.pk for row in executions if row.purpose == Execution.Purpose.REPORTED])
    return [
        {
            **_represent(
                row, steps[row.pk], own[row.pk], [own[pk] for pk in below.get(row.pk, ())], reports.get(row.pk)
            ),
            "feedback": _represent_feedback(feedback.get(row.pk)),
        }
        for row in executions
    ]


class Own(NamedTuple):
    """What belongs to one execution itself."""

    calls: list[Call]
    flags: list[Flag]


def _of_some(model: type, ids: list) -> dict:
    """By execution, the newest; where there are none, the database is not asked."""
    rows = model.objects.filter(execution__in=ids).order_by("pk") if ids else ()
    return {row.execution_id: row for row in rows}


def _grouped(rows: Iterable, key: str) -> dict[object, list]:
    found: dict[object, list] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return found


def _represent(
    execution: Execution, steps: list[StepResult], own: Own, below: list[Own], report: Report | None
) -> dict:
    """What it cost, and its flags, with those of the executions below it, which it called."""
    calls = [call for one in (own, *below) for call in one.calls]
    flags = [flag for one in (own, *below) for flag in one.flags]
    finished = execution.finished_at
    began = execution.started_at if report else execution.created_at
    return {
        "id": str(execution.pk),
        "workflow": execution.workflow.name,
        "version": execution.version.number,
        "status": execution.status,
        "waiting_for": execution.waiting_for or None,
        "resume_at": rfc3339(execution.resume_at),
        "purpose": execution.purpose,
        "lane": execution.lane or None,
        "simulated": execution.simulated,
        "input": execution.input,
        "output": execution.output,
        "resolved_by": execution.resolved_by or None,
        "answered_by": execution.resolved_by or None,
        "flags": [represent_short_flag(flag) for flag in flags],
        "tracking": tracking(execution, steps, own.flags, report),
        "reported": report and _represent_report(report),
        "cost": cost_of(calls),
        "tokens": tokens_of(calls),
        "latency_ms": round((finished - began).total_seconds() * 1000) if finished and began else None,
        "steps": [represent_step(row, own.calls) for row in steps],
        "error": execution.error,
        "metadata": execution.metadata,
        "redacted": execution.redacted,
        "caller": execution.caller_id and str(execution.caller_id),
        "rerun_of": execution.rerun_of_id and str(execution.rerun_of_id),
        "superseded_by": execution.superseded_by and str(execution.superseded_by),
        "created_at": rfc3339(execution.created_at),
        "started_at": rfc3339(execution.started_at),
        "finished_at": rfc3339(finished),
        "purged_at": rfc3339(execution.purged_at),
    }


def _represent_report(report: Report) -> dict:
    return {"executor": report.executor, "update": report.update or None, "by": report.reported_by}


def _represent_feedback(feedback: Feedback | None) -> dict | None:
    return feedback and {
        "accepted": feedback.accepted,
        "output": feedback.output,
        "note": feedback.note or None,
        "by": feedback.given_by,
        "at": rfc3339(feedback.given_at),
    }


def represent_step(row: StepResult, calls: list[Call]) -> dict:
    mine = [call for call in calls if call.pk == row.call]
    return {
        "id": row.step,
        "iteration": row.iteration,
        "kind": row.kind,
        "status": row.status,
        "attempt": row.attempt,
        "output": row.output,
        "confidence": row.confidence,
        "rationale": row.rationale or None,
        "explanation": row.explanation or None,
        "model": row.model or None,
        "tier": row.tier or None,
        "answered_by": row.answered_by,
        "execution": row.called and str(row.called),
        "cost": cost_of(mine),
        "latency_ms": row.latency_ms,
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.finished_at),
    }


def represent_call(call: Call) -> dict:
    prices = {kind: getattr(call, f"price_{kind}") for kind in PRICE_KINDS}
    return {
        "id": str(call.pk),
        "purpose": call.purpose,
        "step": call.step or None,
        "attempt": call.attempt,
        "tier": call.tier or None,
        "outcome": call.outcome,
        "error": call.error or None,
        "provider": call.provider,
        "model_planned": call.model_planned,
        "model_served": call.model_served or None,
        "tokens": {**tokens_of([call]), "thinking": call.thinking},
        "price": {
            **{kind: None if price is None else usd_text(to_usd(price)) for kind, price in prices.items()},
            "per_tokens": 1_000_000,
            "source": call.price_source or None,
            "version": call.price_version or None,
        },
        "cost": None if call.cost is None else usd_text(to_usd(call.cost)),
        "cost_state": call.cost_state,
        "simulated": call.simulated,
        "reported": call.reported,
        "batch": call.batch,
        "latency_ms": call.latency_ms,
        "at": rfc3339(call.finished_at),
    }


def represent_short_flag(flag: Flag) -> dict:
    return {
        "id": str(flag.pk),
        "reason": flag.reason,
        "explanation": flag.explanation or None,
        "waiting": flag.stands_still,
        "state": flag.state,
    }


def represent_flag(flag: Flag) -> dict:
    resolution = flag.resolution and {
        "resolution": flag.resolution,
        "note": flag.note or None,
        "resolved_by": flag.resolved_by,
    }
    return {
        **represent_short_flag(flag),
        "execution": str(flag.execution_id),
        "workflow": flag.execution.workflow.name,
        "version": flag.execution.version.number,
        "step": flag.step or None,
        "iteration": flag.iteration,
        "to": flag.role or None,
        "detector": flag.detector,
        "edge_case": flag.edge_case or None,
        "answered_by": flag.answered_by or None,
        "resolution": resolution or None,
        "created_at": rfc3339(flag.created_at),
        "resolved_at": rfc3339(flag.resolved_at),
    }


def cost_of(calls: Iterable[Call]) -> str | None:
    """The exact sum in USD; null where one of the calls has no price: unknown is not zero."""
    costs = [call.cost for call in calls]
    return None if None in costs else usd_text(to_usd(sum(costs)))


def tokens_of(calls: Iterable[Call]) -> dict[str, int]:
    calls = list(calls)
    return {
        "input": sum(call.input for call in calls),
        "output": sum(call.output for call in calls),
        "cache_read": sum(call.cache_read for call in calls),
        "cache_write": sum(call.cache_write_5m + call.cache_write_1h for call in calls),
    }


def represent_estimate(estimate: Estimate) -> dict:
    return {
        "executions": estimate.executions,
        "calls": estimate.calls,
        "cost": {"expected": _usd(estimate.expected), "upper": _usd(estimate.upper)},
        "basis": estimate.basis,
        "recorded_executions": estimate.recorded,
    }


def _usd(pico: int | None) -> str | None:
    return None if pico is None else usd_text(to_usd(pico))
