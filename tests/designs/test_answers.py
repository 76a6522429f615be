"""What the frontier answered, read strictly: everything that is wrong is named by its place, in the answer and in its texts."""

import json

import pytest

from designs.answers import (
    Change,
    Considered,
    DesignAnswer,
    DraftCase,
    Fit,
    Question,
    RedesignAnswer,
    Reference,
    read_design,
    read_redesign,
    too_few_cases,
)
from wire.problems import Fault

QUESTION = {"question": "Exactly 50.00?", "why": "P1 and P2 differ.", "assumed": "A person looks."}
DESIGN = {
    "fit": {"verdict": "great", "reasons": ["It comes often."]},
    "questions": [QUESTION],
    "definition": "title: Mails\nsteps:\n  - {id: read, kind: model}\n",
    "cases": "- {kind: covered, input: {text: no}, expected: {kind: other}, answers: {look: null}, tags: [short]}\n"
    "- {kind: boundary, input: 12:30, expects_flag: true, note: At noon.}\n"
    "- {kind: uncovered, input: [1]}\n",
    "edge_cases_considered": [{"case": "Empty", "decision": "covers"}],
    "policy_references": [{"clause": "P1", "where": "step due"}],
    "changelog": "The first one.",
}
REDESIGN = {
    "changes": [
        {"op": "add", "path": "/edge_cases/-", "value": "{id: gift, case: A gift, handling: escalate}", "why": "g-1"},
        {"op": "replace", "path": "/steps/read/instructions", "value": '"What is it: a or b?"', "why": "g-2"},
        {"op": "remove", "path": "/steps/read/examples/0", "value": None, "why": "g-2"},
    ],
    "questions": [],
    "cases": "[{kind: covered, input: {}, expected: null}]",
    "changelog": "Gifts.",
}


def design(**other: object) -> DesignAnswer | list[Fault]:
    return read_design(json.dumps({**DESIGN, **other}))


def redesign(**other: object) -> RedesignAnswer | list[Fault]:
    return read_redesign(json.dumps({**REDESIGN, **other}))


def test_a_design_is_read_with_the_documents_in_its_texts():
    assert design() == DesignAnswer(
        fit=Fit(verdict="great", reasons=("It comes often.",)),
        questions=(Question(**QUESTION),),
        definition={"title": "Mails", "steps": [{"id": "read", "kind": "model"}]},
        cases=(
            DraftCase(
                kind="covered",
                input={"text": "no"},
                expected={"kind": "other"},
                answers={"look": None},
                tags=("short",),
            ),
            DraftCase(kind="boundary", input="12:30", expects_flag=True, note="At noon."),
            DraftCase(kind="uncovered", input=[1]),
        ),
        edge_cases_considered=(Considered(case="Empty", decision="covers"),),
        policy_references=(Reference(clause="P1", where="step due"),),
        changelog="The first one.",
    )


def test_what_was_read_comes_back_from_json():
    for answer in (design(), redesign()):
        kept = json.loads(json.dumps(answer.model_dump(mode="json")))
        again = type(answer).model_validate(kept)
        assert again.model_dump() == answer.model_dump()
        assert [case.has_expected for case in again.cases] == [case.has_expected for case in answer.cases]


def test_json_and_a_fence_around_it_are_fine():
    written = '```yaml\n{"title": "Mails"}\n```'
    assert design(definition=written, cases="```\n[]\n```").definition == {"title": "Mails"}
    assert design(cases="").cases == ()


def test_a_case_expects_an_answer_or_a_flag():
    cases = design().cases
    assert [(case.flagged, case.has_expected) for case in cases] == [(False, True), (True, False), (True, False)]
    null = redesign().cases[0]
    assert (null.flagged, null.has_expected, null.expected) == (False, True, None)


def test_what_a_case_may_leave_out_may_be_null():
    (case,) = design(
        cases="[{kind: uncovered, input: 1, expected: null, steps: null, answers: null, note: null}]"
    ).cases
    assert case == DraftCase(kind="uncovered", input=1, expected=None)
    assert (case.steps, case.answers, case.note, case.tags) == ({}, {}, "", ())


def test_a_task_that_stays_on_the_frontier_has_no_definition():
    kept = {"verdict": "keep_on_frontier", "reasons": ["It is new each time."]}
    assert design(fit=kept, definition=None, cases="[]").definition is None
    assert design(fit=kept) == [
        Fault(
            "/definition",
            "With the verdict keep_on_frontier there is no definition: write null, or say hybrid where part of it is a workflow.",
        )
    ]
    assert design(fit=kept, definition=None) == [
        Fault("/cases", "Without a definition there is nothing to try: write [].")
    ]
    assert design(definition=None) == [
        Fault("/definition", "With the verdict great there is a definition; what is open is a question.")
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The answer must be one JSON object and nothing else: Not JSON: Expecting value at line 1, column 1."),
        ("[]", "The answer must be one JSON object and nothing else."),
        (
            '{"fit": 1, "fit": 2}',
            "The answer must be one JSON object and nothing else: The key 'fit' stands twice in one object.",
        ),
        (" " * 1_000_001, "The answer is longer than 1000000 characters."),
    ],
)
def test_what_is_no_answer_is_said_in_a_sentence(text, sentence):
    assert read_design(text) == [Fault("", sentence)]
    assert read_redesign(text) == [Fault("", sentence)]


