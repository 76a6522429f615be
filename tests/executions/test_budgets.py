"""Budgets: reserve before a call, settle with it; what does not fit waits, and goes on when there is room."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from executions import control, purses, queue, worker
from executions.drivers import plain
from executions.models import Event, Execution
from executions.working import working
from gateway.models import Call, Intent
from projects.models import ApiKey, TierModel
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.test_pressure import wait_until
from wire.ids import new_id
from workflows import budgets
from workflows.models import Budget, Reservation, Spent, Workflow

pytestmark = pytest.mark.django_db

CENT = 10**10  # pico-dollars
COST = 150_000_000  # of the answer below, as Haiku 5.5: 1,000 tokens at 0.10 and 100 at 0.50 USD per million
GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}

CHEAP = {**GOOD, "input_tokens": 1, "output_tokens": 1}


def state(workflow, cap, period="month", of_workflow=False):
    return Budget.objects.create(
        project=workflow.project, workflow=workflow if of_workflow else None, period=period, cap=cap
    )


def spent(budget):
    return {(row.begins.isoformat(), row.simulated): row.amount for row in budget.spent.all()}


@pytest.mark.parametrize("of_workflow", [False, True])
def test_what_fits_is_spent_and_nothing_stays_reserved(of_workflow):
    models_answer(GOOD)
    workflow = make_workflow()
    budget = state(workflow, CENT, of_workflow=of_workflow)
    assert execute(workflow).status == "completed"
    assert spent(budget) == {(timezone.now().strftime("%Y-%m-01"), True): COST}
    assert not Reservation.objects.exists()


def test_what_does_not_fit_waits_without_a_flag_and_without_an_intent():
    models_answer(GOOD)
    workflow = make_workflow()
    state(workflow, COST, period="total")
    execution = execute(workflow)
    assert (execution.status, execution.waiting_for, execution.resume_at) == ("waiting", "budget", None)
    assert execution.error["code"] == "budget"
    assert "The budget of the project in total is 0.00015 USD: 0.00 USD are spent" in execution.error["detail"]
    assert not execution.flags.exists()
    assert not Call.objects.exists()
    assert [row.step for row in execution.steps.all()] == ["clean"]  # what was done before it is kept


def test_it_goes_on_when_a_person_raises_the_budget_and_repeats_nothing():
    models_answer(GOOD)
    workflow = make_workflow()
    budget = state(workflow, COST)
    execution = execute(workflow)
    budget.cap = CENT
    budget.save()
    assert queue.sweep() == 1
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.error) == ("completed", None)
    assert execution.steps.filter(step="clean").count() == 1


def test_it_goes_on_when_the_budget_is_taken_away():
    models_answer(GOOD)
    workflow = make_workflow()
    budget = state(workflow, 0, period="total")
    execution = execute(workflow)
    budget.delete()
    assert queue.sweep() == 1
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert execution.status == "completed"


def test_a_daily_budget_goes_on_at_midnight():
    models_answer(GOOD)
    workflow = make_workflow()
    state(workflow, 0, period="day")
    execution = execute(workflow)
    midnight = (timezone.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert timedelta(0) <= execution.resume_at - midnight < timedelta(seconds=6)


@pytest.mark.parametrize(
    ("period", "moment", "begins", "ends"),
    [
        ("day", datetime(2028, 2, 29, 23, 59, tzinfo=UTC), "2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        ("month", datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "2026-12-01", datetime(2027, 1, 1, tzinfo=UTC)),
        ("month", datetime(2026, 1, 31, tzinfo=UTC), "2026-01-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("total", datetime(2026, 1, 31, tzinfo=UTC), "1970-01-01", None),
    ],
)
def test_periods_are_those_of_the_calendar(period, moment, begins, ends):
    budget = Budget(period=period)
    assert (budget.begins(moment).isoformat(), budget.ends(moment)) == (begins, ends)


def test_what_was_spent_before_the_budget_was_stated_counts():
    models_answer(GOOD)
    workflow = make_workflow()
    execute(workflow)
    assert list(spent(state(workflow, CENT)).values()) == [COST]


def test_another_workflows_and_another_projects_money_is_not_counted():
    models_answer(GOOD)
    workflow = make_workflow()
    other = make_workflow(project=workflow.project, name="other")
    budget = state(workflow, CENT, of_workflow=True)
    execute(other)
    assert spent(budget) == {}


def test_a_story_does_not_use_up_what_is_meant_for_real_money():
    workflow = make_workflow()
    budget = state(workflow, 10, period="total")
    Spent.objects.create(budget=budget, begins="1970-01-01", simulated=True, amount=10)
    assert budgets.used(budget, True, timezone.now()) == (10, 0)
    assert budgets.used(budget, False, timezone.now()) == (0, 0)


def test_a_cancelled_execution_that_was_parked_reserves_nothing():
    models_answer(GOOD)
    workflow = make_workflow()
    state(workflow, 0, period="total")
    execution = execute(workflow)
    control.cancel(execution, "alice")
    assert not Reservation.objects.exists()


def test_the_database_settles_a_call_that_python_wrote_past_everything():
    """No writer can forget it, because no writer does it."""
    models_answer(GOOD)
    workflow = make_workflow()
    execute(workflow)
    budget = state(workflow, CENT)
    known = Call.objects.get()
    Reservation.objects.create(budget=budget, intent=known.intent_id, simulated=True, amount=5)
    known.pk, known.corrects_id, known.cost = None, known.pk, -40
    known._state.adding = True
    known.pk = known._meta.pk.get_default()
    known.save(force_insert=True)
    assert list(spent(budget).values()) == [COST - 40]
    assert not Reservation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_raise_between_the_refusal_and_the_wait_is_not_missed():
    """The person is somewhere else: where nothing holds the budget, they are through before the execution waits."""
    models_answer(GOOD)
    workflow = make_workflow()
    budget = state(workflow, 0, period="total")
    raised = []

    def raise_it():
        Budget.objects.get(pk=budget.pk).delete()
        connection.close()

    def meanwhile(execute, sql, *rest):
        if "deadline_at" in sql and sql.startswith("SELECT") and not raised:
            raised.append(threading.Thread(target=raise_it))
            raised[0].start()
            raised[0].join(0.5)
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        execution = execute(workflow)
    raised[0].join(10)
    assert execution.status == "waiting"
    assert queue.sweep() == 1
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert execution.status == "completed"


def test_of_two_budgets_the_one_that_has_room_last_is_waited_for():
    models_answer(GOOD)
    workflow = make_workflow()
    execute(workflow)
    bound = Intent.objects.get().upper_bound
    busy = state(workflow, COST + bound)
    state(workflow, 0, period="total", of_workflow=True)
    Reservation.objects.create(budget=busy, intent=Intent.objects.get().pk, simulated=True, amount=1)
    execution = execute(workflow)
    assert (execution.waiting_for, execution.resume_at) == ("budget", None)
    assert Reservation.objects.count() == 1


@pytest.mark.parametrize(("cap", "room"), [(0, None), (CENT, 4), (CENT // 3, 1)])
def test_a_purse_says_how_many_more_calls_fit(cap, room):
    """Until nothing that is reserved is in the way any more: then each call finds out by itself."""
    models_answer(GOOD)
    workflow = make_workflow()
    budget = state(workflow, cap)
    Reservation.objects.create(budget=budget, intent=new_id(), simulated=True, amount=CENT // 10)
    intent = Intent(project=workflow.project_id, workflow=workflow.pk, simulated=True, upper_bound=2 * CENT // 10)
    purse = purses.emptied(intent)
    assert (purse.room(), purses.emptied(intent) is purse) == (0, True)
    purses.measure()
    assert purse.room() == room
    budget.delete()
    purses.measure()
    assert purse.room() is None
    assert purses._purses == {}


@pytest.mark.django_db(transaction=True)
def test_a_backlog_behind_a_budget_that_is_reserved_is_left_alone():
    """There is room for one call at a time, and a call takes its time; what it costs in the end is next to nothing."""
    models_answer(CHEAP)
    workflow = make_workflow()
    execute(workflow)
    bound = Intent.objects.get().upper_bound
    state(workflow, 2 * bound - 1, period="total")
    models_answer({**CHEAP, "latency_ms": 1500})
    inputs = [{"message": "A refund"}] * 200
    queue.submit_batch(workflow.live.version, workflow.live, inputs, actor="test")
    with working():
        wait_until(lambda: Call.objects.count() > 2 and Execution.objects.filter(status="waiting").count() <= 3)
        events, calls = Event.objects.count(), Call.objects.count()
        time.sleep(6)
        events, calls = Event.objects.count() - events, Call.objects.count() - calls
    assert calls >= 2
    assert events <= 10 * calls


@pytest.mark.django_db(transaction=True)
def test_sixty_four_at_once_spend_no_more_than_the_cap():
    """The cap holds ten of them, the first one included; all of the rest wait, and none is lost."""
    models_answer(GOOD)
    workflow = make_workflow()
    execute(workflow)
    budget = state(workflow, Intent.objects.get().upper_bound + 9 * COST + COST // 2, period="total")
    accepted = [queue.submit(workflow.live.version, workflow.live, {"message": "refund"}, actor="t") for _ in range(64)]

    def advance(execution):
        try:
            plain.advance(execution.pk, worker.current())
        finally:
            connection.close()

    for _ in range(12):  # those whose reservation was in the way come again
        Execution.objects.filter(status="waiting", resume_at__isnull=False).update(resume_at=timezone.now())
        queue.sweep()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(advance, accepted))
    statuses = list(Execution.objects.values_list("status", "waiting_for"))
    done, parked = statuses.count(("completed", "")), statuses.count(("waiting", "budget"))
    assert (done, parked) == (10, 55)
    assert list(spent(budget).values()) == [10 * COST]
    assert not Reservation.objects.exists()


# Over REST.


@pytest.fixture
def client():
    models_answer(GOOD)
    workflow = make_workflow()
    _, token = ApiKey.objects.issue(workflow.project, ["admin"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_a_budget_is_stated_read_raised_and_taken_away(client):
    made = client.put("/api/v1/budgets", {"workflow": "refund", "period": "total", "cap": "0.00"}, "application/json")
    assert made.status_code == 201
    accepted = client.post("/api/v1/workflows/refund/executions", {"input": {"message": "refund"}}, "application/json")
    plain.advance(UUID(accepted.json()["id"]), worker.current())
    address = f"/api/v1/executions/{accepted.json()['id']}"
    assert [client.get(address).json()[name] for name in ("status", "waiting_for", "flags")] == [
        "waiting",
        "budget",
        [],
    ]
    raised = client.put("/api/v1/budgets", {"workflow": "refund", "period": "total", "cap": "0.5"}, "application/json")
    assert (raised.status_code, raised.json()["id"]) == (200, made.json()["id"])
    queue.sweep()
    plain.advance(UUID(accepted.json()["id"]), worker.current())
    assert client.get(address).json()["status"] == "completed"
    assert client.get("/api/v1/budgets").json()["results"] == [
        {
            "id": made.json()["id"],
            "workflow": "refund",
            "period": "total",
            "cap": "0.50",
            "since": None,
            "until": None,
            "spent": {"real": "0.00", "simulated": "0.00015"},
            "reserved": {"real": "0.00", "simulated": "0.00"},
            "stated_by": raised.json()["stated_by"],
            "stated_at": raised.json()["stated_at"],
        }
    ]
    assert client.delete(f"/api/v1/budgets/{made.json()['id']}").status_code == 204
    assert client.get(f"/api/v1/budgets/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"period": "week", "cap": "1"}, "/period"),
        ({"period": "day", "cap": "-1"}, "/cap"),
        ({"period": "day", "cap": "NaN"}, "/cap"),
        ({"period": "day", "cap": "1", "spent": "0"}, "/spent"),
        ({"period": "day"}, "/cap"),
    ],
)
def test_a_budget_that_is_none_is_refused(client, body, pointer):
    response = client.put("/api/v1/budgets", body, "application/json")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


def test_a_batch_is_estimated_from_its_prompts_before_anything_was_executed(client):
    asked = {"inputs": [{"message": "refund"}] * 3}
    said = client.post("/api/v1/workflows/refund/executions/batch/estimate", asked, "application/json").json()
    assert {name: said[name] for name in ("executions", "calls", "basis", "recorded_executions")} == {
        "executions": 3,
        "calls": 3,
        "basis": "assumed",
        "recorded_executions": 0,
    }
    assert 0 < Decimal(said["cost"]["expected"]) < Decimal(said["cost"]["upper"]) == 3
    assert not Execution.objects.exists()


def test_a_batch_is_estimated_from_what_such_executions_cost(client):
    workflow = Workflow.objects.get()
    for _ in range(10):
        execute(workflow)
    asked = {"inputs": [{"message": "refund"}] * 100}
    said = client.post("/api/v1/workflows/refund/executions/batch/estimate", asked, "application/json").json()
    assert said == {
        "executions": 100,
        "calls": 100,
        "cost": {"expected": "0.015", "upper": "100.00"},
        "basis": "recorded",
        "recorded_executions": 10,
    }


def test_a_model_without_a_price_makes_no_estimate(client):
    TierModel.objects.filter(tier="cheap").update(model="nobody-knows")
    Workflow.objects.get().versions.get().publish("alice")
    asked = {"inputs": [{"message": "refund"}]}
    said = client.post("/api/v1/workflows/refund/executions/batch/estimate", asked, "application/json").json()
    assert said["cost"] == {"expected": None, "upper": None}


def test_an_input_that_would_be_refused_is_refused_in_the_estimate_too(client):
    response = client.post("/api/v1/workflows/refund/executions/batch/estimate", {"inputs": [{}]}, "application/json")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/inputs/0/message")
