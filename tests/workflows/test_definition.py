"""Every rule of the format: a small valid definition, one change, and the place and the sentence that answer it."""

import copy

import pytest

from wire.problems import Invalid
from workflows.definition import CodeStep, ModelStep, ToolStep
from workflows.meaning import ToolSignature
from workflows.parsing import parse

TOOLS = {
    "shop.order": ToolSignature(
        "shop.order",
        {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "lines": {"type": "boolean"}}},
    ),
    "free": ToolSignature("free", {"type": "object", "additionalProperties": True}),
}
SCHEMA = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SMALL = {
    "title": "Sort",
    "purpose": "Say what a message is about.",
    "input_schema": SCHEMA,
    "constants": {"days": 30, "kinds": ["a", "b"]},
    "covers": ["len(input['text']) < 1000"],
    "edge_cases": [
        {"case": "Somebody was hurt", "handling": "escalate"},
        {"id": "late", "case": "Too late", "handling": "escalate", "when": "steps['sort']['text'] == 'late'"},
    ],
    "steps": [
        {"id": "clean", "kind": "code", "code": "def run(input, steps):\n    return {'text': input['text'].strip()}\n"},
        {
            "id": "sort",
            "kind": "model",
            "tier": "cheap",
            "prompt": "{{ steps.clean.text }}",
            "checks": ["output['text']"],
        },
        {"id": "order", "kind": "tool", "tool": "shop.order", "arguments": {"id": "steps['sort']['text']"}},
    ],
    "result": {"about": "steps['sort']['text']"},
}
REMOVED = object()


def changed(path, value):
    """The small definition with one place set anew: `changed("steps/0/id", "x")`."""
    document = copy.deepcopy(SMALL)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = document
    for parent in parents:
        place = place[parent]
    if value is REMOVED:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return document


def faults_of(document):
    with pytest.raises(Invalid) as raised:
        parse(document, TOOLS)
    return [(fault.pointer, fault.detail) for fault in raised.value.faults]


def assert_one_fault(path, value, pointer, part):
    [(where, detail)] = faults_of(changed(path, value))
    assert where == pointer
    assert part in detail
    assert len(detail) < 300


def test_the_small_definition_is_read():
    definition = parse(SMALL, TOOLS)
    assert [type(step) for step in definition.steps] == [CodeStep, ModelStep, ToolStep]
    assert definition.steps[1].prompt == "{{ steps.clean.text }}"
    assert definition.covers[0].check == "len(input['text']) < 1000"
    assert definition.steps[2].arguments == {"id": "steps['sort']['text']"}


def test_what_is_not_written_has_the_default_of_the_format():
    steps = [{"id": "a", "kind": "model", "tier": "standard", "prompt": "x"}]
    definition = parse({"title": "T", "purpose": "P", "input_schema": {}, "steps": steps}, {})
    assert (definition.format, definition.timezone, definition.constants, definition.guidance) == (1, "UTC", {}, "")
    assert (definition.output_schema, definition.covers, definition.edge_cases) == (None, (), ())
    assert definition.has_result is False
    assert definition.escalation.rungs == ("frontier", "human")
    [step] = definition.steps
    assert (step.when, step.note, step.checks, step.task, step.instructions) == (None, None, (), None, "")
    assert (step.min_confidence, step.max_output_tokens) == (0, 4096)
    assert step.output_schema == {
        "type": "object",
        "required": ["text"],
        "additionalProperties": False,
        "properties": {"text": {"type": "string"}},
    }
    assert step.has_otherwise is False


def test_a_definition_never_changes():
    definition = parse(SMALL, TOOLS)
    with pytest.raises(ValueError, match="frozen"):
        definition.title = "Other"
    with pytest.raises(ValueError, match="frozen"):
        definition.steps[0].code = "x"


def test_null_is_an_output_that_can_be_given():
    definition = parse(changed("steps/2/otherwise", None), TOOLS)
    assert (definition.steps[2].has_otherwise, definition.steps[2].otherwise) == (True, None)
    assert parse(changed("result", None), TOOLS).has_result is True


