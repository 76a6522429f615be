"""What a redesign may not do, and what of what it does a person should read."""

import copy

import pytest

from designs.limits import limits, softens
from designs.patch import Change, apply
from tests.designs.drafts import ALL_FIVE, REFUND, definition, refund, with_step, without_step

INJURY, ANGRY, HUGE = REFUND["edge_cases"]
READ, DUE, JUDGE, APPROVAL, PAY = REFUND["steps"]
EMPTY = REFUND["covers"][0]
MODEL = {"id": "more", "kind": "model", "tier": "cheap", "prompt": "{{ input.message }}"}
LOOK = {"id": "look", "kind": "tool", "tool": "payments.look", "arguments": {}}


def added(step, place=5):
    steps = copy.deepcopy(REFUND["steps"])
    steps.insert(place, step)
    return refund(steps=steps)


def without_confidence():
    code = {"id": "read", "kind": "code", "code": "def run(input, steps):\n    return {'order': '1'}"}
    return refund(steps=[{**code, "checks": READ["checks"]}, *REFUND["steps"][1:]], edge_cases=[INJURY, HUGE])


def moved(*names):
    return refund(steps=[next(step for step in REFUND["steps"] if step["id"] == name) for name in names])


@pytest.mark.parametrize(
    ("after", "where", "said"),
    [
        (with_step("read", tier="standard"), "/steps/0/tier", "goes up from cheap to standard"),
        (with_step("read", max_output_tokens=801), "/steps/0/max_output_tokens", "from 800 to 801 tokens"),
        (with_step("read", max_output_tokens=None), "/steps/0/max_output_tokens", "from 800 to 4096 tokens"),
        (with_step("read", min_confidence=0.6), "/steps/0/min_confidence", "from 0.7 to 0.6"),
        (with_step("read", min_confidence=None), "/steps/0/min_confidence", "from 0.7 to 0"),
        (with_step("read", checks=READ["checks"][:1]), "/steps/0/checks/1", "len(output['order']) < 20"),
        (with_step("judge", checks=None), "/steps/2/checks/0", "would be gone, or say nothing"),
        (with_step("read", checks=[READ["checks"][0], "True"]), "/steps/0/checks/1", "len(output['order']) < 20"),
        (with_step("read", when="False"), "/steps/0/when", "would say always the same"),
        (with_step("read", for_each="[]"), "/steps/0/for_each", "would say always the same"),
        (moved("read", "judge", "approval", "pay", "due"), "/steps/3", "'pay' would run before the step 'due'"),
        (with_step("judge", repairs=None), "/steps/2/repairs", "judges the step 'read'"),
        (with_step("approval", to="reviewer"), "/steps/3/to", "from team_lead to reviewer"),
        (with_step("approval", within="1m"), "/steps/3/within", "What it means that nobody is asked"),
        (with_step("approval", otherwise={"approved": "True"}), "/steps/3/otherwise", "What it means that nobody"),
        (with_step("approval", when="1 > 2"), "/steps/3/when", "When a person is asked of the review 'approval' changes"),
        (with_step("approval", when="steps['due']['amount'] >= 100"), "/steps/3/when", "When a person is asked"),
        (with_step("approval", when=None), "/steps/3/when", "When a person is asked"),
        (with_step("pay", when=None), "/steps/4/when", "as a review says, by the 'when' \"steps['approval']['approved']\""),
        (with_step("pay", when="steps['due']['amount'] < 9"), "/steps/4/when", "the step 'pay' would not keep it"),
        (added({**PAY, "id": "again", "when": "steps['due']['amount'] < 9"}), "/steps/5/when", "'again' would not keep it"),
        (with_step("pay", tool="payments.send"), "/steps/4/tool", "'payments.send' is not called"),
        (without_step("approval"), "/steps/3", "a person's decision"),
        (without_step("judge"), "/steps/2", "what judges the step 'read'"),
        (added(LOOK), "/steps/5/tool", "'payments.look' is not called by the version"),
        (added({"id": "other", "kind": "workflow", "workflow": "refund@2"}), "/steps/5/workflow", "'refund' is not called"),
        (added({**MODEL, "tier": "frontier"}), "/steps/5/tier", "the dearest tier there was is cheap"),
        (added({**MODEL, "max_output_tokens": 5000}), "/steps/5/max_output_tokens", "may answer 5000 tokens, others 4096"),
        (added({**MODEL, "for_each": "input['message'].split()"}), "/steps/5/for_each", "would run for each of a list"),
        (with_step("read", for_each="input['message'].split()"), "/steps/0/for_each", "once for each of a list"),
        (without_confidence(), "/steps/0/kind", "The 'min_confidence' of the model step 'read' would be gone"),
        (moved("read", "due", "judge", "pay", "approval"), "/steps/3", "would run before the step 'approval'"),
        (refund(constants={"days": 31, "caps": {"meals": "75.00"}}), "/constants/days", "'days' is changed"),
        (refund(constants={"days": 30.0, "caps": {"meals": "75.00"}}), "/constants/days", "'days' is changed"),
        (refund(constants={"days": 30, "caps": {}}), "/constants/caps", "'caps' is changed"),
        (refund(constants={"caps": {"meals": "75.00"}}), "/constants/days", "'days' is removed"),
        (refund(edge_cases=[ANGRY, HUGE]), "/edge_cases/0", "'injury' is always escalated, and would be gone"),
        (refund(edge_cases=[{**INJURY, "handling": "Say sorry."}, ANGRY, HUGE]), "/edge_cases/0/handling", "its 'handling'"),
        (refund(edge_cases=[{**INJURY, "to": "frontier"}, ANGRY, HUGE]), "/edge_cases/0/to", "its 'to'"),
        (refund(edge_cases=[INJURY, ANGRY, {**HUGE, "when": "False"}]), "/edge_cases/2/when", "its 'when'"),
        (refund(covers=[]), "/covers/0", "A precondition would be gone"),
        (refund(covers=["1 == 1"]), "/covers/0", "A precondition would be gone, or say nothing"),
        (refund(escalation={"to": "human"}), "/escalation/to", "go to frontier, human, and would go to human"),
        (refund(lanes={"quality": "True"}), "/lanes/quality", "changed or removed"),
        (refund(default_lane="quality"), "/default_lane", "would take the lane quality where no rule"),
    ],
)  # fmt: skip
def test_a_redesign_may_not(after, where, said):
    [fault] = limits(REFUND, after)
    assert fault.pointer == where
    assert said in fault.detail


