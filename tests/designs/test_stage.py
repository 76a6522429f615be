"""One input through the code of a definition: what ran, what is known, what nobody said, and what would stop it."""

from datetime import UTC, datetime

import pytest

from designs.stage import Stage
from evaluations.comparing import ABSENT
from tests import cast
from tests.designs.drafts import AIRLINE, CUSTOMER_REFUND, EXPENSES, INSURANCE, SUPPORT, definition, refund, with_step
from tests.workflows.test_definition_example import REFUND as EXAMPLE
from workflows.compiled import build
from workflows.definition import Definition

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def staged(document):
    return Stage(build(Definition.model_validate(document)))


def rehearse(document, given, steps=None, answers=None, **more):
    return staged(document).rehearse(given, steps, answers, now=NOW, **more)


def statuses(seen):
    return {name: one.status for name, one in seen.steps.items()}


def coded(code, **more):
    return {
        "title": "T",
        "purpose": "P",
        "input_schema": {},
        "steps": [{"id": "work", "kind": "code", "code": f"def run(input, steps):\n    {code}", **more}],
    }


def test_code_runs_and_what_was_given_is_known():
    seen = rehearse(refund(), {"message": "Order 1"}, {"read": {"order": "1"}}, {"pay": {"id": "p"}})
    assert statuses(seen) == {"read": "known", "due": "ran", "judge": "ran", "approval": "skipped", "pay": "known"}
    assert (seen.result, seen.stop, seen.undecided, seen.completed) == ({"paid": True}, None, (), True)
    assert seen.steps["approval"].output == {"approved": True}


def test_what_nobody_said_is_not_guessed():
    seen = rehearse(refund(), {"message": "Order 1"})
    assert statuses(seen) == {"read": "asks", "due": "ran", "judge": "ran", "approval": "skipped", "pay": "not_reached"}
    assert seen.steps["pay"].said == "It reads the step 'read', whose output is not known."
    assert (seen.result, seen.stop, seen.completed) == (ABSENT, None, False)


def test_an_edge_case_that_reads_what_is_not_known_stays_undecided():
    seen = rehearse(EXAMPLE, {"message": "Order 1", "customer_id": "c"})
    assert (seen.undecided, seen.steps["order"].status, seen.steps["due"].status) == (
        ("not-theirs",),
        "not_reached",
        "not_reached",
    )


def test_a_step_without_what_it_reads_takes_the_output_that_is_given():
    document = with_step("due", code="def run(input, steps):\n    return {'amount': len(steps['read']['order'])}")
    seen = rehearse(document, {"message": "Order 1"}, {"due": {"amount": 300}}, {"approval": {"approved": False}})
    assert statuses(seen)["due"] == "known"
    assert statuses(seen)["approval"] == "known"
    assert (statuses(seen)["pay"], seen.result) == ("skipped", {"paid": False})


def test_the_code_of_the_step_wins_over_an_output_that_is_expected_of_it():
    seen = rehearse(refund(), {"message": "Order 1"}, {"due": {"amount": 300}})
    assert (seen.steps["due"].status, seen.steps["due"].output) == ("ran", {"amount": 5})


@pytest.mark.parametrize(
    ("given", "pointer", "reason", "said"),
    [
        ({"message": " "}, "/covers/0", "uncovered", "The message is empty."),
        ({"message": "A lawyer"}, "/edge_cases/0", "rule", "The design escalates this case: A threat"),
        ({"message": "x" * 9}, "/covers/1", "uncovered", "This has to hold and does not: len(input['message']) < 9"),
    ],
)
def test_covers_and_edge_cases_stop_it(given, pointer, reason, said):
    document = refund(
        covers=[*refund()["covers"], "len(input['message']) < 9"],
        edge_cases=[
            {"id": "threat", "case": "A threat", "handling": "escalate", "when": "'lawyer' in input['message']"}
        ],
    )
    stop = rehearse(document, given).stop
    assert (stop.pointer, stop.reason, stop.said) == (pointer, reason, said)