def test_a_document_that_was_accepted_can_be_read_again_without_its_tools():
    assert type(parse(SMALL, TOOLS)).model_validate(SMALL) == parse(SMALL, TOOLS)


@pytest.mark.parametrize(
    ("task", "tier"),
    [("classification", "cheap"), ("extraction", "cheap"), ("review", "standard"), ("planning", "frontier")],
)
def test_a_task_has_a_usual_tier(task, tier):
    document = changed("steps/1/task", task)
    assert parse(document, TOOLS).steps[1].tier == "cheap"
    del document["steps"][1]["tier"]
    assert parse(document, TOOLS).steps[1].tier == tier


@pytest.mark.parametrize(
    ("to", "rungs"),
    [
        ("human", ("human",)),
        ("frontier", ("frontier", "human")),
        (["frontier"], ("frontier", "human")),
        (["frontier", "frontier", "human"], ("frontier", "human")),
    ],
)
def test_a_person_is_always_asked_last(to, rungs):
    assert parse(changed("escalation", {"to": to}), TOOLS).escalation.rungs == rungs


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("The customer is angry", "the-customer-is-angry"),
        ("Zu spät: {{ constants.days }} Tage!", "zu-spat-tage"),
        ("怒っている", "edge-case"),
        ("x" * 90, "x" * 64),
    ],
)
def test_an_edge_case_is_named_after_its_words(case, expected):
    definition = parse(changed("edge_cases/0/case", case), TOOLS)
    assert definition.edge_cases[0].id == expected


def test_an_edge_case_escalates_or_says_what_to_do():
    document = changed("edge_cases/2", {"case": "Two requests", "handling": "Answer both."})
    first, _, third = parse(document, TOOLS).edge_cases
    assert (first.escalates, first.to, third.escalates) == (True, "human", False)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 1),
        ("timezone", "Europe/Berlin"),
        ("guidance", "Within {{ constants.days }} days."),
        ("covers", []),
        ("covers/0", {"check": "now and input and constants['days'] > 3", "message": "No."}),
        ("output_schema", {"type": "object"}),
        ("steps/0/when", "input['text'] and\n  now"),
        ("steps/0/output_schema", {"type": "object", "additionalProperties": {"type": "string"}}),
        ("steps/1/min_confidence", 1),
        ("steps/1/max_output_tokens", 1),
        ("steps/1/checks/0", "output['text'] in input['text'] and steps['clean']"),
        ("steps/2/otherwise", {"found": False, "why": "error", "was": ["steps['sort']['text']", 3, None]}),
        ("steps/2/arguments", {"id": "'1'", "lines": True}),
        ("steps/2", {"id": "order", "kind": "tool", "tool": "free", "arguments": {"anything": 1}}),
        ("edge_cases/0/to", "frontier"),
        ("result", [["steps['order']"], "Decimal('1.10') + 1"]),
    ],
)
def test_it_accepts(path, value):
    parse(changed(path, value), TOOLS)


