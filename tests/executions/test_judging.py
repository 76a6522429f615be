"""A step that judges another: what is repaired, what runs again, and where it ends."""

import pytest
from django.utils import timezone

from executions import queue, resolution, store, turns, worker
from executions.drivers import plain
from executions.effects import AskModel
from executions.models import Execution, Flag, StepResult, Worker
from executions.resolution import Decision
from gateway.models import Call
from projects.tools import tool
from tests.cast import envelope, make_workflow, models_answer
from wire.problems import Invalid
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string"}},
}
DRAFT = {"id": "draft", "kind": "model", "tier": "cheap", "prompt": "Write to {{ input.name }}", "output_schema": TEXT}
COUNT = {"id": "count", "kind": "code", "code": "def run(input, steps):\n    return len(steps['draft']['text'])"}
JUDGE = {
    "id": "judge",
    "kind": "code",
    "repairs": "draft",
    "code": "def run(input, steps):\n    return {'letters': steps['count'], 'named': input['name'] in steps['draft']['text']}",
    "checks": [{"check": "output['named']", "message": "The customer is not named."}],
}
CODE_JUDGE = [DRAFT, COUNT, JUDGE]
MODEL_JUDGE = [
    DRAFT,
    {
        "id": "judge",
        "kind": "model",
        "tier": "standard",
        "repairs": "draft",
        "prompt": "Is this kind? {{ steps.draft.text }}",
        "output_schema": {
            "type": "object",
            "required": ["kind"],
            "additionalProperties": False,
            "properties": {"kind": {"type": "boolean"}},
        },
        "checks": [{"check": "output['kind']", "message": "This is not kind."}],
    },
]
GOOD, BAD, WORSE = (envelope({"text": text}) for text in ("Dear Rosa", "Hello", "Hi you"))


def definition(steps, **more):
    known = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    return {
        "title": "Letter",
        "purpose": "Write.",
        "input_schema": known,
        "steps": steps,
        "result": "steps['draft']['text']",
        **more,
    }


def submitted(steps=CODE_JUDGE, **more):
    workflow = make_workflow(definition(steps, **more))
    return queue.submit(workflow.live.version, workflow.live, {"name": "Rosa"}, actor="test")


def advance(execution):
    plain.advance(execution.pk, worker.current())
    return Execution.objects.get(pk=execution.pk)


def attempts(step):
    rows = StepResult.objects.filter(step=step).order_by("attempt")
    return list(rows.values_list("attempt", "status", "answered_by"))


def purposes():
    return list(Call.objects.order_by("intended_at", "pk").values_list("step", "purpose"))


def test_a_failed_check_repairs_the_step_that_is_judged_and_runs_what_stands_between_again():
    models_answer({"user": "not accepted", "text": GOOD}, {"text": BAD})
    execution = advance(submitted())
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", "Dear Rosa", "workflow")
    assert purposes() == [("draft", "step"), ("draft", "repair")]
    assert attempts("draft") == [(1, "superseded", "workflow"), (2, "done", "workflow")]
    assert attempts("count") == [(1, "superseded", "workflow"), (2, "done", "workflow")]
    assert attempts("judge") == [(1, "superseded", "workflow"), (2, "done", "workflow")]
    judged = StepResult.objects.get(step="judge", attempt=1)
    assert (judged.output, judged.explanation) == ({"letters": 5, "named": False}, "The customer is not named.")
    assert Flag.objects.count() == 0


def test_the_repair_is_told_what_the_judge_said():
    models_answer(
        {"user": r'not accepted[^$]*"text": "Hello"[^$]*not named[^$]*"letters": 5', "text": GOOD}, {"text": BAD}
    )
    assert advance(submitted()).output == "Dear Rosa"


def test_the_second_failure_is_a_flag_on_the_step_and_the_rungs_are_asked():
    models_answer({"user": "asked first", "text": GOOD}, {"user": "not accepted", "text": WORSE}, {"text": BAD})
    execution = advance(submitted())
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", "Dear Rosa", "frontier")
    assert [purpose for _, purpose in purposes()] == ["step", "repair", "escalation"]
    flag = Flag.objects.get()
    assert (flag.step, flag.reason, flag.detector, flag.waiting) == ("draft", "check_failed", "judge", False)
    assert flag.answered_by == "frontier"


def test_where_only_people_are_asked_the_flag_waits_and_their_answer_is_judged_too():
    models_answer({"text": BAD})
    execution = advance(submitted(escalation={"to": "human"}))
    flag = Flag.objects.get()
    assert (execution.status, flag.step, flag.attempt, flag.waiting) == ("escalated", "draft", 2, True)
    assert "The customer is not named." in flag.explanation
    resolution.resolve(flag, Decision("answered", "user:lea", step_output={"text": "Dear Rosa"}))
    execution = advance(execution)
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", "Dear Rosa", "human")
    assert len(purposes()) == 2


