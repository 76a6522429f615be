"""A design, from what is asked for to a draft with its cases: round after round, through the ledger."""

import json
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from designs import costing, designing, rounds, running, spending
from designs.brief import Brief
from designs.designing import Asked
from designs.models import Design, Round
from evaluations.models import Case
from executions import errands, worker
from executions.models import Worker
from gateway import gateway
from gateway.gateway import Cause
from gateway.models import Call, Intent, OwnPrice, Payload
from gateway.types import Purpose
from projects.models import AuditEvent
from tests.cast import REFUND, make_project, make_workflow, models_answer
from tests.designs.designed import CASES, begin, complete, design, design_answer
from wire.money import pico_text, to_pico
from wire.problems import Conflict, Invalid
from workflows.models import Budget, Workflow

pytestmark = pytest.mark.django_db(transaction=True)

TASK_WITH = "Say of each message to the shop whether its writer asks for a refund; never show this key:"
BROKEN = {**REFUND, "steps": [{**REFUND["steps"][0], "code": "def run(input, steps):\n    return input['nothing']"}]}


@pytest.fixture
def alice():
    return make_project()


def test_a_design_becomes_a_draft_with_its_cases_and_its_context(alice):
    models_answer({"text": design_answer()})
    found = design(alice)
    assert (found.status, found.said, found.draft.number) == ("completed", "", "1.0.0")
    draft = found.draft
    assert draft.definition == REFUND
    assert (draft.designed_by, draft.intelligence_level) == ("scripted:claude-opus-5-5", "frontier")
    assert draft.design_cost is None  # the ledger has what it cost
    context = draft.design_context
    assert context["task"].startswith("Say of each message")
    assert context["questions"] == [
        {"question": "Who reads Polish?", "why": "One in ten is.", "assumed": "Nobody: uncovered."}
    ]
    assert (context["fit"]["verdict"], context["design"]) == ("great", str(found.pk))
    assert not draft.publications.exists()
    kept = found.workflow.cases.order_by("pk")
    assert [(one.kind, one.state, one.source) for one in kept][:2] == [("covered", "proposed", "design")] * 2
    assert len(kept) == len(CASES) == found.figures["cases"]


def test_what_it_cost_stands_in_the_ledger_under_its_workflow(alice):
    models_answer({"text": design_answer()})
    found = design(alice)
    [call] = Call.objects.filter(purpose="design")
    assert (call.workflow, call.execution, call.tier, call.outcome) == (found.workflow_id, None, "frontier", "ok")
    assert spending.spent(found) == call.cost > 0
    assert [one.calls for one in found.rounds.all()] == [[str(call.pk)]]
    assert found.figures["design_cost"] == pico_text(call.cost)


def test_what_is_wrong_goes_back_until_it_holds(alice):
    models_answer(
        {"text": "I would rather talk about it.", "times": 1},
        {"text": design_answer({**REFUND, "result": {"kind": "steps['classified']['kind']"}}), "times": 1},
        {"text": design_answer()},
    )
    found = design(alice)
    assert (found.status, found.draft.number) == ("completed", "1.0.0")
    first, second, third = found.rounds.order_by("number")
    assert first.faults and second.faults
    assert second.faults[0]["pointer"] == "/definition/result/kind"
    assert third.faults == []
    asked = [Payload.objects.get(call=each.calls[0]).request["user"] for each in (first, second, third)]
    assert "classified" not in asked[1] and "I would rather talk about it." in asked[1]
    assert "/definition/result/kind" in asked[2]


def test_a_design_that_never_holds_ends_with_a_sentence_and_no_draft(alice):
    models_answer({"text": design_answer(BROKEN)})
    found = design(alice, max_rounds=2)
    assert (found.status, found.draft, found.rounds.count()) == ("failed", None, 2)
    assert found.said.startswith("It came to nothing that holds in any of 2 rounds.")
    assert "Say more in the task" in found.said
    assert not found.workflow.versions.exists()
    assert not found.workflow.cases.exists()
    assert spending.spent(found) == sum(Call.objects.values_list("cost", flat=True)) > 0


def test_a_task_that_should_be_no_workflow_ends_with_advice(alice):
    models_answer({"text": design_answer(None)})
    found = design(alice)
    assert (found.status, found.draft, found.answer["fit"]["verdict"]) == ("completed", None, "keep_on_frontier")
    assert found.said == "Better left to the frontier, says the design: there is no draft. The reasons stand with it."


def test_a_budget_that_ends_in_the_middle_holds_and_goes_on_when_it_is_raised(alice):
    models_answer({"text": "No.", "times": 1}, {"text": design_answer()})
    first = begin(alice)
    bound = gateway_bound(first)
    Design.objects.filter(pk=first.pk).update(budget=bound)
    first.refresh_from_db()
    found = complete(first)
    assert (found.status, found.draft, Call.objects.count()) == ("waiting", None, 1)
    assert "raise the budget, and it goes on" in found.said
    assert spending.spent(found) <= bound
    running.raise_budget(found, to_pico(Decimal(10)), "rosa")
    assert complete(found).status == "completed"


