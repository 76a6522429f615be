"""Which executions get a shadow: as the hash of their ids says, and no other."""

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.models import Execution
from executions.retention import purge
from shadows import drawing
from shadows.models import Plan, Shadow
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from tests.shadows.shadowed import ended, execute_past, plan

pytestmark = pytest.mark.django_db

REFUNDS = {"text": envelope({"kind": "refund"})}


def refunds(count: int = 1, definition: dict = REFUND):
    workflow = make_workflow(definition)
    models_answer(REFUNDS)
    return workflow, [execute_past(workflow, f"refund {number}") for number in range(count)]


@pytest.mark.parametrize(
    ("execution", "subject", "share", "drawn"),
    [
        # SHA-256 begins with 3a4697d1eabd7f35 for the workflow, 0.22764 of all that it could be; with bf4f4cb20f1a6714 for the
        # task, 0.74730.
        ("00000000-0000-7000-8000-000000000001", "workflow", "0.2277", True),
        ("00000000-0000-7000-8000-000000000001", "workflow", "0.2276", False),
        ("00000000-0000-7000-8000-000000000001", "task", "0.7474", True),
        ("00000000-0000-7000-8000-000000000001", "task", "0.7473", False),
        ("00000000-0000-7000-8000-000000000001", "task", "0", False),
        ("00000000-0000-7000-8000-000000000001", "task", "1", True),
    ],
)
def test_the_hash_of_the_id_and_the_subject_says_which(execution, subject, share, drawn):
    assert drawing.is_drawn(UUID(execution), subject, Decimal(share)) is drawn


def test_about_its_share_is_drawn():
    drawn = sum(drawing.is_drawn(UUID(int=n), "workflow", Decimal("0.05")) for n in range(10_000))
    assert 450 < drawn < 550


def test_it_draws_what_completed_and_remembers_how_far_it_looked():
    workflow, pasts = refunds(3)
    plan(workflow)
    assert drawing.draw(workflow.pk) == 3
    assert set(Shadow.objects.values_list("past", flat=True)) == {past.pk for past in pasts}
    assert drawing.draw(workflow.pk) == 3, "what is as young may be committed later"
    last = execute_past(workflow)
    ended(last, seconds=40)
    drawing.draw(workflow.pk)
    assert Shadow.objects.count() == 4
    for past in (*pasts, last):
        ended(past, minutes=3)
    assert drawing.draw(workflow.pk) == 0, "what is older is not read again"


def test_what_is_committed_late_is_drawn_though_others_ended_after_it():
    workflow, [early, late] = refunds(2)
    ended(early, seconds=40)
    Execution.objects.filter(pk=late.pk).update(status="running", finished_at=None)
    plan(workflow)
    drawing.draw(workflow.pk)
    assert [one.past for one in Shadow.objects.all()] == [early]
    Execution.objects.filter(pk=late.pk).update(status="completed")
    ended(late, seconds=100)
    drawing.draw(workflow.pk)
    assert Shadow.objects.filter(past=late).exists()


def test_a_busy_workflow_is_looked_at_to_its_end_all_the_same(monkeypatch):
    monkeypatch.setattr(drawing, "AT_A_TIME", 2)
    workflow, pasts = refunds(7)
    plan(workflow)
    assert [drawing.draw(workflow.pk) for _ in range(5)] == [2, 2, 2, 1, 2], "then from the same minute on again"
    assert Shadow.objects.count() == len(pasts)
    assert Plan.objects.get().looked_until < timezone.now() - timedelta(seconds=30)


def test_a_look_that_is_cut_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(drawing, "AT_A_TIME", 2)
    monkeypatch.setattr(drawing, "SECONDS", 60)
    workflow, pasts = refunds(5)
    Execution.objects.update(finished_at=pasts[0].finished_at)  # at one moment
    plan(workflow)
    assert [drawing.draw(workflow.pk) for _ in range(3)] == [2, 2, 1]
    assert Shadow.objects.count() == 5
    Shadow.objects.all().delete()
    Plan.objects.update(looked_until=None, looked_id=None)
    drawing.draw_all()
    assert Shadow.objects.count() == 5