def test_what_stands_behind_a_stop_is_not_reached():
    seen = rehearse(refund(), {"message": "Order 1"}, {"read": {"order": "1" * 20}})
    assert statuses(seen) == {
        "read": "failed",
        "due": "not_reached",
        "judge": "not_reached",
        "approval": "not_reached",
        "pay": "not_reached",
    }
    assert (seen.stop.pointer, seen.stop.step, seen.stop.said) == ("/steps/0/checks", "read", "Too long.")


def test_a_judge_that_is_not_content_stops_it():
    document = with_step("judge", code="def run(input, steps):\n    return {'known': False}")
    stop = rehearse(document, {"message": "Order 1"}, {"read": {"order": "1"}}).stop
    assert (stop.pointer, stop.step, stop.reason) == ("/steps/2/checks", "judge", "check_failed")
    assert stop.said.endswith("The step read would be asked again.")


@pytest.mark.parametrize(
    ("document", "pointer", "said"),
    [
        (coded("return input['x']"), "/steps/0/code", "The code of work failed: KeyError: x (line 2)"),
        (coded("return 1", when="input['x']"), "/steps/0/when", "KeyError"),
        (coded("return 1", when="False", otherwise="input['x']"), "/steps/0/otherwise", "KeyError"),
        (coded("return 1", for_each="input['x']"), "/steps/0/for_each", "KeyError"),
        (coded("return 1", for_each="1"), "/steps/0/for_each", "this is no list"),
        (coded("return item / 0", for_each="[1, 2]"), "/steps/0/code", "ZeroDivisionError"),
        (coded("return 1", for_each="[1, 2]", when="1 / (item - 2)"), "/steps/0/when", "ZeroDivisionError"),
        (coded("return 1", checks=["output['x']"]), "/steps/0/checks", "A check of the step work failed: TypeError"),
        (coded("return 1", checks=["output > 1"]), "/steps/0/checks", "This has to hold and does not: output > 1"),
        (coded("return 1", output_schema={"type": "string"}), "/steps/0/output_schema", "must be a text"),
        ({**coded("return 1"), "result": "steps['work']['x']"}, "/result", "The result failed: TypeError"),
        ({**coded("return 1"), "output_schema": {"type": "string"}}, "/output_schema", "must be a text"),
        ({**coded("return 1"), "covers": ["input['x']"]}, "/covers", "The precondition input['x'] failed: KeyError"),
        ({**coded("return 1"), "lanes": {"quality": "input['x']"}}, "/lanes/quality", "The rule of the lane quality"),
        (
            {**coded("return 1"), "edge_cases": [{"case": "A", "handling": "escalate", "when": "input['x']"}]},
            "/edge_cases",
            "The condition of the edge case a failed: KeyError",
        ),
    ],
)
def test_what_breaks_is_said_by_its_place(document, pointer, said):
    stop = rehearse(document, {}).stop
    assert stop.pointer == pointer
    assert said in stop.said


def asking(kind, **more):
    step = {"id": "ask", "kind": kind, **more}
    return {"title": "T", "purpose": "P", "input_schema": {}, "steps": [step]}


SAYS = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (asking("model", tier="cheap", prompt="{{ input.x }}"), "/steps/0/prompt"),
        (asking("model", tier="cheap", prompt="{{ item.x }}", for_each="[{}]"), "/steps/0/prompt"),
        (asking("review", prompt="{{ input.x }}", output_schema=SAYS), "/steps/0/prompt"),
        (asking("tool", tool="shop.look", arguments={"id": "input['x']"}), "/steps/0/arguments"),
        (asking("workflow", workflow="other", arguments={"id": "input['x']"}), "/steps/0/arguments"),
    ],
)
def test_what_would_be_asked_is_put_together_although_nobody_is_asked(document, pointer):
    assert rehearse(document, {}).stop.pointer == pointer
    assert rehearse(document, {}, {"ask": {"ok": True}}).stop.pointer == pointer


