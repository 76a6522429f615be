"""The search for the cheapest model of each step that passes, through the real engine."""

import pytest

from evaluations import tier_search
from evaluations.models import Evaluation, TierSearch
from evaluations.tier_search import Wanted
from executions.models import Execution
from projects.models import Scope
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from tests.evaluations.evaluated import add_messages, complete
from tests.neighbours import client_of
from wire.problems import Invalid

pytestmark = pytest.mark.django_db

CHEAP, STANDARD, FRONTIER = "scripted:claude-haiku-5-5", "scripted:claude-sonnet-5-5", "scripted:claude-opus-5-5"
RIGHT = {"user": "refund", "text": envelope({"kind": "refund"})}
ON_FRONTIER = {**REFUND, "steps": [REFUND["steps"][0], {**REFUND["steps"][1], "tier": "frontier"}]}


def wrong(model: str) -> dict:
    """The model is wrong in ten of thirty: those from 20 to 29."""
    return {"model": model.partition(":")[2], "user": "number 2[0-9]", "text": envelope({"kind": "other"})}


def search(workflow, **said) -> TierSearch:
    """Begun, and taken to its end."""
    found = tier_search.begin(tier_search.examine(Wanted(workflow.live.version, **said), "alice"))
    for _ in range(50):
        tier_search.advance(found)
        found.refresh_from_db()
        if found.status != "running":
            return found
        for evaluation in found.evaluations.filter(status="running"):
            complete(evaluation)
    raise AssertionError("it does not end")


def test_the_cheapest_that_passes_is_found_and_drafted():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(wrong(CHEAP), RIGHT)
    add_messages(workflow, 30)
    found = search(workflow)
    assert (found.status, found.passed, found.chosen) == ("completed", True, {"classify": STANDARD})
    assert found.draft.number == "1.1.0"
    assert found.draft.definition["steps"][1]["tier"] == "standard"
    assert found.draft.design_context["tier_search"]["chosen"] == {"classify": STANDARD}
    assert "classify moves down from frontier (scripted:claude-opus-5-5) to standard" in found.draft.changelog
    models = found.evidence["steps"]["classify"]["models"]
    assert [(one["model"], one["passed"]) for one in models] == [(CHEAP, False), (STANDARD, True), (FRONTIER, True)]
    assert models[0]["quality"]["count"] == 20
    assert workflow.live.version.number == "1.0.0", "nobody published it"


def test_one_that_is_dearer_and_worse_is_not_chosen():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(wrong(STANDARD), RIGHT)
    add_messages(workflow, 30)
    found = search(workflow)
    assert found.chosen == {"classify": CHEAP}
    assert f"Dearer is not better here: {STANDARD}" in found.said


def test_a_cheaper_one_that_is_better_says_so():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(wrong(FRONTIER), RIGHT)
    add_messages(workflow, 30)
    found = search(workflow)
    step = found.evidence["steps"]["classify"]
    assert (step["moves"], step["improves"]) == ("down", True)
    assert "and improves: it has 30 of 30 cases right, scripted:claude-opus-5-5 20 of 30" in found.said


def test_without_one_that_passes_the_frontier_stays():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(wrong(CHEAP), wrong(STANDARD), RIGHT)
    add_messages(workflow, 30)
    found = search(workflow)
    assert (found.chosen, found.draft) == ({"classify": FRONTIER}, None)
    assert "has these models already" in found.said


TWO = {
    **REFUND,
    "steps": [
        REFUND["steps"][0],
        {**REFUND["steps"][1], "id": "first", "tier": "frontier", "prompt": "first {{ steps.clean.text }}"},
        {
            **REFUND["steps"][1],
            "id": "second",
            "tier": "frontier",
            "prompt": "second {{ steps.clean.text }} after {{ steps.first.kind }}",
        },
    ],
    "result": {"kind": "steps['second']['kind']"},
}


def test_what_passes_alone_and_not_together_makes_no_draft():
    """The first step of the cheap model says "other", which the frontier bears behind it, and the cheap model does not."""
    workflow = make_workflow(TWO)
    haiku = CHEAP.partition(":")[2]
    models_answer(
        {"model": haiku, "user": "(?s)second.*after.*other", "text": envelope({"kind": "other"})},
        {"model": haiku, "user": "first ", "text": envelope({"kind": "other"})},
        {"text": envelope({"kind": "refund"})},
    )
    add_messages(workflow, 30)
    found = search(workflow, candidates={"first": ["cheap"], "second": ["cheap"]})
    assert found.chosen == {"first": CHEAP, "second": CHEAP}
    assert (found.passed, found.draft) == (False, None)
    assert "Together they do not pass" in found.said