@pytest.mark.parametrize(
    ("path", "value", "pointer", "part"),
    [
        ("title", REMOVED, "/title", "'title' is missing."),
        ("title", "  ", "/title", "must not be empty"),
        ("purpose", 3, "/purpose", "must be a text"),
        ("input_schema", REMOVED, "/input_schema", "missing"),
        ("input_schema", True, "/input_schema", "must be an object"),
        ("input_schema", {"type": "objekt"}, "/input_schema/type", "not 'objekt'"),
        ("output_schema", {"$ref": "https://example.com/x"}, "/output_schema/$ref", "own `$defs`"),
        ("format", 2, "/format", "at most 1"),
        ("format", True, "/format", "must be a whole number"),
        ("format", "1", "/format", "must be a whole number"),
        ("timezone", "Europe/Berlinn", "/timezone", "did you mean 'Europe/Berlin'?"),
        ("timezone", "../../etc/passwd", "/timezone", "Unknown time zone"),
        ("timezone", "Europe", "/timezone", "Unknown time zone"),
        ("constants", [], "/constants", "must be an object"),
        ("constants", {"x": "y" * 262_144}, "/constants", "larger than 256 KB"),
        ("guidance", None, "/guidance", "must be a text"),
        ("guidance", "{{ constants.missing }}", "/guidance", "missing"),
        ("titel", "x", "/titel", "Unknown key 'titel'; did you mean 'title'?"),
        ("zzz", "x", "/zzz", "Unknown key 'zzz'."),
        ("lanes", {"batch": "True"}, "/lanes/batch", "not available yet"),
        ("escalation", "human", "/escalation", "must be an object"),
        ("escalation", {"to": "fronteer"}, "/escalation/to", "Unknown rung 'fronteer'; did you mean 'frontier'?"),
        ("escalation", {"to": ["standard"]}, "/escalation/to", "Unknown rung 'standard'; there are frontier, human."),
        ("escalation", {"to": ["human", "frontier"]}, "/escalation/to", "'human' is the last rung"),
        ("escalation", {"to": []}, "/escalation/to", "a list of rungs"),
        ("escalation", {"two": []}, "/escalation/two", "did you mean 'to'?"),
    ],
)
def test_it_refuses_at_the_top(path, value, pointer, part):
    assert_one_fault(path, value, pointer, part)


@pytest.mark.parametrize(
    ("path", "value", "pointer", "part"),
    [
        ("covers", "True", "/covers", "must be a list"),
        ("covers/0", "input[", "/covers/0", "not Python"),
        ("covers/0", {"check": "inputt"}, "/covers/0/check", "Unknown name 'inputt'; did you mean 'input'?"),
        ("covers/0", {"chek": "True", "check": "True"}, "/covers/0/chek", "did you mean 'check'?"),
        ("covers/0", {"message": "No."}, "/covers/0/check", "missing"),
        ("covers/0", 3, "/covers/0", "must be an object"),
        ("covers/0", "steps['clean']", "/covers/0", "nothing has run yet"),
        ("covers/0", "output", "/covers/0", "in the checks of a step only"),
        ("edge_cases/0/case", REMOVED, "/edge_cases/0/case", "missing"),
        ("edge_cases/0/handling", REMOVED, "/edge_cases/0/handling", "missing"),
        ("edge_cases/0/handling", "Escalate ", "/edge_cases/0/handling", "exactly as 'escalate'"),
        ("edge_cases/1/handling", "Say so.", "/edge_cases/1/when", "'handling: escalate' only"),
        ("edge_cases/1/when", "steps['sotr']", "/edge_cases/1/when", "Unknown step 'sotr'; did you mean 'sort'?"),
        ("edge_cases/1/to", "cheap", "/edge_cases/1/to", "Unknown rung 'cheap'; there are frontier, human."),
        ("edge_cases/1/id", "somebody-was-hurt", "/edge_cases/1/id", "stands twice"),
        ("edge_cases/1/id", "not good", "/edge_cases/1/id", "letters, digits, hyphens"),
        ("edge_cases/0/whne", "x", "/edge_cases/0/whne", "did you mean 'when'?"),
        ("edge_cases/0/case", "After {{ constants.dyas }} days", "/edge_cases/0/case", "dyas"),
        (
            "edge_cases/2",
            {"case": "c", "handling": "h", "to": "human"},
            "/edge_cases/2/to",
            "'handling: escalate' only",
        ),
        ("result", {"a": ["steps['x']"]}, "/result/a/0", "Unknown step 'x'"),
        ("result", {"a/b": "("}, "/result/a~1b", "not Python"),
        ("result", "steps", "/result", "one step at a time"),
        ("result", "error", "/result", "in `otherwise` only"),
    ],
)
def test_it_refuses_in_covers_edge_cases_and_result(path, value, pointer, part):
    assert_one_fault(path, value, pointer, part)


