"""A step with `for_each`: what an item reads, what is finished while one waits, and how the list goes on."""

import pytest
from django.utils import timezone

from executions import queue, resolution, run, store, turns, worker
from executions.drivers import plain
from executions.effects import AskModel, Pause
from executions.models import Execution, Flag, StepResult, Worker
from executions.resolution import Decision
from executions.steps import items
from gateway.models import Call
from tests.cast import envelope, make_workflow, models_answer
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

LINES = {"type": "array", "items": {"type": "string"}}
UNCOVERED = envelope(status="uncovered", uncovered="No rule speaks of this.")
CODE = {
    "id": "each",
    "kind": "code",
    "for_each": "input['lines']",
    "code": "def run(input, steps):\n    return item + '!'",
}
MODEL = {
    "id": "each",
    "kind": "model",
    "tier": "cheap",
    "for_each": "input['lines']",
    "prompt": "Line {{ index }}: {{ item }}",
    "output_schema": {
        "type": "object",
        "required": ["kind"],
        "additionalProperties": False,
        "properties": {"kind": {"type": "string"}},
    },
    "checks": [{"check": "output['kind'] != item", "message": "This only repeats the line."}],
}


def definition(*steps, **more):
    known = {"type": "object", "required": ["lines"], "properties": {"lines": LINES}}
    asks = {"escalation": {"to": "human"}}
    return {"title": "Lines", "purpose": "Sort lines.", "input_schema": known, "steps": list(steps), **asks, **more}


def execute(lines, *steps, **more):
    workflow = make_workflow(definition(*steps, **more))
    execution = queue.submit(workflow.live.version, workflow.live, {"lines": lines}, actor="test")
    return advance(execution)


def advance(execution):
    plain.advance(execution.pk, worker.current())
    return Execution.objects.get(pk=execution.pk)


def asked():
    return list(Call.objects.order_by("intended_at", "pk").values_list("iteration", "attempt", "purpose"))


def decide(iteration, word, **given):
    flag = Flag.objects.get(iteration=iteration, state="open")
    return resolution.resolve(flag, Decision(word, "key:reviewer", **given))


def rows():
    of_each = StepResult.objects.filter(step="each").order_by("iteration", "attempt")
    return list(of_each.values_list("iteration", "attempt", "status"))


def test_the_outputs_are_a_list_in_the_order_of_the_items():
    execution = execute(
        ["b", "a"], CODE, {"id": "all", "kind": "code", "code": "def run(input, steps):\n    return steps['each']"}
    )
    assert (execution.status, execution.output) == ("completed", ["b!", "a!"])
    assert rows() == [(0, 1, "done"), (1, 1, "done")]


def test_a_model_is_asked_about_each_item_and_its_calls_say_which():
    models_answer({"user": r"Line <[^>]*>(\d)", "text": envelope({"kind": "k$1"})})
    execution = execute(["x", "y"], MODEL)
    assert execution.output == [{"kind": "k0"}, {"kind": "k1"}]
    assert asked() == [(0, 1, "step"), (1, 1, "step")]


def test_the_others_are_finished_while_one_waits():
    models_answer({"user": "odd", "text": UNCOVERED}, {"text": envelope({"kind": "plain"})})
    execution = execute(["a", "odd", "c"], MODEL)
    assert (execution.status, execution.output) == ("escalated", None)
    flag = Flag.objects.get()
    assert (flag.step, flag.iteration, flag.reason, flag.waiting) == ("each", 1, "uncovered", True)
    decide(1, "answered", step_output={"kind": "odd one"})
    execution = advance(execution)
    assert execution.output == [{"kind": "plain"}, {"kind": "odd one"}, {"kind": "plain"}]
    assert (execution.status, execution.resolved_by) == ("completed", "human")
    assert [iteration for iteration, _, _ in asked()] == [0, 1, 2]


def test_the_execution_goes_on_behind_the_last_decision():
    models_answer({"user": "odd", "text": UNCOVERED}, {"text": envelope({"kind": "plain"})})
    execution = execute(["odd", "b", "odd"], MODEL)
    decide(0, "answered", step_output={"kind": "first"})
    assert Execution.objects.get().status == "escalated"
    decide(2, "answered", step_output={"kind": "last"})
    assert Execution.objects.get().status == "queued"
    assert advance(execution).output == [{"kind": "first"}, {"kind": "plain"}, {"kind": "last"}]


