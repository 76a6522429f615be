"""The summary of what the engine itself wrote: answered, repaired, answered by the frontier, and left to a person."""

import pytest

from executions.models import Status
from tests.cast import envelope, execute, make_workflow, models_answer

from .ledgers import summary_of

pytestmark = pytest.mark.django_db

TOKENS = {"input_tokens": 1_000, "output_tokens": 200}  # 0.0002 USD on Haiku 5.5, 0.008 on Opus 5.5
REFUND = {"text": envelope({"kind": "refund"}), **TOKENS}
OTHER = {"text": envelope({"kind": "other"}), **TOKENS}
UNSURE = {"text": envelope({"kind": "other"}, confidence=0.2), **TOKENS}
BY_THE_FRONTIER = {"model": "claude-opus-5-5"}


def figures(summary: dict) -> dict:
    named = ("total_cost", "if_all_frontier", "savings", "completed", "finished", "escalation_rate", "retry_rate")
    return {name: summary[name] for name in named}


def test_an_answer_as_designed():
    models_answer(REFUND)
    workflow = make_workflow()
    assert execute(workflow).status == Status.COMPLETED
    summary = summary_of(workflow, simulated=True)
    assert summary["baseline"]["model"] == "scripted:claude-opus-5-5"
    assert figures(summary) == {
        "total_cost": "0.0002",
        "if_all_frontier": "0.008",
        "savings": "0.0078",
        "completed": 1,
        "finished": 1,
        "escalation_rate": "0.0000",
        "retry_rate": "0.0000",
    }


def test_a_repaired_answer_is_paid_twice_and_compared_once():
    models_answer({**REFUND, "times": 1}, OTHER)
    workflow = make_workflow()
    assert execute(workflow, "Where is my parcel?").status == Status.COMPLETED
    assert figures(summary_of(workflow, simulated=True)) == {
        "total_cost": "0.0004",
        "if_all_frontier": "0.008",
        "savings": "0.0076",
        "completed": 1,
        "finished": 1,
        "escalation_rate": "0.0000",
        "retry_rate": "1.0000",
    }


def test_an_answer_of_the_frontier_saves_nothing():
    models_answer({**OTHER, **BY_THE_FRONTIER}, UNSURE)
    workflow = make_workflow()
    assert execute(workflow).resolved_by == "frontier"
    assert figures(summary_of(workflow, simulated=True)) == {
        "total_cost": "0.0082",
        "if_all_frontier": "0.008",
        "savings": "-0.0002",
        "completed": 1,
        "finished": 1,
        "escalation_rate": "1.0000",
        "retry_rate": "0.0000",
    }


def test_what_waits_for_a_person_is_paid_and_compared_with_nothing():
    models_answer(UNSURE)
    workflow = make_workflow()
    assert execute(workflow).status == Status.ESCALATED
    assert figures(summary_of(workflow, simulated=True)) == {
        "total_cost": "0.0082",
        "if_all_frontier": "0.00",
        "savings": "-0.0082",
        "completed": 0,
        "finished": 1,
        "escalation_rate": "1.0000",
        "retry_rate": "0.0000",
    }
