"""How an execution is served: as designed, or every model step on the frontier."""

import pytest

from executions import queue, worker
from executions.drivers import plain
from executions.estimates import estimate
from executions.models import Execution, Flag
from gateway.models import Call
from tests.cast import REFUND, TIERS, envelope, make_project, make_workflow, models_answer
from wire.problems import Conflict, Invalid
from workflows.models import Examined

pytestmark = pytest.mark.django_db

RULE = {"lanes": {"quality": "'enterprise' in input['message']"}}
SURE = envelope({"kind": "refund"})


def executed(message="I want a refund", lane=None, **more):
    models_answer({"text": SURE})
    workflow = make_workflow({**REFUND, **more})
    execution = queue.submit(workflow.live.version, workflow.live, {"message": message}, actor="test", lane=lane)
    plain.advance(execution.pk, worker.current())
    return Execution.objects.get(pk=execution.pk)


def asked():
    return [(call.tier, call.lane, call.model_planned) for call in Call.objects.order_by("pk")]


CHEAP = [("cheap", "fast", "claude-haiku-5-5")]
FRONTIER = [("frontier", "quality", "claude-opus-5-5")]


@pytest.mark.parametrize(
    "given, lane, calls",
    [
        ({}, "fast", CHEAP),
        ({"lane": "quality"}, "quality", FRONTIER),
        ({**RULE}, "fast", CHEAP),
        ({**RULE, "message": "A refund for an enterprise"}, "quality", FRONTIER),
        ({**RULE, "message": "A refund for an enterprise", "lane": "fast"}, "fast", CHEAP),
        ({**RULE, "lane": "quality"}, "quality", FRONTIER),
        ({"default_lane": "quality"}, "quality", FRONTIER),
        ({**RULE, "default_lane": "quality"}, "quality", FRONTIER),
        ({"default_lane": "quality", "lane": "fast"}, "fast", CHEAP),
    ],
)
def test_who_asks_chooses_the_lane_else_the_first_rule_that_is_true_else_the_default(given, lane, calls):
    execution = executed(**given)
    assert (execution.status, execution.lane, asked()) == ("completed", lane, calls)


def test_until_the_input_was_looked_at_there_is_no_lane():
    workflow = make_workflow({**REFUND, **RULE})
    assert queue.submit(workflow.live.version, workflow.live, {"message": "x"}, actor="test").lane == ""


def test_a_rule_that_breaks_asks_a_person():
    execution = executed(lanes={"quality": "input['tier'] == 'enterprise'"})
    assert (execution.status, Flag.objects.get().reason, Call.objects.count()) == ("escalated", "code_error", 0)


def test_the_lane_is_kept_behind_a_wait():
    execution = executed("A refund for an enterprise", **RULE, edge_cases=[
        {"id": "all", "case": "Always", "when": "steps['clean'] is not None", "handling": "escalate"}])  # fmt: skip
    assert (execution.status, execution.lane) == ("escalated", "quality")


@pytest.mark.parametrize(
    "fields, pointer",
    [
        ({"lanes": {"batch": "True"}}, "/lanes/batch"),
        ({"lanes": {"cheap": "True"}}, "/lanes/cheap"),
        ({"lanes": {"quality": "steps['clean']"}}, "/lanes/quality"),
        ({"lanes": {"quality": "input["}}, "/lanes/quality"),
        ({"lanes": {"quality": ""}}, "/lanes/quality"),
        ({"lanes": "quality"}, "/lanes"),
        ({"default_lane": "batch"}, "/default_lane"),
    ],
)
def test_a_wrong_rule_is_refused_when_it_is_saved(fields, pointer):
    with pytest.raises(Invalid) as refused:
        Examined.of({**REFUND, **fields}, make_project())
    assert pointer in [fault.pointer for fault in refused.value.faults]


def test_quality_without_a_frontier_model_is_refused():
    project = make_project(tiers={"cheap": TIERS["cheap"]})
    workflow = make_workflow({**REFUND, "escalation": {"to": "human"}}, project=project)
    with pytest.raises(Conflict, match="frontier"):
        queue.submit(workflow.live.version, workflow.live, {"message": "x"}, actor="test", lane="quality")


def test_a_rule_for_the_frontier_needs_a_frontier_model_to_be_published():
    project = make_project(tiers={"cheap": TIERS["cheap"]})
    with pytest.raises(Conflict, match="frontier"):
        make_workflow({**REFUND, **RULE, "escalation": {"to": "human"}}, project=project)


def test_an_estimate_knows_that_quality_asks_the_frontier():
    workflow = make_workflow()
    given = [workflow.live.version, workflow.live, [{"message": "x"}]]
    assert estimate(*given, lane="quality").expected > estimate(*given).expected
