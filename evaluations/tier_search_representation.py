"""Tier searches as they are shown outside."""

from executions.estimates import Estimate
from wire.money import pico_text
from wire.times import rfc3339

from . import tier_search
from .models import Evaluation, TierSearch


def represent_search(search: TierSearch) -> dict:
    steps = tier_search.designed(search)
    return {
        "id": str(search.pk),
        "workflow": search.workflow.name,
        "version": search.version.number,
        "status": search.status,
        "candidates": search.candidates,
        "tier_map": search.tier_map,
        "rules": search.rules,
        "at_once": search.at_once,
        "budget": pico_text(search.budget),
        "spent": pico_text(tier_search.spent(search)),
        "simulated": search.simulated,
        "evaluations": [_evaluation(one, steps) for one in search.evaluations.order_by("pk")],
        "chosen": search.chosen,
        "passed": search.passed,
        "draft": search.draft and search.draft.number,
        "said": search.said or None,
        "evidence": search.evidence,
        "created_by": search.created_by,
        "created_at": rfc3339(search.created_at),
        "finished_at": rfc3339(search.finished_at),
    }


def represent_search_estimate(found: Estimate, search: TierSearch) -> dict:
    return {
        "evaluations": len(tier_search.assignments(search)),
        "executions": found.executions,
        "expected": pico_text(found.expected),
        "upper_bound": pico_text(found.upper),
        "basis": found.basis,
        "simulated": search.simulated,
    }


def _evaluation(evaluation: Evaluation, steps: dict[str, str]) -> dict:
    models = tier_search.assignment_of(evaluation, steps)
    return {"id": str(evaluation.pk), "models": models, "status": evaluation.status}