def test_one_item_is_tried_again_and_the_others_are_not():
    models_answer({"user": "odd", "text": UNCOVERED}, {"text": envelope({"kind": "plain"})})
    execution = execute(["a", "odd"], MODEL)
    decide(1, "retry")
    models_answer({"text": envelope({"kind": "mended"})})
    assert advance(execution).output == [{"kind": "plain"}, {"kind": "mended"}]
    assert [iteration for iteration, _, _ in asked()] == [0, 1, 1]


def test_a_dismissed_flag_takes_the_items_kept_output():
    models_answer(
        {"user": "odd", "text": envelope({"kind": "dim"}, confidence=0.2)}, {"text": envelope({"kind": "plain"})}
    )
    execution = execute(["odd", "b"], {**MODEL, "min_confidence": 0.8})
    decide(0, "dismissed")
    assert advance(execution).output == [{"kind": "dim"}, {"kind": "plain"}]


def test_a_whole_answer_leaves_nobody_standing_still():
    models_answer({"text": UNCOVERED})
    execute(["odd", "odd"], MODEL)
    decide(0, "answered", output=[{"kind": "x"}])
    assert (Execution.objects.get().status, Flag.objects.get(iteration=1).waiting) == ("completed", False)


def test_a_persons_answer_is_checked_with_its_item():
    models_answer({"text": UNCOVERED})
    execute(["odd"], MODEL)
    with pytest.raises(Invalid, match="This only repeats the line"):
        decide(0, "answered", step_output={"kind": "odd"})


def test_each_item_is_repaired_once():
    models_answer(
        {"user": "only repeats", "text": envelope({"kind": "mended"})},
        {"user": "same", "text": envelope({"kind": "same"})},
        {"text": envelope({"kind": "plain"})},
    )
    assert execute(["same", "b"], MODEL).output == [{"kind": "mended"}, {"kind": "plain"}]
    assert rows() == [(0, 1, "rejected"), (0, 2, "done"), (1, 1, "done")]


def test_what_was_done_before_a_crash_is_not_done_again():
    models_answer({"text": envelope({"kind": "plain"})})
    workflow = make_workflow(definition(MODEL))
    execution = queue.submit(workflow.live.version, workflow.live, {"lines": ["a", "b", "c"]}, actor="test")
    gone = Worker.objects.create(name="gone", ended_at=timezone.now())
    lease = store.claim(execution.pk, gone.pk)
    held = turns.Held(lease)
    wait = turns.turn(held)
    for _ in range(2):  # the third call leaves, and its worker with it
        wait = turns.turn(held, plain._waited(held, wait))
    assert isinstance(wait, AskModel)
    assert advance(execution).output == [{"kind": "plain"}] * 3
    assert [(call.iteration, call.outcome) for call in Call.objects.order_by("intended_at", "pk")] == [
        *((0, "ok"), (1, "ok")),
        *((2, "in_doubt"), (2, "ok")),
    ]


def test_an_empty_list_has_no_outputs_and_asks_nobody():
    assert execute([], MODEL).output == []
    assert rows() == [(None, 1, "done")]


@pytest.mark.parametrize(
    ("for_each", "said"),
    [
        ("input", "this is no list"),
        ("list(range(1001))", "this is a list of 1001"),
        ("input['nothing']", "KeyError"),
    ],
)
def test_what_is_no_list_or_too_long_goes_to_a_person(for_each, said):
    execution = execute(["a"], {**CODE, "for_each": for_each})
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.step, flag.iteration) == ("escalated", "code_error", "each", None)
    assert said in flag.explanation
    with pytest.raises(Invalid, match="a list as a whole"):
        decide(None, "answered", step_output=["a!"])


def test_when_may_choose_items():
    step = {**CODE, "when": "item != 'skip'", "otherwise": "index"}
    assert execute(["a", "skip", "c"], step).output == ["a!", 1, "c!"]


def test_when_may_skip_the_step_before_there_is_a_list():
    step = {**CODE, "when": "len(input['lines']) > 1", "for_each": "input['lines'][1]['none']"}
    execution = execute(["a"], step)
    assert (execution.status, execution.output) == ("completed", None)


def test_an_otherwise_that_reads_an_item_needs_items():
    with pytest.raises(Invalid) as raised:
        execute(["a"], {**CODE, "when": "input['lines']", "otherwise": "item"})
    assert raised.value.faults[0].pointer == "/steps/0/otherwise"


@pytest.mark.parametrize("input", [{}, {"lines": []}, {"lines": "odd"}])
def test_an_answer_whose_item_cannot_be_found_is_refused_with_a_sentence(input):
    models_answer({"user": "odd", "text": UNCOVERED}, {"text": envelope({"kind": "k"})})
    execution = execute(["a", "odd"], MODEL)
    Execution.objects.filter(pk=execution.pk).update(input=input)
    with pytest.raises(Invalid, match="its checks cannot be asked"):
        decide(1, "answered", step_output={"kind": "by hand"})


