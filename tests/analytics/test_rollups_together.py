"""Several processes' worth of threads write, fold and read at once, on real commits."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from analytics.costs import summarise
from analytics.extent import Extent
from analytics.ledger import Ledger
from analytics.models import CallCell, ExecutionCell, Pending, Standing
from analytics.rollups import fold, fold_batch
from analytics.snapshot import alone, snapshot
from executions import states
from executions.models import Status

from .ledgers import HAIKU, NOON, make_answer, make_call, make_execution, make_measured_workflow

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 3, 30


@pytest.fixture
def workflow():
    return make_measured_workflow()


def in_threads(*jobs: Callable[[], None]) -> None:
    """Runs them all, and raises what one of them raised."""
    raised = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def test_two_folders_and_three_writers_count_everything_once(workflow, monkeypatch):
    monkeypatch.setattr("analytics.rollups.BATCH", 5)
    written = threading.Barrier(WRITERS)
    done = threading.Event()

    def write() -> None:
        for number in range(EACH):
            with transaction.atomic():
                execution = make_execution(workflow, status=Status.FAILED if number % 5 == 0 else Status.COMPLETED)
                make_answer(execution)
            if number % 5 == 0:
                states.move(execution.pk, Status.FAILED, Status.QUEUED, actor="rita", finished_at=None)
        if written.wait() == 0:
            done.set()

    def keep_folding() -> None:
        while not done.is_set() or Pending.objects.exists():
            fold()

    in_threads(*[write] * WRITERS, keep_folding, keep_folding)
    assert not Pending.objects.exists()
    failed = WRITERS * EACH // 5
    assert CallCell.objects.get().calls == WRITERS * EACH
    cells = ExecutionCell.objects.order_by("lane").values_list("lane", "accepted", "completed", "failed")
    assert list(cells) == [("", WRITERS * EACH, 0, 0), ("fast", 0, WRITERS * EACH - failed, 0)]
    assert Standing.objects.count() == WRITERS * EACH - failed


def test_a_reader_sees_the_ledger_exactly_while_others_write_and_fold(workflow):
    extent, done = Extent(workflow.project, workflow, simulated=False), threading.Event()

    def write() -> None:
        for _ in range(EACH):
            with transaction.atomic():
                make_answer(make_execution(workflow))
        done.set()

    def keep_folding() -> None:
        while not done.is_set():
            fold()

    def read() -> None:
        while not done.is_set():
            with snapshot():
                assert summarise(extent) == summarise(extent, source=Ledger)

    in_threads(write, keep_folding, read)
    assert summarise(extent).balance.completed == EACH


def test_who_finds_another_one_folding_leaves_at_once(workflow):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: the other one waits for its turn")
    make_execution(workflow)
    folded = []

    def try_to_fold() -> None:
        folded.append(fold_batch())

    with alone():
        in_threads(try_to_fold)
    assert folded == [0]
    assert fold() == 1


def test_a_row_that_is_committed_after_younger_ones_were_folded_is_not_lost(workflow):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: nobody commits in between")
    execution = make_execution(workflow)
    written, folded = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            make_call(execution, HAIKU, at=NOON)
            written.set()
            folded.wait(10)

    def fold_in_between() -> None:
        written.wait(10)
        make_call(execution, HAIKU, at=NOON)
        assert fold() == 2
        folded.set()

    in_threads(write_slowly, fold_in_between)
    assert CallCell.objects.get().calls == 1
    assert fold() == 1
    assert CallCell.objects.get().calls == 2


def test_a_report_waits_for_no_writer(workflow):
    """A reader takes no lock: while a writer holds the database, it is answered."""
    answered = []

    def read() -> None:
        answered.append(summarise(Extent(workflow.project, None, simulated=False)).rates.executions)

    with transaction.atomic():
        make_execution(workflow)
        in_threads(read)
    assert answered == [0]
