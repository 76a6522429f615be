"""The gate: a version goes live on evidence, or somebody says why it goes without."""

import pytest

from analytics.costs import summarise
from analytics.extent import Extent
from analytics.pages.saying import said
from evaluations import gate_rules
from projects.models import AuditEvent
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from tests.evaluations.evaluated import add_case, add_messages, draft, evaluate
from wire.problems import Conflict, Invalid
from workflows.models import Examined, Publication, Workflow

pytestmark = pytest.mark.django_db

CHEAP = "claude-haiku-5-5"
RIGHT = [
    {"user": "refund", "text": envelope({"kind": "refund"})},
    {"user": "other", "text": envelope({"kind": "other"})},
    {"user": "gibberish", "text": envelope(status="uncovered", uncovered="I do not know.")},
]
WRONG_SWAP = {"model": CHEAP, "user": "number [0-3]\\b", "text": envelope({"kind": "other"})}


def unpublished() -> Workflow:
    project = make_project()
    workflow = Workflow.objects.create(project=project, name="refund")
    workflow.draft(Examined.of(REFUND, project), "1.0.0", created_by="alice")
    return workflow


def test_a_workflow_with_few_cases_is_published_unproven():
    workflow = unpublished()
    add_messages(workflow, 19)
    assert workflow.versions.get().publish("alice").evidence == "none"


def test_with_enough_cases_it_is_refused_and_told_what_is_missing():
    workflow = unpublished()
    add_messages(workflow, 20)
    with pytest.raises(Conflict) as refused:
        workflow.versions.get().publish("alice")
    assert "never evaluated" in refused.value.detail
    assert (refused.value.extra["cases"], refused.value.extra["min_cases"]) == (20, 20)
    [missing] = refused.value.extra["missing"]
    assert missing["how"] == ('POST /api/v1/workflows/refund/evaluations {"version": "1.0.0", "against": "frontier"}')
    assert not Publication.objects.exists()


def test_a_right_swap_passes():
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    evaluation = evaluate(workflow.versions.get())
    assert (evaluation.passed, evaluation.figures["verdict"]["reasons"]) == (True, [])
    publication = workflow.versions.get().publish("alice")
    assert (publication.evidence, publication.evaluation) == ("passed", evaluation.pk)


def test_a_wrong_swap_is_refused():
    workflow = unpublished()
    models_answer(WRONG_SWAP, *RIGHT)
    add_messages(workflow, 40)
    evaluation = evaluate(workflow.versions.get())
    assert evaluation.passed is False
    with pytest.raises(Conflict, match="It is right in 36 of 40 cases, the frontier in 40"):
        workflow.versions.get().publish("alice")


def test_too_few_flawless_cases_are_no_proof_at_a_strict_margin():
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    gate_rules.state(workflow, {"margin": "0.05"}, "alice")
    verdict = evaluate(workflow.versions.get()).figures["verdict"]
    assert verdict["passed"] is False
    assert "at least 52 are needed" in verdict["reasons"][0]


def test_what_misses_uncovered_cases_is_refused_however_right_it_is():
    workflow = unpublished()
    models_answer({"model": CHEAP, "user": "gibberish", "text": envelope({"kind": "other"})}, *RIGHT)
    add_messages(workflow, 20)
    add_case(workflow, {"message": "gibberish"})
    found = evaluate(workflow.versions.get())
    assert found.figures["pairs"]["difference"] == "0.0000"
    assert found.figures["verdict"]["reasons"][0].startswith("It flags 0 of 1 cases that it should flag")


@pytest.mark.parametrize("changed", ["case", "model", "rules", "definition"])
def test_a_verdict_is_of_exactly_what_was_tried(changed):
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    version = workflow.versions.get()
    assert evaluate(version).passed
    match changed:
        case "case":
            add_messages(workflow, 1, first=90)
        case "model":
            workflow.project.tiers.filter(tier="cheap").update(model="claude-sonnet-5-5")
        case "rules":
            gate_rules.state(workflow, {"margin": "0.2"}, "alice")
        case "definition":
            version = draft(workflow, purpose="Say it in other words.")
    version.workflow.refresh_from_db()
    with pytest.raises(Conflict):
        version.publish("alice")


def test_a_model_that_no_step_can_reach_changes_nothing():
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    assert evaluate(workflow.versions.get()).passed
    workflow.project.tiers.filter(tier="standard").update(model="claude-opus-5-5")
    assert workflow.versions.get().publish("alice").evidence == "passed"


def test_a_later_version_is_compared_with_the_incumbent():
    workflow = make_workflow()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    version = draft(workflow)
    assert evaluate(version, against="frontier").passed
    with pytest.raises(Conflict, match=r"against the incumbent 1\.0\.0"):
        version.publish("alice")
    assert evaluate(version).passed
    assert version.publish("alice").evidence == "passed"


def test_of_two_that_are_as_good_as_the_same_incumbent_one_goes_live():
    """The other one was never compared with it."""
    workflow = make_workflow()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    first, second = draft(workflow, "1.1.0"), draft(workflow, "1.2.0", title="Another")
    assert evaluate(first).passed
    assert evaluate(second).passed
    assert first.publish("alice").evidence == "passed"
    with pytest.raises(Conflict, match=r"against the incumbent 1\.1\.0"):
        second.publish("alice")


def test_an_override_is_named_and_shown():
    workflow = unpublished()
    add_messages(workflow, 20)
    publication = workflow.versions.get().publish("user:rosa", "The vendor ends the old model today.")
    assert (publication.evidence, publication.reason) == ("overridden", "The vendor ends the old model today.")
    event = AuditEvent.objects.get(verb="overrode")
    assert (event.actor, event.detail["reason"]) == ("user:rosa", "The vendor ends the old model today.")


