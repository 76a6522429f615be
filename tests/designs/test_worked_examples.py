"""The worked examples of the prompts are what they teach: they are read, parsed and executed like any other answer."""

import json

import jsonschema_rs
import pytest

from designs.answers import DraftCase, read_design, read_redesign, too_few_cases
from designs.prompts import REDESIGN_SCHEMA, SCHEMA, system, worked_example
from evaluations.cases import ABSENT, NewCase, add
from evaluations.models import Evaluation
from projects import tools
from tests.cast import envelope, make_workflow, models_answer
from tests.evaluations.evaluated import evaluate
from workflows.meaning import ToolSignature
from workflows.models import Workflow
from workflows.parsing import parse, warnings

DESIGNED = read_design(json.dumps(worked_example("design")["answer"]))
REDESIGNED = read_redesign(json.dumps(worked_example("redesign")["answer"]))
(TOOL,) = worked_example("design")["tools"]


def patched() -> dict:
    """The definition with the one change of the redesign, which appends an edge case."""
    (change,) = REDESIGNED.changes
    assert (change.op, change.path) == ("add", "/edge_cases/-")
    return {**DESIGNED.definition, "edge_cases": [*DESIGNED.definition["edge_cases"], change.value]}


@pytest.mark.parametrize(("kind", "schema"), [("design", SCHEMA), ("redesign", REDESIGN_SCHEMA)])
def test_they_follow_the_schema_and_stand_in_the_prompt_as_they_are_answered(kind, schema):
    answer = worked_example(kind)["answer"]
    jsonschema_rs.validator_for(schema).validate(answer)
    assert system(kind).endswith("The answer:\n" + json.dumps(answer, ensure_ascii=False))


def test_the_definition_is_one_without_a_warning_before_and_after_the_patch():
    signatures = {TOOL["name"]: ToolSignature(TOOL["name"], TOOL["input_schema"])}
    assert warnings(parse(DESIGNED.definition, signatures)) == []
    assert warnings(parse(patched(), signatures)) == []
    assert [step["kind"] for step in DESIGNED.definition["steps"]] == ["code", "tool", "model"]


def test_it_has_what_it_asks_for():
    assert too_few_cases(DESIGNED.cases) == []
    assert DESIGNED.fit.verdict == "great"
    assert [one.clause for one in DESIGNED.policy_references] == ["P1", "P2", "P3"]
    assert {case.kind for case in REDESIGNED.cases} == {"covered", "boundary", "uncovered"}
    assert [len(DESIGNED.questions), len(REDESIGNED.questions)] == [2, 1]


def workflow_of(definition: dict, monkeypatch) -> Workflow:
    monkeypatch.setattr(tools, "_registry", tools.registered())
    register = tools.tool(TOOL["name"], description="One order.", input_schema=TOOL["input_schema"])
    register(lambda number: pytest.fail("the answers of a case stand for the tool"))
    return make_workflow(definition, tools=(TOOL["name"],))


def new_case(case: DraftCase) -> NewCase:
    expected = case.expected if case.has_expected else ABSENT
    return NewCase(case.kind, case.input, expected, case.flagged, case.steps, case.answers, note=case.note)


def answers_of(case: DraftCase) -> list[dict]:
    """What the model step says to this case: the output that stands in it, or an edge case in words."""
    user = f"(?s).*{case.input['body'][:20]}"
    if "mail" in case.steps:
        return [{"user": user, "text": envelope(case.steps["mail"])}]
    if case.kind == "uncovered" and case.input["body"].strip():
        return [{"user": user, "text": envelope(status="escalate", edge_case="bank-account")}]
    return []


@pytest.mark.django_db
@pytest.mark.parametrize(("definition", "said"), [(DESIGNED.definition, DESIGNED), (patched(), REDESIGNED)])
def test_every_case_comes_out_as_it_says(definition, said, monkeypatch):
    workflow = workflow_of(definition, monkeypatch)
    for case in said.cases:
        add(workflow, new_case(case), "alice")
    models_answer(*[answer for case in said.cases for answer in answers_of(case)])
    found = evaluate(workflow.live.version, against="nothing")
    assert found.status == Evaluation.Status.COMPLETED
    wrong = [(result.case.note, result.said) for result in found.results.all() if not result.right]
    assert wrong == []
    steps = [result.steps.get("mail", {}).get("right") for result in found.results.all()]
    assert steps.count(False) == 0
    assert steps.count(True) == sum("mail" in case.steps for case in said.cases)