@pytest.mark.parametrize(
    "after",
    [
        REFUND,
        with_step("read", tier="cheap", max_output_tokens=700, min_confidence=0.9),
        with_step("read", checks=[*READ["checks"], "output['order'].isdigit()"]),
        with_step("read", checks=["output['order'] != 'x'", READ["checks"][1]]),
        with_step("read", instructions="Which order? Null for gift cards."),
        with_step("due", code="def run(input, steps):\n    return {'amount': 6}"),
        without_step("due"),
        added(MODEL),
        added({**PAY, "id": "pay_again"}),
        refund(constants={**REFUND["constants"], "gift_cards": ["A"]}),
        refund(edge_cases=[*REFUND["edge_cases"], {"id": "gift-card", "case": "A gift card", "handling": "escalate"}]),
        refund(edge_cases=[INJURY, {**ANGRY, "handling": "escalate"}, HUGE]),
        refund(covers=[{**EMPTY, "message": "Nothing is in it."}]),
        refund(covers=[EMPTY, "len(input['message']) < 500"]),
        refund(escalation={"to": ["frontier"]}),
        refund(guidance="Be kinder."),
        refund(input_schema={"type": "object"}),
    ],
)
def test_a_redesign_may(after):
    assert limits(REFUND, after) == []


def test_a_lane_that_people_have_set_is_theirs():
    before = refund(lanes={"quality": "len(input['message']) > 500"})
    assert [fault.pointer for fault in limits(before, REFUND)] == ["/lanes/quality"]
    assert [fault.pointer for fault in limits(before, refund(lanes={"quality": "True"}))] == ["/lanes/quality"]
    before = refund(default_lane="quality")
    assert [fault.pointer for fault in limits(before, REFUND)] == ["/default_lane"]