def test_what_a_judge_says_of_a_persons_answer_is_the_judges_own_flag():
    models_answer({"text": BAD})
    execution = advance(submitted(escalation={"to": "human"}))
    resolution.resolve(Flag.objects.get(), Decision("dismissed", "user:lea"))
    execution = advance(execution)
    flag = Flag.objects.get(state="open")
    assert (execution.status, flag.step, flag.reason, flag.detector) == ("escalated", "judge", "check_failed", "check")
    resolution.resolve(flag, Decision("dismissed", "user:lea"))
    assert advance(execution).output == "Hello"


def test_a_model_judges_and_is_not_repaired_itself():
    models_answer(
        {"user": "Is this kind[^$]*Hello", "text": envelope({"kind": False})},
        {"user": "Is this kind", "text": envelope({"kind": True})},
        {"user": "not accepted", "text": GOOD},
        {"text": BAD},
    )
    execution = advance(submitted(MODEL_JUDGE))
    assert (execution.status, execution.output) == ("completed", "Dear Rosa")
    assert purposes() == [("draft", "step"), ("judge", "step"), ("draft", "repair"), ("judge", "step")]


def test_a_crash_in_the_repair_goes_on_with_the_repair():
    models_answer({"user": "not accepted", "text": GOOD}, {"text": BAD})
    execution = submitted()
    held = turns.Held(store.claim(execution.pk, Worker.objects.create(name="gone", ended_at=timezone.now()).pk))
    wait = turns.turn(held, plain._waited(held, turns.turn(held)))
    assert isinstance(wait, AskModel)
    execution = advance(execution)
    assert (execution.status, execution.output) == ("completed", "Dear Rosa")
    assert [(call.purpose, call.outcome) for call in Call.objects.order_by("intended_at", "pk")] == [
        *(("step", "ok"), ("repair", "in_doubt")),
        ("repair", "ok"),
    ]
    assert attempts("judge") == [(1, "superseded", "workflow"), (2, "done", "workflow")]


def test_a_crash_behind_the_repair_pays_it_once():
    models_answer(
        {"user": "not accepted", "text": GOOD},
        {"text": BAD},
    )
    steps = [DRAFT, COUNT, JUDGE, {**DRAFT, "id": "last", "prompt": "Close"}]
    execution = submitted(steps)
    held = turns.Held(store.claim(execution.pk, Worker.objects.create(name="gone", ended_at=timezone.now()).pk))
    wait = turns.turn(held)
    for _ in range(2):
        wait = turns.turn(held, plain._waited(held, wait))
    assert wait.intent.step == "last"
    assert advance(execution).status == "completed"
    assert purposes()[:2] == [("draft", "step"), ("draft", "repair")]
    assert [step for step, _ in purposes()].count("draft") == 2


def test_an_edge_case_that_reads_what_was_repaired_is_decided_anew():
    models_answer({"user": "not accepted", "text": envelope({"text": "Rosa, stop"})}, {"text": BAD})
    case = {"id": "stop", "case": "It says stop", "handling": "escalate", "when": "'stop' in steps['draft']['text']"}
    execution = advance(submitted(edge_cases=[case]))
    assert (execution.status, Flag.objects.get().edge_case) == ("escalated", "stop")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([DRAFT, COUNT, {**JUDGE, "repairs": "nobody"}], "Unknown step"),
        ([DRAFT, COUNT, {**JUDGE, "repairs": "count"}], "is no model step"),
        ([DRAFT, COUNT, {**JUDGE, "checks": []}], "Without `checks`"),
        ([DRAFT, COUNT, {**JUDGE, "for_each": "[1]"}], "A list judges no step"),
        ([{**DRAFT, "for_each": "[1]"}, COUNT, JUDGE], "A list judges no step"),
        ([DRAFT, COUNT, JUDGE, {**JUDGE, "id": "other"}], "Only one step may judge"),
    ],
)
def test_it_refuses_a_judge_that_cannot_be(steps, said):
    with pytest.raises(Invalid) as raised:
        make_workflow(definition(steps))
    assert said in raised.value.faults[0].detail
    assert raised.value.faults[0].pointer.endswith("/repairs")
    assert not Workflow.objects.filter(live__isnull=False).exists()


@tool("test.judged_pay", description="Pays.", input_schema={"type": "object", "properties": {}}, side_effects=True)
def judged_pay():
    return {}


@pytest.mark.parametrize(
    "between",
    [
        {"id": "count", "kind": "review", "prompt": "?", "output_schema": {"type": "object"}},
        {"id": "count", "kind": "tool", "tool": "test.judged_pay"},
    ],
    ids=["a review", "a side effect"],
)
def test_nothing_between_may_be_done_twice(between):
    with pytest.raises(Invalid, match="would be done twice"):
        make_workflow(definition([DRAFT, between, JUDGE]), tools=("test.judged_pay",))