@pytest.mark.parametrize(
    ("path", "value", "pointer", "part"),
    [
        ("steps/3", "x", "/steps/3", "'steps[3]' must be an object"),
        ("steps/0/kind", "cod", "/steps/0/kind", "Unknown kind 'cod'; did you mean 'code'?"),
        ("steps/0/kind", "sql", "/steps/0/kind", "Unknown kind 'sql'; there are code, model, review, tool, workflow."),
        ("steps/0/kind", "workflows", "/steps/0/kind", "did you mean 'workflow'"),
        ("steps/0/kind", REMOVED, "/steps/0/kind", "missing"),
        ("steps/0/kind", [], "/steps/0/kind", "Unknown kind '[]'; there are code, model, review, tool, workflow."),
        ("steps/2/id", REMOVED, "/steps/2/id", "missing"),
        ("steps/2/id", "not-an-identifier", "/steps/2/id", "letters, digits and underscores"),
        ("steps/2/id", "größe", "/steps/2/id", "letters, digits and underscores"),
        ("steps/2/id", "x" * 65, "/steps/2/id", "at most 64"),
        ("steps/2/id", "output", "/steps/2/id", "reserved name"),
        ("steps/2/id", "class", "/steps/2/id", "reserved name"),
        ("steps/2/id", "sort", "/steps/2/id", "stands twice"),
        ("steps/0/for_each", "item", "/steps/0/for_each", "with `for_each` only"),
        ("steps/0/for_each", "steps['sort']", "/steps/0/for_each", "does not stand above"),
        ("steps/0/for_each", ["input"], "/steps/0/for_each", "must be a text"),
        ("steps/1/examples", [{"input": 1}], "/steps/1/examples/0/output", "missing"),
        ("steps/1/examples", [{"input": 1, "output": "a"}], "/steps/1/examples/0/output", "must be an object"),
        (
            "steps/1/examples",
            [{"input": 1, "output": {"text": "a"}, "why": ""}],
            "/steps/1/examples/0/why",
            "Unknown key",
        ),
        ("steps/1/examples", [{"input": "a", "output": {}}], "/steps/1/examples/0/output/text", "'text' is missing"),
        ("steps/1/examples", [{"input": "a", "output": {"text": "b"}}] * 51, "/steps/1/examples", "at most 50"),
        ("steps/0/examples", [], "/steps/0/examples", "Unknown key"),
        ("steps/0/examples", [], "/steps/0/examples", "Unknown key 'examples'"),
        ("steps/0/whn", "True", "/steps/0/whn", "did you mean 'when'?"),
        ("steps/0/when", True, "/steps/0/when", "must be a text"),
        ("steps/0/when", "steps['sort']", "/steps/0/when", "does not stand above"),
        ("steps/0/when", "steps['clean']", "/steps/0/when", "does not stand above"),
        ("steps/1/when", "error is None", "/steps/1/when", "in `otherwise` only"),
        ("steps/1/when", "output", "/steps/1/when", "in the checks of a step only"),
        ("steps/1/when", "item", "/steps/1/when", "with `for_each` only"),
        ("steps/1/when", "open('x')", "/steps/1/when", "Unknown name 'open'"),
        ("steps/1/when", "[x async for x in input]", "/steps/1/when", "async"),
        ("steps/1/otherwise", {"a": [{"b": "steps['order']"}]}, "/steps/1/otherwise/a/0/b", "does not stand above"),
        ("steps/1/checks", "True", "/steps/1/checks", "must be a list"),
        ("steps/1/checks/0", {"check": "outptu"}, "/steps/1/checks/0/check", "did you mean 'output'?"),
        ("steps/1/checks/0", {"check": "True", "message": 3}, "/steps/1/checks/0/message", "must be a text"),
        ("steps/1/checks/0", "steps['sort']", "/steps/1/checks/0", "does not stand above"),
        ("steps/0/output_schema", [], "/steps/0/output_schema", "must be an object"),
        ("steps/0/output_schema", {"type": "x"}, "/steps/0/output_schema/type", "not 'x'"),
        ("steps/1/output_schema", {"type": "string"}, "/steps/1/output_schema/type", "answers an object"),
        ("steps/0/code", REMOVED, "/steps/0/code", "missing"),
        ("steps/0/code", "def run(input):\n    return 1", "/steps/0/code", "exactly these two parameters"),
        ("steps/0/code", "def run(input, steps):\n    return steps['sort']", "/steps/0/code", "does not stand above"),
        ("steps/0/code", "def run(input, steps):\n    return clena(1)", "/steps/0/code", "Unknown name 'clena'"),
        ("steps/0/code", "def run(input, steps):\n    yield 1", "/steps/0/code", "yield"),
        ("steps/0/tier", "cheap", "/steps/0/tier", "Unknown key 'tier'"),
        ("steps/1/tier", REMOVED, "/steps/1/tier", "or name a usual 'task'"),
        ("steps/1/tier", "cheep", "/steps/1/tier", "Unknown tier 'cheep'; did you mean 'cheap'?"),
        ("steps/1/prompt", REMOVED, "/steps/1/prompt", "missing"),
        ("steps/1/prompt", "{{ steps.order }}", "/steps/1/prompt", "order"),
        ("steps/1/min_confidence", 1.1, "/steps/1/min_confidence", "at most 1"),
        ("steps/1/min_confidence", "0.5", "/steps/1/min_confidence", "must be a number"),
        ("steps/1/min_confidence", True, "/steps/1/min_confidence", "must be a number"),
        ("steps/1/max_output_tokens", 0, "/steps/1/max_output_tokens", "at least 1"),
        ("steps/1/max_output_tokens", 1.5, "/steps/1/max_output_tokens", "must be a whole number"),
        ("steps/2/tool", REMOVED, "/steps/2/tool", "missing"),
        ("steps/2/tool", "shop.ordr", "/steps/2/tool", "Unknown tool 'shop.ordr'; did you mean 'shop.order'?"),
        ("steps/2/arguments", [], "/steps/2/arguments", "must be an object"),
        ("steps/2/arguments", {}, "/steps/2/arguments", "The argument 'id' of shop.order is missing."),
        ("steps/2/arguments", REMOVED, "/steps/2/arguments", "The argument 'id' of shop.order is missing."),
        ("steps/2/arguments/line", True, "/steps/2/arguments/line", "did you mean 'lines'?"),
        ("steps/2/arguments/id", {"a": "steps[input]"}, "/steps/2/arguments/id/a", "Write the step's id out"),
    ],
)
def test_it_refuses_in_a_step(path, value, pointer, part):
    assert_one_fault(path, value, pointer, part)


