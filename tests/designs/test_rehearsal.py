"""A definition rehearsed on examples and cases: what breaks, what contradicts it, and how often code alone is right."""

import time
from datetime import UTC, datetime

import pytest

from designs.rehearsal import Differing, survey
from evaluations.cases import NewCase
from evaluations.comparing import ABSENT, Difference
from tests.designs.drafts import CUSTOMER_REFUND, SUPPORT, definition
from wire.problems import Fault
from workflows.definition import Definition

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def fare(code="return {'fare': input['km'] * 2}", **more):
    """What a ride costs: code alone."""
    return Definition.model_validate(
        {
            "title": "Fare",
            "purpose": "Say what a ride costs.",
            "input_schema": {"type": "object", "required": ["km"], "properties": {"km": {"type": "integer"}}},
            "covers": [{"check": "input['km'] > 0", "message": "No ride."}],
            "edge_cases": [{"id": "far", "case": "A far ride", "handling": "escalate", "when": "input['km'] > 100"}],
            "steps": [{"id": "price", "kind": "code", "code": f"def run(input, steps):\n    {code}"}],
            **more,
        }
    )


ASK = {
    "id": "ask",
    "kind": "model",
    "tier": "cheap",
    "prompt": "{{ steps.price.fare }}",
    "checks": [{"check": "output['text'] != ''", "message": "It is empty."}],
}
PRICE = {"id": "price", "kind": "code", "code": "def run(input, steps):\n    return {'fare': input['km'] * 2}"}


def example(km, fare=ABSENT):
    return {"input": {"km": km}} | ({} if fare is ABSENT else {"output": {"fare": fare}})


def test_what_holds_has_no_faults():
    found = survey(fare(), [example(1, 2), example(2, 4)], [NewCase("covered", {"km": 3}, {"fare": 6})], now=NOW)
    assert (found.faults, found.examples, found.cases, found.whole) == ([], 2, 1, True)
    assert found.said.startswith("2 of 2 examples and 1 of 1 cases were rehearsed in ")


def test_exceptions_on_examples_are_one_fault_for_each_kind_and_place():
    broken = fare("return {'fare': {1: 2, 2: 4}[input['km']] / (input['km'] - 2)}")
    assert survey(broken, [example(km) for km in (1, 2, 3, 4, 5)], [], now=NOW).faults == [
        Fault("/steps/0/code", 'example 2, {"km": 2}: The code of price failed: ZeroDivisionError: division by zero (line 2)'),
        Fault("/steps/0/code", 'example 3, {"km": 3}: The code of price failed: KeyError: 3 (line 2) And on 2 more.'),
    ]  # fmt: skip


def test_a_result_that_breaks_its_own_schema_is_a_fault():
    strict = fare(output_schema={"type": "object", "properties": {"fare": {"type": "string"}}})
    [fault] = survey(strict, [example(1)], [], now=NOW).faults
    assert fault.pointer == "/output_schema"
    assert "must be a text, not 2" in fault.detail


def test_what_the_design_hands_to_a_person_is_no_fault_of_an_example():
    found = survey(fare(), [example(0, 0), example(101, 202), example(1, 2)], [], now=NOW)
    assert found.faults == []
    assert (found.agreement.flagged, found.agreement.flagged_first) == (2, [1, 2])


def test_examples_that_do_not_fit_are_a_fault_where_they_are_many():
    good = [example(1, 2)] * 19
    [fault] = survey(fare(), [*good[:18], {"input": {}}], [], now=NOW).faults
    assert fault == Fault("/input_schema", "example 19, {}: /km: 'km' is missing.")
    few = survey(fare(), [*good, {"input": {}}], [], now=NOW)
    assert (few.faults, few.agreement.refused, few.agreement.refused_first) == ([], 1, [20])
    [many] = survey(fare(), [{"output": 1}, {"input": []}, {"input": None}], [], now=NOW).faults
    assert many.detail.endswith("And on 2 more.")