@pytest.mark.parametrize("kind", ["model", "review", "tool", "workflow"])
def test_a_known_answer_of_any_kind_of_step_has_to_hold(kind):
    more = {"model": {"tier": "cheap", "prompt": "?"}, "review": {"prompt": "?"}, "tool": {"tool": "t"}}
    document = asking(kind, output_schema=SAYS, checks=["output['ok']"], **more.get(kind, {"workflow": "other"}))
    assert statuses(rehearse(document, {})) == {"ask": "asks"}
    assert rehearse(document, {}, {"ask": {"ok": True}}).result == {"ok": True}
    assert rehearse(document, {}, {"ask": {"ok": 1}}).stop.pointer == "/steps/0/output_schema"
    assert rehearse(document, {}, {}, {"ask": {"ok": False}}).stop.pointer == "/steps/0/checks"


def test_an_answer_wins_over_an_expected_output():
    document = asking("tool", tool="t")
    assert rehearse(document, {}, {"ask": 1}, {"ask": 2}).result == 2
    assert rehearse(document, {}, {"ask": 1}, {"ask": None}).result is None


def test_a_list_is_known_where_all_of_its_items_are():
    document = asking("tool", tool="t", for_each="[1, 2]")
    assert rehearse(document, {}, {"ask": ["a", "b"]}).result == ["a", "b"]
    for some in (["a"], "ab", {}):
        assert statuses(rehearse(document, {}, {"ask": some})) == {"ask": "asks"}
    assert rehearse(asking("tool", tool="t", for_each="[]"), {}).result == []


def test_of_a_list_only_the_items_that_are_wanted_have_to_be_known():
    document = asking("tool", tool="t", for_each="[1, 2]", when="item == 1", otherwise="item * 10")
    assert rehearse(document, {}, {"ask": ["a"]}).result == ["a", 20]


def test_the_clock_is_the_one_that_is_given_in_the_zone_of_the_definition():
    document = {**coded("return [now, str(date.today())]"), "timezone": "Asia/Tokyo"}
    assert rehearse(document, {}).result == ["2026-03-31T21:00:00+09:00", "2026-03-31"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("while True:\n        pass", "It ran longer than 1 second."),
        ("x = 'x' * 10\n    while True:\n        x += x", "memory"),
        ("return run(input, steps)", "RecursionError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
    ],
    ids=["loop", "memory", "recursion", "exit"],
)
def test_hostile_code_is_a_stop_and_no_hang(code, said):
    stop = rehearse(coded(code), {}).stop
    assert (stop.pointer, stop.reason) == ("/steps/0/code", "code_error")
    assert said in stop.said


def test_a_list_of_loops_ends_with_the_time():
    stop = rehearse(coded("while True:\n        pass", for_each="[*range(1000)]"), {}, seconds=2).stop
    assert (stop.pointer, stop.reason) == ("/steps/0/code", "code_error")


def test_what_takes_too_long_without_breaking_is_told_too():
    document = coded("return sum(range(10000))", for_each="[*range(1000)]")
    seen = rehearse(document, {}, seconds=0.1)
    assert (seen.stop.pointer, seen.stop.reason, statuses(seen)) == ("/steps/0", "time", {"work": "failed"})


@pytest.mark.django_db
def test_it_comes_to_what_an_execution_comes_to():
    cast.models_answer({"text": cast.envelope({"kind": "refund"})})
    execution = cast.execute(cast.make_workflow(), "I  want a refund")
    seen = rehearse(cast.REFUND, {"message": "I  want a refund"}, {"classify": {"kind": "refund"}})
    assert (execution.output, seen.result) == ({"kind": "refund"}, {"kind": "refund"})
    assert {row.step: row.output for row in execution.steps.all()} == {
        name: one.output for name, one in seen.steps.items()
    }


