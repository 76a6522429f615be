"""The gate on what real models answered: a wrong swap is refused, and a right one passes. `PROOF=whole` takes all questions, and
prints the figures that stand in docs/proof.md."""

import os
import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone

from evaluations import gate_rules
from evaluations.models import Case, Evaluation
from gateway.models import Call
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
    solutions,
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


def test_a_lane_by_length_is_all_that_code_can_tell_of_a_hard_question(tmp_path):
    """The cascade that needs no model to decide: long questions go to the frontier. How long is chosen on one half of them, at no
    more than two points loss; what that saves is measured on the other half, through the engine."""
    with_recordings(tmp_path, maths_recordings())
    chosen_on, held_out = halves(maths_cases())
    limit = longest_for_the_weak(chosen_on)
    definition = {**SUM, "lanes": {"quality": f"len(input['question']) > {limit}"}}
    workflow = make(definition, held_out if WHOLE else held_out[:60], WEAK, STRONG)
    found = evaluate(workflow.versions.get(), at_once=100)
    tell(f"GSM8K, at most {limit} characters to Mixtral", found)
    arms = found.figures["arms"]
    models = Call.objects.filter(lane="fast").values_list("model_planned", flat=True).distinct()
    assert set(models) == {WEAK}
    saved = 1 - Decimal(arms["candidate"]["cost"]) / Decimal(arms["reference"]["cost"])
    if WHOLE:
        print(f"saves {saved:.4f}")  # noqa: T201
    assert 0 < saved < Decimal("0.5"), "length tells little of how hard a question is"


def halves(cases: list[dict]) -> tuple[list[dict], list[dict]]:
    shuffled = random.Random(0).sample(cases, len(cases))
    return shuffled[: len(cases) // 2], shuffled[len(cases) // 2 :]


def longest_for_the_weak(cases: list[dict]) -> int:
    """The most characters of a question for which two points of a hundred are lost at most. The arithmetic of what was recorded."""
    lengths = sorted({len(case["input"]["question"]) for case in cases})
    solved = {model: solutions(model) for model in (WEAK, STRONG)}

    def lost(limit: int) -> int:
        short = [case["input"]["question"] for case in cases if len(case["input"]["question"]) <= limit]
        return sum(solved[STRONG][one] - solved[WEAK][one] for one in short)

    return max(limit for limit in [0, *lengths] if lost(limit) <= len(cases) * 2 // 100)
