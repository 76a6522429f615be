"""What waited for a time that has come: it goes back into the queue in equal shares of the projects, by few statements, and
workers that sweep at the same moment share it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions import bell, queue, states
from executions.models import Event, Execution, Status
from tests.cast import make_project, make_workflow

pytestmark = pytest.mark.django_db


def due(workflow, number, seconds_ago):
    """Executions that waited for a provider, in the order of their times."""
    inputs = [{"message": f"A refund, number {n}"} for n in range(number)]
    batch = queue.submit_batch(workflow.live.version, workflow.live, inputs, actor="test")
    at = timezone.now() - timedelta(seconds=seconds_ago)
    for n, one in enumerate(batch):
        one.status, one.waiting_for, one.error = "waiting", "provider", {"code": "provider", "detail": "It is away."}
        one.resume_at = at + timedelta(milliseconds=n)
    Execution.objects.bulk_update(batch, ["status", "waiting_for", "error", "resume_at"])
    return [one.pk for one in batch]


def queued():
    return set(Execution.objects.filter(status="queued").values_list("pk", flat=True))


def test_every_project_that_is_due_gets_an_equal_share_the_earliest_first(monkeypatch):
    monkeypatch.setattr(queue, "SWEPT_AT_ONCE", 6)
    many, few = due(make_workflow(), 20, 60), due(make_workflow(project=make_project("bob")), 2, 1)
    assert queue.sweep() == 6
    assert queued() == {*many[:4], *few}
    assert queue.sweep() == 6
    assert queued() == {*many[:10], *few}


def test_each_has_an_event_of_its_own_and_keeps_its_place():
    two = due(make_workflow(), 2, 60)
    places = dict(Execution.objects.values_list("pk", "queued_at"))
    queue.sweep()
    assert dict(Execution.objects.values_list("pk", "queued_at")) == places
    moved = Event.objects.filter(kind="status").values_list("execution", "before", "after", "actor")
    assert sorted(moved) == [(each, "waiting", "queued", "sweeper") for each in sorted(two)]
    left = Execution.objects.values_list("waiting_for", "resume_at", "error")
    assert set(left) == {("", None, None)}


def test_what_was_cancelled_meanwhile_is_not_moved():
    first, second = due(make_workflow(), 2, 60)
    states.move(first, Status.WAITING, Status.CANCELLED, actor="alice")
    assert states.move_all([first, second], Status.WAITING, Status.QUEUED, actor="sweeper") == [second]
    assert list(Event.objects.filter(before="waiting", after="queued")) == [
        Event.objects.get(execution=second, kind="status")
    ]


def test_a_hundred_take_as_few_statements_as_one():
    workflow, asked = make_workflow(), []
    for number in (1, 100):
        due(workflow, number, 60)
        with CaptureQueriesContext(connection) as captured:
            assert queue.sweep() == number
        said = [query["sql"].split()[0] for query in captured.captured_queries]
        asked.append([word for word in said if word in ("SELECT", "UPDATE", "INSERT")])
    one, hundred = asked
    assert one == ["SELECT", "SELECT", "UPDATE", "INSERT"]
    assert hundred[:3] == one[:3] and set(hundred[3:]) == {"INSERT"}  # SQLite writes a hundred rows in a few of them


def test_a_few_bells_ring_for_all_of_them(django_capture_on_commit_callbacks):
    due(make_workflow(), 50, 60)
    before = bell.waiting()
    with django_capture_on_commit_callbacks(execute=True):
        queue.sweep()
    assert bell.waiting() - before == 20


@pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has one worker")
@pytest.mark.django_db(transaction=True)
def test_what_another_worker_moves_at_this_moment_is_left_to_it(monkeypatch):
    monkeypatch.setattr(queue, "SWEPT_AT_ONCE", 4)
    workflow = make_workflow()
    mine = due(workflow, 4, 60)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM executions_execution WHERE id = ANY(%s) FOR UPDATE", [mine[:3]])
            assert queue.sweep() == 1
            assert queued() == {mine[3]}
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert queue.sweep() == 3