def gateway_bound(found: Design) -> int:
    request = designing.request(found, [])
    return gateway.plan(found.target, request, Cause(found.project_id, Purpose.DESIGN)).upper_bound


def test_a_budget_of_the_project_is_waited_for(alice):
    models_answer({"text": design_answer()})
    Budget.objects.create(project=alice, period=Budget.Period.TOTAL, cap=1, stated_by="rosa")
    found = complete(begin(alice))
    assert (found.status, Call.objects.count(), Intent.objects.count()) == ("running", 0, 0)
    assert found.said.startswith("It waits: ")
    Budget.objects.all().delete()
    Round.objects.update(again_at=None)
    assert complete(found).status == "completed"


def test_one_that_is_cancelled_is_paid_and_comes_to_nothing(alice):
    models_answer({"text": design_answer()})
    found = begin(alice)
    while not found.rounds.filter(intent__isnull=False).exists():
        running.advance(found)
    running.cancel(found, "rosa")
    errands.wait()
    assert errands.settle()
    found = complete(found)
    assert (found.status, found.draft, Call.objects.get().outcome) == ("cancelled", None, "ok")
    with pytest.raises(Conflict, match="This design is cancelled"):
        running.cancel(found, "rosa")


def test_a_call_whose_worker_ended_is_in_doubt_and_asked_again(alice):
    models_answer({"text": design_answer()})
    found = begin(alice)
    while not found.rounds.filter(intent__isnull=False).exists():
        running.advance(found)
    errands.wait()
    errands.forget()  # as in another process
    Worker.objects.update(ended_at=timezone.now())
    worker._current = None
    running.advance_all()
    Round.objects.update(again_at=None)
    found = complete(found)
    assert found.status == "completed"
    assert sorted(Call.objects.values_list("outcome", flat=True)) == ["in_doubt", "ok"]
    [only] = found.rounds.all()
    assert len(only.calls) == 2
    assert spending.spent(found) == sum(Call.objects.values_list("cost", flat=True))


def test_two_that_look_at_once_keep_one_draft(alice):
    models_answer({"text": design_answer()})
    found = begin(alice)
    while not found.rounds.exclude(answered_at=None).exists():
        running.advance(found)
        errands.wait()
        errands.settle()
    last = found.rounds.get()
    running._look(found, last)
    running._look(found, last)
    assert found.workflow.versions.count() == 1
    assert found.workflow.cases.count() == len(CASES)


def test_a_second_design_of_the_same_waits_for_nobody(alice):
    begin(alice)
    with pytest.raises(Conflict, match="refund is being designed already"):
        begin(alice)


def test_a_design_of_a_workflow_that_is_there_becomes_its_next_version(alice):
    make_workflow(project=alice)
    models_answer({"text": design_answer({**REFUND, "guidance": "Be exact."})})
    assert design(alice).draft.number == "1.0.1"
    assert Workflow.objects.get().live.version.number == "1.0.0"


def test_answers_to_its_questions_make_another_design_that_follows(alice):
    models_answer({"text": design_answer()})
    first = design(alice)
    asked = designing.answered(first, [{"question": "Who reads Polish?", "answer": "Rosa does."}])
    second = complete(designing.begin(designing.examine(asked, "alice")))
    assert (second.follows_id, second.draft.number) == (first.pk, "1.0.1")
    assert second.brief["answers"] == [{"question": "Who reads Polish?", "answer": "Rosa does."}]
    assert "Rosa does." in Payload.objects.latest("pk").request["user"]


def test_examples_that_the_frontier_has_not_seen_become_cases(alice):
    models_answer({"text": design_answer()})
    shop = [
        {"input": {"message": f"{word} number {n} about {thing}"}, "output": {"kind": kind}}
        for n, thing in enumerate(("kettle", "lamp", "sofa", "carpet", "window", "garden chair", "toaster", "mirror"))
        for word, kind in (("a refund", "refund"), ("a question", "other"))
    ]
    found = design(alice, examples=shop)
    held_out = found.workflow.cases.filter(source=Case.Source.EXAMPLE)
    assert held_out.exists()
    said = Payload.objects.get().request["user"]
    assert all(one.input["message"] not in said for one in held_out)
    assert {one.state for one in held_out} == {"proposed"}


