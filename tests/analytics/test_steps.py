"""What each step takes in production, on a ledger by hand."""

from decimal import Decimal

import pytest

from analytics.costs import summarise
from analytics.extent import Extent
from analytics.operations.steps import steps
from analytics.rollups import fold
from executions.models import Execution
from gateway.types import Outcome, Purpose, Usage

from .ledgers import HAIKU, OPUS, make_call, make_execution, make_flag, make_measured_workflow

pytestmark = pytest.mark.django_db

CHEAP = {"tier": "cheap", "lane": "fast"}


@pytest.fixture
def workflow():
    workflow = make_measured_workflow()
    first, second = make_execution(workflow), make_execution(workflow, lane="quality")
    make_call(first, HAIKU, latency_ms=900, **CHEAP)
    make_call(first, HAIKU, purpose=Purpose.REPAIR, latency_ms=900, **CHEAP)
    make_call(first, HAIKU, Usage(), outcome=Outcome.THROTTLED, latency_ms=5, **CHEAP)
    make_call(first, OPUS, purpose=Purpose.ESCALATION, tier="frontier", lane="fast")
    make_call(second, OPUS, step="answer", tier="frontier", lane="quality")
    make_call(first, OPUS, purpose=Purpose.SHADOW, tier="frontier", lane="quality")
    make_call(first, HAIKU, reported=True, **CHEAP)
    trial = make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None)
    make_call(trial, HAIKU, **CHEAP)
    make_flag(first, waiting=False, answered_by="human")
    make_flag(first, waiting=False, reason="review")
    make_flag(second, waiting=False, reason="rule", answered_by="frontier")
    return workflow


def found_of(workflow, **only):
    """The same while all is pending, and from the cells."""
    extent = Extent(workflow.project, workflow, simulated=False)
    pending = steps(extent, only)
    while fold():
        pass
    assert steps(extent, only) == pending
    return pending


def test_the_steps_add_up_to_what_executing_costs(workflow):
    found = found_of(workflow, version=workflow.live.version_id)
    whole = summarise(Extent(workflow.project, workflow, simulated=False)).balance
    assert found.cost == whole.execution_cost == Decimal("0.024")
    assert (found.share("classify"), found.share("answer")) == (
        Decimal("0.014") / Decimal("0.024"),
        Decimal("0.01") / Decimal("0.024"),
    )
    assert (found.completed, found.per_completed("classify")) == (2, Decimal("0.007"))


def test_a_step_says_who_answered_it_and_how_often_it_was_flagged(workflow):
    classify = found_of(workflow).of("classify")
    assert classify.answered == {"cheap": 1, "frontier": 1}
    assert (classify.calls, classify.flagged, classify.people) == (4, 2, 1)


def test_of_one_lane(workflow):
    found = found_of(workflow, lane="quality")
    assert (found.completed, found.cost) == (1, Decimal("0.01"))
    assert found.of("classify").calls == 0


def test_a_call_without_a_price_leaves_every_share_unknown(workflow):
    make_call(make_execution(workflow), "anthropic:claude-nobody-1", **CHEAP)
    found = found_of(workflow)
    assert (found.share("answer"), found.per_completed("classify")) == (None, None)


def test_of_a_version_that_nobody_executed_there_is_nothing(workflow):
    found = found_of(workflow, version=0)
    assert (found.completed, found.taken, found.share("classify"), found.per_completed("classify")) == (
        0,
        {},
        None,
        None,
    )