def test_everything_that_is_wrong_with_the_form_is_named_by_its_place():
    found = design(
        fit={"verdict": "good", "reasons": []}, questions=[{"question": " ", "why": 1}], definition=7, more=True
    )
    assert found == [
        Fault("/fit/verdict", "Unknown verdict 'good'; there are great, hybrid, keep_on_frontier."),
        Fault("/fit/reasons", "'reasons' must not be empty."),
        Fault("/questions/0/question", "'question' must not be empty."),
        Fault("/questions/0/why", "'why' must be a text."),
        Fault("/questions/0/assumed", "'assumed' is missing."),
        Fault("/definition", "'definition' must be a text."),
        Fault("/more", "Unknown key 'more'."),
    ]


def test_what_is_wrong_in_its_yaml_is_named_too():
    assert design(definition="title: a: b", cases="- kind: covered\n- 7") == [
        Fault("/definition", "Not YAML: mapping values are not allowed in this context at line 1, column 9."),
        Fault("/cases/0/input", "'input' is missing."),
        Fault("/cases/1", "A case is an object with kind, input and what is expected."),
    ]
    assert design(definition="Read the mail.", cases="kind: covered") == [
        Fault("/definition", "A definition is an object: write its keys, title first, as YAML."),
        Fault("/cases", "The cases are a list: each begins with '- kind: '."),
    ]
    assert design(definition='{"a": "\\u0000"}') == [Fault("/definition/a", "A NUL character cannot be stored.")]


@pytest.mark.parametrize(
    ("case", "where", "sentence"),
    [
        ("{kind: covered, input: 1}", "/expected", "Say what the answer should be."),
        ("{kind: boundary, input: 1}", "/expected", "Say what the answer should be."),
        (
            "{kind: uncovered, input: 1, expected: 2}",
            "/expected",
            "Where a flag is expected there is no answer to expect.",
        ),
        (
            "{kind: uncovered, input: 1, expects_flag: false, expected: 2}",
            "/expects_flag",
            "An uncovered case expects a flag.",
        ),
        (
            "{kind: covered, input: 1, expects_flag: true}",
            "/expects_flag",
            "A covered case expects an answer; one that may be flagged is uncovered or boundary.",
        ),
        ("{kind: open, input: 1}", "/kind", "Unknown kind 'open'; there are boundary, covered, uncovered."),
        ("{kind: uncovered, input: 1, weight: 2}", "/weight", "Unknown key 'weight'."),
        ("{kind: uncovered, input: 1, answers: []}", "/answers", "'answers' must be an object."),
    ],
)
def test_a_case_that_cannot_be_one_is_refused(case, where, sentence):
    assert design(cases=f"[{case}]") == [Fault(f"/cases/0{where}", sentence)]


def test_a_design_has_cases_of_each_kind():
    assert too_few_cases(design().cases) == [
        Fault("/cases", "A design has at least 3 covered cases, not 1: add what is missing."),
        Fault("/cases", "A design has at least 2 boundary cases, not 1: add what is missing."),
        Fault("/cases", "A design has at least 2 uncovered cases, not 1: add what is missing."),
    ]


def test_a_redesign_is_read_with_the_values_in_its_texts():
    assert redesign() == RedesignAnswer(
        changes=(
            Change(
                op="add",
                path="/edge_cases/-",
                value={"id": "gift", "case": "A gift", "handling": "escalate"},
                why="g-1",
            ),
            Change(op="replace", path="/steps/read/instructions", value="What is it: a or b?", why="g-2"),
            Change(op="remove", path="/steps/read/examples/0", value=None, why="g-2"),
        ),
        questions=(),
        cases=(DraftCase(kind="covered", input={}, expected=None),),
        changelog="Gifts.",
    )


def test_null_is_a_value_where_it_is_written_as_one():
    change = {"op": "replace", "path": "/steps/read/otherwise", "value": "null", "why": "g-1"}
    assert redesign(changes=[change]).changes[0].value is None
    assert redesign(changes=[{**change, "value": None}]) == [
        Fault("/changes/0/value", "To replace there has to be a value, as YAML; null as a value is the text 'null'.")
    ]
    assert redesign(changes=[{**change, "op": "remove", "value": "1"}]).changes[0].value is None
    assert redesign(changes=[{**change, "value": "a: b: c", "op": "move"}]) == [
        Fault("/changes/0/op", "Unknown op 'move'; did you mean 'remove'?")
    ]
    assert redesign(changes=[{**change, "value": "[a"}])[0].pointer == "/changes/0/value"


def test_a_redesign_that_changes_nothing_asks():
    assert redesign(changes=[], questions=[QUESTION], cases="[]").questions == (Question(**QUESTION),)
    assert redesign(changes=[], cases="[]") == [
        Fault("/changes", "Without a change a question says why nothing should change, and what a person decides.")
    ]


def test_a_change_is_proven_by_cases():
    assert redesign(cases="") == [
        Fault("/cases", "A change is proven by cases: add those that were flagged, and one that must not change.")
    ]
