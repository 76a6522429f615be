"""The order of the queue: what waits, the oldest first; then what is most often and dearest. And that a large one is as fast."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.flag_queue import Cost, Filters, Line, open_kinds
from executions.models import Execution, Flag
from gateway.models import Call
from tests.analytics.ledgers import HAIKU, SHORT, build_call, make_execution
from tests.cast import make_project, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    return make_workflow()


def flagged(workflow, step="classify", reason="uncovered", *, waiting=False, cost=None, simulated=False, **fields):
    """An execution that has cost so much, in pico-dollars, and its flag."""
    execution = make_execution(workflow, status="escalated" if waiting else "completed", finished_at=None)
    if cost is not None:
        call = build_call(execution, HAIKU, SHORT, simulated=simulated)
        call.cost = cost
        call.save(force_insert=True)
    return Flag.objects.create(
        execution=execution,
        step=step,
        reason=reason,
        detector="self_report",
        explanation="…",
        waiting=waiting,
        **fields,
    )


def line(**filters):
    return Line(open_kinds(None), Filters(**filters))


def test_what_waits_comes_first_and_the_oldest_of_it_before_the_others(workflow):
    resting = flagged(workflow, cost=10**12)
    first, second = flagged(workflow, waiting=True), flagged(workflow, "other", waiting=True)
    assert line().page(10) == [first.pk, second.pk, resting.pk]
    assert (line().waiting, line().resting, line().count) == (2, 1, 3)


def test_then_comes_what_is_most_often_times_what_it_costs(workflow):
    often = [flagged(workflow, "often", cost=2_000_000) for _ in range(3)]
    dear = [flagged(workflow, "dear", cost=5_000_000)]
    cheap = [flagged(workflow, "cheap", cost=1_000_000) for _ in range(4)]
    unknown = [flagged(workflow, "unknown") for _ in range(9)]
    assert line().page(20) == [flag.pk for flag in (*often, *dear, *cheap, *unknown)]


def test_a_flag_says_what_is_alike_and_what_one_costs(workflow):
    for _ in range(3):
        flagged(workflow, cost=12_000_000_000)
    flagged(workflow, reason="rule", edge_case="injury", cost=1)
    kinds = {kind.alike.reason: kind for kind in open_kinds(None)}
    assert (kinds["uncovered"].count, kinds["uncovered"].cost.text) == (3, "0.012 USD each")
    assert (kinds["rule"].alike.edge_case, kinds["rule"].count) == ("injury", 1)


def test_real_and_simulated_money_are_never_added(workflow):
    flagged(workflow, cost=1_000_000_000)
    flagged(workflow, cost=9_000_000_000, simulated=True)
    assert [kind.cost for kind in open_kinds(None)] == [Cost(1_000_000_000, False)]
    flagged(workflow, "other", cost=9_000_000_000, simulated=True)
    assert Cost(9_000_000_000, True) in [kind.cost for kind in open_kinds(None)]
    assert Cost(9_000_000_000, True).text == "0.0090 USD each, simulated"


def test_a_page_goes_on_behind_a_flag_decided_or_not(workflow):
    waiting = [flagged(workflow, waiting=True) for _ in range(3)]
    resting = [flagged(workflow, step, cost=cost) for step, cost in (("a", 3), ("a", 3), ("b", 1), ("b", 1), ("c", 1))]
    everything = [flag.pk for flag in (*waiting, *resting)]
    assert line().page(10) == everything
    for number, flag in enumerate((*waiting, *resting)):
        assert line().page(10, flag) == everything[number + 1 :]
        assert line().page(2, flag, itself=True) == everything[number : number + 2]
    Flag.objects.filter(pk=resting[1].pk).update(state="resolved")
    assert line().page(10, resting[1])[-3:] == everything[-3:]
    assert resting[1].pk not in line().page(10)


def test_the_filters_leave_what_they_say(workflow):
    other = make_workflow(project=workflow.project, name="other")
    uncovered, rule = flagged(workflow, waiting=True), flagged(workflow, reason="rule")
    elsewhere = flagged(other, waiting=True)
    assert line(workflows=frozenset([other.pk])).page(5) == [elsewhere.pk]
    assert line(reason="rule").page(5) == [rule.pk]
    assert line(waiting=True).page(5) == [uncovered.pk, elsewhere.pk]
    assert (line(waiting=False).page(5), line(waiting=False).count) == ([rule.pk], 1)
    assert line(reason="nothing").page(5) == []


def test_kinds_are_those_of_the_projects_asked_for(workflow):
    bob = make_workflow(project=make_project("bob"))
    flagged(workflow), flagged(bob)
    assert [kind.alike.workflow for kind in open_kinds({bob.project_id})] == [bob.pk]
    assert open_kinds(set()) == []


def test_what_asks_a_role_that_is_left_out_is_not_among_what_waits(workflow):
    flagged(workflow, reason="review", role="owner", waiting=True)
    reviewers = flagged(workflow, "other", reason="review", role="finance", waiting=True)
    kinds = [kind for kind in open_kinds(None) if kind.alike.role != "owner"]
    assert Line(kinds).page(5) == [reviewers.pk]


def test_closed_flags_are_not_in_the_queue(workflow):
    for state in ("in_redesign", "resolved", "dismissed"):
        flagged(workflow, waiting=state == "in_redesign", state=state)
    assert (open_kinds(None), line().page(5)) == ([], [])


MANY = 20_000


@pytest.fixture
def many(workflow):
    """Thousands of executions, each with a flag, and as many that are closed: without the triggers, which are not asked here."""
    first = flagged(workflow, waiting=True, cost=1)
    rows = {Execution: first.execution_id, Flag: first.pk, Call: Call.objects.get().pk}
    key = "('01a20000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
    state = "CASE WHEN n %% 4 < 2 THEN 'open' ELSE 'resolved' END"
    changed = {
        Execution: {"id": key},
        Call: {"id": key, "execution": key},
        Flag: {"id": key, "execution_id": key, "step": "'step_' || (n %% 50)", "waiting": "n %% 2 = 0", "state": state},
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for model, pk in rows.items():
            table, columns = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
            values = ", ".join(changed[model].get(column, column) for column in columns)
            copy = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, generate_series(1, %s) n"
            cursor.execute(f"{copy} WHERE id = %s", [2 * MANY, pk])
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE executions_execution, executions_flag, gateway_call, workflows_workflow")
    return workflow


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="its plans say nothing of PostgreSQL's")
def test_a_large_queue_is_read_by_its_indexes_alone(many):
    """No execution is counted, and no table is read from its beginning to its end."""
    behind = Flag.objects.filter(state="open", waiting=False).order_by("pk")[500]
    with CaptureQueriesContext(connection) as captured:
        kinds = open_kinds({many.project_id})
        assert len(Line(kinds).page(26)) == 26
        assert len(Line(kinds, Filters(waiting=False)).page(26, behind)) == 26
        assert len(Line(kinds, Filters(reason="uncovered", waiting=True)).page(26)) == 26
    assert len(captured) == 6
    assert sum(kind.count for kind in kinds) == MANY + 1
    plans = [_plan(query["sql"]) for query in captured]
    for plan in plans:
        assert "Seq Scan on executions_execution" not in plan
        assert "Seq Scan on executions_flag" not in plan
        assert "Seq Scan on gateway_call" not in plan
    assert ["flag_alike" in plans[number] for number in (1, 4)] == [True, True]
    assert ["flag_standing" in plans[number] for number in (3, 5)] == [True, True]


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


def test_however_many_kinds_there_are_the_statements_are_as_many(workflow):
    for number in range(60):
        flagged(workflow, f"step_{number}", cost=number + 1)
    with CaptureQueriesContext(connection) as captured:
        assert len(Line(open_kinds(None)).page(26)) == 26
    assert len(captured) == 4  # what is open, the newest of each kind, what those cost, the page
    with CaptureQueriesContext(connection) as captured:
        open_kinds(None)
    assert len(captured) == 1  # the cost is remembered
