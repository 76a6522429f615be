"""A group of flags that waits for too long is told once, until it was cleared."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from executions.models import Flag
from notifications import reminding
from notifications.models import Cursor, Delivery, Overdue
from tests.cast import envelope, execute, make_workflow, models_answer

from .conftest import listen

pytestmark = pytest.mark.django_db

UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}


@pytest.fixture
def workflow():
    models_answer(UNCOVERED)
    return make_workflow()


def flagged(workflow, hours: float) -> Flag:
    flag = execute(workflow).flags.get()
    Flag.objects.filter(pk=flag.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    return flag


def remind() -> int:
    """As if a minute had passed since the last time."""
    Cursor.objects.update(reminded_at=None)
    return reminding.remind()


def test_a_group_is_told_once_with_its_oldest_and_how_many(workflow):
    listen(workflow.project, None, "flags.overdue", hours=24)
    oldest = flagged(workflow, 25)
    flagged(workflow, 1)
    assert [remind(), remind()] == [1, 0]
    said = json.loads(Delivery.objects.get().body)
    oldest.refresh_from_db()
    assert said["type"] == "flags.overdue"
    assert said["data"] == {
        "workflow": "refund",
        "step": "classify",
        "reason": "uncovered",
        "flags": 2,
        "oldest_flag": str(oldest.pk),
        "oldest_at": oldest.created_at.isoformat().replace("+00:00", "Z"),
        "hours": 24,
        "url": "http://127.0.0.1:8000/api/v1/flags?waiting=true&workflow=refund&reason=uncovered",
    }


def test_a_group_that_is_not_old_enough_is_not_told(workflow):
    listen(workflow.project, None, "flags.overdue", hours=48)
    flagged(workflow, 47)
    assert remind() == 0
    assert not Delivery.objects.exists()


def test_a_group_that_was_cleared_is_told_again_when_it_is_old_again(workflow):
    listen(workflow.project, None, "flags.overdue")
    flag = flagged(workflow, 30)
    assert remind() == 1
    Flag.objects.filter(pk=flag.pk).update(state="resolved")
    assert (remind(), Overdue.objects.count()) == (0, 0)
    flagged(workflow, 30)
    assert remind() == 1
    assert Delivery.objects.count() == 2


def test_groups_of_two_workflows_are_two_and_an_endpoint_may_want_one(workflow):
    other = make_workflow(project=workflow.project, name="other")
    listen(workflow.project, None, "flags.overdue")
    listen(workflow.project, None, "flags.overdue", workflow=other)
    for each in (workflow, other):
        flagged(each, 30)
    assert remind() == 3


def test_what_waits_for_nobody_and_what_nobody_asked_for_is_not_told(workflow):
    listen(workflow.project, None, "execution.completed")
    flag = flagged(workflow, 30)
    assert remind() == 0
    listen(workflow.project, None, "flags.overdue")
    Flag.objects.filter(pk=flag.pk).update(waiting=False)
    assert remind() == 0


def test_it_looks_once_a_minute(workflow):
    listen(workflow.project, None, "flags.overdue")
    assert reminding.remind() == 0
    flagged(workflow, 30)
    assert reminding.remind() == 0
    Cursor.objects.update(reminded_at=timezone.now() - timedelta(seconds=61))
    assert reminding.remind() == 1