def test_a_saving_below_zero_is_shown_as_it_is():
    """What reads much costs more than the frontier, although its price is lower."""
    workflow = make_workflow()
    haiku = CHEAP.partition(":")[2]
    models_answer(
        {"model": haiku, "text": envelope({"kind": "refund"}), "input_tokens": 60_000, "output_tokens": 500}, RIGHT
    )
    add_messages(workflow, 30)
    found = search(workflow, candidates={"classify": ["cheap"]})
    assert found.chosen == {"classify": FRONTIER}, "the cheap one passes, and is dearer"
    designed = found.evidence["ways"]["as_designed"]
    assert designed["models"] == {"classify": CHEAP}
    assert designed["saving"]["per_case"].startswith("-")
    assert designed["saving"]["percent"].startswith("-")
    assert found.draft.definition["steps"][1]["tier"] == "frontier"


def test_a_cascade_is_shown_with_its_rungs_and_without():
    workflow = make_workflow(ON_FRONTIER)
    haiku = CHEAP.partition(":")[2]
    unsure = {"model": haiku, "user": "number 2[0-9]", "text": envelope({"kind": "refund"}, confidence=0.1)}
    models_answer(unsure, RIGHT)
    add_messages(workflow, 30)
    found = search(workflow, candidates={"classify": ["cheap"]})
    way = found.evidence["ways"]["all_cheap"]
    assert (way["quality"]["count"], way["answered_by_a_rung"]["count"]) == (30, 10)
    assert way["without_rungs"]["quality"]["count"] == 20
    assert float(way["without_rungs"]["cost_per_case"]) < float(way["cost_per_case"])


def test_a_model_of_no_tier_makes_no_draft_and_says_so():
    workflow = make_workflow(ON_FRONTIER)
    workflow.project.tiers.filter(tier="cheap").delete()
    models_answer(RIGHT)
    add_messages(workflow, 30)
    found = search(workflow, candidates={"classify": [CHEAP]})
    assert (found.chosen, found.draft) == ({"classify": CHEAP}, None)
    assert "no tier of the project is mapped to scripted:claude-haiku-5-5" in found.said


def test_one_that_is_interrupted_begins_nothing_twice():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(RIGHT)
    add_messages(workflow, 3)
    found = tier_search.begin(tier_search.examine(Wanted(workflow.live.version), "alice"))
    for _ in range(3):
        tier_search.advance(found)
    assert Evaluation.objects.count() == 1
    complete(Evaluation.objects.get())
    for _ in range(3):
        tier_search.advance(found)
    assert Evaluation.objects.count() == 2
    assert Execution.objects.count() == 6, "of the first, with the one arm of the frontier"


def test_it_waits_for_its_budget_and_goes_on():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(RIGHT)
    add_messages(workflow, 25)
    found = search(workflow, budget=1, at_once=1)
    assert found.status == "waiting"
    tier_search.raise_budget(found, None, "alice")
    assert set(found.evaluations.values_list("status", flat=True)) == {"running"}


def test_what_is_wrong_is_named():
    workflow = make_workflow()
    add_messages(workflow, 1)
    with pytest.raises(Invalid) as refused:
        tier_search.examine(
            Wanted(workflow.live.version, {"nobody": ["cheap"], "classify": ["cheap", "nobody:a"]}), "alice"
        )
    assert [fault.pointer for fault in refused.value.faults] == ["/candidates/nobody", "/candidates/classify/1"]


def test_it_is_begun_and_cancelled_through_rest_and_is_nobody_elses():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(RIGHT)
    add_messages(workflow, 2)
    alice = client_of(workflow.project, Scope.READ, Scope.DESIGN)
    address = "/api/v1/workflows/refund/tier-searches"
    estimate = alice.post(f"{address}/estimate", {}, "application/json")
    assert (estimate.status_code, estimate.json()["executions"], estimate.json()["evaluations"]) == (200, 6, 2)
    assert not TierSearch.objects.exists()
    made = alice.post(address, {"budget": "1.00"}, "application/json")
    assert (made.status_code, made.json()["status"]) == (201, "running")
    one = f"/api/v1/tier-searches/{made.json()['id']}"
    assert alice.get(one).json() == made.json() == alice.get(address).json()["results"][0]
    other = client_of(make_project("mallory"), Scope.READ, Scope.DESIGN)
    assert other.get(one).status_code == 404
    tier_search.advance(TierSearch.objects.get())
    assert alice.put(f"{one}/budget", {"budget": None}, "application/json").json()["budget"] is None
    ended = alice.post(f"{one}/cancellation", {}, "application/json")
    assert ended.json()["status"] == "cancelled"
    assert Evaluation.objects.get().status == "cancelled"
    assert alice.post(f"{one}/cancellation", {}, "application/json").status_code == 409
