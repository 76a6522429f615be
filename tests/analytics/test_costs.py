"""Which cost stands where: purposes, doubts, trials, simulated beside real, unpriced, and the edges of a window."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.costs import is_simulated, summarise
from analytics.extent import Extent
from analytics.groups import grouped
from executions.models import Execution, Status
from gateway import gateway
from gateway.types import Outcome, Purpose, Usage
from tests.cast import make_workflow
from workflows.models import Examined

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_measured_workflow,
    make_project,
    summary_of,
)

pytestmark = pytest.mark.django_db

COSTS = ("execution_cost", "design_cost", "evaluation_cost", "shadow_cost", "in_doubt_cost", "total_cost")
MIDNIGHT = datetime(2026, 11, 17, tzinfo=UTC)
AN_INSTANT = timedelta(microseconds=1)


@pytest.fixture
def workflow():
    return make_measured_workflow()


def costs(summary: dict) -> dict[str, str]:
    """The costs that are not zero."""
    return {name: summary[name] for name in COSTS if summary[name] != "0.00"}


@pytest.mark.parametrize(
    ("purpose", "account"),
    [
        (Purpose.STEP, "execution_cost"),
        (Purpose.REPAIR, "execution_cost"),
        (Purpose.ESCALATION, "execution_cost"),
        (Purpose.MATCH, "execution_cost"),
        (Purpose.DESIGN, "design_cost"),
        (Purpose.REDESIGN, "design_cost"),
        (Purpose.EVALUATION, "evaluation_cost"),
        (Purpose.JUDGE, "evaluation_cost"),
        (Purpose.SHADOW, "shadow_cost"),
    ],
)
def test_the_purpose_of_a_call_says_where_its_cost_stands(workflow, purpose, account):
    make_call(make_execution(workflow), HAIKU, SHORT, purpose=purpose)
    assert costs(summary_of(workflow)) == {account: "0.002", "total_cost": "0.002"}


def test_a_design_that_was_paid_stands_beside_one_that_was_declared():
    workflow = make_measured_workflow(design_cost="5.20")
    make_call(make_execution(workflow), OPUS, SHORT, purpose=Purpose.DESIGN)
    summary = summary_of(workflow)
    assert summary["design"] == {"declared": "5.20", "measured": "0.01"}
    assert costs(summary) == {"design_cost": "5.21", "total_cost": "5.21"}


def test_a_design_without_a_date_counts_when_its_version_was_stored():
    workflow = make_measured_workflow(design_cost="5.20", at=NOON)
    examined = Examined.of(workflow.versions.get().definition, workflow.project)
    workflow.draft(examined, "1.0.1", created_by="alice", design_cost=10**12, created_at=MIDNIGHT)
    window = {"since": date(2026, 11, 17), "until": date(2026, 11, 18)}
    assert summary_of(workflow, **window)["design"] == {"declared": "1.00", "measured": "0.00"}


def test_a_call_in_doubt_stands_apart_at_its_upper_bound(workflow):
    make_doubted_call(make_execution(workflow), upper_bound=7_000_000_000)
    assert costs(summary_of(workflow)) == {"in_doubt_cost": "0.007", "total_cost": "0.007"}


def test_an_answer_that_turns_up_brings_a_doubted_call_to_the_truth(workflow):
    execution = make_execution(workflow)
    doubted = make_doubted_call(execution, upper_bound=7_000_000_000)
    gateway.late(build_call(execution, HAIKU, SHORT), doubted).save(force_insert=True)
    summary = summary_of(workflow)
    assert costs(summary) == {"in_doubt_cost": "0.002", "total_cost": "0.002"}
    assert summary["if_all_frontier"] == "0.00"
    about = Extent(workflow.project, workflow, simulated=False)
    assert [(group.calls, group.cost) for group in grouped(about, "model")] == [(1, Decimal("0.002"))]


def test_a_doubt_without_a_bound_is_unpriced_until_its_answer_turns_up(workflow):
    execution = make_execution(workflow)
    doubted = make_doubted_call(execution, upper_bound=None)
    assert summary_of(workflow)["unpriced_calls"] == 1
    gateway.late(build_call(execution, HAIKU, SHORT), doubted).save(force_insert=True)
    summary = summary_of(workflow)
    assert (summary["unpriced_calls"], summary["complete"], summary["total_cost"]) == (0, True, "0.002")


def test_a_trial_is_evaluation_and_no_execution(workflow):
    trial = make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None)
    make_answer(trial)
    summary = summary_of(workflow)
    assert costs(summary) == {"evaluation_cost": "0.002", "total_cost": "0.002"}
    assert (summary["executions"], summary["finished"], summary["completed"]) == (0, 0, 0)
    assert (summary["if_all_frontier"], summary["savings"], summary["retry_rate"]) == ("0.00", "-0.002", None)


def test_simulated_and_real_money_are_never_added(workflow):
    make_answer(make_execution(workflow))
    make_answer(make_execution(workflow, simulated=True), usage=Usage(input=3_000))
    real, simulated = summary_of(workflow, simulated=False), summary_of(workflow, simulated=True)
    assert (real["simulated"], real["executions"], real["total_cost"], real["if_all_frontier"]) == (
        False,
        1,
        "0.002",
        "0.01",
    )
    assert (simulated["simulated"], simulated["executions"]) == (True, 1)
    assert (simulated["total_cost"], simulated["if_all_frontier"]) == ("0.003", "0.015")


def test_a_real_call_of_a_simulated_execution_is_real_money_and_saves_nothing(workflow):
    make_answer(make_execution(workflow, simulated=True), simulated=False)
    real, simulated = summary_of(workflow, simulated=False), summary_of(workflow, simulated=True)
    assert (real["total_cost"], real["if_all_frontier"]) == ("0.002", "0.00")
    assert (simulated["total_cost"], simulated["if_all_frontier"]) == ("0.00", "0.00")


def test_the_kind_is_real_as_soon_as_anything_is(workflow):
    assert not is_simulated(workflow.project, workflow)  # nothing yet: the models of its tiers are real
    make_execution(workflow, simulated=True)
    assert is_simulated(workflow.project, workflow)
    make_execution(workflow, simulated=False)
    assert not is_simulated(workflow.project, workflow)


def test_before_anything_is_executed_the_kind_is_that_of_the_project_and_of_its_models(workflow):
    other = make_measured_workflow("other", project=workflow.project)
    make_execution(workflow, simulated=True)
    assert is_simulated(workflow.project, other)
    make_execution(workflow, simulated=False)
    assert not is_simulated(workflow.project, other)
    playing = make_project("bob")
    assert is_simulated(playing, None)
    assert is_simulated(playing, make_workflow(project=playing))


def test_archived_workflows_and_those_of_which_nothing_is_live_leave_nothing_to_prove(workflow):
    extent, young = Extent(workflow.project, None, False), workflow.project.workflows.create(name="young")
    assert summarise(extent).unproven
    workflow.archive("alice")
    assert not summarise(extent).unproven
    assert summarise(replace(extent, workflow=workflow)).unproven
    assert not summarise(replace(extent, workflow=young)).unproven


def test_an_unpriced_call_is_said_and_never_zero(workflow):
    make_answer(make_execution(workflow))
    make_answer(make_execution(workflow), model="anthropic:claude-nobody-1")
    summary = summary_of(workflow)
    assert (summary["complete"], summary["unpriced_calls"]) == (False, 1)
    assert summary["total_cost"] == "0.002"
    unknown = ("savings", "savings_percent", "roi_percent", "payback_executions", "paid_back_at", "cost_per_completed")
    assert {name: summary[name] for name in unknown} == dict.fromkeys(unknown)


def test_what_an_agent_reports_is_counted_apart(workflow):
    reported = {"purpose": Execution.Purpose.REPORTED}
    make_call(make_execution(workflow, **reported), HAIKU, SHORT, reported=True)
    make_call(make_execution(workflow, status=Status.ESCALATED, **reported, finished_at=NOON), HAIKU, reported=True)
    make_call(make_execution(workflow, **reported), "anthropic:claude-nobody-1", reported=True)
    make_answer(make_execution(workflow))
    summary = summary_of(workflow)
    assert summary["reported"] == {"executions": 3, "calls": 3, "cost": "0.004", "unpriced_calls": 1}
    counts = ("executions", "finished", "completed", "total_cost", "if_all_frontier", "unpriced_calls", "complete")
    assert [summary[name] for name in counts] == [1, 1, 1, "0.002", "0.01", 0, True]


def test_it_can_cost_more_than_it_saves():
    workflow = make_measured_workflow(design_cost="5.20")
    make_answer(make_execution(workflow))
    summary = summary_of(workflow)
    assert (summary["savings"], summary["savings_percent"]) == ("-5.192", "-51920.00")
    assert (summary["payback_executions"], summary["paid_back_at"]) == (650, None)


def test_it_never_pays_back_where_an_execution_saves_nothing():
    workflow = make_measured_workflow(design_cost="5.20")
    make_answer(make_execution(workflow), model=OPUS)
    assert summary_of(workflow)["payback_executions"] is None


def test_a_workflow_that_nobody_has_executed(workflow):
    summary = summary_of(workflow)
    assert (summary["executions"], summary["completed"], summary["total_cost"], summary["savings"]) == (
        0,
        0,
        "0.00",
        "0.00",
    )
    unknown = (
        *("savings_percent", "roi_percent", "payback_executions", "paid_back_at"),
        *("cost_per_completed", "escalation_rate", "retry_rate"),
    )
    assert {name: summary[name] for name in unknown} == dict.fromkeys(unknown)
    assert summary["latency_ms"] == {"p50": None, "p95": None}


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        (NOON, "0.00"),
        (MIDNIGHT - AN_INSTANT, "0.00"),
        (MIDNIGHT, "0.002"),
        (MIDNIGHT + timedelta(days=1) - AN_INSTANT, "0.002"),
        (MIDNIGHT + timedelta(days=1), "0.00"),
    ],
)
def test_a_window_holds_whole_days_its_first_and_not_its_last(workflow, at, counted):
    make_answer(make_execution(workflow, at))
    summary = summary_of(workflow, since=date(2026, 11, 17), until=date(2026, 11, 18))
    assert summary["total_cost"] == counted
    assert summary["completed"] == (counted == "0.002")


def test_cost_is_of_the_day_of_the_call_and_baseline_of_the_day_of_completion(workflow):
    execution = make_execution(workflow, MIDNIGHT + timedelta(hours=1), created_at=MIDNIGHT - timedelta(hours=1))
    make_answer(execution, at=MIDNIGHT - AN_INSTANT)
    before = summary_of(workflow, until=date(2026, 11, 17))
    after = summary_of(workflow, since=date(2026, 11, 17))
    assert (before["executions"], before["completed"], before["total_cost"], before["if_all_frontier"]) == (
        1,
        0,
        "0.002",
        "0.00",
    )
    assert (after["executions"], after["completed"], after["total_cost"], after["if_all_frontier"]) == (
        0,
        1,
        "0.00",
        "0.01",
    )


def test_payback_is_of_the_whole_life_also_in_a_window():
    workflow = make_measured_workflow(design_cost="0.105")
    make_answer(make_execution(workflow, NOON), usage=Usage(input=25_000))
    make_answer(make_execution(workflow, MIDNIGHT))
    summary = summary_of(workflow, since=date(2026, 11, 17))
    assert (summary["design_cost"], summary["savings"]) == ("0.00", "0.008")
    assert summary["payback_executions"] == 2  # 0.105 / ((0.135 - 0.027) / 2)
    assert summary["paid_back_at"] == "2026-11-17"


def test_what_came_after_the_window_is_not_known_in_it():
    workflow = make_measured_workflow(design_cost="0.10")
    make_answer(make_execution(workflow, MIDNIGHT), usage=Usage(input=100_000))
    summary = summary_of(workflow, until=date(2026, 11, 17))
    assert (summary["savings"], summary["payback_executions"], summary["paid_back_at"]) == ("-0.10", None, None)


def test_a_project_is_the_sum_of_its_workflows_and_of_no_other_project():
    project = make_project("bob", tiers={"frontier": OPUS, "cheap": HAIKU})
    refund = make_measured_workflow("refund", project=project, design_cost="1")
    triage = make_measured_workflow("triage", project=project)
    make_answer(make_execution(refund))
    make_answer(make_execution(triage), usage=Usage(input=3_000))
    make_answer(make_execution(make_measured_workflow("refund")))
    summary = summary_of(None, project=project)
    assert summary["workflow"] is None
    assert (summary["executions"], summary["total_cost"], summary["if_all_frontier"]) == (2, "1.005", "0.025")


def test_a_call_that_was_not_answered_for_want_of_the_provider_costs_nothing(workflow):
    make_call(make_execution(workflow), HAIKU, Usage(), outcome=Outcome.THROTTLED)
    summary = summary_of(workflow)
    assert (summary["total_cost"], summary["complete"]) == ("0.00", True)
