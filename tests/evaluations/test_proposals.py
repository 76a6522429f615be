"""Cases that flags and feedback propose: with the answer that was right, and with what the steps had answered from outside."""

import pytest

from evaluations import cases
from evaluations.models import Case
from executions import resolution
from executions.models import Flag, StepResult
from executions.proposing import answers_of
from executions.resolution import Decision
from projects.models import Scope
from tests.cast import REFUND, envelope, execute, make_workflow, member, models_answer
from tests.neighbours import client_of
from wire.problems import Invalid
from workflows.models import Examined

pytestmark = pytest.mark.django_db

OTHER = {"kind": "other"}


def flagged():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    return execution, Flag.objects.get(waiting=True)


def resolve(flag, **said) -> tuple[int, dict]:
    client = client_of(flag.execution.project, Scope.REVIEW)
    came = client.post(f"/api/v1/flags/{flag.pk}/resolution", {"make_case": True, **said}, "application/json")
    return came.status_code, came.json()


def test_an_answered_flag_proposes_a_case():
    execution, flag = flagged()
    status, said = resolve(flag, resolution="answered", output=OTHER)
    case = Case.objects.get()
    assert status == 200
    assert (case.kind, case.state, case.source, case.execution) == ("covered", "proposed", "flag", execution.pk)
    assert (case.input, case.expected, case.answers) == ({"message": "I want a refund"}, OTHER, {})
    assert case.created_by == said["resolution"]["resolved_by"]


def test_without_make_case_none_is_proposed():
    _, flag = flagged()
    assert resolve(flag, resolution="answered", output=OTHER, make_case=False)[0] == 200
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    "said", [{"resolution": "answered", "step_output": OTHER}, {"resolution": "dismissed"}, {"resolution": "retry"}]
)
def test_a_case_needs_the_whole_answer(said):
    _, flag = flagged()
    status, problem = resolve(flag, **said)
    assert (status, [one["pointer"] for one in problem["errors"]]) == (422, ["/make_case"])
    flag.refresh_from_db()
    assert flag.state == "open"


def test_what_would_be_no_case_by_now_leaves_the_flag_open():
    execution, flag = flagged()
    needs_more = {**REFUND, "output_schema": {"type": "object", "required": ["kind", "why"]}}
    execution.workflow.draft(Examined.of(needs_more, execution.project), "2.0.0", created_by="alice").publish("alice")
    status, problem = resolve(flag, resolution="answered", output=OTHER)
    assert (status, problem["errors"][0]["pointer"]) == (422, "/make_case")
    flag.refresh_from_db()
    assert (flag.state, flag.execution.status, Case.objects.count()) == ("open", "escalated", 0)


def test_what_is_a_case_already_is_not_proposed_again():
    execution, flag = flagged()
    cases.add(execution.workflow, cases.NewCase("covered", execution.input, OTHER), "user:rosa")
    assert resolve(flag, resolution="answered", output=OTHER)[0] == 200
    assert Case.objects.get().source == "hand"


def test_a_decision_in_process_may_make_a_case_too():
    _, flag = flagged()
    with pytest.raises(Invalid):
        resolution.resolve(flag, Decision("dismissed", "user:rosa", make_case=True))
    resolution.resolve(flag, Decision("answered", "user:rosa", output=OTHER, make_case=True))
    assert Case.objects.get().created_by == "user:rosa"


@pytest.mark.parametrize(
    ("decision", "typed", "made"),
    [
        ("whole", {"whole-0": "other", "make_case": "on"}, 1),
        ("whole", {"whole-0": "other"}, 0),
        ("redesign", {"whole-0": "other", "answer_now": "on", "make_case": "on"}, 1),
        ("redesign", {"whole-0": "other", "make_case": "on"}, 0),
        ("step", {"step-0": "1", "make_case": "on"}, 0),
    ],
)
def test_the_box_of_the_queue_proposes_one_where_the_whole_is_answered(decision, typed, made):
    execution, flag = flagged()
    client = member(execution.project, "reviewer")
    path = f"/admin/queue/{flag.pk}/"
    assert 'name="make_case" data-key="c"' in client.get(path).content.decode()
    assert client.post(path, {"decision": decision, **typed}).status_code == 302
    assert list(Case.objects.values_list("state", "source", "created_by")) == [("proposed", "flag", "user:rosa")] * made


def test_what_would_be_no_case_is_said_on_the_page_of_the_queue():
    execution, flag = flagged()
    needs_more = {**REFUND, "output_schema": {"type": "object", "required": ["kind", "why"]}}
    execution.workflow.draft(Examined.of(needs_more, execution.project), "2.0.0", created_by="alice").publish("alice")
    typed = {"decision": "whole", "whole-0": "other", "make_case": "on"}
    came = member(execution.project, "reviewer").post(f"/admin/queue/{flag.pk}/", typed)
    flag.refresh_from_db()
    assert (came.status_code, flag.state) == (422, "open")
    assert "This makes no case: " in came.content.decode()
    assert 'name="make_case" data-key="c" checked' in came.content.decode()


@pytest.mark.parametrize(
    ("said", "proposed"),
    [({"accepted": False, "output": OTHER}, [OTHER]), ({"accepted": False}, []), ({"accepted": True}, [])],
)
def test_feedback_with_the_right_answer_proposes_a_case(said, proposed):
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow())
    client = client_of(execution.project, Scope.EXECUTE)
    came = client.post(f"/api/v1/executions/{execution.pk}/feedback", said, "application/json")
    assert came.status_code == 200
    assert [row.expected for row in Case.objects.filter(state="proposed", source="feedback")] == proposed


def test_the_answers_from_outside_come_along_the_items_of_a_list_in_their_order():
    """Of a list in which an item has none, none: null would be taken for an answer of a tool that never gave one."""
    execution, _ = flagged()
    rows = [
        *(("look", None, "tool", "done", {"n": 1}), ("look", None, "tool", "rejected", {"n": 0})),
        *(("each", 1, "tool", "done", "b"), ("each", 0, "tool", "done", "a"), ("ask", None, "review", "done", True)),
        *(("code", None, "code", "done", 1), ("late", 2, "workflow", "done", "c")),
        *(("skipped", 1, "tool", "skipped", None), ("skipped", 0, "tool", "done", "d")),
    ]
    for attempt, (step, iteration, kind, status, output) in enumerate(rows, 1):
        where = {"step": step, "iteration": iteration, "attempt": attempt}
        StepResult.objects.create(execution=execution, kind=kind, status=status, output=output, **where)
    expected = {"look": {"n": 1}, "each": ["a", "b"], "ask": True, "skipped": ["d", None]}
    assert answers_of(execution) == expected
