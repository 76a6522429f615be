"""The migration after which the cells tell versions and lanes apart, on a database that is filled."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from analytics.costs import summarise
from analytics.extent import Extent
from analytics.ledger import Ledger
from analytics.models import AnswerCell, AskedCell, CallCell, ExecutionCell, LatencyCell, Pending, Standing
from analytics.reconcile import checks
from analytics.rollups import fold
from executions import feedback
from executions.feedback import Opinion
from executions.models import Status
from gateway.types import Usage

from .ledgers import (
    HAIKU,
    SHORT,
    build_execution,
    make_answer,
    make_call,
    make_execution,
    make_flag,
    make_measured_workflow,
)

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = [("analytics", "0005_track")], [("analytics", "0006_cells_anew")]


def migrate(targets):
    """The models as they are then."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def the_latest():
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def fill_the_old_cells(models, execution, call):
    """As the version before folded them: one cell for both lanes, and nothing pending."""
    about = {"project": execution.project_id, "workflow": execution.workflow_id, "simulated": False}
    about |= {"day": execution.finished_at.date()}
    of_version = {**about, "version": execution.version_id}
    models.get_model("analytics", "ExecutionCell").objects.create(
        id=execution.pk, accepted=2, completed=2, **of_version
    )
    models.get_model("analytics", "LatencyCell").objects.create(id=execution.pk, histogram={"1992": [2, 4000]}, **about)
    said = {"step": "classify", "provider": "anthropic", "model_planned": "claude-haiku-4-5", "purpose": "step"}
    said |= {"outcome": "ok", "reported": False, "batch": False, "trial": False, "doubted": False}
    models.get_model("analytics", "CallCell").objects.create(
        id=call.pk, calls=2, cost=2 * call.cost, **said, **of_version
    )
    del about["simulated"]
    ended = {"ended": "completed", "flagged": False, "latency_ms": 2_000}
    models.get_model("analytics", "Standing").objects.create(execution=execution.pk, **about, **ended)
    models.get_model("analytics", "Pending").objects.all().delete()


@pytest.mark.usefixtures("the_latest")
def test_every_row_counts_once_after_it_whether_it_was_folded_or_pending_before():
    workflow = make_measured_workflow()
    fast, quality = (make_execution(workflow, lane=lane) for lane in ("fast", "quality"))
    call = make_answer(fast, lane="fast", latency_ms=900)
    make_answer(quality, lane="quality", latency_ms=1_900)
    models = migrate(BEFORE)
    fill_the_old_cells(models, fast, call)
    make_call(fast, HAIKU)  # still pending
    build_execution(workflow, status=Status.RUNNING).save(force_insert=True)
    migrate(AFTER)
    extent = Extent(workflow.project, workflow, simulated=False)
    while True:
        summary, truth = summarise(extent), summarise(extent, source=Ledger)
        assert (summary.balance, summary.rates) == (truth.balance, truth.rates)
        assert (summary.balance.completed, summary.rates.executions, summary.rates.step_calls) == (2, 3, 3)
        if not Pending.objects.exists():
            break
        fold()
    lanes = LatencyCell.objects.filter(workflow=workflow.pk).order_by("lane").values_list("lane", "version")
    assert list(lanes) == [("fast", fast.version_id), ("quality", fast.version_id)]
    assert list(ExecutionCell.objects.order_by("lane").values_list("accepted", "completed")) == [(3, 0), (0, 1), (0, 1)]
    assert AskedCell.objects.count() == 3
    assert [found for check in checks(workflow.project) for found in check()] == []


@pytest.mark.usefixtures("the_latest")
def test_the_way_back_loses_nothing():
    workflow = make_measured_workflow()
    make_answer(make_execution(workflow))
    fold()
    migrate(BEFORE)
    assert (Pending.objects.count(), CallCell.objects.count(), Standing.objects.values("pk").count()) == (2, 0, 0)


@pytest.mark.usefixtures("the_latest")
def test_used_answers_are_told_apart_by_step_and_by_their_own_prices_after_it():
    workflow = make_measured_workflow()
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
    before = summarise(Extent(workflow.project, workflow, simulated=False)).balance
    migrate(BEFORE)
    migrate(AFTER)
    assert not any(model.objects.exists() for model in (AnswerCell, ExecutionCell, LatencyCell, CallCell))
    assert Pending.objects.filter(accepted=True).count() == 4
    while fold():
        pass
    assert summarise(Extent(workflow.project, workflow, simulated=False)).balance == before
    cells = ExecutionCell.objects.values_list("accepted", "completed", "rejected")
    assert [sum(column) for column in zip(*cells, strict=True)] == [4, 3, 1]
    assert sum(ExecutionCell.objects.values_list("completed_flagged", flat=True)) == 1
    assert {(one.step, one.price_input) for one in AnswerCell.objects.filter(answers__gt=0)} == {("classify", 10**12)}
    assert [found for check in checks(workflow.project) for found in check()] == []
