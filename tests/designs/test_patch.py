"""A patch of a definition, change by change: where a path leads, and what is said where it leads nowhere."""

import copy
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designs.bumping import bump
from designs.limits import limits, softens
from designs.patch import Change, apply
from tests.designs.drafts import ALL_FIVE, CUSTOMER_REFUND, REFUND, definition, refund
from wire.problems import Fault, Invalid

GIFT_CARD = {"id": "gift-card", "case": "Paid with a gift card", "handling": "escalate"}
SUM = {"id": "sum", "kind": "code", "code": "def run(input, steps):\n    return 1"}


def ids(document, key="steps"):
    return [one.get("id", one.get("case")) for one in document[key]]


def faults(*changes, document=REFUND):
    with pytest.raises(Invalid) as caught:
        apply(document, changes)
    return caught.value.faults


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/steps/-", ["read", "due", "judge", "approval", "pay", "sum"]),
        ("/steps/pay", ["read", "due", "judge", "approval", "sum", "pay"]),
        ("/steps/read", ["sum", "read", "due", "judge", "approval", "pay"]),
    ],
)
def test_a_step_is_appended_or_inserted_before_the_one_that_is_named(path, expected):
    assert ids(apply(REFUND, [Change("add", path, SUM)])) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/edge_cases/-", ["injury", "The customer is angry", "huge", "gift-card"]),
        ("/edge_cases/gift-card", ["injury", "The customer is angry", "huge", "gift-card"]),
        ("/edge_cases/the-customer-is-angry", ["injury", "gift-card", "The customer is angry", "huge"]),
    ],
)
def test_an_edge_case_is_appended_or_inserted_before_the_one_that_is_named(path, expected):
    assert ids(apply(REFUND, [Change("add", path, GIFT_CARD)]), "edge_cases") == expected


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (Change("replace", "/title", "Refunds"), ["title"], "Refunds"),
        (Change("replace", "/steps/read/instructions", "Who?"), ["steps", 0, "instructions"], "Who?"),
        (Change("replace", "/steps/read/checks/1/message", "Long."), ["steps", 0, "checks", 1, "message"], "Long."),
        (Change("remove", "/steps/read/checks/0"), ["steps", 0, "checks"],
         [{"check": "len(output['order']) < 20", "message": "Too long."}]),
        (Change("add", "/steps/read/checks/-", "True"), ["steps", 0, "checks", 2], "True"),
        (Change("add", "/steps/read/checks/2", "True"), ["steps", 0, "checks", 2], "True"),
        (Change("add", "/steps/read/checks/0", "True"), ["steps", 0, "checks", 0], "True"),
        (Change("add", "/steps/due/checks/-", "True"), ["steps", 1, "checks"], ["True"]),
        (Change("add", "/constants/days", 31), ["constants", "days"], 31),
        (Change("add", "/constants/a~1b~0c", 1), ["constants", "a/b~c"], 1),
        (Change("add", "/lanes/quality", "True"), ["lanes"], {"quality": "True"}),
        (Change("replace", "/steps/pay/otherwise", None), None, None),
        (Change("add", "/steps/pay/otherwise", None), ["steps", 4, "otherwise"], None),
        (Change("replace", "/edge_cases/the-customer-is-angry/handling", "Smile."), ["edge_cases", 1, "handling"], "Smile."),
        (Change("replace", "/steps/due", SUM), ["steps", 1, "id"], "sum"),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_part_and_it_is_changed(change, where, expected):
    if where is None:
        assert faults(change) == [
            Fault("/changes/0/path", "'/steps/pay/otherwise' is not there, so it cannot be replaced.")
        ]
        return
    found = apply(REFUND, [change])
    for key in where:
        found = found[key]
    assert found == expected


def test_the_given_document_and_the_values_stay_as_they_were():
    value = copy.deepcopy(GIFT_CARD)
    patched = apply(before := refund(), [Change("add", "/edge_cases/-", value)])
    patched["edge_cases"][-1]["case"] = "Another"
    patched["steps"][0]["tier"] = "frontier"
    assert (before, value) == (REFUND, GIFT_CARD)