BANK = {
    **{key: REFUND[key] for key in ("title", "purpose", "input_schema")},
    "steps": [
        {"id": "look", "kind": "tool", "tool": "bank.look", "arguments": {}},
        {"id": "plan", "kind": "code", "code": "def run(input, steps):\n    return {'amount': 5}"},
        {"id": "approve", "kind": "review", "prompt": "Pay?", "output_schema": {"type": "object"}},
        {"id": "may", "kind": "code", "code": "def run(input, steps):\n    return {'ok': steps['approve']['ok']}"},
        {"id": "pay", "kind": "tool", "tool": "bank.pay", "arguments": {}, "when": "steps['approve']['ok']"},
    ],
}
TRANSFER = BANK["steps"][4]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ([Change("add", "/steps/approve", {**TRANSFER, "id": "pay0", "when": "True"})], ["/steps/2", "/steps/2/when"]),
        ([Change("remove", "/steps/pay"), Change("add", "/steps/look", {**TRANSFER, "id": "pay0", "when": None})],
         ["/steps/0", "/steps/0/when"]),
        ([Change("replace", "/steps/pay/id", "paid"), Change("add", "/steps/plan", TRANSFER)], ["/steps/1"]),
        ([Change("replace", "/steps/look/tool", "bank.pay")], ["/steps/0", "/steps/0/when"]),
        ([Change("remove", "/steps/pay/when")], ["/steps/4/when"]),
        ([Change("add", "/steps/pay/when", "steps['may']['ok']")], ["/steps/4/when"]),
        ([Change("add", "/steps/approve/when", "1 > 2")], ["/steps/2/when"]),
        ([Change("add", "/steps/-", {**TRANSFER, "id": "pay2"})], []),
        ([Change("replace", "/steps/pay/id", "paid")], []),
        ([Change("add", "/steps/plan", {**BANK["steps"][0], "id": "look2"})], []),
        ([Change("replace", "/steps/plan/code", "def run(input, steps):\n    return {'amount': 6}")], []),
    ],
)  # fmt: skip
def test_a_call_that_a_review_stood_above_does_not_get_around_it(changes, where):
    after = apply(BANK, changes)
    assert [fault.pointer for fault in limits(BANK, after, harmless=["bank.look"])] == where


def test_a_review_that_is_read_through_code_decides_as_well():
    before = apply(BANK, [Change("replace", "/steps/pay/when", "steps['may']['ok']")])
    after = apply(before, [Change("replace", "/steps/pay/when", "steps['plan']['amount'] > 0")])
    [fault] = limits(before, after)
    assert (fault.pointer, fault.detail) == (
        "/steps/4/when",
        "The tool 'bank.pay' is called as a review says, by the 'when' \"steps['may']['ok']\"; the step 'pay' would not keep it: "
        "a redesign may not do that, a person may.",
    )


def test_a_list_that_a_review_allowed_and_the_choice_among_its_items_stay():
    listed = {**TRANSFER, "for_each": "steps['approve']['orders']", "when": "item['ok']"}
    before = apply(BANK, [Change("replace", "/steps/pay", listed)])
    for key, value in (("for_each", "input['orders']"), ("when", "True")):
        after = apply(before, [Change("replace", f"/steps/pay/{key}", value)])
        assert f"/steps/4/{key}" in [fault.pointer for fault in limits(before, after)]


def test_a_workflow_acts_like_a_tool_whatever_version_of_it_is_called():
    called = {"id": "pay", "kind": "workflow", "workflow": "payout@1", "when": "steps['approve']['ok']"}
    before = apply(BANK, [Change("replace", "/steps/pay", called)])
    early = Change("add", "/steps/approve", {**called, "id": "pay0", "workflow": "payout@2"})
    assert [fault.pointer for fault in limits(before, apply(before, [early]))] == ["/steps/2"]
    often = Change("add", "/steps/pay/for_each", "input['orders']")
    assert [fault.pointer for fault in limits(before, apply(before, [often]))] == ["/steps/4/for_each"]
    anew = Change("add", "/steps/-", {**called, "id": "pay2", "for_each": "input['orders']"})
    assert [fault.pointer for fault in limits(before, apply(before, [anew]))] == ["/steps/5/for_each"]
    listed = apply(before, [often])
    assert limits(listed, apply(listed, [anew])) == []


def test_a_frontier_that_nobody_lets_decide_is_not_asked():
    new = {"id": "gift-card", "case": "A gift card", "handling": "escalate", "to": "frontier"}
    before = refund(escalation={"to": ["human"]})
    after = {**before, "edge_cases": [*REFUND["edge_cases"], new]}
    [fault] = limits(before, after)
    assert (fault.pointer, "'gift-card' would go to the frontier" in fault.detail) == ("/edge_cases/3/to", True)
    turned = {**before, "edge_cases": [INJURY, {**new, "id": "the-customer-is-angry"}, HUGE]}
    assert [fault.pointer for fault in limits(before, turned)] == ["/edge_cases/1/to"]
    allowed = refund(edge_cases=after["edge_cases"])
    assert limits(REFUND, allowed) == []
    [told] = softens(REFUND, allowed)
    assert (told.pointer, told.said) == (
        "/edge_cases/3/to",
        "The edge case 'gift-card' goes to the frontier, and not at once to a person.",
    )


def test_a_definition_that_asks_no_model_is_not_made_to():
    before = refund(steps=[DUE], edge_cases=[], result={"paid": "False"})
    [fault] = limits(before, refund(steps=[DUE, MODEL], edge_cases=[], result={"paid": "False"}))
    assert (fault.pointer, "no step asked a model before" in fault.detail) == ("/steps/1/tier", True)


