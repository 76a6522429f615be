"""Which part of the number a new version raises."""

import copy

import pytest

from designs.bumping import bump, takes_all
from tests.designs.drafts import ALL_FIVE, REFUND, definition, refund, with_step, without_step

INJURY, ANGRY, HUGE = REFUND["edge_cases"]
READ, DUE, JUDGE, APPROVAL, PAY = REFUND["steps"]
INPUT = REFUND["input_schema"]


def added(step, place=5):
    steps = copy.deepcopy(REFUND["steps"])
    steps.insert(place, step)
    return refund(steps=steps)


def taking(**properties):
    return refund(input_schema={**INPUT, "properties": {**INPUT["properties"], **properties}})


@pytest.mark.parametrize(
    "after",
    [
        REFUND,
        refund(title="Refunds"),
        refund(purpose="To pay."),
        refund(guidance="Be kinder."),
        with_step("read", note="Why.", instructions="Who?", prompt="{{ input }}"),
        with_step("read", examples=[{"input": "1", "output": {"order": "1"}}]),
        with_step("read", checks=["output['order'] != ''", {"check": "len(output['order']) < 20", "message": "Long."}]),
        refund(covers=[{**REFUND["covers"][0], "message": "Nothing."}]),
        refund(edge_cases=[{**INJURY, "case": "Somebody was hurt badly"}, ANGRY, HUGE]),
        refund(edge_cases=[INJURY, {**ANGRY, "handling": "Smile."}, HUGE]),
        refund(edge_cases=[HUGE, INJURY, ANGRY]),
        refund(input_schema={**INPUT, "description": "What came."}),
        refund(output_schema={**REFUND["output_schema"], "title": "Outcome"}),
    ],
)
def test_words_are_a_patch(after):
    assert bump(REFUND, after) == "patch"


@pytest.mark.parametrize(
    "after",
    [
        refund(edge_cases=[*REFUND["edge_cases"], {"id": "gift-card", "case": "A gift card", "handling": "escalate"}]),
        refund(edge_cases=[INJURY, {**ANGRY, "handling": "escalate"}, HUGE]),
        refund(edge_cases=[INJURY, ANGRY, {**HUGE, "when": "True"}]),
        refund(constants={**REFUND["constants"], "gift_cards": []}),
        refund(covers=[*REFUND["covers"], "len(input['message']) < 500"]),
        added({"id": "sum", "kind": "code", "code": "def run(input, steps):\n    return 1"}),
        added({"id": "more", "kind": "model", "tier": "cheap", "prompt": "{{ input.message }}"}),
        added({**APPROVAL, "id": "second"}),
        with_step("read", checks=[*READ["checks"], "True"]),
        with_step("read", tier="standard", min_confidence=0.9, max_output_tokens=700),
        with_step("due", code="def run(input, steps):\n    return {'amount': 6}"),
        with_step("pay", when="True", arguments={}),
        refund(result={"paid": "False"}),
        refund(escalation={"to": "human"}, lanes={"quality": "True"}, default_lane="quality"),
        refund(input_schema={**INPUT, "required": []}),
        refund(input_schema={**INPUT, "additionalProperties": True}),
        taking(message={"type": ["string", "null"], "maxLength": 2000}),
        taking(channel={"enum": ["mail", "chat", "phone"]}),
        taking(language={"type": "string"}),
    ],
)
def test_what_is_newly_covered_is_a_minor(after):
    assert bump(REFUND, after) == "minor"