def test_a_step_without_a_usual_task_needs_a_tier():
    document = changed("steps/1/task", "divination")
    del document["steps"][1]["tier"]
    assert [where for where, _ in faults_of(document)] == ["/steps/1/tier"]


def test_there_are_between_1_and_50_steps():
    code = SMALL["steps"][0]
    bare = {key: SMALL[key] for key in ("title", "purpose", "input_schema")}
    many = [{**code, "id": f"s{index}"} for index in range(51)]
    assert faults_of({**bare, "steps": []}) == [("/steps", "'steps' must not be empty.")]
    assert faults_of({**bare, "steps": many}) == [("/steps", "'steps' may hold at most 50.")]
    assert len(parse({**bare, "steps": many[:50]}, {}).steps) == 50


def test_everything_that_is_wrong_is_found_at_once():
    document = changed("steps/1", {"id": "sort", "kind": "model", "promt": "x", "checks": ["nothing"]})
    document |= {"titel": "x", "timezone": "Mars", "output_schema": {"type": "x"}, "result": "steps['gone']"}
    del document["purpose"]
    assert {where for where, _ in faults_of(document)} == {
        "/titel",
        "/purpose",
        "/timezone",
        "/output_schema/type",
        "/steps/1/promt",
        "/steps/1/prompt",
        "/steps/1/tier",
        "/steps/1/checks/0",
        "/result",
    }


@pytest.mark.parametrize("document", [None, 3, "text", [], True])
def test_what_is_no_object_is_no_definition(document):
    assert faults_of(document) == [("", "This must be an object.")]
