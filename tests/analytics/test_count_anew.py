"""The migrations that change what an execution adds to the cells, on a database that is in use: everything counts once more, and
once only."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from analytics.costs import summarise
from analytics.extent import Extent
from analytics.models import AnswerCell, CallCell, ExecutionCell, LatencyCell, Pending, Standing
from analytics.reconcile import checks
from analytics.representation import represent_summary
from analytics.rollups import fold
from executions import feedback
from executions.feedback import Opinion
from gateway.types import Usage

from .ledgers import HAIKU, NOON, SHORT, make_answer, make_execution, make_flag, make_measured_workflow, summary_of

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = "0005_track"


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def migrated_back():
    """To the cells as they were; whatever comes of it, the tables are those of today again."""
    yield lambda: MigrationExecutor(connection).migrate([("analytics", BEFORE)])
    call_command("migrate", "analytics", verbosity=0)


def test_a_database_in_use_is_counted_anew_and_nothing_twice(workflow, migrated_back):
    kept, wrong, late = (make_execution(workflow) for _ in range(3))
    make_flag(kept)
    make_answer(kept)
    make_answer(wrong)
    make_answer(late, HAIKU, Usage(input=100, cache_read=900), batch=True)
    feedback.give(wrong, Opinion(False, "rita"))
    while fold():
        pass
    pending = make_execution(workflow)  # accepted and ended, and nobody has folded it
    make_answer(pending, usage=SHORT)
    before = summary_of_pending(workflow)
    migrated_back()
    call_command("migrate", "analytics", verbosity=0)
    for model in (AnswerCell, ExecutionCell, LatencyCell, Standing):
        assert not model.objects.exists()
    assert CallCell.objects.exists()
    assert Pending.objects.filter(accepted=True).count() == 4
    assert summary_of(workflow, since=NOON.date()) == before
    [cell] = ExecutionCell.objects.all()
    assert (cell.accepted, cell.completed, cell.rejected, cell.completed_flagged) == (4, 3, 1, 1)
    assert {(one.step, one.price_input) for one in AnswerCell.objects.filter(answers__gt=0)} == {("classify", 10**12)}
    assert [difference for check in checks(workflow.project) for difference in check()] == []


def summary_of_pending(workflow) -> dict:
    return represent_summary(summarise(Extent(workflow.project, workflow, simulated=False, since=NOON.date())))
