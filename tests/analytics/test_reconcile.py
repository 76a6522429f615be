"""`manage.py reconcile`: silent where all is well, and naming what is not; `--rebuild` makes it well again."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from analytics.groups import grouped
from analytics.models import (
    AnswerCell,
    AskedCell,
    CallCell,
    Escalation,
    ExecutionCell,
    LatencyCell,
    Pending,
    Standing,
)
from analytics.rollups import fold
from analytics.triggers import BEFORE, TRIGGERS, create, drop, missing
from executions import feedback, states
from executions.feedback import Opinion
from executions.models import Execution, Flag, Status, StepResult, Worker
from gateway.models import Call, Intent
from projects.models import Project
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.test_docs import DOCS, blocks, section

from .histories import History
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    make_project,
)

pytestmark = pytest.mark.django_db

CELLS = (CallCell, ExecutionCell, AnswerCell, LatencyCell, AskedCell)
ALL_IS_WELL = "1 project: ledger = cells + pending = summaries, and no id dangles"


def reconcile(capsys, *words: str) -> tuple[int, str]:
    """Its exit code and what it said."""
    code = 0
    try:
        call_command("reconcile", *words)
    except SystemExit as stopped:
        code = stopped.code
    return code, capsys.readouterr().out.strip()


def differences(capsys) -> list[tuple[str, str]]:
    """The tables and figures that differ."""
    code, said = reconcile(capsys, "--json")
    found = json.loads(said)["differences"]
    assert code == (1 if found else 0)
    return [(one["where"], one["figure"]) for one in found]


@pytest.fixture
def workflow():
    return make_measured_workflow(project=make_project("alice", tiers={"frontier": OPUS, "cheap": HAIKU}))


@pytest.fixture
def folded(workflow):
    """A completed execution and an escalated one, and a call of the project itself; all of it in the cells."""
    make_answer(make_execution(workflow))
    make_flag(make_execution(workflow, status=Status.ESCALATED))
    make_call(None, HAIKU, project=workflow.project_id)
    assert fold() == 5
    assert not Pending.objects.exists()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("folds", [False, True])
def test_where_all_is_well_it_says_so(workflow, capsys, seed, folds):
    History(seed, [workflow]).goes_on(80)
    if folds:
        fold()
    assert reconcile(capsys) == (0, ALL_IS_WELL)


def test_what_the_engine_writes_is_well(capsys):
    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 1_000, "output_tokens": 200})
    execute(make_workflow())
    assert reconcile(capsys) == (0, ALL_IS_WELL)


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    ("model", "fields", "figure"),
    [
        (CallCell, {"cost": 2_000_000_001}, "cost"),
        (CallCell, {"unpriced": 1}, "unpriced"),
        (CallCell, {"cache_read": 1}, "cache_read"),
        (CallCell, {"step": "another"}, "calls"),
        (ExecutionCell, {"accepted": 3}, "accepted"),
        (ExecutionCell, {"failed": 1}, "failed"),
        (ExecutionCell, {"rejected": 1}, "rejected"),
        (ExecutionCell, {"reported": 1}, "reported"),
        (AnswerCell, {"warm": 1}, "warm"),
        (AnswerCell, {"input": 7}, "input"),
        (LatencyCell, {"histogram": {"1": [1, 1]}}, "histogram"),
        (LatencyCell, {"lane": "quality"}, "histogram"),
        (AskedCell, {"prefixes": {"1": [1, 1]}}, "prefixes"),
        (AskedCell, {"step": "another"}, "histogram"),
        (Standing, {"flagged": True}, "stands"),
        (Escalation, {"began": NOON.date() - timedelta(days=1)}, "stretch"),
    ],
)
def test_a_wrong_row_is_named(capsys, model, fields, figure):
    row = model.objects.filter(workflow__isnull=False).first()
    model.objects.filter(pk=row.pk).update(**fields)
    assert (model._meta.db_table, figure) in differences(capsys)


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("model", [*CELLS, Standing, Escalation])
def test_a_missing_row_is_named_and_built_anew(capsys, model):
    model.objects.all().delete()
    assert model._meta.db_table in {table for table, _ in differences(capsys)}
    assert reconcile(capsys, "--rebuild") == (0, ALL_IS_WELL)
    assert model.objects.exists()


def test_a_pending_row_that_is_gone_is_named_by_the_cells_that_miss_it(workflow, capsys):
    make_answer(make_execution(workflow))
    Pending.objects.filter(call__isnull=False).delete()
    assert {"analytics_callcell", "summary"} <= {table for table, _ in differences(capsys)}


@pytest.mark.usefixtures("folded")
def test_a_sentence_says_table_row_figure_and_both_values(capsys):
    CallCell.objects.filter(workflow__isnull=False).update(cost=5)
    code, said = reconcile(capsys)
    assert code == 1
    version = CallCell.objects.filter(workflow__isnull=False).get().version
    assert said.splitlines()[0] == (
        f"analytics_callcell: cost of workflow refund, version {version}, step classify, tier , provider anthropic, "
        "model_planned claude-haiku-4-5, purpose step, lane , outcome ok, reported False, batch False, day 2026-11-16, "
        "project alice, simulated False is 5, the ledger says 2000000000"
    )
    # Seven of the cell, the two summaries and what their waterfalls begin with; and of each of seven groupings of both, the
    # group and the sum of all.
    assert said.splitlines()[-1] == "1 project: 35 differences"


def test_ids_that_name_nothing_are_named(workflow, capsys):
    execution = make_execution(workflow)
    lost = build_call(execution, HAIKU, SHORT)
    lost.execution, lost.workflow, lost.version = uuid4(), 10**6, 10**6
    lost.save(force_insert=True)
    StepResult.objects.create(execution=execution, step="lost", kind="model", status="done", call=uuid4())
    found = differences(capsys)
    assert {
        ("gateway_call", "execution"),
        ("gateway_call", "workflow"),
        ("gateway_call", "version"),
        ("executions_stepresult", "call"),
    } <= set(found)


@pytest.mark.parametrize(
    ("status", "alive", "named"),
    [(Status.RUNNING, False, False), (Status.FAILED, True, False), (Status.FAILED, False, True)],
)
def test_an_intent_without_a_call_is_named_where_nobody_is_about_to_write_one(workflow, capsys, status, alive, named):
    worker = Worker.objects.create(name="one", ended_at=None if alive else timezone.now())
    execution = make_execution(workflow, status=status)
    Intent.objects.create(
        project=workflow.project_id,
        execution=execution.pk,
        purpose="step",
        attempt=1,
        provider="anthropic",
        model_planned="claude-haiku-4-5",
        simulated=False,
        worker=worker.pk,
    )
    assert (("gateway_intent", "call") in differences(capsys)) is named


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_is_built_anew_while_some_of_it_is_pending(workflow, capsys, seed, monkeypatch):
    monkeypatch.setattr("analytics.rollups.BATCH", 60)
    history = History(seed, [workflow])
    history.goes_on(60)
    fold(seconds=0)
    history.goes_on(60)
    pending = Pending.objects.count()
    assert pending
    for model in (*CELLS, Standing, Escalation):
        model.objects.filter(pk__in=list(model.objects.values_list("pk", flat=True)[::2])).delete()
    assert reconcile(capsys, "--rebuild") == (0, ALL_IS_WELL)
    assert Pending.objects.count() >= pending
    while fold():
        pass
    assert reconcile(capsys) == (0, ALL_IS_WELL)


@pytest.mark.usefixtures("folded")
def test_building_anew_twice_changes_nothing(capsys):
    reconcile(capsys, "--rebuild")
    once = [list(model.objects.order_by("pk").values()) for model in CELLS]
    reconcile(capsys, "--rebuild")
    again = [list(model.objects.order_by("pk").values()) for model in CELLS]
    assert once == again


def test_one_project_may_be_named(workflow, capsys):
    make_project("mallory")
    assert reconcile(capsys, "--project", "alice") == (0, ALL_IS_WELL)
    assert reconcile(capsys)[1].startswith("2 projects: ")
    with pytest.raises(CommandError, match="There is no project 'nobody'"):
        call_command("reconcile", "--project", "nobody")


def write_a_call(execution: Execution) -> None:
    make_call(execution, HAIKU)


def accept(execution: Execution) -> None:
    make_execution(execution.workflow, status=Status.RUNNING)


def fail(execution: Execution) -> None:
    states.move(execution.pk, Status.RUNNING, Status.FAILED, actor="worker", finished_at=NOON)


def flag(execution: Execution) -> None:
    make_flag(execution)


def reject(execution: Execution) -> None:
    feedback.give(execution, Opinion(False, "rita"))


WRITERS = {
    "pending_call": write_a_call,
    "pending_acceptance": accept,
    "pending_change": fail,
    "pending_flag": flag,
    "pending_judgement": reject,
}
STATUSES = {"pending_flag": Status.FAILED, "pending_judgement": Status.COMPLETED}  # of the execution, before


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_every_writer_leaves_a_pending_row_in_its_own_transaction(workflow, trigger):
    execution = make_execution(workflow, status=STATUSES.get(trigger.name, Status.RUNNING))
    before = Pending.objects.count()
    WRITERS[trigger.name](execution)
    assert Pending.objects.count() == before + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_a_trigger_that_is_missing_is_named_and_so_is_what_it_would_have_counted(workflow, trigger, capsys):
    execution = make_execution(workflow, status=STATUSES.get(trigger.name, Status.RUNNING))
    fold()
    with connection.schema_editor() as schema:
        drop(schema, trigger)
    try:
        WRITERS[trigger.name](execution)
        found = differences(capsys)
    finally:
        with connection.schema_editor() as schema:
            create(schema, trigger)
    assert found[0] == ("trigger", "installed")
    assert len(found) > 1
    assert missing(connection) == []


def test_what_was_there_before_the_triggers_is_counted_too_and_what_came_since_only_once(workflow):
    """The statements of the migration, on a ledger of which one half is older than they are."""
    make_answer(make_execution(workflow))
    Pending.objects.all().delete()
    make_answer(make_execution(workflow))
    for statement in BEFORE:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert fold() == 4
    assert (CallCell.objects.get().calls, ExecutionCell.objects.get(lane="fast").completed) == (2, 2)


def test_nothing_at_all_is_well(capsys):
    assert Project.objects.count() == Call.objects.count() == Flag.objects.count() == 0
    assert reconcile(capsys)[0] == 0


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("by", ["workflow", "version", "step", "model", "day"])
def test_every_grouping_is_proven_and_adds_up_to_the_summary(workflow, capsys, by, monkeypatch):
    """A report that leaves its last group out."""
    assert reconcile(capsys) == (0, ALL_IS_WELL)
    monkeypatch.setattr(
        "analytics.reconcile.grouped", lambda extent, of: grouped(extent, of)[: -1 if of == by else None]
    )
    assert {figure for where, figure in differences(capsys) if where == f"groups by {by}"} == {
        *("calls", "cost", "cost together", "input", "output")
    }


@pytest.mark.runs("docs/reconciliation.md", "sh", "Reports against the ledger")
def test_the_document_shows_the_command(workflow, capsys):
    (command,) = blocks(section(DOCS / "reconciliation.md", "Reports against the ledger"), "sh")
    assert command == ".venv/bin/python manage.py reconcile\n"
    assert reconcile(capsys) == (0, ALL_IS_WELL)
