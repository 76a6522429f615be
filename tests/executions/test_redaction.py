"""Secrets are taken out where a text comes in: of an input before its row is written, so that no model sees them; of what
models, tools and people answer; of what providers complain about. What is checked is what is kept."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from django.test import Client

from executions import queue, worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag, StepResult
from gateway.models import Call, Payload
from gateway.providers.registry import register
from gateway.types import Rejected
from projects.models import ApiKey
from projects.tools import ToolError, tool
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.secrets import SECRETS
from wire.problems import Invalid
from workflows.models import Version

pytestmark = pytest.mark.django_db

KEY, CARD = SECRETS[0][1], "4111 1111 1111 1111"
GOOD = {"text": envelope({"kind": "refund"})}


class Listening:
    """A scripted provider of which is known what it was asked; it may add something to what is answered."""

    protocol, simulated = "scripted", True

    def __init__(self, *answers, replaces=None):
        self.provider, self.asked, self.replaces = models_answer(*answers), [], replaces or {}
        register("scripted", self)

    async def complete(self, request):
        self.asked.append(request.user)
        completion = await self.provider.complete(request)
        text = completion.text
        for before, after in self.replaces.items():
            text = text.replace(before, after)
        return replace(completion, text=text)


@pytest.fixture
def client():
    """Of Alice, with a workflow that anybody may send anything."""
    workflow = make_workflow({**REFUND, "input_schema": {"type": "object"}})
    _, token = ApiKey.objects.issue(workflow.project, ["admin"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def post(client, path, body, status):
    answer = client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def keep(project, **settings):
    for name, value in settings.items():
        setattr(project, name, value)
    project.save()


def everything() -> str:
    """All rows that may have a text of an execution in them."""
    tables = (Execution, StepResult, Flag, Event, Call, Payload, Version)
    return str([list(table.objects.values()) for table in tables])


def test_neither_the_row_nor_the_model_has_what_stood_in_the_input(client):
    models = Listening(GOOD)
    body = {"input": {"message": f"A refund to {CARD} please, {KEY}"}, "metadata": {"by": KEY}}
    accepted = post(client, "workflows/refund/executions", body, 202)
    assert accepted["input"] == {"message": "A refund to [redacted:card] please, [redacted:api-key]"}
    assert (accepted["metadata"], accepted["redacted"]) == ({"by": "[redacted:api-key]"}, 2)
    plain.advance(UUID(accepted["id"]), worker.current())
    assert Execution.objects.get().status == "completed"
    assert "A refund to [redacted:card] please, [redacted:api-key]" in models.asked[0]
    assert CARD not in models.asked[0]
    assert KEY not in everything()
    assert CARD not in everything()


def test_of_an_input_without_secrets_nothing_is_said(client):
    accepted = post(client, "workflows/refund/executions", {"input": {"message": "A refund"}}, 202)
    assert (accepted["input"], accepted["redacted"]) == ({"message": "A refund"}, 0)


def test_every_input_of_a_batch_is_looked_at(client):
    body = {"inputs": [{"message": "A refund"}, {"message": KEY}], "metadata": {"card": CARD}}
    results = post(client, "workflows/refund/executions/batch", body, 202)["results"]
    assert [(one["input"]["message"], one["redacted"]) for one in results] == [
        ("A refund", 1),
        ("[redacted:api-key]", 2),
    ]


def test_the_schema_is_asked_about_what_is_kept():
    schema = {
        "type": "object",
        "properties": {"message": {"enum": ["a", "[redacted:api-key]"]}, "n": {"type": "integer"}},
    }
    workflow = make_workflow({**REFUND, "input_schema": {**schema, "required": ["message"]}}, name="strict")
    queue.submit(workflow.live.version, workflow.live, {"message": KEY}, actor="alice")
    given = {"message": KEY, "n": 4111111111111111}
    for submit, inputs in ((queue.submit, given), (queue.submit_batch, [given])):
        with pytest.raises(Invalid) as refused:
            submit(workflow.live.version, workflow.live, inputs, actor="alice")
        assert refused.value.faults[0].detail == "'n' must be a whole number, not '[redacted:card]'."


def test_an_estimate_asks_the_same(client):
    workflow = make_workflow(
        {**REFUND, "input_schema": {"type": "object", "properties": {"message": {"maxLength": 20}}}},
        project=make_project("bob"),
    )
    _, token = ApiKey.objects.issue(workflow.project, ["admin"])
    bob = Client(headers={"Authorization": f"Bearer {token}"})
    post(bob, "workflows/refund/executions/batch/estimate", {"inputs": [{"message": KEY}]}, 200)


def test_fields_of_the_project_go_too_and_a_pattern_that_is_off_stays(client):
    models = Listening(GOOD)
    workflow = make_workflow(
        {**REFUND, "input_schema": {"type": "object"}, "result": {"kind": "'refund'", "secret": "'pass' + 'word'"}},
        project=make_project("carol"),
    )
    keep(workflow.project, redacted_fields=["pin", "/customer/iban", "secret"], redacted_patterns={"card": False})
    given = {"message": f"A refund to {CARD}", "customer": {"iban": "x", "PIN": 1}, "iban": "y"}
    execution = queue.submit(workflow.live.version, workflow.live, given, actor="carol", metadata={"pin": "1234"})
    assert execution.input["customer"] == {"iban": "[redacted:field]", "PIN": "[redacted:field]"}
    assert (execution.input["iban"], execution.metadata) == ("y", {"pin": "[redacted:field]"})
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert CARD in models.asked[0]
    assert execution.output == {"kind": "refund", "secret": "[redacted:field]"}


def test_an_execution_that_is_run_again_has_no_more_than_the_first(client):
    Listening(GOOD)
    first = post(client, "workflows/refund/executions", {"input": {"message": f"A refund: {KEY}"}}, 202)
    plain.advance(UUID(first["id"]), worker.current())
    again = post(client, f"executions/{first['id']}/retries", {"version": "1.0.0"}, 201)
    assert (again["input"], again["redacted"]) == ({"message": "A refund: [redacted:api-key]"}, 0)


def test_what_a_model_answers_loses_its_secrets_before_anybody_reads_it():
    answer = {"text": envelope({"kind": "refund"}, rationale="It says CANARY.")}
    Listening(answer, replaces={"CANARY": KEY})
    execution = execute(make_workflow())
    assert execution.status == "completed"
    assert StepResult.objects.get(step="classify").rationale == "It says [redacted:api-key]."
    assert json.loads(Payload.objects.get().response)["rationale"] == "It says [redacted:api-key]."
    assert KEY not in everything()


def test_a_card_number_that_a_model_answers_as_a_number_leaves_an_answer_that_can_be_read():
    schema = {"type": "object", "required": ["n"], "properties": {"n": {}}, "additionalProperties": False}
    step = {**REFUND["steps"][1], "output_schema": schema, "checks": []}
    Listening({"text": envelope({"n": 4111111111111111})})
    ends = {"result": "steps['classify']", "output_schema": {"type": "object"}}
    execution = execute(make_workflow({**REFUND, "steps": [REFUND["steps"][0], step], **ends}))
    assert (execution.status, execution.output) == ("completed", {"n": "[redacted:card]"})


def test_a_flag_and_the_question_to_the_next_rung_quote_no_secret():
    models = Listening({"text": envelope(status="uncovered", uncovered="How CANARY is used")}, replaces={"CANARY": KEY})
    execute(make_workflow())
    assert "How [redacted:api-key] is used" in Flag.objects.get().explanation
    assert len(models.asked) == 2
    assert not [asked for asked in models.asked if KEY in asked]
    assert KEY not in everything()


def test_a_repair_quotes_the_answer_without_its_secrets():
    models = Listening({"text": "Sorry: CANARY"}, replaces={"CANARY": KEY})
    execute(make_workflow())
    assert "Sorry: [redacted:api-key]" in models.asked[1]
    assert KEY not in everything()


def test_a_providers_complaint_loses_them_in_the_ledger_the_history_and_the_execution():
    class Complaining(Listening):
        async def complete(self, request):
            raise Rejected(f"The key {KEY} may not ask for {request.model}.")

    Complaining(GOOD)
    execution = execute(make_workflow())
    said = "The key [redacted:api-key] may not ask for claude-haiku-5-5."
    assert (execution.status, execution.error["detail"], Call.objects.get().error) == ("failed", said, said)
    assert Event.objects.get(after="failed").detail == said
    assert KEY not in everything()


@tool("test.tells", description="Tells.", input_schema={"type": "object", "properties": {"how": {"type": "string"}}})
def tells(how: str) -> dict:
    if how == "error":
        raise ToolError(f"{KEY} is not allowed to.")
    if how == "exception":
        raise ValueError(KEY)
    return {"account": {"iban": "x"}, "url": "https://rosa:hunter2@shop.example", "n": 4111111111111111}


def telling(how: str, **more: object) -> dict:
    step = {"id": "tell", "kind": "tool", "tool": "test.tells", "arguments": {"how": repr(how)}, **more}
    return {"title": "Tell", "purpose": "Tell.", "input_schema": {"type": "object"}, "steps": [step]}


def test_what_a_tool_answers_is_checked_and_kept_without_secrets():
    schema = {"type": "object", "properties": {"n": {"const": "[redacted:card]"}}}
    workflow = make_workflow(telling("answer", output_schema=schema), tools=("test.tells",))
    keep(workflow.project, redacted_fields=["/account/iban"])
    execution = execute(workflow)
    assert execution.output == {
        "account": {"iban": "[redacted:field]"},
        "url": "https://rosa:[redacted:url-password]@shop.example",
        "n": "[redacted:card]",
    }


@tool(
    "test.wrong",
    description="Answers a key where there should be a number.",
    input_schema={},
    output_schema={"type": "integer"},
)
def wrong() -> str:
    return f"{'x' * 50} {KEY}"  # a complaint shows 60 characters of it


def test_a_complaint_about_a_tools_answer_shows_half_of_none():
    step = {"id": "wrong", "kind": "tool", "tool": "test.wrong", "arguments": {}}
    execute(make_workflow({**telling("answer"), "steps": [step]}, tools=("test.wrong",)))
    assert KEY[:9] not in Flag.objects.get().explanation


@pytest.mark.parametrize("more", [{}, {"otherwise": "error"}])
@pytest.mark.parametrize("how", ["error", "exception"])
def test_what_a_tool_complains_about_has_none(how, more):
    execution = execute(make_workflow(telling(how, **more), tools=("test.tells",)))
    assert execution.status == ("completed" if more else "escalated")
    assert KEY not in everything()
    assert ("[redacted:api-key] is not allowed to." in everything()) is (how == "error")


def test_what_code_puts_together_has_none_either():
    step = {"id": "join", "kind": "code", "code": "def run(input, steps):\n    return {'a': input['a'] + input['b']}"}
    document = {"title": "Join", "purpose": "Join.", "input_schema": {"type": "object"}, "steps": [step]}
    workflow = make_workflow(document)
    given = {"a": KEY[:9], "b": KEY[9:]}
    execution = queue.submit(workflow.live.version, workflow.live, given, actor="alice")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert execution.output == {"a": "[redacted:api-key]"}


@pytest.mark.parametrize("answer", [{"output": {"kind": KEY}}, {"step_output": {"kind": "other"}}])
def test_what_a_person_answers_and_notes_has_none(client, answer):
    Listening({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    accepted = post(client, "workflows/refund/executions", {"input": {"message": "The moon"}}, 202)
    plain.advance(UUID(accepted["id"]), worker.current())
    body = {"resolution": "answered", "note": f"They sent {KEY}.", **answer}
    resolved = post(client, f"flags/{Flag.objects.get().pk}/resolution", body, 200)
    assert resolved["resolution"]["note"] == "They sent [redacted:api-key]."
    assert KEY not in everything()
    if "output" in answer:
        assert Execution.objects.get().output == {"kind": "[redacted:api-key]"}


def test_what_is_said_around_a_definition_has_none(client):
    context = {"requirements": [f"Use {KEY}"], "at": "https://rosa:hunter2@shop.example"}
    body = {"definition": REFUND, "bump": "minor", "design_context": context, "changelog": KEY, "designed_by": KEY}
    version = post(client, "workflows/refund/versions", {**body, "design_cost": "4.111111111111"}, 201)
    assert version["design_context"] == {
        "requirements": ["Use [redacted:api-key]"],
        "at": "https://rosa:[redacted:url-password]@shop.example",
    }
    assert (version["changelog"], version["designed_by"]) == ("[redacted:api-key]",) * 2
    assert version["design_cost"] == "4.111111111111"
    assert KEY not in everything()


def test_a_definition_with_a_secret_in_it_is_refused_for_it_cannot_be_changed(client):
    document = {**REFUND, "constants": {"key": KEY, "example": CARD}}
    refused = post(client, "workflows/refund/versions", {"definition": document, "bump": "minor"}, 422)
    assert [error["pointer"] for error in refused["errors"]] == ["/definition/constants/key"]
    assert "looks like a secret (api-key)" in refused["detail"]
    assert KEY not in json.dumps(refused)