def test_agreement_counts_where_code_alone_is_right():
    told = survey(fare(), [example(1, 2), example(2, 5), example(3), example(0, 0)], [], now=NOW).agreement
    assert (told.compared, told.reached, told.equal) == (3, 2, 1)
    assert told.differing == [Differing(2, Difference("/fare", 5, 4))]


def test_only_twenty_differing_examples_are_named():
    told = survey(fare(), [example(km, 0) for km in range(1, 31)], [], now=NOW).agreement
    assert (told.reached, told.equal, len(told.differing)) == (30, 0, 20)


def test_where_a_model_is_asked_nothing_is_reached():
    told = survey(fare(steps=[PRICE, ASK]), [example(1, 2)], [], now=NOW).agreement
    assert (told.compared, told.reached, told.equal) == (1, 0, 0)


@pytest.mark.parametrize(
    ("case", "faults"),
    [
        (NewCase("covered", {"km": 3}, {"fare": 6}, answers={}), []),
        (NewCase("uncovered", {"km": 0}), []),
        (NewCase("boundary", {"km": 101}, expects_flag=True), []),
        (NewCase("covered", {"km": 3}, {"fare": 7}),
         [Fault("/cases/0/expected/fare", "case 1: The result differs at /fare: expected 7, found 6.")]),
        (NewCase("covered", {"km": 3}, {"fare": 6, "tip": 1}),
         [Fault("/cases/0/expected/tip", "case 1: The result differs at /tip: expected 1, found nothing.")]),
        (NewCase("covered", {"km": 3}, None),
         [Fault("/cases/0/expected", 'case 1: The result differs: expected null, found {"fare": 6}.')]),
        (NewCase("covered", {"km": 0}, {"fare": 0}),
         [Fault("/cases/0", "case 1: It expects an answer, and /covers/0 hands it to a person: No ride.")]),
        (NewCase("covered", {"km": 101}, {"fare": 202}),
         [Fault("/cases/0", "case 1: It expects an answer, and /edge_cases/0 hands it to a person: "
                            "The design escalates this case: A far ride")]),
        (NewCase("uncovered", {"km": 3}),
         [Fault("/cases/0/expects_flag", "case 1: It expects a flag, and with what it says of the steps the answer is "
                                         '{"fare": 6}.')]),
        (NewCase("covered", {"km": "3"}, {"fare": 6}),
         [Fault("/cases/0/input", "case 1: `input_schema` refuses it. /km: 'km' must be a whole number, not '3'.")]),
        (NewCase("covered", {"km": 3}, {"fare": 6}, steps={"price": {"fare": 7}}),
         [Fault("/cases/0/steps/price/fare",
                "case 1: The output of the code of price differs at /fare: expected 7, found 6.")]),
    ],
)  # fmt: skip
def test_a_case_that_contradicts_the_definition_is_a_fault(case, faults):
    assert survey(fare(), [], [case], now=NOW).faults == faults


@pytest.mark.parametrize(
    ("case", "faults"),
    [
        (NewCase("covered", {"km": 3}, {"text": "6"}), []),
        (NewCase("covered", {"km": 3}, {"text": "6"}, steps={"ask": {"text": "6"}}), []),
        (NewCase("uncovered", {"km": 3}), []),
        (NewCase("uncovered", {"km": 3}, steps={"ask": {"text": ""}}), []),
        (NewCase("covered", {"km": 3}, {"text": "6"}, steps={"ask": {"text": ""}}),
         [Fault("/cases/0/steps/ask", "case 1: It is empty.")]),
        (NewCase("uncovered", {"km": 3}, steps={"ask": {"txt": "6"}}), [
            Fault("/cases/0/steps/ask", "case 1: The output of ask does not follow its schema: as a whole: This has keys that "
                                        "are not expected: txt; /text: 'text' is missing.")]),
        (NewCase("uncovered", {"km": 3}, steps={"ask": {"text": "6"}}),
         [Fault("/cases/0/expects_flag", "case 1: It expects a flag, and with what it says of the steps the answer is "
                                         '{"text": "6"}.')]),
    ],
)  # fmt: skip
def test_what_a_case_says_of_its_steps_has_to_hold(case, faults):
    found = survey(fare(steps=[PRICE, ASK]), [], [case], now=NOW).faults
    assert [fault.pointer for fault in found] == [fault.pointer for fault in faults]
    if faults and "schema" not in faults[0].detail:
        assert found == faults