def test_a_budget_that_is_spent_stops_the_list_and_asks_once():
    models_answer({"text": envelope({"kind": "plain"})})
    workflow = make_workflow(definition(MODEL))
    workflow.project.execution_cap = 1
    workflow.project.save()
    execution = queue.submit(workflow.live.version, workflow.live, {"lines": ["a", "b"]}, actor="test")
    assert advance(execution).status == "escalated"
    assert list(Flag.objects.values_list("reason", "iteration")) == [("budget", 0)]


def test_a_list_of_outputs_has_a_bound(monkeypatch):
    monkeypatch.setattr(items, "MAX_BYTES", 10)
    execution = execute(["aaaaa", "bbbbb", "c", "d", "e"], CODE)
    assert execution.status == "escalated"
    assert [(flag.iteration, flag.reason) for flag in Flag.objects.all()] == [(None, "code_error")]
    assert "before item 2" in Flag.objects.get().explanation


def test_a_long_list_leaves_the_thread_to_others_and_keeps_what_is_done(monkeypatch):
    monkeypatch.setattr(run, "TURN", 0)
    workflow = make_workflow(definition(CODE))
    execution = queue.submit(workflow.live.version, workflow.live, {"lines": ["a", "b"]}, actor="test")
    held = turns.Held(store.claim(execution.pk, Worker.objects.create(name="gone", ended_at=timezone.now()).pk))
    assert turns.turn(held) == Pause(0)
    assert rows() == [(0, 1, "done")]
    assert advance(execution).output == ["a!", "b!"]
    assert rows() == [(0, 1, "done"), (1, 1, "done")]


def test_an_item_fails_and_the_retry_goes_on_behind_those_that_are_done():
    models_answer({"user": "zz", "error": "rejected"}, {"text": envelope({"kind": "plain"})})
    execution = execute(["a", "zz"], {**MODEL, "prompt": "{{ item }}"})
    assert execution.status == "failed"
    models_answer({"text": envelope({"kind": "later"})})
    queue.requeue(execution.pk, "failed", "test")
    assert advance(execution).output == [{"kind": "plain"}, {"kind": "later"}]


def test_the_engine_reads_what_a_flag_of_an_item_left_open():
    """Whose execution failed at another item: it is not asked again, and still waits."""
    models_answer(
        {"user": "odd", "text": UNCOVERED}, {"user": "boom", "error": "rejected"}, {"text": envelope({"kind": "k"})}
    )
    execution = execute(["odd", "boom"], MODEL)
    assert execution.status == "failed"
    models_answer({"text": envelope({"kind": "later"})})
    queue.requeue(execution.pk, "failed", "test")
    assert advance(execution).status == "escalated"
    decide(0, "answered", step_output={"kind": "by hand"})
    assert advance(execution).output == [{"kind": "by hand"}, {"kind": "later"}]


@pytest.mark.parametrize("word", ["answered", "dismissed"])
def test_what_was_decided_of_an_item_is_taken_back_while_another_waits(word):
    models_answer(
        {"user": "one", "text": envelope({"kind": "bill"}, confidence=0.1)},
        {"user": "two", "text": UNCOVERED},
        {"text": envelope({"kind": "letter"})},
    )
    execution = execute(["one", "two", "three"], {**MODEL, "min_confidence": 0.5})
    first, second = Flag.objects.order_by("iteration")
    given = {"step_output": {"kind": "wrong"}} if word == "answered" else {}
    resolution.resolve(first, Decision(word, "user:lea", **given))
    resolution.reopen(first, "user:lea")
    assert (first.state, first.answered_by, first.stands_still) == ("open", "", True)
    resolution.resolve(first, Decision("answered", "user:lea", step_output={"kind": "right"}))
    resolution.resolve(second, Decision("answered", "user:lea", step_output={"kind": "advert"}))
    execution = advance(execution)
    assert (execution.status, execution.resolved_by) == ("completed", "human")
    assert [output["kind"] for output in execution.output] == ["right", "advert", "letter"]
    of_the_first = StepResult.objects.at(execution.pk, "each", 0).order_by("attempt")
    assert [row.status for row in of_the_first] == ["flagged", "superseded", "done"]
    with pytest.raises(Conflict, match="gone on"):
        resolution.reopen(first, "user:lea")