def test_a_step_of_another_name_does_not_get_around_it():
    renamed = apply(REFUND, [Change("remove", "/steps/read"), Change("add", "/steps/due", {**MODEL, "id": "reader"})])
    assert [(fault.pointer, fault.detail) for fault in limits(REFUND, renamed)] == [
        ("/steps/0", "The step 'read' is removed, and with it its checks: a redesign may not do that, a person may."),
    ]


@pytest.mark.parametrize(
    ("after", "where", "said"),
    [
        (refund(covers=["len(input['message']) > 0"]), "/covers/0", "from \"input['message'].strip() != ''\" to"),
        (refund(input_schema={"type": "object"}), "/input_schema", "Which inputs are accepted changes."),
        (refund(output_schema={"type": "object"}), "/output_schema", "What the result has to be changes."),
        (refund(result={"paid": "True"}), "/result", "What the result is made of changes."),
        (with_step("read", examples=[{"input": 1, "output": {"order": "1"}}]), "/steps/0/examples", "(examples)"),
        (refund(guidance="Pay."), "/guidance", "The guidance of all model steps changes."),
        (refund(timezone="Europe/Berlin"), "/timezone", "from UTC to Europe/Berlin"),
        (refund(edge_cases=[INJURY, HUGE]), "/edge_cases/1", "not told of the edge case 'the-customer-is-angry' any more"),
        (refund(edge_cases=[{**INJURY, "case": "Nobody"}, ANGRY, HUGE]), "/edge_cases/0/case",
         "'injury' changes: from 'Somebody was hurt' to 'Nobody'"),
        (refund(edge_cases=[INJURY, {**ANGRY, "id": "the-customer-is-angry", "handling": "Pay."}, HUGE]),
         "/edge_cases/1/handling", "from 'Answer calmly.' to 'Pay.'"),
        (refund(edge_cases=[*REFUND["edge_cases"], {"id": "vip", "case": "A friend", "handling": "Pay at once."}]),
         "/edge_cases/3", "answer a case by themselves that is new, 'vip': 'Pay at once.'"),
        (with_step("read", checks=["output['order']", READ["checks"][1]]), "/steps/0/checks/0", "A check of the step 'read'"),
        (with_step("read", instructions="Pay."), "/steps/0/instructions", "a step below acts outside of the workflow"),
        (with_step("read", output_schema={**READ["output_schema"], "required": []}), "/steps/0/output_schema", "may answer"),
        (with_step("read", for_each="input['orders']"), "/steps/0/for_each", "How often the step 'read' runs"),
        (with_step("due", code="def run(input, steps):\n    return {'amount': 0}"), "/steps/1/code", "read what it allows"),
        (with_step("approval", when="steps['due']['amount'] > 9000"), "/steps/3/when", "When the step 'approval' runs"),
        (with_step("approval", prompt="Please pay."), "/steps/3/prompt", "What a person sees in the review 'approval'"),
        (with_step("pay", when=None), "/steps/4/when", "When the step 'pay', which acts outside of the workflow, runs"),
        (with_step("pay", arguments={"order": "'1'"}), "/steps/4/arguments", "is given changes"),
        (without_step("due"), "/steps/1", "The step 'due' is removed."),
        (added({**PAY, "id": "pay_again"}), "/steps/5", "The new step 'pay_again' acts outside"),
    ],
)  # fmt: skip
def test_who_publishes_is_told_of(after, where, said):
    [told] = softens(REFUND, after)
    assert told.pointer == where
    assert said in told.said


@pytest.mark.parametrize(
    "after",
    [
        REFUND,
        refund(title="Refunds"),
        refund(covers=[*REFUND["covers"], "len(input['message']) < 500"]),
        refund(edge_cases=[*REFUND["edge_cases"], {"id": "gift-card", "case": "A gift card", "handling": "escalate"}]),
        with_step("read", checks=[*READ["checks"], "output['order'].isdigit()"]),
        with_step("read", note="Why."),
    ],
)
def test_what_only_tightens_is_not_told(after):
    assert softens(REFUND, after) == []


def test_a_tool_that_is_known_to_be_harmless_acts_on_nothing():
    after = with_step("read", instructions="Pay.")
    assert softens(REFUND, after, harmless=["payments.refund"]) == []


@pytest.mark.parametrize("name", ALL_FIVE)
def test_a_real_definition_is_within_its_own_limits(name):
    document = definition(name)
    assert (limits(document, document), softens(document, document)) == ([], [])
