"""What feedback does to the figures: an answer that was wrong completed nothing, however late somebody says so."""

from datetime import date, timedelta

import pytest

from analytics.models import ExecutionCell, Pending
from analytics.rollups import fold
from executions import feedback
from executions.feedback import Opinion
from executions.models import Execution, Status

from .ledgers import NOON, make_answer, make_execution, make_flag, make_measured_workflow, state_baseline, summary_of

pytestmark = pytest.mark.django_db

FIGURES = ("executions", "finished", "completed", "if_all_frontier", "total_cost", "savings", "escalation_rate")


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def wrong(workflow):
    """One of two completed executions, which took a second longer."""
    make_answer(make_execution(workflow))
    execution = make_execution(workflow, created_at=NOON - timedelta(seconds=3))
    make_answer(execution)
    return execution


def judge(execution: Execution, *, accepted: bool) -> None:
    feedback.give(execution, Opinion(accepted, "rita"))


def figures(workflow, **window) -> list:
    summary = summary_of(workflow, **window)
    return [summary[name] for name in FIGURES]


def test_a_rejected_answer_completed_nothing_and_all_frontier_would_have_paid_nothing_for_it(workflow, wrong):
    assert figures(workflow) == [2, 2, 2, "0.02", "0.004", "0.016", "0.0000"]
    judge(wrong, accepted=False)
    assert figures(workflow) == [2, 2, 1, "0.01", "0.004", "0.006", "0.0000"]


@pytest.mark.parametrize("folded", [False, True])
def test_feedback_that_comes_after_the_fold_corrects_the_cells(workflow, wrong, folded):
    summary_of(workflow)  # folds everything
    judge(wrong, accepted=False)
    assert Pending.objects.count() == 1
    if folded:
        assert fold() == 1
        assert ExecutionCell.objects.values_list("completed", "rejected").get(lane="fast") == (1, 1)
    assert figures(workflow)[2:5] == [1, "0.01", "0.004"]


def test_a_later_acceptance_brings_it_back(workflow, wrong):
    judge(wrong, accepted=False)
    assert summary_of(workflow)["completed"] == 1
    judge(wrong, accepted=True)
    assert figures(workflow) == [2, 2, 2, "0.02", "0.004", "0.016", "0.0000"]
    assert ExecutionCell.objects.values_list("completed", "rejected").get(lane="fast") == (2, 0)


def test_acceptance_changes_no_figure(workflow, wrong):
    before = summary_of(workflow)
    judge(wrong, accepted=True)
    assert summary_of(workflow) == before


def test_it_counts_on_the_day_on_which_the_execution_finished(workflow, wrong):
    judge(wrong, accepted=False)
    that_day = {"since": NOON.date(), "until": NOON.date() + timedelta(days=1)}
    assert summary_of(workflow, **that_day)["completed"] == 1
    assert summary_of(workflow, since=date(2026, 11, 17))["completed"] == 0


def test_a_declared_baseline_counts_no_rejected_execution(workflow, wrong):
    state_baseline(workflow, "declared", cost="0.50", at=workflow.created_at)
    judge(wrong, accepted=False)
    assert summary_of(workflow)["if_all_frontier"] == "0.50"


def test_latency_is_of_what_was_of_use(workflow, wrong):
    assert summary_of(workflow)["latency_ms"]["p95"] == 3000
    judge(wrong, accepted=False)
    assert summary_of(workflow)["latency_ms"]["p95"] == 2000


def test_a_rejected_execution_with_a_flag_is_still_an_escalated_one(workflow, wrong):
    make_flag(wrong, waiting=False)
    judge(wrong, accepted=False)
    assert figures(workflow)[-1] == "0.5000"


def test_a_spot_check_is_no_escalation(workflow, wrong):
    make_flag(wrong, waiting=False, reason="spot_check", detector="sample")
    assert figures(workflow)[-1] == "0.0000"


def test_a_trial_that_is_judged_counts_nowhere(workflow):
    trial = make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None)
    judge(trial, accepted=False)
    assert figures(workflow)[:3] == [0, 0, 0]


def test_what_was_rejected_and_is_escalated_says_nothing_yet(workflow):
    """A retry of ours never follows a completion; yet the figures go by the status."""
    execution = make_execution(workflow, status=Status.FAILED)
    Execution.objects.filter(pk=execution.pk).update(judged_right=False)
    assert ExecutionCell.objects.count() == 0
    assert figures(workflow)[:3] == [1, 1, 0]
    assert ExecutionCell.objects.values_list("failed", "rejected").get(lane="fast") == (1, 0)
