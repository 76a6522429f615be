"""The named cast of the tests: Alice's project, its refund workflow, and the answers that models give in it."""

import json

from django.contrib.auth import get_user_model
from django.test import Client

from executions import worker
from executions.drivers import plain
from executions.models import Execution
from executions.queue import submit
from gateway import pressure
from gateway.providers.registry import register
from gateway.providers.scripted import ScriptedProvider
from projects.models import Membership, Project, TierModel, Tool
from workflows.models import Examined, Workflow

TIERS = {
    "cheap": "scripted:claude-haiku-5-5",
    "standard": "scripted:claude-sonnet-5-5",
    "frontier": "scripted:claude-opus-5-5",
}

REFUND = {
    "title": "Refund request",
    "purpose": "Say whether a customer asks for a refund.",
    "input_schema": {
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string"}},
        "additionalProperties": False,
    },
    "covers": [{"check": "input['message'].strip() != ''", "message": "The message is empty."}],
    "edge_cases": [{"id": "injury", "case": "Somebody was hurt", "handling": "escalate"}],
    "steps": [
        {
            "id": "clean",
            "kind": "code",
            "code": "def run(input, steps):\n    return {'text': ' '.join(input['message'].split())}",
        },
        {
            "id": "classify",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Is this a refund request?",
            "prompt": "{{ steps.clean.text }}",
            "output_schema": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"enum": ["refund", "other"]}},
                "additionalProperties": False,
            },
            "min_confidence": 0.8,
            "checks": [
                {
                    "check": "output['kind'] != 'refund' or 'refund' in steps['clean']['text']",
                    "message": "The message does not speak of a refund.",
                }
            ],
        },
    ],
    "result": {"kind": "steps['classify']['kind']"},
    "output_schema": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
}


def make_project(name: str = "alice", tiers: dict[str, str] | None = None) -> Project:
    project = Project.objects.create(name=name)
    for tier, target in (tiers or TIERS).items():
        provider, _, model = target.partition(":")
        TierModel.objects.create(project=project, tier=tier, provider=provider, model=model)
    return project


def make_workflow(
    definition: dict = REFUND, *, project: Project | None = None, name: str = "refund", tools: tuple[str, ...] = ()
) -> Workflow:
    """A published workflow of Alice's."""
    project = project or make_project()
    for tool in tools:
        Tool.objects.create(project=project, name=tool)
    workflow = Workflow.objects.create(project=project, name=name)
    workflow.draft(Examined.of(definition, project), "1.0.0", created_by="alice").publish("alice")
    workflow.refresh_from_db()
    return workflow


def envelope(output: object = None, **fields: object) -> str:
    """What a model answers: covered and sure, unless the test says otherwise."""
    said = {"status": "ok", "output": output, "confidence": 0.95, "rationale": "It is plain.", "uncovered": None}
    return json.dumps({**said, "edge_case": None, **fields})


def models_answer(*answers: dict) -> ScriptedProvider:
    """From now on every scripted model answers from these, first match first; it is another one, which no gate knows."""
    provider = ScriptedProvider.from_answers(list(answers))
    register("scripted", provider)
    pressure._gates.clear()
    return provider


def execute(workflow: Workflow, message: str = "I want a refund") -> Execution:
    """Accepts and advances an execution in this thread, as far as it goes."""
    execution = submit(workflow.live.version, workflow.live, {"message": message}, actor="test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    return execution


def member(project: Project | None = None, role: str = "viewer", name: str = "rosa", **rights: bool) -> Client:
    """Signed in as somebody who has this role in this project, or these rights of Django's, such as `is_superuser`."""
    account = get_user_model().objects.create_user(name, is_staff=True, **rights)
    if project:
        Membership.objects.create(project=project, account=account, role=role)
    client = Client()
    client.force_login(account)
    return client
