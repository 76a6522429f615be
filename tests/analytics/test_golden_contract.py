"""Every figure of the contract's section Costs, from one ledger that has a row of every kind; each literal worked out by hand.

The rows and their prices stand in `weeks`; docs/method.md tells them in plain words.
"""

from datetime import date

import pytest

from .auditing import audited, figures
from .ledgers import OPUS, state_baseline
from .weeks import MONDAY, week_of_every_kind

pytestmark = pytest.mark.django_db

# Of the ledger below, whatever it is compared with.
OURS = {
    "workflow": "refund",
    "since": None,
    "until": None,
    "currency": "USD",
    "simulated": False,
    "complete": True,
    "unpriced_calls": 0,
    "reported": {"executions": 1, "calls": 1, "cost": "0.002", "unpriced_calls": 0},
    "unproven": True,
    "executions": 9,  # a trial is none, and what an agent reports or a simulation does is none of ours
    "finished": 8,  # the cancelled one is not
    "completed": 5,  # nor the failed, the escalated, and the one that feedback rejected
    "execution_cost": "0.0439",
    "design_cost": "0.05",
    "design": {"declared": "0.03", "measured": "0.02"},
    "evaluation_cost": "0.022",
    "shadow_cost": "0.01",
    "in_doubt_cost": "0.002",
    "total_cost": "0.1279",
    "cost_per_completed": "0.02558",
    "escalation_rate": "0.3750",  # 3 of 8
    "retry_rate": "0.0769",  # 1 repair to 13 step calls
    "cache_savings": "0.0026",  # 4,000 read · 0.90 − 2,000 written · 0.25 − 500 written · 1.00, a million
    "batch_savings": "0.001",
    "latency_ms": {"p50": 2000, "p95": 10_000},  # the rejected one, of a minute, is not among them
}

COMPARED = {
    # 0.0295 cached + 0.01 repaired + 0.015 the frontier's own + 0 a person + 0.01 batch
    "repriced_warm": {
        "if_all_frontier": "0.0645",
        "savings": "-0.0634",
        "savings_percent": "-98.29",
        "roi_percent": "-49.57",
        "payback_executions": 23,  # 0.082 / ((0.0645 − 0.0439 − 0.002) / 5) = 22.04
        "paid_back_at": None,
    },
    # 0.0425 instead of 0.0295
    "repriced_cold": {
        "if_all_frontier": "0.0775",
        "savings": "-0.0504",
        "savings_percent": "-65.03",
        "roi_percent": "-39.41",
        "payback_executions": 13,  # 0.082 / (0.0316 / 5) = 12.97
        "paid_back_at": None,
    },
    # 5 · 0.04
    "declared": {
        "if_all_frontier": "0.20",
        "savings": "0.0721",
        "savings_percent": "36.05",
        "roi_percent": "56.37",
        "payback_executions": 3,  # 0.082 / (0.1541 / 5) = 2.66
        "paid_back_at": "2026-11-17",  # Monday 0.08 − 0.0939 = −0.0139, Tuesday 0.08 − 0.027 more
    },
}


@pytest.fixture
def workflow():
    return week_of_every_kind()


@pytest.mark.parametrize("method", ["repriced_warm", "repriced_cold", "declared"])
def test_every_figure_by_each_baseline(workflow, method):
    state_baseline(workflow, "declared", cost="0.04", at=MONDAY)
    summary = audited(workflow, method)
    assert {name: summary[name] for name in OURS} == OURS
    assert {name: summary[name] for name in COMPARED[method]} == COMPARED[method]
    baseline = {
        "method": method,
        "model": OPUS,
        "n": 5,
        "estimated": method != "declared",
        "unpriced": 0,
        "agreement": None,
        "interval": None,
    }
    assert {name: summary["baseline"][name] for name in baseline} == baseline
    assert summary["agreement"] is None


def test_what_was_simulated_beside_it(workflow):
    summary = audited(workflow, simulated=True)
    named = ("simulated", "executions", "completed", "execution_cost", "if_all_frontier", "evaluation_cost")
    assert figures(summary, *named) == [True, 1, 1, "0.003", "0.015", "0.00"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, 17, ["0.0119", "0.00", "0.0939", "0.0395", "-0.0544", 2]),
        (17, 18, ["0.027", "0.00", "0.027", "0.015", "-0.012", 2]),
        (18, 19, ["0.005", "0.007", "0.012", "0.01", "-0.002", 1]),
        (19, 20, ["0.00", "-0.005", "-0.005", "0.00", "0.005", 0]),
        (20, None, ["0.00", "0.00", "0.00", "0.00", "0.00", 0]),
    ],
)
def test_its_days_add_up_to_it(workflow, since, until, expected):
    """A doubt stands at its upper bound until its answer turns up: the day of that gives back what was too much."""
    window = {"since": since and date(2026, 11, since), "until": until and date(2026, 11, until)}
    summary = audited(workflow, **window)
    named = ("execution_cost", "in_doubt_cost", "total_cost", "if_all_frontier", "savings", "completed")
    assert figures(summary, *named) == expected


def test_the_project_says_what_its_one_workflow_says(workflow):
    summary = audited(None, "repriced_warm", project=workflow.project)
    ours = {name: value for name, value in OURS.items() if name != "workflow"}
    assert {name: summary[name] for name in ours} == ours
    assert {name: summary[name] for name in COMPARED["repriced_warm"]} == COMPARED["repriced_warm"]