def test_each_change_sees_the_earlier_ones():
    patched = apply(
        REFUND,
        [
            Change("add", "/steps/pay", SUM),
            Change("replace", "/steps/sum/code", "def run(input, steps):\n    return 2"),
            Change("add", "/steps/sum", {**SUM, "id": "first"}),
            Change("remove", "/steps/read/checks/0"),
            Change("remove", "/steps/read/checks/0"),
        ],
    )
    assert ids(patched) == ["read", "due", "judge", "approval", "first", "sum", "pay"]
    assert patched["steps"][5]["code"].endswith("2")
    assert patched["steps"][0]["checks"] == []


def test_lists_that_were_left_out_come_into_being():
    bare = {key: REFUND[key] for key in ("title", "purpose", "input_schema", "steps")}
    patched = apply(bare, [Change("add", "/edge_cases/-", GIFT_CARD), Change("add", "/covers/-", "True")])
    assert (patched["edge_cases"], patched["covers"]) == ([GIFT_CARD], ["True"])


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (Change("move", "/title"), "op", "Unknown op 'move'"),
        (Change("replace", "", {}), "path", "A path begins with '/'"),
        (Change("replace", "title", "x"), "path", "A path begins with '/'"),
        (Change("replace", "/steps/~2", "x"), "path", "A path begins with '/'"),
        (Change("replace", "/" + "x" * 500, "x"), "path", "at most 500 characters"),
        (Change("replace", "/format", 2), "path", "The format of a definition is not changed"),
        (Change("add", "/format", 1), "path", "The format of a definition is not changed"),
        (Change("replace", "/steps", []), "path", "Name one of the steps, such as /steps/classify"),
        (Change("remove", "/edge_cases"), "path", "Name one of the edge cases, such as /edge_cases/injury"),
        (Change("replace", "/titel", "x"), "path", "'/titel' is not there"),
        (Change("replace", "/steps/raed/tier", "x"), "path", "Unknown step 'raed'; did you mean 'read'?"),
        (Change("replace", "/steps/0/tier", "x"), "path", "It is named by its id, not by its place."),
        (Change("remove", "/edge_cases/nobody"), "path", "Unknown edge case 'nobody'"),
        (Change("replace", "/steps/read/checks/2", "x"), "path", "its members are 0 to 1"),
        (Change("replace", "/steps/read/checks/-", "x"), "path", "names nothing"),
        (Change("replace", "/steps/read/checks/01", "x"), "path", "names nothing"),
        (Change("replace", "/steps/read/checks/²", "x"), "path", "names nothing"),
        (Change("add", "/steps/read/checks/9999999999999999999999", "x"), "path", "names nothing"),
        (Change("add", "/steps/read/tier/deeper", "x"), "path", "neither a list nor an object"),
        (Change("add", "/steps/read/tier/deeper/still", "x"), "path", "names nothing"),
        (Change("add", "/steps/nobody", SUM), "path", "There is no step 'nobody' to insert this one before"),
        (Change("add", "/steps/-", "x"), "value", "A member of steps is an object."),
        (Change("add", "/steps/-", {"kind": "code"}), "value", "A step has an 'id'."),
        (Change("add", "/steps/-", {**SUM, "id": "read"}), "value", "The id 'read' would stand twice in steps."),
        (Change("replace", "/steps/due/id", "read"), "value", "The id 'read' would stand twice in steps."),
        (Change("add", "/edge_cases/-", {"case": "The customer is angry!"}), "value", "'the-customer-is-angry' would stand"),
        (Change("add", "/edge_cases/injury", {**GIFT_CARD, "id": "injury"}), "value", "'injury' would stand twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_by_its_place(change, key, said):
    [fault] = faults(Change("replace", "/title", "Refunds"), change)
    assert fault.pointer == f"/changes/1/{key}"
    assert said in fault.detail


def test_an_id_that_is_twice_there_is_nobodys():
    twice = refund(edge_cases=[GIFT_CARD, {**GIFT_CARD, "case": "Another"}])
    [fault] = faults(Change("replace", "/edge_cases/gift-card/case", "x"), document=twice)
    assert "is there 2 times" in fault.detail


def test_everything_that_cannot_be_done_is_said_at_once():
    found = faults(Change("remove", "/nothing"), Change("replace", "/title", "x"), Change("remove", "/steps/nobody"))
    assert [fault.pointer for fault in found] == ["/changes/0/path", "/changes/2/path"]


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "changes",
    [
        [Change("replace", "/title", "x")] * 101,
        [Change("add", "/constants/x", [0] * 20_001)],
        [Change("add", f"/constants/{n}", [0] * 300) for n in range(100)],
        [Change("add", "/constants/x", "x" * 1_100_000)],
        [Change("add", "/constants/x", deep(100_000))],
        [Change("add", "/constants/x", {1, 2})],
        [Change("add", "/constants/x", float("nan"))],
        [Change("add", "/constants/x", "\x00")],
    ],
    ids=["changes", "nodes", "nodes together", "letters", "depth", "a set", "nan", "nul"],
)
def test_a_patch_is_bounded(changes):
    [fault] = faults(*changes)
    assert fault.pointer == "/changes"


