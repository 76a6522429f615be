"""Versions beside each other: what each costs, escalates and agrees, and what it cost to come to be."""

from datetime import timedelta
from decimal import Decimal

import pytest

from analytics.extent import Extent
from analytics.rollups import fold
from analytics.shadowed import Share
from analytics.versions import Took, version_figures
from designs.models import Design, Round
from executions.models import Execution
from gateway.types import Purpose
from tests.cast import REFUND
from workflows.models import Examined

from .ledgers import HAIKU, NOON, OPUS, make_call, make_execution, make_flag, make_measured_workflow
from .shadowings import make_shadow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    """1.0.0 completed two, one of them flagged; 1.1.0 completed one in the lane quality, and was evaluated; 1.2.0 is a draft."""
    workflow = make_measured_workflow(design_cost="0.05")
    first = workflow.live.version
    second, _ = (draft(workflow, number) for number in ("1.1.0", "1.2.0"))
    second.publish("alice")
    one, other = make_execution(workflow, version=first), make_execution(workflow, version=first)
    make_flag(other, waiting=False)
    third = make_execution(workflow, version=second, lane="quality")
    for execution, model, lane in ((one, HAIKU, "fast"), (other, HAIKU, "fast"), (third, OPUS, "quality")):
        make_call(execution, model, lane=lane)
    trial = make_execution(workflow, version=second, purpose=Execution.Purpose.EVALUATION, publication=None)
    make_call(trial, HAIKU, lane="fast")
    make_call(one, OPUS, purpose=Purpose.SHADOW, lane="quality")
    make_shadow(one, "0.01", same=True)
    make_shadow(other, "0.01", same=False)
    make_shadow(third, "0.01", same=None)
    return workflow


def draft(workflow, number):
    definition = {**REFUND, "purpose": f"What came with {number}."}
    return workflow.draft(Examined.of(definition, workflow.project), number, created_by="alice")


def figures(workflow, **only):
    """The oldest first; the same while all is pending, and from the cells."""
    versions = list(workflow.versions.order_by("pk"))
    extent = Extent(workflow.project, workflow, simulated=False)
    pending = version_figures(extent, versions, only)
    while fold():
        pass
    assert version_figures(extent, versions, only) == pending
    return pending


def test_each_version_has_the_cost_of_executing_it(workflow):
    found = figures(workflow)
    assert [(one.version.number, one.completed, one.cost_per_completed) for one in found] == [
        ("1.0.0", 2, Decimal("0.002")),
        ("1.1.0", 1, Decimal("0.01")),
        ("1.2.0", 0, None),
    ]
    assert sum(one.execution_cost for one in found) == Decimal("0.014")
    assert [one.executed and one.executed.accepted for one in found] == [2, 1, None]


def test_calls_that_repair_are_counted_against_those_of_steps(workflow):
    first = workflow.versions.get(number="1.0.0")
    make_call(make_execution(workflow, version=first), HAIKU, purpose=Purpose.REPAIR)
    assert [one.retry_rate for one in figures(workflow)] == [Decimal("0.5"), Decimal(0), None]


def test_it_says_what_each_escalated_and_how_often_its_shadows_agreed(workflow):
    first, second, third = figures(workflow)
    assert (first.escalated.flagged, first.escalated.finished, second.escalated.flagged) == (1, 2, 0)
    assert third.escalated is None
    assert [one.agreed for one in (first, second, third)] == [Share(1, 2), Share(0, 0), Share(0, 0)]
    assert (first.agreed.rate, second.agreed.rate, second.agreed.interval) == (0.5, None, None)


def test_what_it_took_is_not_known_where_a_call_has_no_price(workflow):
    first, second, third = workflow.versions.order_by("pk")
    trial = make_execution(workflow, version=second, purpose=Execution.Purpose.EVALUATION, publication=None)
    make_call(trial, "anthropic:claude-nobody-1")
    told = {"project": workflow.project_id, "workflow": workflow.pk, "version": first.pk, "step": ""}
    calls = [make_call(None, model, purpose=Purpose.REDESIGN, **told) for model in (OPUS, "anthropic:claude-nobody-1")]
    kept = {"project": workflow.project, "workflow": workflow, "kind": "redesign", "brief": {}, "target": OPUS}
    design = Design.objects.create(**kept, simulated=False, draft=third)
    Round.objects.create(design=design, number=1, calls=[str(call.pk) for call in calls])
    assert [(one.took.design, one.took.evaluation) for one in figures(workflow)] == [
        (Decimal(0), Decimal(0)),
        (Decimal(0), None),
        (None, Decimal(0)),
    ]


def test_one_lane_leaves_what_it_took_to_come_to_be_alone(workflow):
    whole, quality = figures(workflow), figures(workflow, lane="quality")
    assert [one.completed for one in quality] == [0, 1, 0]
    assert [one.execution_cost for one in quality] == [Decimal(0), Decimal("0.01"), Decimal(0)]
    assert [one.escalated and one.escalated.finished for one in quality] == [0, 1, None]
    assert [one.took for one in quality] == [one.took for one in whole]


def test_a_call_without_a_price_leaves_the_cost_unknown(workflow):
    first = workflow.versions.get(number="1.0.0")
    make_call(make_execution(workflow, version=first), "anthropic:claude-nobody-1")
    assert [one.cost_per_completed for one in figures(workflow)] == [None, Decimal("0.01"), None]


def test_designing_is_of_the_version_that_came_of_it_whenever_it_was_paid(workflow):
    base, made = workflow.versions.get(number="1.0.0"), workflow.versions.get(number="1.1.0")
    told = {"project": workflow.project_id, "workflow": workflow.pk, "version": base.pk, "step": ""}
    call = make_call(None, OPUS, purpose=Purpose.REDESIGN, at=NOON - timedelta(days=30), **told)
    design = Design.objects.create(
        project=workflow.project, workflow=workflow, kind="redesign", brief={}, target=OPUS, simulated=False, draft=made
    )
    Round.objects.create(design=design, number=1, calls=[str(call.pk)])
    assert [one.took for one in figures(workflow)] == [
        Took(Decimal(0), Decimal("0.05"), Decimal(0)),
        Took(Decimal("0.01"), None, Decimal("0.002")),
        Took(Decimal(0), None, Decimal(0)),
    ]
