"""Definitions that mean harm, as they come: at `POST workflows`. What can be seen is refused there, at its place, and nothing of it
is executed; what cannot be seen is executed, in bounds, and the worker is as good as before."""

import json
import time

import pytest
from django.conf import settings
from django.test import Client

from executions.models import Execution
from gateway.models import Payload
from projects.models import Scope
from tests.cast import REFUND, envelope, execute, make_project, models_answer
from tests.hostile import (
    CODE_REFUSED,
    CODE_RUN,
    EXPRESSIONS_EVALUATED,
    EXPRESSIONS_REFUSED,
    SCHEMAS_REFUSED,
    SCHEMAS_TAKEN,
    TEMPLATES_REFUSED,
    TEMPLATES_RENDERED,
)
from tests.neighbours import client_of
from tests.workflows.test_prompts import HOSTILE
from workflows.models import Version, Workflow

pytestmark = pytest.mark.django_db

LONGEST = 30.0  # seconds of wall: on a machine that is not busy seven, three visits of two seconds of computing
RUNAWAY = "sum(1 for a in range(10000) if sum(b for b in range(10000)) < 0) == 1"


@pytest.fixture
def designer(db) -> Client:
    models_answer({"text": envelope({"kind": "refund"})})
    return client_of(make_project(), *Scope.values)


def changed(**keys: object) -> dict:
    return {**json.loads(json.dumps(REFUND)), **keys}


def with_step(number: int, **keys: object) -> dict:
    steps = json.loads(json.dumps(REFUND["steps"]))
    steps[number] |= keys
    return changed(steps=steps)


def post(designer: Client, definition: object, name: str = "hostile"):
    """What `POST workflows` says, within its time."""
    began = time.monotonic()
    body = json.dumps({"name": name, "definition": definition, "publish": True})
    answer = designer.generic("POST", "/api/v1/workflows", body, "application/json")
    assert time.monotonic() - began < LONGEST
    return answer


def assert_refused(designer: Client, definition: object, *where: str) -> None:
    answer = post(designer, definition)
    assert answer.status_code in (400, 413, 422), answer.content[:300]
    assert answer["Content-Type"] == "application/problem+json"
    if answer.status_code == 422:
        pointers = [fault["pointer"] for fault in answer.json()["errors"]]
        assert all(any(pointer.startswith(place) for place in where) for pointer in pointers), pointers
        assert all(len(fault["detail"]) < 700 for fault in answer.json()["errors"])
    assert not Workflow.objects.exists()
    assert not Version.objects.exists()


def executed(designer: Client, definition: object, message: str = "A refund") -> Execution:
    """Stored, published, executed in bounds; and the same process executes the next one as ever."""
    answer = post(designer, definition)
    assert answer.status_code == 201, answer.content[:500]
    workflow = Workflow.objects.get()
    began = time.monotonic()
    execution = execute(workflow, message)
    assert time.monotonic() - began < LONGEST
    assert execution.status in ("completed", "escalated"), execution.error
    told = json.dumps([*Payload.objects.values_list("request", flat=True), execution.output], default=str)
    assert settings.SECRET_KEY not in told
    assert "root:x:" not in told
    return execution


def assert_the_worker_is_well(designer: Client) -> None:
    assert post(designer, REFUND, name="benign").status_code == 201
    assert execute(Workflow.objects.get(name="benign"), "A refund").status == "completed"


@pytest.mark.parametrize("template", [*HOSTILE, *TEMPLATES_REFUSED], ids=lambda template: template[:50])
def test_a_hostile_template_is_refused_at_its_place(template, designer):
    assert_refused(designer, with_step(1, prompt=template), "/definition/steps/1/prompt")


@pytest.mark.parametrize("template", TEMPLATES_RENDERED, ids=lambda template: template[:50])
def test_a_template_that_can_be_written_is_rendered_in_bounds(template, designer):
    executed(designer, with_step(1, prompt=template, checks=[]))
    assert_the_worker_is_well(designer)


@pytest.mark.parametrize(
    "text",
    ["{{ input.message }}", "{{ constants.x | upper }}", "{{ constants.__class__ }}", "{{ 7*7 }}", "{{ constants }}"],
)
@pytest.mark.parametrize("place", ["guidance", "case", "handling"])
def test_a_text_has_constants_and_nothing_else(place, text, designer):
    if place == "guidance":
        return assert_refused(designer, changed(guidance=text), "/definition/guidance")
    case = {"id": "injury", "case": "Somebody was hurt", "handling": "Be kind.", place: text}
    return assert_refused(designer, changed(edge_cases=[case]), f"/definition/edge_cases/0/{place}")


