"""The gate on what real models answered: a wrong swap is refused, and a right one passes. `PROOF=whole` takes all questions, and
prints the figures that stand in docs/proof.md."""

import os
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone

from evaluations import gate_rules
from evaluations.models import Case, Evaluation
from gateway.pricing import state
from tests.cast import make_project
from tests.evaluations.evaluated import evaluate
from tests.evaluations.recorded_data import (
    HAIKU_INPUT,
    HAIKU_OUTPUT,
    SUM,
    TICKET,
    arms,
    maths_cases,
    maths_recordings,
    needs_them,
    ticket_cases,
    ticket_recordings,
    with_recordings,
)
from wire.money import to_pico
from wire.problems import Conflict
from workflows.models import Examined, Workflow

pytestmark = [needs_them, pytest.mark.django_db]

WHOLE = os.environ.get("PROOF") == "whole"
STRONG, WEAK = "gpt-4-1106-preview", "mixtral-8x7b"
BEST, NEARLY, PLAIN = "haiku-p3-t0.0", "haiku-p2-t0.0", "haiku-p1-t0.0"


def make(definition: dict, cases: list[dict], cheap: str, frontier: str) -> Workflow:
    """Unpublished, with the recorded models in its tiers."""
    models = {"cheap": cheap, "standard": frontier, "frontier": frontier}
    project = make_project("recorded", {tier: f"recorded:{model}" for tier, model in models.items()})
    workflow = Workflow.objects.create(project=project, name="recorded")
    workflow.draft(Examined.of(definition, project), "1.0.0", created_by="alice")
    rows = [Case(workflow=workflow, created_by="alice", **said) for said in cases]
    for row in rows:
        row.content_hash = row.hashed()
    Case.objects.bulk_create(rows)
    return workflow


@pytest.fixture
def maths(tmp_path) -> Callable[[str, str], Workflow]:
    with_recordings(tmp_path, maths_recordings())
    cases = maths_cases() if WHOLE else maths_cases()[:80]
    return lambda cheap, frontier: make(SUM, cases, cheap, frontier)


@pytest.fixture
def tickets(tmp_path) -> Callable[[str, str], Workflow]:
    with_recordings(tmp_path, ticket_recordings())
    return lambda cheap, frontier: make(TICKET, ticket_cases(), cheap, frontier)


def tell(what: str, found: Evaluation) -> None:
    if WHOLE:
        candidate, reference = found.figures["arms"]["candidate"], found.figures["arms"].get("reference")
        print(f"\n{what}: {candidate['quality']} {candidate['cost_per_right']}")  # noqa: T201
        if reference:
            print(reference["quality"], reference["cost_per_right"], found.figures["pairs"], found.figures["verdict"])  # noqa: T201


def test_mixtral_instead_of_gpt_4_is_refused(maths):
    workflow = maths(WEAK, STRONG)
    gate_rules.state(workflow, {"margin": "0.05"}, "alice")
    found = evaluate(workflow.versions.get(), at_once=100)
    tell("GSM8K, Mixtral for GPT-4", found)
    assert found.passed is False
    arm, other = found.figures["arms"]["candidate"], found.figures["arms"]["reference"]
    assert (arm["quality"]["count"], other["quality"]["count"]) == ((436, 584) if WHOLE else (52, 69))
    assert Decimal(arm["cost"]) < Decimal(other["cost"]) / 10, "however cheap it is"
    with pytest.raises(Conflict, match="no verdict that passes"):
        workflow.versions.get().publish("alice")


def test_gpt_4_instead_of_itself_passes(maths):
    workflow = maths(STRONG, STRONG)
    gate_rules.state(workflow, {"margin": "0.05"}, "alice")
    found = evaluate(workflow.versions.get(), at_once=100)
    tell("GSM8K, GPT-4 for GPT-4", found)
    assert found.passed is True
    assert workflow.versions.get().publish("alice").evidence == "passed"


def test_the_plain_prompt_is_refused_and_the_one_that_is_nearly_as_good_passes(tickets):
    workflow = tickets(PLAIN, BEST)
    version = workflow.versions.get()
    refused = evaluate(version, at_once=100)
    tell("tickets, p1 for p3", refused)
    assert refused.passed is False
    with pytest.raises(Conflict):
        version.publish("alice")
    workflow.project.tiers.filter(tier="cheap").update(model=NEARLY)
    version = workflow.versions.get()
    passed = evaluate(version, at_once=100)
    tell("tickets, p2 for p3", passed)
    assert passed.passed is True
    assert version.publish("alice").evidence == "passed"


def test_the_arms_are_ranked_as_they_were_recorded(tickets):
    """By what the engine and the graders find, and not by what the records say of themselves."""
    workflow = tickets(BEST, BEST)
    recorded = {arm.model: arm.right for arm in arms()}
    prices = {"input": to_pico(Decimal(HAIKU_INPUT)), "output": to_pico(Decimal(HAIKU_OUTPUT))}
    for model in recorded:
        state(workflow.project, "recorded", model, timezone.now().date(), prices, "alice")
    chosen = list(recorded) if WHOLE else [BEST, "haiku-p2-t0.8", "haiku-p1-t0.4"]
    found = {}
    for model in chosen:
        said = evaluate(
            workflow.versions.get(), against="nothing", models={"classify": f"recorded:{model}"}, at_once=100
        )
        tell(model, said)
        found[model] = said.figures["arms"]["candidate"]["quality"]["count"]
    assert found == {model: recorded[model] for model in chosen}
    assert max(found, key=found.get) == BEST
