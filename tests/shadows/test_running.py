"""Shadows of the workflow: the same version through the real engine, each model step on the baseline's model."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from analytics.costs import summarise
from analytics.extent import Extent
from evaluations import gate_rules
from executions import control, queue, worker
from executions.drivers import plain
from executions.models import Execution, Flag
from gateway.models import Call
from notifications import history
from notifications.models import Delivery
from projects import tools
from projects.models import Scope
from shadows import drawing, running, spending
from shadows.measurements import measurements
from shadows.models import Plan, Shadow
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.neighbours import client_of
from tests.notifications.conftest import listen
from tests.shadows.shadowed import complete, ended, execute_past, plan, shadow
from wire.problems import Conflict

pytestmark = pytest.mark.django_db

CHEAP, FRONTIER = "claude-haiku-5-5", "claude-opus-5-5"
REFUNDS = {"text": envelope({"kind": "refund"})}
OTHER = {"text": envelope({"kind": "other"})}
UNCOVERED = {"text": envelope(status="uncovered", uncovered="I do not know.")}
TO_HUMAN = {**REFUND, "escalation": {"to": ["human"]}}


def test_it_runs_the_same_version_on_the_baselines_model():
    workflow = make_workflow()
    models_answer(REFUNDS)
    past = execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same, found.said) == ("completed", True, "")
    assert (found.past, found.version, found.flagged, found.day) == (
        past,
        past.version,
        False,
        past.finished_at.date(),
    )
    execution = found.execution
    assert (execution.purpose, execution.version, execution.publication) == ("shadow", past.version, None)
    assert (execution.input, execution.output, found.output) == (past.input, {"kind": "refund"}, {"kind": "refund"})
    [call] = Call.objects.filter(execution=execution.pk)
    assert (call.model_planned, call.purpose, call.step) == (FRONTIER, "shadow", "classify")
    assert found.cost == call.cost > Call.objects.get(execution=past.pk).cost
    assert found.steps == {"clean": {"same": True, "said": ""}, "classify": {"same": True, "said": ""}}
    assert not [one for one in shadow(workflow) if one != found], "it is drawn once"


def test_the_stated_baseline_says_which_model_is_asked():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    workflow.state_baseline(
        "alice", method="repriced_warm", model="scripted:claude-sonnet-5-5", valid_from=timezone.now()
    )
    plan(workflow)
    [found] = shadow(workflow)
    assert found.model == "scripted:claude-sonnet-5-5"
    assert Call.objects.get(execution=found.execution.pk).model_planned == "claude-sonnet-5-5"


def test_another_answer_is_not_the_same_and_its_steps_say_where():
    workflow = make_workflow()
    models_answer({"model": CHEAP, **REFUNDS}, OTHER)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same, "other" in found.said) == ("completed", False, True)
    assert {step: one["same"] for step, one in found.steps.items()} == {"clean": True, "classify": False}


def test_the_graders_of_the_workflow_say_what_is_the_same():
    workflow = make_workflow()
    gate_rules.state(workflow, {"graders": [{"grade": "schema", "schema": {"required": ["kind"]}}]}, "alice")
    models_answer({"model": CHEAP, **REFUNDS}, OTHER)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.same, found.steps["classify"]["same"]) == (True, False)


def test_where_only_a_judge_is_stated_nothing_is_compared():
    workflow = make_workflow(TO_HUMAN)
    gate_rules.state(workflow, {"graders": [{"grade": "judge", "rubric": "As good.", "tier": "frontier"}]}, "alice")
    models_answer({"model": CHEAP, **REFUNDS}, {"user": "first", **REFUNDS}, UNCOVERED)
    execute_past(workflow, "a first refund")
    execute_past(workflow, "a second refund")
    plan(workflow)
    assert [(one.status, one.same, one.said) for one in shadow(workflow)] == [
        ("completed", None, "Only a judge is asked of this, and a shadow asks none.")
    ] * 2
    assert not Call.objects.filter(purpose="judge").exists()


def test_one_that_would_ask_a_person_is_not_the_same_and_its_cost_counts():
    workflow = make_workflow(TO_HUMAN)
    models_answer({"model": CHEAP, **REFUNDS}, UNCOVERED)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same) == ("completed", False)
    assert found.said == "It stands before a person (uncovered), and was answered before."
    assert found.cost > 0
    assert found.execution.status == "cancelled", "nobody is asked"
    assert not Flag.objects.filter(state="open").exists()
    [measured] = measurements(workflow.pk, "workflow", simulated=True)
    assert (measured.cost, measured.same) == (found.cost, False)


def test_what_breaks_has_failed_and_stands_in_no_mean():
    workflow = make_workflow()
    models_answer({"model": CHEAP, **REFUNDS}, {"error": "rejected"})
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same, found.said[:29]) == ("failed", None, "It broke (provider_rejected):")
    assert list(measurements(workflow.pk, "workflow", simulated=True)) == []


CALLED = []


@pytest.fixture
def refund_tool(monkeypatch):
    """A tool that pays."""
    monkeypatch.setattr(tools, "_registry", tools.registered())
    CALLED.clear()

    @tools.tool(
        "shop.pay",
        description="Pays.",
        side_effects=True,
        input_schema={"type": "object", "properties": {"kind": {"type": "string"}}},
    )
    def pay(kind: str) -> dict:
        CALLED.append(kind)
        return {"paid": 5}


PAYS = {
    **REFUND,
    "steps": [
        *REFUND["steps"],
        {
            "id": "pay",
            "kind": "tool",
            "tool": "shop.pay",
            "arguments": {"kind": "steps['classify']['kind']"},
            "output_schema": {
                "type": "object",
                "required": ["paid"],
                "properties": {"paid": {"type": "integer"}},
                "additionalProperties": False,
            },
            "when": "steps['classify']['kind'] == 'refund'",
        },
    ],
}


def test_a_tool_with_side_effects_is_answered_from_the_record(refund_tool):
    workflow = make_workflow(PAYS, tools=("shop.pay",))
    models_answer(REFUNDS)
    execute_past(workflow)
    assert CALLED == ["refund"]
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same) == ("completed", True)
    assert CALLED == ["refund"], "it paid once"
    assert "pay" not in found.steps, "what the record answers is the same by itself"


def test_a_tool_that_the_past_one_never_called_is_not_called_now(refund_tool):
    workflow = make_workflow(PAYS, tools=("shop.pay",))
    models_answer({"model": CHEAP, **OTHER}, REFUNDS)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert CALLED == []
    assert (found.status, found.same) == ("completed", False)
    assert found.said == "It went another way than the past one, to a step that its record has no answer of."


def test_it_counts_in_shadow_cost_and_in_nothing_else():
    workflow = make_workflow()
    repaired = [{"model": FRONTIER, "text": "no envelope", "times": 1}, REFUNDS]
    models_answer({"model": CHEAP, **REFUNDS}, *repaired)
    execute_past(workflow)
    extent = Extent(workflow.project, workflow, True)
    before = summarise(extent)
    plan(workflow)
    [found] = shadow(workflow)
    assert sorted(Call.objects.filter(execution=found.execution.pk).values_list("purpose", flat=True)) == ["shadow"] * 2
    after = summarise(extent)
    assert int(after.balance.shadow_cost * 10**12) == found.cost > 0
    for figure in ("execution_cost", "evaluation_cost", "in_doubt_cost", "design_cost", "if_all_frontier", "completed"):
        assert getattr(after.balance, figure) == getattr(before.balance, figure), figure
    assert after.rates == before.rates


def test_a_call_in_doubt_makes_no_shadow_dearer():
    workflow = make_workflow()
    models_answer({"model": CHEAP, **REFUNDS}, {"error": "protocol", "times": 1}, REFUNDS)
    execute_past(workflow)
    plan(workflow)
    shadow(workflow)
    Execution.objects.filter(purpose="shadow", status="waiting").update(status="queued", resume_at=None)
    [found] = complete(workflow)
    calls = Call.objects.filter(purpose="shadow")
    assert sorted(call.cost_state for call in calls) == ["priced", "upper_bound"]
    assert (found.status, found.cost) == ("completed", calls.get(cost_state="priced").cost)
    assert spending.spent(workflow.pk, simulated=True) == sum(call.cost for call in calls)


def test_nobody_retries_one():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    Execution.objects.filter(pk=found.execution.pk).update(status="failed")
    execution = Execution.objects.get(pk=found.execution.pk)
    assert not control.can_be_retried(execution)
    with pytest.raises(Conflict, match="This is a shadow"):
        control.retry(execution, "alice")


def test_executions_can_be_filtered_by_it():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    came = client_of(workflow.project, Scope.READ).get("/api/v1/executions?purpose=shadow").json()
    assert [one["id"] for one in came["results"]] == [str(found.execution.pk)]


def test_one_that_called_another_is_shadowed_with_what_that_answered():
    project = make_project()
    make_workflow(project=project)
    desk = {
        "title": "Desk",
        "purpose": "Sort the post.",
        "input_schema": {"type": "object"},
        "steps": [
            {"id": "kind", "kind": "workflow", "workflow": "refund", "arguments": {"message": "input['message']"}}
        ],
    }
    workflow = make_workflow(desk, project=project, name="desk")
    models_answer(REFUNDS)
    execution = queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")
    while (queued := Execution.objects.filter(status="queued").first()) is not None:
        plain.advance(queued.pk, worker.current())
    for one in Execution.objects.all():
        ended(one)
    plan(workflow)
    plan(project.workflows.get(name="refund"))
    assert shadow(project.workflows.get(name="refund")) == [], "what was called is not drawn"
    [found] = shadow(workflow)
    assert (found.past, found.status, found.same, found.cost) == (execution, "completed", True, 0)


def test_a_workflow_that_the_past_one_never_called_is_not_called_now():
    project = make_project()
    make_workflow(project=project)
    ask = {"id": "ask", "kind": "workflow", "workflow": "refund", "arguments": {"message": "input['message']"}}
    calls = {**REFUND, "steps": [*REFUND["steps"], {**ask, "when": "steps['classify']['kind'] == 'other'"}]}
    workflow = make_workflow(calls, project=project, name="desk")
    models_answer({"model": CHEAP, **REFUNDS}, OTHER)
    execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert (found.status, found.same) == ("completed", False)
    assert found.said == "It went another way than the past one, to a step that its record has no answer of."
    assert found.execution.error["code"] == "no_record"
    assert (
        found.execution.error["detail"] == "The step ask calls a workflow, and the past execution has no answer of it."
    )
    assert Execution.objects.filter(purpose="shadow").count() == 1


def test_the_months_budget_ends_it_in_the_middle_and_says_so():
    workflow = make_workflow()
    models_answer(REFUNDS)
    for number in range(6):
        execute_past(workflow, f"refund {number}")
    plan(workflow)
    drawing.draw(workflow.pk)
    running.advance(workflow.pk)
    assert sorted(Shadow.objects.values_list("status", flat=True)) == ["drawn"] * 5 + ["running"], (
        "the first goes alone"
    )
    for one in Execution.objects.filter(purpose="shadow"):
        plain.advance(one.pk, worker.current())
    first = Call.objects.get(purpose="shadow")
    Plan.objects.update(monthly_budget=int(first.cost * Decimal("3.5")))
    found = complete(workflow)
    assert sorted(one.status for one in found) == ["completed"] * 3 + ["skipped"] * 3
    assert sum(one.cost or 0 for one in found) <= Plan.objects.get().monthly_budget
    skipped = next(one for one in found if one.status == "skipped")
    assert skipped.said.startswith("The month's budget of ") and "has no room" in skipped.said
    assert (skipped.cost, skipped.execution) == (None, None)


def two_kinds():
    """Two drawn, the first of them of a real model that nobody knows the price of."""
    workflow = make_workflow()
    models_answer(REFUNDS)
    for number in range(2):
        execute_past(workflow, f"refund {number}")
    plan(workflow)
    drawing.draw(workflow.pk)
    first = Shadow.objects.order_by("pk").first()
    Shadow.objects.filter(pk=first.pk).update(simulated=False, model="openai:nobody-knows-it")
    return workflow


def test_what_has_no_price_is_skipped_and_nothing_of_another_model():
    found = complete(two_kinds())
    assert [one.status for one in found] == ["skipped", "completed"]
    assert found[0].said == "openai:nobody-knows-it has no price, so no budget could hold."
    assert Call.objects.filter(purpose="shadow").count() == 1


def test_what_has_no_cost_says_nothing_of_what_the_next_one_costs():
    workflow = make_workflow()
    models_answer(REFUNDS)
    for number in range(3):
        execute_past(workflow, f"refund {number}")
    plan(workflow)
    drawing.draw(workflow.pk)
    unpriced, priced, next_one = Shadow.objects.order_by("pk")
    Shadow.objects.filter(pk__in=[unpriced.pk, priced.pk]).update(status="completed", finished_at=timezone.now())
    assert running._expected(next_one) is None
    Shadow.objects.filter(pk=priced.pk).update(cost=7)
    assert running._expected(next_one) == 7


def test_what_a_round_asks_reads_an_index():
    workflow = two_kinds()
    shadow = Shadow.objects.first()
    counted = Shadow.objects.counted().filter(workflow=workflow.pk, **running._kind(shadow)).order_by("-finished_at")
    month = Call.objects.filter(workflow=workflow.pk, purpose="shadow", finished_at__gte=spending.begins())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "shadow_counted" in counted.values_list("cost", flat=True).explain()
    assert "call_of_shadow" in month.values_list("cost", flat=True).explain()


def test_what_was_drawn_before_the_plan_was_switched_off_is_not_run():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    plan(workflow)
    drawing.draw(workflow.pk)
    Plan.objects.update(enabled=False)
    [found] = complete(workflow)
    assert (found.status, found.said) == ("skipped", "The plan was switched off before it began.")


def test_the_budget_of_the_project_holds_too():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    plan(workflow)
    workflow.project.budgets.create(period="day", cap=1)
    [found] = shadow(workflow)
    assert (found.status, found.execution.status, found.execution.waiting_for) == ("running", "waiting", "budget")


def test_one_whose_past_answer_was_rejected_afterwards_is_not_measured():
    """It did not complete any more, so it is in no stratum."""
    workflow = make_workflow()
    models_answer(REFUNDS)
    past = execute_past(workflow)
    plan(workflow)
    [found] = shadow(workflow)
    assert [one.cost for one in measurements(workflow.pk, "workflow", simulated=True)] == [found.cost]
    Execution.objects.filter(pk=past.pk).update(judged_right=False)
    assert list(measurements(workflow.pk, "workflow", simulated=True)) == []


def test_one_that_broke_says_nothing_of_what_the_next_one_costs():
    workflow = make_workflow()
    models_answer({"model": CHEAP, **REFUNDS}, {"error": "rejected", "times": 1}, REFUNDS)
    for number in range(3):
        execute_past(workflow, f"refund {number}")
    plan(workflow, budget="0.000001")
    assert [one.status for one in shadow(workflow)] == ["failed", "completed", "skipped"]


@pytest.mark.django_db(transaction=True)
def test_no_endpoint_is_told_of_it():
    workflow = make_workflow()
    models_answer(REFUNDS)
    listen(workflow.project)
    history.collect()
    execute_past(workflow)
    history.collect()
    told = Delivery.objects.count()
    assert told > 0
    plan(workflow)
    [found] = shadow(workflow)
    history.collect()
    assert found.execution.events.count() > 1
    assert Delivery.objects.count() == told


@pytest.mark.django_db(transaction=True)
def test_two_workers_begin_each_once():
    workflow = make_workflow()
    models_answer(REFUNDS)
    execute_past(workflow)
    plan(workflow)
    shadow(workflow)  # now it is known what one costs
    for number in range(5):
        ended(execute(workflow, f"refund {number}"), seconds=40)
    drawing.draw(workflow.pk)

    def work():
        try:
            running.advance(workflow.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    complete(workflow)
    assert list(Shadow.objects.values_list("status", flat=True)) == ["completed"] * 6
    assert Execution.objects.filter(purpose="shadow").count() == 6
    assert Call.objects.filter(purpose="shadow").count() == 6