def test_code_that_breaks_on_a_case_is_the_codes_fault():
    [fault] = survey(fare("return input['mi']"), [], [NewCase("uncovered", {"km": 3})], now=NOW).faults
    assert fault == Fault("/steps/0/code", "case 1: The code of price failed: KeyError: mi (line 2)")


def test_an_answer_and_an_expected_output_of_one_step_may_not_differ():
    tool = {"id": "look", "kind": "tool", "tool": "t"}
    case = NewCase("covered", {"km": 3}, 1, steps={"look": 2}, answers={"look": 1})
    [fault] = survey(fare(steps=[tool]), [], [case], now=NOW).faults
    assert fault == Fault("/cases/0/steps/look", "case 1: The answer of look differs: expected 2, found 1.")


@pytest.mark.parametrize("seconds", [0, 1.5])
def test_it_stops_with_the_time_and_counts_what_was_done(seconds):
    began = time.monotonic()
    found = survey(fare("while True:\n        pass"), [example(1)] * 1000, [], now=NOW, seconds=seconds)
    assert time.monotonic() - began < 40
    assert (found.whole, found.of_examples) == (False, 1000)
    assert found.examples == 0 if seconds == 0 else 0 < found.examples < 10
    assert found.said.endswith("Then the time was over; what is behind was not looked at.")
    assert [fault.pointer for fault in found.faults] == ["/steps/0/code"] * bool(found.examples)


def test_the_examples_that_there_is_time_for_are_spread_over_all():
    slow = fare("return {'fare': 2}", output_schema={"type": "object"})
    found = survey(slow, [example(km + 1, 0) for km in range(100_000)], [], now=NOW, seconds=1)
    assert not found.whole
    assert max(found.agreement.flagged_first) > 50_000


def test_hundreds_of_examples_are_rehearsed_in_seconds():
    found = survey(fare(), [example(km % 90 + 1, 0) for km in range(300)], [], now=NOW)
    assert (found.examples, found.agreement.reached) == (300, 300)
    assert found.per_second > 10


def test_the_cases_of_a_real_definition_are_held_against_it():
    read = Definition.model_validate(definition(CUSTOMER_REFUND))
    asked = {"message": "Order 1001 broke", "customer_id": "c1"}
    wanted = {"order_id": "1001", "wants": "full", "items": [], "reason": "broken"}
    lost = {"outcome": "needs_order", "amount": None, "rule": None, "reply": "Which order?"}
    cases = [
        NewCase(
            "covered", asked, lost, steps={"request": {**wanted, "order_id": None}, "reply": {"text": "Which order?"}}
        ),
        NewCase("covered", asked, lost, steps={"request": {**wanted, "order_id": "7"}}),
        NewCase("uncovered", asked),
    ]
    assert survey(read, [], cases, now=NOW).faults == [
        Fault("/cases/1/steps/request", "case 2: The order number is not in the message.")
    ]


def test_past_tickets_run_through_the_code_of_a_real_definition():
    read = Definition.model_validate(definition(SUPPORT))
    tickets = [{"input": {"ticket_id": str(n), "from": "a@b.c", "body": f"Ticket {n}\n> quoted"}} for n in range(20)]
    found = survey(read, [*tickets, {"input": {"ticket_id": "x", "from": "a@b.c", "body": "My lawyer"}}], [], now=NOW)
    assert (found.faults, found.examples, found.agreement.flagged_first) == ([], 21, [21])
