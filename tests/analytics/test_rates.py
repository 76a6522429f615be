"""Escalation, repair and latency: who is counted, and when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from analytics.latency import nearest_rank as percentile
from executions import states
from executions.models import Event, Execution, Status
from gateway import gateway
from gateway.types import Purpose

from .ledgers import (
    HAIKU,
    NOON,
    SHORT,
    build_call,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    summary_of,
)

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 11, 17, tzinfo=UTC)
AN_INSTANT = timedelta(microseconds=1)


@pytest.fixture
def workflow():
    return make_measured_workflow()


def test_finished_is_completed_failed_and_escalated(workflow):
    for status in Status:
        make_execution(workflow, status=status)
    summary = summary_of(workflow)
    assert (summary["executions"], summary["finished"], summary["completed"]) == (7, 3, 1)


def test_the_escalation_rate_counts_finished_executions_with_a_flag_that_reached_a_rung(workflow):
    answered, waits, _, _, failed = (
        make_execution(workflow),
        make_execution(workflow, status=Status.ESCALATED),
        make_execution(workflow),
        make_execution(workflow),
        make_execution(workflow, status=Status.FAILED),
    )
    make_flag(answered, waiting=False)
    make_flag(answered, reason="low_confidence")
    make_flag(waits)
    make_flag(make_execution(workflow, status=Status.RUNNING))
    summary = summary_of(workflow)
    assert (summary["finished"], summary["escalation_rate"]) == (5, "0.4000")
    make_flag(failed)
    assert summary_of(workflow)["escalation_rate"] == "0.6000"


def test_what_was_escalated_at_the_end_of_the_window_is_finished_in_it_also_when_it_went_on_later(workflow):
    execution = make_execution(workflow, NOON, status=Status.ESCALATED)
    make_flag(execution)
    later = timezone.now()
    answered = {"actor": "rita", "resolved_by": Execution.Resolver.HUMAN, "finished_at": later}
    assert states.move(execution.pk, Status.ESCALATED, Status.COMPLETED, **answered)
    then = summary_of(workflow, until=date(2026, 11, 17))
    assert (then["finished"], then["completed"], then["escalation_rate"]) == (1, 0, "1.0000")
    since = summary_of(workflow, since=later.date())
    assert (since["finished"], since["completed"]) == (1, 1)
    assert summary_of(workflow)["finished"] == 1


def test_what_completes_an_instant_before_midnight_and_says_so_an_instant_after_it_finished_once(workflow):
    execution = make_execution(workflow, NOON, status=Status.ESCALATED)
    stamped = {"status": Status.COMPLETED, "finished_at": MIDNIGHT - AN_INSTANT}
    Execution.objects.filter(pk=execution.pk).update(**stamped)
    Event.objects.create(
        execution=execution, kind="status", before="escalated", after="completed", actor="rita", at=MIDNIGHT
    )
    assert summary_of(workflow, until=date(2026, 11, 17))["finished"] == 1
    assert summary_of(workflow, since=date(2026, 11, 17))["finished"] == 0


def test_what_was_escalated_before_the_window_did_not_finish_in_it(workflow):
    make_execution(workflow, NOON, status=Status.ESCALATED)
    assert summary_of(workflow, since=date(2026, 11, 17))["finished"] == 0


def test_what_went_on_after_it_was_escalated_has_not_finished(workflow):
    execution = make_execution(workflow, NOON, status=Status.ESCALATED)
    assert states.move(execution.pk, Status.ESCALATED, Status.QUEUED, actor="rita")
    assert summary_of(workflow)["finished"] == 0


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        (MIDNIGHT - AN_INSTANT, 0),
        (MIDNIGHT, 1),
        (MIDNIGHT + timedelta(days=1) - AN_INSTANT, 1),
        (MIDNIGHT + timedelta(days=1), 0),
    ],
)
def test_a_window_holds_its_first_instant_and_not_its_last(workflow, at, counted):
    make_execution(workflow, at, created_at=at)
    make_execution(workflow, at, created_at=at, status=Status.ESCALATED)
    summary = summary_of(workflow, since=date(2026, 11, 17), until=date(2026, 11, 18))
    assert (summary["executions"], summary["finished"], summary["completed"]) == (2 * counted, 2 * counted, counted)


def test_the_row_that_corrects_a_call_is_not_another_call(workflow):
    execution = make_execution(workflow)
    doubted = make_doubted_call(execution, upper_bound=7_000_000_000)
    gateway.late(build_call(execution, HAIKU, SHORT), doubted).save(force_insert=True)
    make_call(execution, HAIKU, SHORT, purpose=Purpose.REPAIR)
    assert summary_of(workflow)["retry_rate"] == "1.0000"


def test_the_retry_rate_is_repairs_over_step_calls_of_production(workflow):
    execution = make_execution(workflow)
    for purpose in (Purpose.STEP, Purpose.STEP, Purpose.STEP, Purpose.REPAIR, Purpose.ESCALATION):
        make_call(execution, HAIKU, SHORT, purpose=purpose)
    trial = make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None)
    make_call(trial, HAIKU, SHORT, purpose=Purpose.REPAIR)
    assert summary_of(workflow)["retry_rate"] == "0.3333"


def test_latency_runs_from_acceptance_to_completion(workflow):
    for seconds in (1, 2, 3, 4):
        make_execution(workflow, created_at=NOON - timedelta(seconds=seconds))
    make_execution(workflow, status=Status.FAILED, created_at=NOON - timedelta(hours=1))
    assert summary_of(workflow)["latency_ms"] == {"p50": 2_000, "p95": 4_000}


@pytest.mark.parametrize(
    ("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (19, 10, 19), (20, 10, 19), (21, 11, 20), (100, 50, 95)]
)
def test_a_percentile_is_one_of_the_values(count, p50, p95):
    values = list(range(1, count + 1))
    assert (percentile(values, 50), percentile(values, 95)) == (p50, p95)


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 50) is None
