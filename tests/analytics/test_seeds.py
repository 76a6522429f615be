"""The figures of the source documents, each with the ledger that makes it."""

from datetime import UTC, datetime

import pytest

from gateway.types import Usage

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    make_answer,
    make_execution,
    make_executions,
    make_measured_workflow,
    state_baseline,
    summary_of,
)

pytestmark = pytest.mark.django_db

FEBRUARY = datetime(2026, 2, 15, 9, tzinfo=UTC)
SONNET = "anthropic:claude-sonnet-4-5"
OLD_HAIKU = "anthropic:claude-3-haiku-20240307"
OLD_OPUS = "anthropic:claude-opus-4-20250514"
INTERVALS = ("agreement_interval", "interval", "savings_interval", "savings_percent_interval")
NOT_MEASURED = dict.fromkeys(("subject", "borrowed", "agreement", *INTERVALS))


def figures(summary: dict, *names: str) -> dict:
    return {name: summary[name] for name in names}


@pytest.fixture
def email_triage():
    """450 executions for 12.50 USD, designed for 5.20 USD."""
    workflow = make_measured_workflow("email-support-triage", design_cost="5.20", at=FEBRUARY)
    make_executions(workflow, 400, OLD_HAIKU, Usage(input=101_111, output=2_000), at=FEBRUARY, baseline=OLD_OPUS)
    make_executions(workflow, 50, OLD_HAIKU, Usage(input=101_112, output=2_000), at=FEBRUARY, baseline=OLD_OPUS)
    return workflow


def test_the_summary_of_design_once_declared(email_triage):
    state_baseline(email_triage, "declared", cost="5.20", at=FEBRUARY)
    summary = summary_of(email_triage)
    assert figures(summary, "executions", "finished", "completed", "complete", "simulated") == {
        "executions": 450,
        "finished": 450,
        "completed": 450,
        "complete": True,
        "simulated": False,
    }
    assert figures(summary, "design_cost", "execution_cost", "total_cost", "if_all_frontier", "savings") == {
        "design_cost": "5.20",
        "execution_cost": "12.50",
        "total_cost": "17.70",
        "if_all_frontier": "2340.00",
        "savings": "2322.30",
    }
    assert figures(summary, "savings_percent", "roi_percent", "payback_executions") == {
        "savings_percent": "99.24",
        "roi_percent": "13120.34",
        "payback_executions": 2,
    }
    assert summary["design"] == {"declared": "5.20", "measured": "0.00"}
    assert summary["cost_per_completed"] == "0.039333333333"
    assert summary["paid_back_at"] == "2026-02-15"
    assert summary["baseline"]["method"] == "declared"
    assert summary["baseline"]["n"] == 450


def test_the_same_ledger_repriced_cold(email_triage):
    state_baseline(email_triage, "repriced_cold", model=OLD_OPUS, at=FEBRUARY)
    summary = summary_of(email_triage)
    assert figures(summary, "total_cost", "if_all_frontier", "savings", "savings_percent") == {
        "total_cost": "17.70",
        "if_all_frontier": "750.00",
        "savings": "732.30",
        "savings_percent": "97.64",
    }
    assert summary["baseline"] == NOT_MEASURED | {
        "method": "repriced_cold",
        "model": "anthropic:claude-opus-4-20250514",
        "n": 450,
        "estimated": True,
        "unpriced": 0,
    }


def test_a_hundred_thousand_requests_routed_by_task():
    workflow = make_measured_workflow("coding-agent")
    make_executions(workflow, 800, HAIKU, Usage(input=2_000, output=100), steps=100)
    make_executions(workflow, 125, SONNET, Usage(input=2_000, output=400), steps=100)
    make_executions(workflow, 75, OPUS, Usage(input=2_000, output=400), steps=100)
    summary = summary_of(workflow, "repriced_cold")
    assert figures(summary, "total_cost", "if_all_frontier", "savings", "savings_percent") == {
        "total_cost": "500.00",
        "if_all_frontier": "1400.00",
        "savings": "900.00",
        "savings_percent": "64.29",
    }


@pytest.fixture
def support_ticket():
    """One execution with five cheap model steps and one standard."""
    workflow = make_measured_workflow("support-ticket")
    execution = make_execution(workflow)
    for number in range(5):
        make_answer(execution, HAIKU, Usage(input=2_500, output=100), step=f"cheap_{number}")
    make_answer(execution, SONNET, Usage(input=3_500, output=300), step="draft")
    return workflow


def test_the_support_ticket_declared(support_ticket):
    state_baseline(support_ticket, "declared", cost="0.84", at=NOON)
    summary = summary_of(support_ticket)
    assert figures(summary, "total_cost", "if_all_frontier") == {"total_cost": "0.03", "if_all_frontier": "0.84"}


def test_the_support_ticket_repriced_cold(support_ticket):
    summary = summary_of(support_ticket, "repriced_cold")
    assert figures(summary, "total_cost", "if_all_frontier") == {"total_cost": "0.03", "if_all_frontier": "0.10"}
    assert summary["baseline"]["model"] == "anthropic:claude-opus-4-5"


@pytest.mark.parametrize(
    ("baseline", "if_all_frontier", "percent"),
    [("repriced_warm", "0.0089", "97.25"), ("repriced_cold", "0.026", "99.06")],
)
def test_the_cache_golden(baseline, if_all_frontier, percent):
    workflow = make_measured_workflow()
    usage = Usage(cache_read=4_500, input=500, output=300)
    make_answer(make_execution(workflow), "anthropic:claude-haiku-5-5", usage, baseline="anthropic:claude-opus-5-5")
    summary = summary_of(workflow, baseline)
    assert figures(summary, "total_cost", "if_all_frontier", "savings_percent", "cache_savings") == {
        "total_cost": "0.000245",
        "if_all_frontier": if_all_frontier,
        "savings_percent": percent,
        "cache_savings": "0.000405",
    }
