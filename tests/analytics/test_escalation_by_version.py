"""The escalation rate of each version, and whether the last one's is lower."""

from datetime import timedelta

import pytest

from executions.models import Execution, Status
from tests.cast import make_project

from .learnings import DAY, flagged, learning_of, publish, ran, waiting, workflow_at
from .ledgers import NOON, REAL, make_flag

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    return workflow_at()


def many(workflow, count, escalated, at=NOON, **fields):
    for _ in range(count - escalated):
        ran(workflow, at, **fields)
    for _ in range(escalated):
        flagged(workflow, at, **fields)


def told(workflow, **extent):
    return [
        (one["version"], one["finished"], one["escalated"], one["escalation_rate"])
        for one in learning_of(workflow, **extent)["versions"]
    ]


def test_it_is_counted_by_version_in_the_order_in_which_they_went_live(workflow):
    many(workflow, 4, 3)
    publish(workflow, "1.1.0")
    many(workflow, 5, 1, NOON + DAY)
    assert told(workflow) == [("1.0.0", 4, 3, "0.7500"), ("1.1.0", 5, 1, "0.2000")]
    [first, last] = learning_of(workflow)["versions"]
    assert first["published_at"] == "2026-11-16T12:00:00Z"
    assert (first["interval"], last["interval"]) == (["0.3006", "0.9544"], ["0.0362", "0.6245"])


def test_a_version_that_goes_live_again_keeps_its_place_and_one_that_did_nothing_has_no_rate(workflow):
    first = workflow.live.version
    publish(workflow, "1.1.0")
    first.publish("alice")
    assert told(workflow) == [("1.0.0", 0, 0, None), ("1.1.0", 0, 0, None)]


def test_what_failed_or_was_answered_wrongly_has_finished_and_so_has_what_stands_escalated(workflow):
    ran(workflow)
    ran(workflow, judged_right=False)
    ran(workflow, status=Status.RUNNING)
    ran(workflow, status=Status.CANCELLED)
    make_flag(ran(workflow, status=Status.FAILED))
    waiting(workflow)
    make_flag(ran(workflow), reason="review", waiting=False)
    assert told(workflow) == [("1.0.0", 5, 2, "0.4000")]


def test_trials_evaluations_and_what_agents_report_are_not_counted(workflow):
    flagged(workflow)
    for purpose in (Execution.Purpose.TRIAL, Execution.Purpose.EVALUATION, Execution.Purpose.REPORTED):
        flagged(workflow, purpose=purpose)
    assert told(workflow) == [("1.0.0", 1, 1, "1.0000")]


def test_simulated_and_real_are_never_added(workflow):
    many(workflow, 3, 1)
    many(workflow, 2, 2, simulated=True)
    waiting(workflow, simulated=True)
    assert told(workflow) == [("1.0.0", 3, 1, "0.3333")]
    assert told(workflow, simulated=True) == [("1.0.0", 3, 3, "1.0000")]


def test_another_workflow_and_another_project_change_nothing(workflow):
    many(workflow, 2, 1)
    many(workflow_at(name="triage", project=workflow.project), 3, 3)
    many(workflow_at(project=make_project("bob", tiers=REAL)), 4, 4)
    assert told(workflow) == [("1.0.0", 2, 1, "0.5000")]


def test_a_window_counts_what_ended_in_it_and_versions_that_were_live_before_its_end(workflow):
    many(workflow, 3, 1)
    publish(workflow, "1.1.0", at=NOON + 2 * DAY)
    many(workflow, 4, 1, NOON + 2 * DAY)
    until = (NOON + 2 * DAY).date()
    assert told(workflow, until=until) == [("1.0.0", 3, 1, "0.3333")]
    assert told(workflow, since=until) == [("1.0.0", 0, 0, None), ("1.1.0", 4, 1, "0.2500")]


def test_what_is_run_again_counts_on_the_version_that_flagged_it_and_not_on_the_one_that_was_made_for_it(workflow):
    many(workflow, 3, 0)
    flags = [waiting(workflow) for _ in range(2)]
    publish(workflow, "1.1.0", flags)
    again = Execution.objects.filter(rerun_of__isnull=False).order_by("pk")
    assert [flag.execution.status for flag in map(refreshed, flags)] == ["cancelled", "cancelled"]
    again.update(status=Status.COMPLETED, finished_at=NOON + DAY)
    many(workflow, 4, 1, NOON + DAY)
    versions = learning_of(workflow)["versions"]
    assert [(one["finished"], one["escalated"], one["run_again"]) for one in versions] == [(5, 2, 2), (4, 1, 0)]


def test_what_is_run_again_and_stands_escalated_again_counts_once(workflow):
    publish(workflow, "1.1.0", [waiting(workflow)])
    again = Execution.objects.get(rerun_of__isnull=False)
    Execution.objects.filter(pk=again.pk).update(status=Status.COMPLETED, finished_at=NOON + DAY)
    publish(workflow, "1.2.0", [make_flag(refresh(again), waiting=False)], at=NOON + 2 * DAY)
    assert told(workflow) == [("1.0.0", 1, 1, "1.0000"), ("1.1.0", 0, 0, None), ("1.2.0", 0, 0, None)]


def refreshed(flag):
    return type(flag).objects.select_related("execution").get(pk=flag.pk)


def refresh(row):
    row.refresh_from_db()
    return row


def test_the_last_version_is_compared_with_the_one_before(workflow):
    publish(workflow, "1.1.0")
    many(workflow, 40, 20, NOON + DAY)
    publish(workflow, "1.2.0", at=NOON + 2 * DAY)
    many(workflow, 40, 4, NOON + 2 * DAY)
    assert learning_of(workflow)["change"] == {
        "before": "1.1.0",
        "after": "1.2.0",
        "difference": "-0.4000",
        "interval": ["-0.5599", "-0.2027"],
        "verdict": "lower",
    }


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [((30, 2), (30, 15), "higher"), ((30, 10), (30, 8), "undecided")]
)
def test_it_says_so_where_it_is_higher_and_where_no_difference_is_shown(workflow, before, after, verdict):
    many(workflow, *before)
    publish(workflow, "1.1.0")
    many(workflow, *after, NOON + DAY)
    assert learning_of(workflow)["change"]["verdict"] == verdict


def test_below_thirty_executions_of_one_of_them_it_is_too_few_to_say(workflow):
    assert learning_of(workflow)["change"] is None
    many(workflow, 40, 40)
    publish(workflow, "1.1.0")
    many(workflow, 29, 0, NOON + DAY + timedelta(minutes=1))
    change = {"before": "1.0.0", "after": "1.1.0", "difference": None, "interval": None, "verdict": "too_few"}
    assert learning_of(workflow)["change"] == change
