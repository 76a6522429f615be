"""Replays as they are shown outside."""

from collections.abc import Sequence

from executions.estimates import Estimate
from executions.models import Execution
from wire.money import pico_text
from wire.times import rfc3339

from . import running
from .models import Replay, ReplayedExecution
from .replaying import Ready


def represent_replay(replay: Replay) -> dict:
    return {
        "id": str(replay.pk),
        "workflow": replay.workflow.name,
        "version": replay.version.number,
        "status": replay.status,
        "sample": replay.sample,
        "flagged": replay.flagged,
        "since": replay.since.isoformat(),
        "until": replay.until.isoformat(),
        "tier_map": replay.tier_map,
        "rules": replay.rules,
        "at_once": replay.at_once,
        "budget": pico_text(replay.budget),
        "spent": pico_text(running.spent(replay)),
        "simulated": replay.simulated,
        "progress": running.progress(replay),
        "figures": replay.figures,
        "created_by": replay.created_by,
        "created_at": rfc3339(replay.created_at),
        "finished_at": rfc3339(replay.finished_at),
    }


def represent_replay_estimate(found: Estimate, ready: Ready) -> dict:
    return {
        "executions": found.executions,
        "past_executions": len(ready.past),
        "expected": pico_text(found.expected),
        "upper_bound": pico_text(found.upper),
        "basis": found.basis,
        "simulated": ready.replay.simulated,
    }


def represent_replay_results(results: Sequence[ReplayedExecution]) -> list[dict]:
    return [_result(result) for result in results]


def _result(result: ReplayedExecution) -> dict:
    return {
        "id": str(result.pk),
        "past_execution": str(result.past_id),
        "execution": str(result.execution_id) if result.execution_id else None,
        "same": result.same,
        "human": result.human,
        "code": result.code or None,
        "said": result.said,
        "before": result.before and _side(result.before, result.past),
        "after": result.after and _side(result.after, result.execution),
        "steps": {step: _step(found) for step, found in result.steps.items()},
        "finished_at": rfc3339(result.finished_at),
    }


def _side(found: dict, execution: Execution) -> dict:
    return {
        "version": execution.version.number,
        "status": found["status"],
        "resolved_by": found["resolved_by"] or None,
        "output": execution.output,
        "flags": found["flags"],
        "cost": pico_text(found["cost"]),
    }


def _step(found: dict) -> dict:
    sides = {
        name: found[name] and {**found[name], "cost": pico_text(found[name]["cost"])} for name in ("before", "after")
    }
    return {**found, **sides}
