"""Evaluations, their results and gates as they are shown outside."""

from collections.abc import Sequence

from executions.estimates import Estimate
from wire.money import pico_text, rate_text
from wire.times import rfc3339

from . import figures, running
from .asking import Ready
from .gate import opens
from .models import Case, Evaluation, Gate, Result
from .statistics import flawless_pairs


def represent_evaluation(evaluation: Evaluation) -> dict:
    incumbent = evaluation.incumbent
    return {
        "id": str(evaluation.pk),
        "workflow": evaluation.workflow.name,
        "version": evaluation.version.number,
        "status": evaluation.status,
        "tier_map": evaluation.tier_map,
        "against": evaluation.against,
        "incumbent": incumbent and incumbent.version.number,
        "rules": evaluation.rules,
        "cases_hash": evaluation.cases_hash,
        "repeats": evaluation.repeats,
        "at_once": evaluation.at_once,
        "budget": pico_text(evaluation.budget),
        "spent": pico_text(running.spent(evaluation)),
        "judges": evaluation.judges,
        "simulated": evaluation.simulated,
        "progress": running.progress(evaluation),
        "passed": evaluation.passed,
        "opens_gate": opens(evaluation),
        "figures": figures_of(evaluation),
        "created_by": evaluation.created_by,
        "created_at": rfc3339(evaluation.created_at),
        "finished_at": rfc3339(evaluation.finished_at),
    }


def figures_of(evaluation: Evaluation) -> dict | None:
    """People say what they think of a judge when all is over: that is counted when it is shown."""
    found = evaluation.figures
    if not found or not found.get("judge"):
        return found
    return {**found, "judge": {**found["judge"], **figures.agreement(evaluation.results)}}


def represent_estimate(found: Estimate, ready: Ready) -> dict:
    return {
        "executions": found.executions,
        "cases": len(ready.cases),
        "expected": pico_text(found.expected),
        "upper_bound": pico_text(found.upper),
        "basis": found.basis,
        "simulated": ready.evaluation.simulated,
    }


def represent_results(results: Sequence[Result]) -> list[dict]:
    return [_result(result) for result in results]


def _result(result: Result) -> dict:
    return {
        "id": str(result.pk),
        "arm": result.arm,
        "case": str(result.case_id),
        "kind": result.case.kind,
        "repeat": result.repeat,
        "right": result.right,
        "said": result.said,
        "flags": result.detectors,
        "steps": {step: _step(found) for step, found in result.steps.items()},
        "expected": result.case.expected,
        "output": result.execution and result.execution.output,
        "execution": str(result.execution_id) if result.execution_id else None,
        "resolved_by": result.resolved_by or None,
        "cost": pico_text(result.cost),
        "judge": [_question(one) for one in result.questions],
        "judge_cost": pico_text(result.judge_cost),
        "person_right": result.person_right,
        "person_by": result.person_by or None,
        "person_at": rfc3339(result.person_at),
        "latency_ms": result.latency_ms,
        "finished_at": rfc3339(result.finished_at),
    }


def _question(one: dict) -> dict:
    return {name: one[name] for name in ("step", "grader", "first", "prefers", "reason", "calls")}


def _step(found: dict) -> dict:
    return {**found, "cost": pico_text(found.get("cost"))}


def represent_gate(gate: Gate) -> dict:
    return {
        "workflow": gate.workflow.name,
        "min_cases": gate.min_cases,
        "margin": rate_text(gate.margin),
        "min_recall": rate_text(gate.min_recall),
        "graders": gate.graders,
        "step_graders": gate.step_graders,
        "cases": Case.objects.confirmed().filter(workflow=gate.workflow).count(),
        "flawless_cases": flawless_pairs(float(gate.margin)) if gate.margin else 0,
        "stated_by": gate.stated_by or None,
        "stated_at": rfc3339(gate.stated_at) if gate.stated_by else None,
    }