ORDER = {
    "id": "1001",
    "customer_id": "c1",
    "status": "delivered",
    "delivered_on": "2026-03-20",
    "shipping": "5.00",
    "refunded": "0.00",
    "recent_refunds": 0,
    "lines": [{"sku": "mug", "name": "Blue mug", "quantity": 2, "price": "9.50", "final_sale": False}],
}
WANTED = {"order_id": "1001", "wants": "full", "items": [], "reason": "broken"}
MESSAGE = {"message": "Order 1001 broke", "customer_id": "c1"}


def test_the_refund_is_decided_by_code():
    document = definition(CUSTOMER_REFUND)
    told = {"order": ORDER, "refund": {"id": "r1"}}
    seen = rehearse(document, MESSAGE, {"request": WANTED, "reply": {"text": "24.00 USD."}}, told)
    assert seen.result == {"outcome": "refunded", "amount": "24.00", "rule": "R3", "reply": "24.00 USD."}
    serial = rehearse(document, MESSAGE, {"request": WANTED}, {"order": {**ORDER, "recent_refunds": 3}})
    assert (serial.stop.edge_case, serial.stop.pointer) == ("serial", "/edge_cases/0")
    alone = rehearse(document, MESSAGE)
    assert (alone.undecided, set(statuses(alone).values())) == (("serial", "not-theirs"), {"asks", "not_reached"})


def test_the_expenses_are_audited_by_code():
    line = {"id": "E-1", "employee": "ann", "department": "it", "date": "2026-03-02", "category": "meals"}
    line |= {"merchant": "Cafe", "amount": 20, "currency": "usd", "receipt": True}
    given = {"period": "2026-03", "submissions": [line, {**line, "id": "E-2"}]}
    told = {"rates": [{"currency": "USD", "usd_per_unit": "1"}], "file": {"path": "/audit.md"}}
    seen = rehearse(definition(EXPENSES), given, None, told)
    assert statuses(seen)["controller"] == "skipped"
    assert (seen.completed, seen.result["reimbursable_usd"], seen.result["returned_usd"]) == (True, "20.00", "20.00")
    no_rate = rehearse(definition(EXPENSES), given, None, {"rates": []})
    assert (no_rate.stop.step, no_rate.stop.pointer) == ("rates", "/steps/0/checks")


def test_a_threat_in_a_support_ticket_is_found_before_anybody_is_asked():
    given = {"ticket_id": "1", "from": "a@b.c", "body": "I will call my LAWYER"}
    seen = rehearse(definition(SUPPORT), given)
    assert (seen.stop.edge_case, statuses(seen)["clean"]) == ("legal", "ran")
    calm = rehearse(definition(SUPPORT), {**given, "body": "Hello"})
    assert (calm.stop, calm.undecided, statuses(calm)["customer"]) == (None, ("angry",), "asks")


def test_an_insurance_ticket_like_a_labelled_one_needs_no_model():
    text = "Would you explain how your accident forgiveness program works and what qualifications must be met?"
    seen = rehearse(definition(INSURANCE), {"text": text})
    assert seen.result == {"category": "General Inquiries", "decided_by": "code"}
    assert statuses(rehearse(definition(INSURANCE), {"text": "Hm"})) == {"neighbours": "ran", "classify": "asks"}


def test_an_airline_turn_without_a_user_goes_on_as_far_as_it_is_known():
    given = {"messages": [{"role": "customer", "content": "Hello"}], "state": {"pending": [], "done": []}}
    said = {"user_id": None, "answer": "none", "wants_person": False, "requests": []}
    seen = rehearse(definition(AIRLINE), given, {"understand": said, "reply": {"text": "Hello."}})
    assert seen.completed, seen
    assert seen.result == {"reply": "Hello.", "state": {"pending": [], "done": []}, "outcome": "informed"}
