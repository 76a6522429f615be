"""What a redesign costs against a design, by the ledger."""

from datetime import timedelta

import pytest

from designs.models import Design
from gateway.types import Outcome, Purpose, Usage
from tests.cast import make_project

from .histories import NOBODY
from .learnings import DAY, learning_of, workflow_at
from .ledgers import HAIKU, NOON, OPUS, REAL, make_call

pytestmark = pytest.mark.django_db

NO_SPENDING = {
    "completed": 0,
    "failed": 0,
    "cancelled": 0,
    "unfinished": 0,
    "cost": "0.00",
    "unpriced_calls": 0,
    "cost_per_completed": None,
}
A_CENT = Usage(input=1_000, output=200)  # on Opus
NINE_TENTHS = Usage(input=900, output=180)


@pytest.fixture
def workflow():
    return workflow_at()


def asked(design, *usages, model=OPUS, **fields):
    """One round for each of these; its calls."""
    purpose = Purpose.DESIGN if design.kind == Design.Kind.DESIGN else Purpose.REDESIGN
    about = {"purpose": purpose, "project": design.project_id, "workflow": design.workflow_id, "step": ""}
    about |= {"simulated": design.simulated, "baseline": ""}
    calls = [make_call(None, model, usage, **{**about, **fields}) for usage in usages]
    for call in calls:
        design.rounds.create(number=design.rounds.count() + 1, calls=[str(call.pk)])
    return calls


def design_of(workflow, *usages, kind="design", status="completed", at=NOON, simulated=False, **fields):
    ended = status not in ("running", "waiting")
    design = Design.objects.create(
        project=workflow.project,
        workflow=workflow,
        kind=kind,
        brief={},
        target=OPUS,
        simulated=simulated,
        status=status,
        created_by="alice",
        finished_at=at if ended else None,
    )
    asked(design, *usages, at=at, **fields)
    return design


def redesign_of(workflow, *usages, **named):
    return design_of(workflow, *usages, kind="redesign", **named)


def spent(workflow, **extent):
    came = learning_of(workflow, **extent)
    return came["design"], came["redesign"], came["redesign_per_design"]


def test_before_there_is_a_design_nothing_is_known(workflow):
    assert spent(workflow) == (NO_SPENDING, NO_SPENDING, None)


def test_a_redesign_is_a_part_of_a_design(workflow):
    design_of(workflow, *[A_CENT] * 4)
    redesign_of(workflow, NINE_TENTHS)
    redesign_of(workflow, NINE_TENTHS)
    design, redesign, part = spent(workflow)
    assert (design["completed"], design["cost"], design["cost_per_completed"]) == (1, "0.04", "0.04")
    assert (redesign["completed"], redesign["cost"], redesign["cost_per_completed"]) == (2, "0.018", "0.009")
    assert part == "0.2250"


def test_what_failed_or_was_cancelled_is_paid_as_well_and_is_said(workflow):
    design_of(workflow, A_CENT)
    redesign_of(workflow, A_CENT)
    redesign_of(workflow, A_CENT, A_CENT, status="failed")
    redesign_of(workflow, A_CENT, status="cancelled")
    design, redesign, part = spent(workflow)
    told = {"completed": 1, "failed": 1, "cancelled": 1, "cost": "0.04", "cost_per_completed": "0.04"}
    assert redesign == {**NO_SPENDING, **told}
    assert (design["cost"], part) == ("0.01", "4.0000")


def test_where_one_of_them_is_missing_there_is_no_part(workflow):
    redesign_of(workflow, A_CENT)
    design, redesign, part = spent(workflow)
    assert (design, redesign["cost_per_completed"], part) == (NO_SPENDING, "0.01", None)
    design_of(workflow, A_CENT, status="failed")
    design, _, part = spent(workflow)
    assert (design, part) == ({**NO_SPENDING, "failed": 1, "cost": "0.01"}, None)


def test_what_has_not_ended_is_in_nothing_else(workflow):
    design_of(workflow, A_CENT, status="running")
    redesign_of(workflow, A_CENT, status="waiting")
    design, redesign, _ = spent(workflow)
    assert (design, redesign) == ({**NO_SPENDING, "unfinished": 1}, {**NO_SPENDING, "unfinished": 1})


def test_a_call_without_a_price_makes_the_cost_unknown(workflow):
    design_of(workflow, A_CENT)
    asked(Design.objects.get(), A_CENT, model=NOBODY)
    redesign_of(workflow, A_CENT)
    design, _, part = spent(workflow)
    assert (design["cost"], design["unpriced_calls"], design["cost_per_completed"], part) == (None, 1, None, None)


def test_a_call_in_doubt_counts_at_what_its_correction_makes_of_it(workflow):
    [doubted] = asked(design_of(workflow), Usage(), outcome=Outcome.IN_DOUBT)
    late = make_call(
        None, HAIKU, A_CENT, project=workflow.project_id, workflow=workflow.pk, purpose=Purpose.DESIGN, corrects=doubted
    )
    assert (doubted.cost, late.cost) == (0, 2_000_000_000)
    design, _, _ = spent(workflow)
    assert (design["cost"], design["unpriced_calls"]) == ("0.002", 0)


def test_calls_of_these_purposes_that_belong_to_no_design_are_left_out(workflow):
    design_of(workflow, A_CENT)
    make_call(None, OPUS, purpose=Purpose.DESIGN, project=workflow.project_id, workflow=workflow.pk)
    assert spent(workflow)[0]["cost"] == "0.01"


def test_a_window_is_of_what_ended_in_it(workflow):
    design_of(workflow, A_CENT)
    redesign_of(workflow, A_CENT, at=NOON + DAY)
    day = (NOON + DAY).date()
    assert [one["completed"] for one in spent(workflow, since=day)[:2]] == [0, 1]
    assert [one["completed"] for one in spent(workflow, until=day)[:2]] == [1, 0]
    assert [one["completed"] for one in spent(workflow, since=day + timedelta(days=1))[:2]] == [0, 0]


def test_simulated_ones_and_those_of_others_are_apart(workflow):
    design_of(workflow, A_CENT)
    design_of(workflow, A_CENT, A_CENT, simulated=True)
    design_of(workflow_at(name="triage", project=workflow.project), *[A_CENT] * 3)
    design_of(workflow_at(project=make_project("bob", tiers=REAL)), *[A_CENT] * 5)
    assert spent(workflow)[0] == {**NO_SPENDING, "completed": 1, "cost": "0.01", "cost_per_completed": "0.01"}
    assert spent(workflow, simulated=True)[0]["cost"] == "0.02"


def test_what_people_declared_stands_apart():
    workflow = workflow_at(design_cost="0.30")
    came = learning_of(workflow)
    assert came["declared"] == {"versions": 1, "cost": "0.30"}
    assert came["design"] == NO_SPENDING
    assert learning_of(workflow, since=(NOON + DAY).date())["declared"] == {"versions": 0, "cost": "0.00"}