PLACES = {
    "covers": (lambda text: changed(covers=[text]), "/definition/covers/0"),
    "when of a case": (
        lambda text: changed(edge_cases=[{"id": "a", "case": "A", "handling": "escalate", "when": text}]),
        "/definition/edge_cases/0/when",
    ),
    "when": (lambda text: with_step(1, when=text), "/definition/steps/1/when"),
    "otherwise": (lambda text: with_step(1, when="1 == 2", otherwise={"kind": text}), "/definition/steps/1/otherwise"),
    "checks": (lambda text: with_step(1, checks=[text]), "/definition/steps/1/checks/0"),
    "result": (lambda text: changed(result={"kind": [text]}), "/definition/result"),
}


@pytest.mark.parametrize("number", range(len(EXPRESSIONS_REFUSED)))
def test_a_hostile_expression_is_refused_at_its_place(number, designer):
    """Each in two of the places that take expressions."""
    for shift in (0, 3):
        made, where = list(PLACES.values())[(number + shift) % len(PLACES)]
        assert_refused(designer, made(EXPRESSIONS_REFUSED[number]), where)


@pytest.mark.parametrize("number", range(len(EXPRESSIONS_EVALUATED)))
def test_an_expression_that_can_be_written_is_evaluated_in_bounds(number, designer):
    made, _ = list(PLACES.values())[number % len(PLACES)]
    execution = executed(designer, made(EXPRESSIONS_EVALUATED[number]))
    reasons = {"code_error", "check_failed", "uncovered", "rule", "invalid_output"}
    assert execution.status == "completed" or execution.flags.get(waiting=True).reason in reasons
    assert_the_worker_is_well(designer)


@pytest.mark.parametrize("place", ["checks", "covers"])
def test_many_that_never_end_cost_no_more_than_a_few(place, designer):
    definition = with_step(1, checks=[RUNAWAY] * 20) if place == "checks" else changed(covers=[RUNAWAY] * 20)
    execution = executed(designer, definition)
    assert (execution.status, execution.flags.get().reason) == ("escalated", "code_error")
    assert_the_worker_is_well(designer)


@pytest.mark.parametrize("body", CODE_RUN, ids=lambda body: body[:40])
def test_hostile_code_is_run_in_bounds_and_tells_a_person(body, designer):
    execution = executed(designer, with_step(0, code=f"def run(input, steps):\n    {body}\n"))
    assert (execution.status, execution.flags.get().reason) == ("escalated", "code_error")
    assert_the_worker_is_well(designer)


@pytest.mark.parametrize("code", CODE_REFUSED, ids=lambda code: code[:40])
def test_hostile_code_is_refused_at_its_place(code, designer):
    assert_refused(designer, with_step(0, code=code), "/definition/steps/0/code")


@pytest.mark.parametrize("name", SCHEMAS_REFUSED)
@pytest.mark.parametrize("place", ["input_schema", "output_schema", "steps/0/output_schema", "steps/1/output_schema"])
def test_a_hostile_schema_is_refused_at_its_place(name, place, designer):
    schema = SCHEMAS_REFUSED[name]
    definition = with_step(int(place[6]), output_schema=schema) if "/" in place else changed(**{place: schema})
    assert_refused(designer, definition, f"/definition/{place}", "/definition/steps/1")


@pytest.mark.parametrize("name", SCHEMAS_TAKEN)
def test_a_schema_that_can_be_written_is_asked_in_bounds(name, designer):
    answer = post(designer, changed(input_schema=SCHEMAS_TAKEN[name], covers=[], result=None, output_schema={}))
    assert answer.status_code == 201, answer.content[:300]
    for input in (
        {"message": "a" * 30_000 + "b"},
        {"message": "x", "list": [[n] for n in range(6000)]},
        {f"k{n}": n for n in range(6000)},
    ):
        began = time.monotonic()
        asked = designer.post("/api/v1/workflows/hostile/executions", {"input": input}, "application/json")
        assert asked.status_code in (202, 422)
        assert time.monotonic() - began < LONGEST