def test_a_large_patch_of_a_large_definition_is_applied_at_once():
    cases = [{"case": f"The customer of the case {n} wants something else", "handling": "x"} for n in range(6000)]
    changes = [Change("add", "/edge_cases/the-customer-of-the-case-5999-wants-something-else", {"case": f"New {n}"})
               for n in range(100)]  # fmt: skip
    began = time.monotonic()
    assert len(apply(refund(edge_cases=cases), changes)["edge_cases"]) == 6100
    assert time.monotonic() - began < 10


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            Change,
            st.sampled_from(["add", "replace", "remove"]),
            st.lists(
                st.sampled_from(["steps", "edge_cases", "read", "checks", "0", "1", "-", "injury", "id", "covers", "~0", "é"]),
                min_size=1,
                max_size=5,
            ).map(lambda parts: "/" + "/".join(parts)),
            st.sampled_from([None, "x", 1, [], {}, GIFT_CARD, SUM]),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_patch_is_applied_or_refused(changes):
    before = refund()
    try:
        assert isinstance(apply(before, changes), dict)
    except Invalid as refused:
        assert all(fault.pointer.startswith("/changes/") for fault in refused.faults)
    assert before == REFUND


@pytest.mark.parametrize("name", ALL_FIVE)
def test_every_step_and_edge_case_of_the_real_definitions_can_be_named(name):
    from workflows.definition import edge_case_id

    document = definition(name)
    changes = [Change("add", f"/steps/{step['id']}/note", "seen") for step in document["steps"]]
    changes += [
        Change("add", f"/edge_cases/{edge_case_id(one)}/note", "seen") for one in document.get("edge_cases", [])
    ]
    patched = apply(document, changes)
    assert {one["note"] for one in [*patched["steps"], *patched.get("edge_cases", [])]} == {"seen"}


def test_a_gap_of_a_real_definition_is_closed_by_a_patch():
    before = definition(CUSTOMER_REFUND)
    when = "steps['order'] is not None and steps['order'].get('paid_with') == 'gift card'"
    after = apply(
        before,
        [
            Change("add", "/edge_cases/-", {**GIFT_CARD, "when": when}, "Three flags of gift cards."),
            Change("add", "/steps/order/output_schema/properties/paid_with", {"type": "string"}),
            Change("replace", "/steps/request/instructions", "What is asked for, and how was it paid?"),
        ],
    )
    assert (limits(before, after), bump(before, after)) == ([], "minor")
    assert [told.pointer for told in softens(before, after, harmless=["shop.order"])] == [
        "/steps/0/instructions",
        "/steps/1/output_schema",
    ]
    dearer = apply(after, [Change("replace", "/steps/reply/tier", "frontier"), Change("remove", "/steps/approval")])
    assert [fault.pointer for fault in limits(before, dearer)] == ["/steps/4", "/steps/5/tier"]