def test_secrets_in_what_is_asked_for_are_kept_from_everybody(alice):
    models_answer({"text": design_answer()})
    secret = "sk-ant-api03-" + "a1B2c3D4" * 6
    found = design(alice, brief=Brief(task=f"{TASK_WITH} {secret}"), examples=[{"input": {"message": secret}}])
    kept = json.dumps([found.brief, found.examples, found.draft.design_context, Payload.objects.get().request])
    assert secret not in kept


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"brief": Brief(task=" ")}, "the task is empty"),
        ({"target": "nobody:model"}, "Write the model as PROVIDER:MODEL"),
        ({"examples": [{"output": 1}]}, "An example is an object with an 'input'"),
    ],
)
def test_what_cannot_be_designed_from_is_refused_before_anything_is_paid(alice, asked, said):
    with pytest.raises(Invalid) as refused:
        designing.examine(
            Asked(**{"project": alice, "name": "refund", "brief": Brief(task="x" * 40), **asked}), "alice"
        )
    assert said in " ".join(fault.detail for fault in refused.value.faults)
    assert not Workflow.objects.exists()


def test_a_model_without_a_price_designs_nothing(alice):
    with pytest.raises(Conflict, match="There is no price for scripted:mine"):
        designing.examine(Asked(alice, "refund", Brief(task="x" * 40), target="scripted:mine"), "alice")
    OwnPrice.objects.create(
        project=alice, provider="scripted", model="mine", valid_from=timezone.now(), input=1, output=1
    )


def test_what_it_will_cost_is_said_before(alice):
    ready = designing.examine(Asked(alice, "refund", Brief(task="x" * 40)), "alice")
    found = costing.expected(ready.design, designing.request(ready.design, []))
    assert 0 < found.expected < found.upper == designing.BUDGET
    assert found.tokens > 1000
    assert not Design.objects.exists()


def test_the_audit_says_who_asked_and_who_ended_it(alice):
    found = begin(alice)
    running.cancel(found, "rosa")
    told = AuditEvent.objects.filter(kind="design").order_by("pk").values_list("actor", "verb")
    assert list(told) == [("alice", "created"), ("rosa", "changed")]


def test_a_worker_takes_designs_to_their_end(alice):
    models_answer({"text": design_answer()})
    found = begin(alice)
    for _ in range(20):
        running.advance_all()
        errands.wait()
    found.refresh_from_db()
    assert found.status == "completed"
    assert UUID(found.rounds.get().calls[0])


def test_one_that_was_cancelled_while_its_request_was_made_is_not_asked(alice):
    found = begin(alice)
    running.advance(found)
    first, request = found.rounds.get(), designing.request(found, [])
    running.cancel(found, "rosa")
    assert rounds.ask(found, first.pk, request) is False
    assert not Intent.objects.exists()


def test_a_budget_that_was_raised_meanwhile_holds(alice):
    models_answer({"text": design_answer()})
    found = begin(alice, budget=1)
    running.advance(found)
    request = designing.request(found, [])
    running.raise_budget(Design.objects.get(), to_pico(Decimal(5)), "rosa")
    assert rounds.ask(found, found.rounds.get().pk, request) is True
    assert complete(found).status == "completed"


def test_a_workflow_that_is_archived_meanwhile_ends_its_design(alice):
    found = begin(alice)
    found.workflow.archive("rosa")
    found = complete(found)
    assert (found.status, Call.objects.count()) == ("failed", 0)
    assert found.said == "refund was archived meanwhile; take it back, and begin anew."


def test_a_provider_that_is_gone_is_waited_for(alice):
    alice.providers.create(name="house", protocol="openai", base_url="https://house.example/v1")
    OwnPrice.objects.create(project=alice, provider="house", model="m", valid_from=timezone.now(), input=1, output=1)
    found = begin(alice, target="house:m")
    alice.providers.all().delete()
    found = complete(found)
    assert (found.status, Intent.objects.count()) == ("running", 0)
    assert found.said.startswith("It waits: ")
    assert found.rounds.get().again_at > timezone.now()


def test_what_breaks_while_an_answer_is_looked_at_is_said_and_ends(alice, monkeypatch):
    models_answer({"text": design_answer()})
    monkeypatch.setattr(designing.checking, "check", lambda *_: 1 / 0)
    found = design(alice, max_rounds=2)
    assert (found.status, found.rounds.count()) == ("failed", 2)
    assert found.rounds.get(number=2).faults[0]["detail"].startswith("The service could not look at this answer.")


def test_answers_to_one_whose_texts_are_gone_are_refused(alice):
    models_answer({"text": design_answer()})
    found = design(alice)
    found.purged_at = timezone.now()
    with pytest.raises(Conflict, match="Its texts were deleted"):
        designing.answered(found, [])


def test_a_name_that_no_workflow_may_have_makes_none(alice):
    with pytest.raises(Invalid) as refused:
        begin(alice, "Bad Name/../x")
    assert [fault.pointer for fault in refused.value.faults] == ["/name"]
    assert not Workflow.objects.exists()
