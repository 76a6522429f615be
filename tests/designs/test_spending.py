"""What designs have cost so far, of one and of many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from designs.models import Design
from designs.spending import spent, spent_by
from gateway.models import Call
from gateway.types import Outcome, Purpose, Usage
from tests.analytics.ledgers import HAIKU, SHORT, make_call
from tests.cast import make_workflow

pytestmark = pytest.mark.django_db

COST = 2_000_000_000  # of a short call on Haiku


@pytest.fixture
def workflow():
    return make_workflow()


def design_of(workflow, *rounds: list[Call]) -> Design:
    """With rounds of these calls."""
    named = {"brief": {}, "target": HAIKU, "simulated": False, "created_by": "alice"}
    design = Design.objects.create(project=workflow.project, workflow=workflow, **named)
    for number, calls in enumerate(rounds, 1):
        design.rounds.create(number=number, calls=[str(call.pk) for call in calls])
    return design


def call_of(workflow, usage: Usage = SHORT, **fields) -> Call:
    about = {"project": workflow.project_id, "workflow": workflow.pk, "purpose": Purpose.DESIGN}
    return make_call(None, HAIKU, usage, **about, **fields)


def test_it_adds_all_calls_of_all_rounds_and_what_corrects_them(workflow):
    doubted = call_of(workflow, Usage(), outcome=Outcome.IN_DOUBT)
    call_of(workflow, corrects=doubted)
    several = design_of(workflow, [call_of(workflow), call_of(workflow)], [doubted])
    nothing, other = design_of(workflow), design_of(workflow, [call_of(workflow)], [])
    call_of(workflow)  # of no design
    assert spent_by([several, nothing, other]) == {several.pk: 3 * COST, nothing.pk: 0, other.pk: COST}
    assert (spent(several), spent(nothing), spent_by([])) == (3 * COST, 0, {})


def test_many_take_two_statements_and_no_answer_is_read(workflow):
    several = [design_of(workflow, [call_of(workflow)]) for _ in range(10)]
    with CaptureQueriesContext(connection) as asked:
        assert spent_by(several) == dict.fromkeys([one.pk for one in several], COST)
    assert len(asked) == 2
    assert not any("answer" in one["sql"] for one in asked)
