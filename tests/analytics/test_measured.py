"""The baseline measured, of real rows: the summary, its intervals and agreement, and whose shadows count."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.baselines import Method
from analytics.costs import summarise
from analytics.extent import Extent
from analytics.pages.saying import said
from shadows.models import prompt_hash
from workflows.models import Examined

from .ledgers import NOON, OPUS, make_answer, make_execution, make_measured_workflow, state_baseline, summary_of
from .shadowings import make_shadowed
from .test_api import client_of

pytestmark = pytest.mark.django_db

SONNET = "anthropic:claude-sonnet-4-5"
COSTS = "/api/v1/workflows/refund/costs"
A_DAY = timedelta(days=1)


@pytest.fixture
def workflow():
    return make_measured_workflow(design_cost="0.10")


def test_what_completed_at_the_mean_of_its_kind(workflow):
    """24 shadows of plain ones at 0.01, six of flagged ones at 0.05; 26 plain ones and eight flagged ones completed."""
    make_shadowed(workflow, ["0.01"] * 24)
    make_shadowed(workflow, ["0.05"] * 6, flagged=True)
    for _ in range(2):
        make_answer(make_execution(workflow))
    for _ in range(2):
        make_shadowed(workflow, [None], flagged=True)  # one model of theirs has no price: they stand in no mean
    summary = summary_of(workflow, "measured")
    assert summary["completed"] == 34
    assert summary["if_all_frontier"] == "0.66"  # 26 · 0.01 + 8 · 0.05
    assert summary["total_cost"] == "0.168"
    assert summary["savings"] == "0.492"
    assert summary["agreement"] == "1.0000"
    assert summary["baseline"] == {
        "method": "measured",
        "model": OPUS,
        "subject": "workflow",
        "n": 30,
        "estimated": False,
        "unpriced": 0,
        "borrowed": 0,
        "agreement": "1.0000",
        "agreement_interval": ["0.8865", "1.0000"],
        "interval": ["0.66", "0.66"],
        "savings_interval": ["0.492", "0.492"],
        "savings_percent_interval": ["74.55", "74.55"],
    }


def test_under_thirty_shadows_it_is_not_known(workflow):
    make_shadowed(workflow, ["0.01"] * 29)
    summary = summary_of(workflow, "measured")
    assert [summary[name] for name in ("if_all_frontier", "savings", "payback_executions", "paid_back_at")] == [
        None
    ] * 4
    assert (summary["baseline"]["n"], summary["baseline"]["unpriced"]) == (29, 1)
    assert [summary["baseline"][name] for name in ("interval", "savings_interval")] == [None, None]
    assert summary["agreement"] is None
    told = said(summarise(Extent(workflow.project, workflow, simulated=False), Method.MEASURED)).savings
    assert (
        told
        == "What it saved is not known yet: there are 29 shadows of the workflow, and it takes 30 of each workflow."
    )


def test_agreement_counts_those_that_were_compared(workflow):
    make_shadowed(workflow, ["0.01"] * 27)
    make_shadowed(workflow, ["0.01"] * 3, same=False)
    make_shadowed(workflow, ["0.01"] * 5, same=None)
    baseline = summary_of(workflow, "measured")["baseline"]
    assert (baseline["n"], baseline["agreement"]) == (35, "0.9000")
    assert baseline["agreement_interval"] == ["0.7438", "0.9654"]


def test_savings_have_the_interval_of_what_they_are_measured_against(workflow):
    make_shadowed(workflow, ["0.01", "0.03"] * 20)
    summary = summary_of(workflow, "measured")
    assert (summary["if_all_frontier"], summary["total_cost"]) == ("0.80", "0.18")
    low, high = map(Decimal, summary["baseline"]["interval"])
    assert low == pytest.approx(Decimal("0.676"), abs=Decimal("0.013"))
    assert high == pytest.approx(Decimal("0.924"), abs=Decimal("0.013"))
    assert [Decimal(end) for end in summary["baseline"]["savings_interval"]] == [
        low - Decimal("0.18"),
        high - Decimal("0.18"),
    ]
    assert summary_of(workflow, "measured") == summary


def test_the_two_subjects_are_never_mixed(workflow):
    make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(workflow, ["0.07"] * 30, subject="task")
    asked = client_of(workflow.project, "read")
    found = {one: asked.get(f"{COSTS}?baseline=measured&subject={one}").json() for one in ("workflow", "task")}
    assert {one: (body["if_all_frontier"], body["baseline"]["n"]) for one, body in found.items()} == {
        "workflow": ("0.60", 30),
        "task": ("4.20", 30),
    }
    assert found["task"]["baseline"]["subject"] == "task"


def test_the_subject_is_the_task_where_the_baseline_has_its_prompt(workflow):
    make_shadowed(workflow, ["0.07"] * 30, subject="task", prompt_hash=prompt_hash("Decide."))
    assert summary_of(workflow, "measured")["baseline"]["subject"] == "workflow"
    workflow.state_baseline("alice", method="measured", model=OPUS, prompt="Decide.", valid_from=NOON)
    summary = summary_of(workflow)
    assert (summary["baseline"]["method"], summary["baseline"]["subject"]) == ("measured", "task")
    assert summary["if_all_frontier"] == "2.10"


@pytest.mark.parametrize("query", ["?subject=task", "?subject=workflow&baseline=declared"])
def test_a_subject_of_another_method_is_refused(workflow, query):
    answer = client_of(workflow.project, "read").get(COSTS + query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("A subject is of the baseline measured")


def test_only_shadows_on_the_model_that_the_report_names_count(workflow):
    make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(workflow, ["0.002"] * 30, model=SONNET)
    assert summary_of(workflow, "measured")["baseline"]["model"] == OPUS
    assert summary_of(workflow, "measured")["if_all_frontier"] == "0.60"
    state_baseline(workflow, "measured", model=SONNET, at=NOON)
    summary = summary_of(workflow, "measured")
    assert (summary["baseline"]["model"], summary["if_all_frontier"]) == (SONNET, "0.12")


def test_simulated_shadows_are_no_evidence_of_real_ones(workflow):
    make_shadowed(workflow, ["0.01"] * 30, simulated=True)
    assert summary_of(workflow, "measured")["baseline"]["n"] == 0


def test_a_window_has_its_own_shadows_and_its_own_weights(workflow):
    make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(workflow, ["0.03"] * 30, at=NOON + A_DAY)
    first = summary_of(workflow, "measured", until=date(2026, 11, 17))
    second = summary_of(workflow, "measured", since=date(2026, 11, 17))
    assert (first["if_all_frontier"], second["if_all_frontier"]) == ("0.30", "0.90")
    assert summary_of(workflow, "measured")["if_all_frontier"] == "1.20"


def test_it_is_paid_back_on_the_day_on_which_the_mean_says_so(workflow):
    """0.10 for the design and 0.002 for each execution, against 0.01: it takes thirteen."""
    make_shadowed(workflow, ["0.01"] * 12)
    make_shadowed(workflow, ["0.01"] * 18, at=NOON + A_DAY)
    summary = summary_of(workflow, "measured")
    assert (summary["payback_executions"], summary["paid_back_at"]) == (13, "2026-11-17")


def test_a_version_without_shadows_borrows_and_it_is_said(workflow):
    make_shadowed(workflow, ["0.01"] * 30)
    later = workflow.draft(
        Examined.of(workflow.versions.get().definition, workflow.project), "2.0.0", created_by="alice"
    )
    make_answer(make_execution(workflow, version=later))
    summary = summary_of(workflow, "measured")
    assert (summary["if_all_frontier"], summary["baseline"]["borrowed"]) == ("0.31", 1)


def test_a_project_is_the_sum_of_its_workflows_where_each_is_measured(workflow):
    triage = make_measured_workflow("triage", project=workflow.project)
    make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(triage, ["0.02"] * 29)
    project = {"project": workflow.project}
    summary = summary_of(None, "measured", **project)
    assert (summary["if_all_frontier"], summary["baseline"]["unpriced"], summary["baseline"]["n"]) == (None, 1, 59)
    make_shadowed(triage, ["0.02"])
    summary = summary_of(None, "measured", **project)
    assert (summary["if_all_frontier"], summary["baseline"]["unpriced"]) == ("0.90", 0)
    assert summary["baseline"]["interval"] == ["0.90", "0.90"]


def test_a_project_is_repriced_where_nobody_says_how_whatever_its_workflows_state(workflow):
    triage = make_measured_workflow("triage", project=workflow.project)
    state_baseline(workflow, "declared", cost="1.00", at=NOON)
    state_baseline(triage, "measured", model=OPUS, at=NOON)
    make_answer(make_execution(workflow))
    make_answer(make_execution(triage))
    summary = summary_of(None, project=workflow.project)
    assert summary["baseline"]["method"] == "repriced_warm"
    assert (summary["if_all_frontier"], summary["savings"]) == ("0.02", "-0.084")