def test_it_draws_the_share_and_nothing_else():
    workflow, pasts = refunds(12)
    plan(workflow, share=Decimal("0.5"))
    drawing.draw(workflow.pk)
    wanted = {past.pk for past in pasts if drawing.is_drawn(past.pk, "workflow", Decimal("0.5"))}
    assert set(Shadow.objects.values_list("past", flat=True)) == wanted


def test_each_keeps_its_stratum():
    workflow = make_workflow()
    models_answer(
        {"model": "claude-haiku-5-5", "user": "odd", "text": envelope(status="uncovered", uncovered="Odd.")}, REFUNDS
    )
    plain, flagged = execute_past(workflow, "refund"), execute_past(workflow, "odd refund")
    plan(workflow)
    drawing.draw(workflow.pk)
    assert flagged.resolved_by == "frontier"
    assert {one.past_id: (one.version_id, one.flagged) for one in Shadow.objects.all()} == {
        plain.pk: (plain.version_id, False),
        flagged.pk: (flagged.version_id, True),
    }


def without_plan(workflow, past):
    Plan.objects.all().delete()


def switched_off(workflow, past):
    Plan.objects.update(enabled=False)


def archived(workflow, past):
    workflow.archive("alice")


def a_trial(workflow, past):
    Execution.objects.update(purpose="trial")


def failed(workflow, past):
    Execution.objects.update(status="failed")


def rejected(workflow, past):
    Execution.objects.update(judged_right=False)


def purged(workflow, past):
    purge(workflow.project_id, timezone.now(), "test")


def real(workflow, past):
    Execution.objects.update(simulated=False)


def just_now(workflow, past):
    ended(past, seconds=10)


def two_days_ago(workflow, past):
    ended(past, hours=49)


@pytest.mark.parametrize(
    "change",
    [without_plan, switched_off, archived, a_trial, failed, rejected, purged, real, just_now, two_days_ago],
)
def test_it_does_not_draw(change):
    workflow, [past] = refunds()
    plan(workflow)
    change(workflow, past)
    drawing.draw_all()
    assert not Shadow.objects.exists()


def test_an_accepted_one_is_drawn():
    workflow, _ = refunds()
    Execution.objects.update(judged_right=True)
    plan(workflow)
    drawing.draw_all()
    assert Shadow.objects.count() == 1


def test_one_that_has_a_shadow_is_not_drawn_again():
    workflow, _ = refunds()
    plan(workflow)
    drawing.draw(workflow.pk)
    Plan.objects.update(looked_until=None, looked_id=None)
    assert drawing.draw(workflow.pk) == 1
    assert Shadow.objects.count() == 1


def test_the_look_asks_the_same_however_many_there_are(django_assert_max_num_queries):
    workflow, _ = refunds(6)
    plan(workflow)
    with django_assert_max_num_queries(16):
        drawing.draw(workflow.pk)


@pytest.mark.django_db(transaction=True)
def test_two_workers_draw_each_once():
    workflow, _ = refunds(6)
    plan(workflow)
    looked = []

    def look():
        try:
            looked.append(drawing.draw(workflow.pk))
        finally:
            connection.close()

    workers = [threading.Thread(target=look) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert max(looked) == 6
    assert Shadow.objects.count() == 6


def test_an_execution_pays_nothing_for_it(django_assert_num_queries):
    """The look is the housekeeping's: with a plan an execution asks the database what it asks without one."""
    workflow, _ = refunds()
    with CaptureQueriesContext(connection) as without:
        execute(workflow, "a refund")
    plan(workflow)
    with django_assert_num_queries(len(without)):
        execute(workflow, "a refund")


def test_what_is_not_drawn_is_not_read_again_and_again():
    workflow, [past] = refunds()
    ended(past, minutes=20)
    Execution.objects.update(purpose="trial")
    plan(workflow)
    drawing.draw(workflow.pk)
    row = Plan.objects.get()
    assert timezone.now() - timedelta(minutes=3) < row.looked_until < timezone.now() - timedelta(minutes=1)
    Execution.objects.update(purpose="production")
    assert drawing.draw(workflow.pk) == 0
    ended(past, seconds=45)
    assert drawing.draw(workflow.pk) == 1, "what completes later is behind it"
