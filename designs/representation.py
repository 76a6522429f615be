"""Designs as they are shown outside."""

from collections.abc import Sequence

from wire.money import pico_text
from wire.times import rfc3339

from . import spending
from .costing import Expected
from .models import Design, Round


def represent_rows(designs: Sequence[Design]) -> list[dict]:
    """Of a list: they are `counted`, and may be `without_texts`."""
    costs = spending.spent_by(designs)
    return [_row(design, design.round_count, costs[design.pk]) for design in designs]


def represent_design(design: Design) -> dict:
    answer = dict(design.answer) if design.answer else None
    questions = answer.pop("questions") if answer else []
    return {
        **_row(design, design.rounds.count(), spending.spent(design)),
        "brief": design.brief,
        "questions": questions,
        "answer": answer,
        "figures": design.figures,
    }


def _row(design: Design, rounds: int, spent: int) -> dict:
    return {
        "id": str(design.pk),
        "kind": design.kind,
        "workflow": design.workflow.name,
        "status": design.status,
        "said": design.said or None,
        "base": design.base and design.base.number,
        "draft": design.draft and design.draft.number,
        "examples": design.examples_count,
        "resolves": design.resolves,
        "model": design.target,
        "rounds": rounds,
        "max_rounds": design.max_rounds,
        "budget": pico_text(design.budget),
        "spent": pico_text(spent),
        "simulated": design.simulated,
        "follows": design.follows_id and str(design.follows_id),
        "created_by": design.created_by,
        "created_at": rfc3339(design.created_at),
        "finished_at": rfc3339(design.finished_at),
    }


def represent_round(round: Round) -> dict:
    return {
        "number": round.number,
        "answer": round.answer or None,
        "faults": round.faults,
        "model_calls": round.calls,
        "created_at": rfc3339(round.created_at),
        "finished_at": rfc3339(round.finished_at),
    }


def represent_estimate(design: Design, expected: Expected) -> dict:
    return {
        "model": design.target,
        "prompt_tokens": expected.tokens,
        "expected": pico_text(expected.expected),
        "upper_bound": pico_text(expected.upper),
        "simulated": design.simulated,
    }