@pytest.mark.parametrize(
    "after",
    [
        refund(input_schema={**INPUT, "required": ["message", "channel"]}),
        refund(input_schema={**INPUT, "properties": {"message": INPUT["properties"]["message"]}}),
        taking(message={"type": "string", "maxLength": 999}),
        taking(message={"type": "integer", "maxLength": 1000}),
        taking(message={"type": "string", "maxLength": 1000, "pattern": "."}),
        taking(channel={"enum": ["mail"]}),
        taking(channel={"const": "mail"}),
        refund(output_schema={"type": "object", "required": ["paid"], "properties": {"paid": {"type": "string"}}}),
        refund(output_schema=None),
        {key: value for key, value in REFUND.items() if key != "output_schema"},
        refund(constants={"days": 31, "caps": {"meals": "75.00"}}),
        refund(constants={"days": 30, "caps": {"meals": "75.00", "taxi": "1"}}),
        refund(constants={"days": 30}),
        refund(edge_cases=[ANGRY, HUGE]),
        refund(timezone="Europe/Berlin"),
        without_step("due"),
        without_step("pay"),
        added({**PAY, "id": "pay_again"}),
        added({"id": "other", "kind": "workflow", "workflow": "refund"}),
        with_step("pay", tool="payments.send"),
        refund(steps=[DUE, READ, JUDGE, APPROVAL, PAY]),
        with_step("due", kind="tool", tool="sum", code=None),
    ],
)
def test_what_callers_have_to_look_at_is_a_major(after):
    assert bump(REFUND, after) == "major"


UNPROMISED = {key: value for key, value in REFUND.items() if key != "output_schema"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (UNPROMISED | {"result": {"paid": "1"}}, "major"),
        (UNPROMISED | {"steps": [READ, {**DUE, "code": "def run(input, steps):\n    return 1"}, JUDGE, APPROVAL, PAY]}, "major"),
        (UNPROMISED | {"steps": [{**READ, "tier": "standard"}, DUE, JUDGE, APPROVAL, PAY]}, "minor"),
        (UNPROMISED | {"steps": [*REFUND["steps"], {**DUE, "id": "sum"}]}, "minor"),
        (UNPROMISED | {"covers": []}, "minor"),
    ],
)  # fmt: skip
def test_without_an_output_schema_nothing_promises_the_shape_of_the_result(after, expected):
    assert bump(UNPROMISED, after) == expected


def test_without_a_result_the_last_step_is_it():
    before = {key: value for key, value in UNPROMISED.items() if key != "result"}
    assert bump(before, before | {"steps": [*REFUND["steps"], {**DUE, "id": "sum"}]}) == "major"
    assert bump(before, before | {"steps": [{**DUE, "id": "sum"}, *REFUND["steps"]]}) == "minor"


def test_a_tool_that_is_known_to_be_harmless_may_come_and_be_exchanged():
    look = {**PAY, "id": "look", "tool": "shop.look"}
    assert bump(REFUND, added(look), harmless=["shop.look"]) == "minor"
    assert bump(added(look), added({**look, "tool": "shop.see"}), harmless=["shop.look", "shop.see"]) == "minor"
    assert bump(added(look), added({**look, "tool": "shop.see"}), harmless=["shop.look"]) == "major"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, True),
        ({"type": "integer"}, {"type": "number"}, True),
        ({"type": "number"}, {"type": "integer"}, False),
        ({"type": "string"}, {}, True),
        ({}, {"type": "string"}, False),
        ({"minimum": 1}, {"minimum": 0}, True),
        ({"minimum": 0}, {"minimum": 1}, False),
        ({"items": {"type": "string", "minLength": 2}}, {"items": {"type": "string"}}, True),
        ({"items": {"type": "string"}}, {"items": {"type": "string", "minLength": 2}}, False),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        ({"properties": {"title": {"type": "string"}}}, {"properties": {}}, False),
        ({"title": "A"}, {"title": "B"}, True),
        ({"properties": {"a": True}}, {"properties": {"a": False}}, False),
        ({"enum": [1]}, {"enum": [True]}, False),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, {"properties": {"a": {}}}, True),
        ({"$defs": {"a": {"type": "string"}}}, {"$defs": {"a": {}}}, False),
        ({"if": {}, "then": {}}, {}, False),
    ],
)
def test_a_schema_takes_all_that_another_one_took(before, after, expected):
    assert takes_all(before, after) is expected


@pytest.mark.parametrize("name", ALL_FIVE)
def test_a_real_definition_that_did_not_change_is_a_patch_and_a_new_edge_case_a_minor(name):
    document = definition(name)
    more = {**document, "edge_cases": [*document.get("edge_cases", []), {"case": "Never seen", "handling": "escalate"}]}
    assert (bump(document, document), bump(document, more)) == ("patch", "minor")
