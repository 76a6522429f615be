"""Each event is told once, whoever commits when and however many workers read."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from executions.models import Event, Execution, Status
from executions.queue import submit
from executions.states import move
from notifications import history
from notifications.gaps import Gap, between, still_open, without
from notifications.messages import type_of
from notifications.models import Cursor, Delivery, Type
from tests.cast import make_workflow

from .conftest import listen

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")


@pytest.fixture
def workflow():
    return make_workflow()


def queued(workflow, count: int) -> list[Execution]:
    inputs = [{"message": "A refund"}] * count
    return [submit(workflow.live.version, workflow.live, one, actor="test") for one in inputs]


def cancel(execution: Execution) -> None:
    assert move(execution.pk, Status.QUEUED, Status.CANCELLED, actor="test")


def cancel_all(executions: list[Execution]) -> None:
    """Each in a transaction of its own; every fourth first in one that is undone."""
    for number, execution in enumerate(executions):
        if number % 4 == 0:
            with transaction.atomic():
                cancel(execution)
                transaction.set_rollback(True)
        cancel(execution)


class Thread:
    """Runs a job with a connection of its own; `end` waits for it, and raises what it raised."""

    def __init__(self, job: Callable[..., None], *given: object) -> None:
        self._job, self._given = job, given
        self._raised: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._job(*self._given)
        except BaseException as error:
            self._raised.append(error)
        finally:
            connection.close()

    def end(self) -> None:
        self._thread.join()
        if self._raised:
            raise self._raised[0]


class Late:
    """A transaction that has written its event and is not committed yet."""

    def __init__(self, execution: Execution, undo: bool = False) -> None:
        self._written, self._go, self._undo = threading.Event(), threading.Event(), undo
        self._thread = Thread(self._write, execution)
        assert self._written.wait(20)

    def _write(self, execution: Execution) -> None:
        with transaction.atomic():
            cancel(execution)
            self._written.set()
            self._go.wait(60)
            transaction.set_rollback(self._undo)

    def end(self) -> None:
        self._go.set()
        self._thread.end()


@on_postgresql
def test_what_is_committed_late_is_told_however_late(workflow):
    listen(workflow.project)
    first, second, third = queued(workflow, 3)
    late = Late(first)
    cancel(second)
    for _ in range(4):
        history.collect()
    assert Delivery.objects.count() == 1
    assert Cursor.objects.get().gaps
    cancel(third)
    history.collect()
    assert Delivery.objects.count() == 2
    late.end()
    for _ in range(4):
        history.collect()
    assert Delivery.objects.count() == Delivery.objects.values("event").distinct().count() == 3
    assert Cursor.objects.get().gaps == []


@on_postgresql
def test_a_number_that_nobody_will_use_is_forgotten(workflow):
    listen(workflow.project)
    first, second = queued(workflow, 2)
    late = Late(first, undo=True)
    cancel(second)
    history.collect()
    late.end()
    for _ in range(3):
        history.collect()
    assert (Cursor.objects.get().gaps, Delivery.objects.count()) == ([], 1)


@on_postgresql
def test_an_older_transaction_of_anybody_keeps_a_gap_open_and_delays_nobody(workflow):
    listen(workflow.project)
    first, second, third = queued(workflow, 3)
    writer = Late(third)
    late = Late(first, undo=True)
    cancel(second)
    history.collect()
    assert Delivery.objects.count() == 1
    late.end()
    for _ in range(3):
        history.collect()
    assert len(Cursor.objects.get().gaps) >= 1
    writer.end()
    for _ in range(3):
        history.collect()
    assert (Cursor.objects.get().gaps, Delivery.objects.count()) == ([], 2)


@on_postgresql
def test_five_writers_and_two_readers_tell_everything_once(workflow, monkeypatch):
    monkeypatch.setattr(history, "BATCH", 7)
    for number in range(3):
        listen(workflow.project, address=f"https://hooks.example/{number}")
    executions = queued(workflow, 100)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            history.collect()

    readers = [Thread(read) for _ in range(2)]
    writers = [Thread(cancel_all, executions[n::5]) for n in range(5)]
    for writer in writers:
        writer.end()
    done.set()
    for reader in readers:
        reader.end()
    for _ in range(20):
        history.collect()
    cancelled = set(Event.objects.filter(after="cancelled").values_list("pk", flat=True))
    assert len(cancelled) == 100
    told = list(Delivery.objects.values_list("event", "endpoint"))
    assert len(told) == len(set(told)) == 300
    assert {event for event, _ in told} == cancelled


def test_a_backlog_is_read_in_batches(workflow, monkeypatch):
    monkeypatch.setattr(history, "BATCH", 3)
    listen(workflow.project)
    for execution in queued(workflow, 10):
        cancel(execution)
    history.collect(seconds=60)
    assert set(Delivery.objects.values_list("event", flat=True)) == set(
        Event.objects.filter(after="cancelled").values_list("pk", flat=True)
    )


def test_what_reading_asks_does_not_grow_with_what_is_read(workflow):
    listen(workflow.project)
    asked = []
    for count in (1, 20):
        for execution in queued(workflow, count):
            cancel(execution)
        with CaptureQueriesContext(connection) as queries:
            assert history.collect() == count
        asked.append(len(queries))
    assert max(asked) <= 12


def test_a_reader_that_is_killed_before_its_commit_has_read_nothing(workflow, monkeypatch):
    listen(workflow.project)
    cancel(queued(workflow, 1)[0])
    save = Cursor.save

    def breaks(self, *args, **kwargs) -> None:
        save(self, *args, **kwargs)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(Cursor, "save", breaks)
        history.collect()
    assert not Delivery.objects.exists()
    history.collect()
    assert Delivery.objects.count() == 1


def test_a_mail_waits_a_minute_for_more_and_a_webhook_does_not(workflow, settings):
    settings.EMAIL_CONFIGURED = True
    listen(workflow.project)
    listen(workflow.project, kind="email", address="alice@example.com")
    cancel(queued(workflow, 1)[0])
    history.collect()
    webhook, mail = Delivery.objects.order_by("due_at")
    assert webhook.endpoint.kind == "webhook"
    assert mail.due_at - webhook.due_at >= timedelta(seconds=59)


# The arithmetic of gaps.


@pytest.mark.parametrize(
    ("position", "numbers", "gaps"),
    [
        (0, [], []),
        (5, [6, 7, 8], []),
        (5, [7], [Gap(6, 6)]),
        (5, [6, 9, 12], [Gap(7, 8), Gap(10, 11)]),
    ],
)
def test_what_is_missing_between_numbers(position, numbers, gaps):
    assert between(position, numbers) == gaps


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ([], [Gap(3, 6, 9)]),
        ([1, 3], [Gap(4, 6, 9)]),
        ([6, 8], [Gap(3, 5, 9)]),
        ([4], [Gap(3, 3, 9), Gap(5, 6, 9)]),
        ([3, 4, 5, 6], []),
    ],
)
def test_what_is_left_of_a_gap(found, left):
    assert without(Gap(3, 6, 9), found) == left


def test_a_gap_is_bound_by_a_later_transaction_and_closed_when_none_as_old_is_left():
    noticed = [Gap(3, 3)]
    bound = still_open(noticed, [], transaction=100, oldest=90)
    assert bound == [Gap(3, 3, 100)]
    assert still_open(bound, [], transaction=110, oldest=100) == bound
    assert still_open(bound, [], transaction=111, oldest=101) == []


@pytest.mark.parametrize(
    ("code", "type"), [("review", Type.WAITING), ("budget", Type.PARKED), ("provider", None), ("rate", None)]
)
def test_of_what_waits_a_review_and_a_budget_are_told(code, type):
    assert type_of(Event(kind="status", after="waiting", code=code)) == type