def test_a_roll_back_is_always_allowed():
    workflow = make_workflow()
    models_answer(*RIGHT)
    first = workflow.live.version
    draft(workflow).publish("alice")
    add_messages(workflow, 20)
    workflow.refresh_from_db()
    assert first.publish("alice").evidence == "none"


def test_the_same_version_on_another_model_is_no_roll_back():
    """Else the gate would stand open for every swap of a model on what is live."""
    workflow = make_workflow()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    workflow.project.tiers.filter(tier="cheap").update(model="claude-sonnet-5-5")
    version = workflow.live.version
    with pytest.raises(Conflict, match="never evaluated"):
        version.publish("alice")
    evaluation = evaluate(version)
    assert (evaluation.against, evaluation.incumbent, evaluation.passed) == ("incumbent", workflow.live, True)
    assert version.publish("alice").evidence == "passed"


def test_a_part_of_the_cases_proves_nothing():
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    add_messages(workflow, 20, kind="other")
    assert evaluate(workflow.versions.get(), tags=["refund"]).passed
    with pytest.raises(Conflict, match="other cases, models or rules"):
        workflow.versions.get().publish("alice")


@pytest.mark.parametrize("model", [CHEAP, "claude-opus-5-5"], ids=["candidate", "reference"])
def test_what_could_not_be_tried_is_no_evidence(model):
    workflow = unpublished()
    models_answer({"model": model, "user": "number 7\\b", "error": "rejected"}, *RIGHT)
    add_messages(workflow, 40)
    found = evaluate(workflow.versions.get())
    assert found.passed is False
    assert any("could not be tried" in reason for reason in found.figures["verdict"]["reasons"])


def test_an_override_stands_beside_every_saving():
    workflow = unpublished()
    add_messages(workflow, 20)
    workflow.versions.get().publish("user:rosa", "It is urgent.")
    found = summarise(Extent(workflow.project, workflow, simulated=True))
    assert not found.unproven
    assert [tuple(one) for one in found.overridden] == [("refund", "1.0.0", "user:rosa", "It is urgent.")]
    assert ("overridden", "published without a verdict that passed (refund 1.0.0, by user:rosa: It is urgent.)") in (
        said(found).labels
    )


def test_a_frontier_of_ones_own_choice_proves_nothing():
    """Compared with itself by another name anything passes; so what it was compared with is part of the verdict."""
    workflow = unpublished()
    definition = {**REFUND, "escalation": {"to": ["human"]}}
    version = workflow.draft(Examined.of(definition, workflow.project), "1.1.0", created_by="alice")
    models_answer(WRONG_SWAP, *RIGHT)
    add_messages(workflow, 20)
    assert evaluate(version, against="frontier", tiers={"frontier": f"scripted:{CHEAP}"}).passed
    with pytest.raises(Conflict, match="other cases, models or rules"):
        version.publish("alice")


def test_who_tries_again_and_again_does_not_pass_by_chance():
    workflow = unpublished()
    models_answer(WRONG_SWAP, *RIGHT)
    add_messages(workflow, 20)
    version = workflow.versions.get()
    assert [evaluate(version).passed for _ in range(2)] == [False, False]
    models_answer(*RIGHT)
    lucky = evaluate(version)
    assert lucky.figures["arms"]["candidate"]["quality"]["count"] == 20
    assert lucky.passed is False
    assert lucky.figures["verdict"]["notes"][-1] == "Earlier evaluations of the same count as repeats: 2."


def test_a_newer_refusal_ends_an_older_verdict():
    workflow = unpublished()
    models_answer(*RIGHT)
    add_messages(workflow, 20)
    version = workflow.versions.get()
    assert evaluate(version).passed
    models_answer(WRONG_SWAP, *RIGHT)
    assert [evaluate(version).passed for _ in range(2)][-1] is False
    with pytest.raises(Conflict):
        version.publish("alice")


def test_an_incumbent_that_does_not_take_the_cases_lets_nothing_pass():
    workflow = make_workflow()
    models_answer({"model": CHEAP, "text": envelope({"kind": "other"})}, *RIGHT)
    taken = {**REFUND["input_schema"], "properties": {"message": {"type": "string"}, "from": {"type": "string"}}}
    version = draft(workflow, input_schema=taken)
    for n in range(20):
        add_case(workflow, {"message": f"refund number {n}", "from": "rosa"}, {"kind": "refund"})
    found = evaluate(version)
    assert found.passed is False
    assert "20 executions could not be tried" in found.figures["verdict"]["reasons"][-1]


def test_an_override_stays_said_when_it_is_published_once_more():
    workflow = unpublished()
    add_messages(workflow, 20)
    version = workflow.versions.get()
    version.publish("alice", "It is urgent.")
    again = version.publish("alice")
    assert (again.evidence, again.reason) == ("overridden", "It is urgent.")


def test_a_wide_margin_is_no_way_around():
    workflow = unpublished()
    with pytest.raises(Invalid, match=r"at most 0\.25"):
        gate_rules.state(workflow, {"margin": "0.9"}, "alice")


def test_a_version_with_another_one_that_it_calls_is_no_roll_back():
    callee = make_workflow()
    models_answer(*RIGHT)
    ask = {"id": "kind", "kind": "workflow", "workflow": "refund", "arguments": {"message": "input['message']"}}
    desk = {**REFUND, "covers": [], "edge_cases": [], "steps": [ask], "result": {"kind": "steps['kind']['kind']"}}
    caller = make_workflow(desk, project=callee.project, name="desk")
    add_messages(caller, 20)
    assert caller.live.version.publish("alice").evidence == "none"
    draft(callee).publish("alice")
    with pytest.raises(Conflict, match="against the incumbent"):
        caller.live.version.publish("alice")
