"""The form of an answer: what it asks by a schema, what it makes of what was typed, and where a complaint is said."""

import pytest
from django.http import QueryDict

from executions.answer_form import AnswerForm
from executions.resolution import ABSENT
from wire.problems import Fault, Problem

SCHEMA = {
    "type": "object",
    "required": ["kind", "approved", "amount"],
    "properties": {
        "kind": {"enum": ["refund", "other", 3]},
        "approved": {"type": "boolean"},
        "amount": {"type": ["number", "null"]},
        "count": {"type": "integer"},
        "reply": {"type": "string"},
        "code": {"type": "string", "maxLength": 8},
        "items": {"type": "array"},
    },
}


def filled(schema=SCHEMA, known=ABSENT, **typed):
    """Typed by the names of the properties."""
    names = list(schema.get("properties", {}))
    data = QueryDict(mutable=True)
    for name, text in typed.items():
        data[f"step-{names.index(name) if name in names else name}"] = text
    return AnswerForm(schema, known, data, prefix="step")


def answered(*arguments, **typed):
    form = filled(*arguments, **typed)
    assert form.is_valid(), form.errors
    return form.value()


def test_a_simple_object_is_asked_for_field_by_field():
    shown = AnswerForm(SCHEMA, ABSENT, prefix="step").as_p()
    for control in ('<select name="step-0"', '<select name="step-1"', 'type="number" name="step-2" step="any"'):
        assert control in shown
    assert 'type="number" name="step-3" step="1"' in shown
    assert '<textarea name="step-4"' in shown
    assert '<input type="text" name="step-5"' in shown
    assert 'class="json"' in shown


def test_what_was_typed_becomes_what_the_schema_means():
    typed = {"kind": "2", "approved": "0", "amount": "12.50", "count": "3", "reply": " Hello,\r\nyou ", "items": "[1]"}
    assert answered(**typed) == {
        "kind": 3,
        "approved": True,
        "amount": 12.5,
        "count": 3,
        "reply": " Hello,\nyou ",
        "items": [1],
    }


def test_what_is_left_empty_is_left_out_or_null():
    assert answered(amount="", count="", reply="", kind="", items="") == {"amount": None}


def test_what_was_there_is_there_again():
    known = {"kind": "other", "approved": False, "amount": None, "reply": "", "items": [{"a": 1}]}
    form = AnswerForm(SCHEMA, known, prefix="step")
    data = QueryDict(mutable=True)
    for field in form:
        value = field.value()
        data[field.html_name] = "" if value is None else str(value)
    again = AnswerForm(SCHEMA, known, data, prefix="step")
    assert again.is_valid()
    assert again.value() == known


def test_one_and_true_are_two_things():
    schema = {"type": "object", "properties": {"x": {"enum": [True, 1, "1", None]}}}
    assert AnswerForm(schema, {"x": 1})["0"].value() == "1"
    assert answered(schema, x="3") == {"x": None}


@pytest.mark.parametrize(
    "schema",
    [None, {}, {"type": "array"}, {"type": "object"}, {"type": "object", "properties": {"x": True}}, {"anyOf": []}],
)
def test_what_a_form_cannot_ask_is_written_as_json(schema):
    form = AnswerForm(schema, {"x": [1]}, QueryDict("value=[1, {}]"))
    assert form.is_valid()
    assert form.value() == [1, {}]
    assert '"x": [' in AnswerForm(schema, {"x": [1]})["value"].value()


@pytest.mark.parametrize("known", [{"surplus": 1}, [1], "text", {"reply": {"deep": 1}}])
def test_what_the_form_does_not_know_is_not_lost(known):
    assert list(AnswerForm(SCHEMA, known).fields) == ["value"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "12,5"}, "This is not a number"),
        ({"amount": "true"}, "This is not a number."),
        ({"amount": "NaN"}, "This is not a number"),
        ({"items": "[1"}, "This is not JSON"),
        ({"items": '{"a": 1, "a": 2}'}, "stands twice"),
        ({"kind": "7"}, "not one of the available choices"),
        ({"reply": "a\x00b"}, "Null characters"),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(typed, said):
    form = filled(**typed)
    [[key, errors]] = form.errors.items()
    assert (list(SCHEMA["properties"])[int(key)], said in errors[0]) == (next(iter(typed)), True)


def test_a_complaint_of_the_schema_finds_its_field():
    form = filled(kind="0", items="[{}]")
    assert form.is_valid()
    form.complain(Fault("/step_output/items/0/id", "is missing."), "/step_output")
    form.complain(Fault("/step_output/approved", "is missing."), "/step_output")
    form.complain(Fault("/step_output", "is too small."), "/step_output")
    assert form.errors == {"6": ["0/id: is missing."], "1": ["is missing."], "__all__": ["is too small."]}
    whole = AnswerForm({}, ABSENT, QueryDict("value={}"))
    assert whole.is_valid()
    whole.complain(Fault("/output/a", "is missing."), "/output")
    assert whole.errors == {"value": ["/a: is missing."]}


def test_a_property_may_have_any_name():
    schema = {"type": "object", "properties": {'"><b>/~': {"type": "string"}}}
    form = filled(schema, **{'"><b>/~': "x"})
    assert form.is_valid()
    assert form.value() == {'"><b>/~': "x"}
    form.complain(Fault('/output/"><b>~1~0', "is wrong."), "/output")
    assert form.errors == {"0": ["is wrong."]}
    assert "<b>" not in form.as_p()


def test_a_text_that_cannot_be_kept_is_refused():
    form = filled(reply="\ud800")
    assert form.is_valid()
    with pytest.raises(Problem):
        form.value()
