"""The order of groups: how many flags, times what one costs, times what it means that they wait."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from designs.group_order import listed, weighed
from designs.grouping import gather
from designs.models import Group
from executions.flag_queue import Cost
from executions.models import Flag
from tests.cast import make_workflow
from tests.designs.flagged import flagged

pytestmark = pytest.mark.django_db

CENT = 10_000_000_000


@pytest.fixture
def workflow():
    return make_workflow()


def told(workflow, state: str = "") -> list[tuple]:
    gather()
    return [(one.group.step, one.state, one.undecided, one.standing, one.reason) for one in listed([workflow], state)]


def test_it_is_count_times_cost_times_impact(workflow):
    for _ in range(3):
        flagged(workflow, "a kettle", step="often", cost=2 * CENT)
    flagged(workflow, "a kettle", step="dear", cost=5 * CENT)
    for _ in range(2):
        flagged(workflow, "a kettle", step="standing", cost=2 * CENT, waiting=True)
    for _ in range(9):
        flagged(workflow, "a kettle", step="unknown")
    assert told(workflow) == [
        (
            *("standing", "open", 2, 2),
            "2 undecided flags × 0.020 USD each; an execution stands still for 2 of them, which count twice.",
        ),
        ("often", "open", 3, 0, "3 undecided flags × 0.020 USD each; no execution stands still for them."),
        ("dear", "open", 1, 0, "1 undecided flag × 0.050 USD each; no execution stands still for them."),
        ("unknown", "open", 9, 0, "9 undecided flags × an unknown cost; no execution stands still for them."),
    ]


def test_what_is_open_stands_before_what_waits_for_a_redesign(workflow):
    flagged(workflow, "a kettle", step="later", cost=9 * CENT, state="in_redesign", waiting=True)
    flagged(workflow, "a kettle", step="now", cost=CENT)
    assert [row[:4] for row in told(workflow)] == [("now", "open", 1, 0), ("later", "in_redesign", 1, 1)]
    assert [row[0] for row in told(workflow, "open")] == ["now"]
    assert [row[0] for row in told(workflow, "in_redesign")] == ["later"]
    assert told(workflow, "closed") == []


def test_closed_ones_are_asked_for_and_come_newest_first(workflow):
    for step in ("one", "two"):
        flagged(workflow, "a kettle", step=step)
    gather()
    Flag.objects.update(state="dismissed")
    assert told(workflow) == []
    assert told(workflow, "closed") == [
        (step, "closed", 0, 0, "Nothing of it is undecided.") for step in ("two", "one")
    ]


def test_what_was_decided_counts_in_the_sum_and_weighs_nothing(workflow):
    flags = [flagged(workflow, "a kettle", cost=cost * CENT) for cost in (1, 2, 6)]
    gather()
    Flag.objects.filter(pk=flags[0].pk).update(state="resolved")
    [one] = listed([workflow])
    assert (one.flags, one.open, one.in_redesign, one.cost) == (3, 2, 0, Cost(3 * CENT, False))
    assert weighed(Group.objects.get()) == one


def test_another_workflows_groups_are_not_in_it(workflow):
    other = make_workflow(project=workflow.project, name="other")
    flagged(other, "a kettle")
    assert told(workflow) == []


def test_however_many_groups_there_are_the_statements_are_as_many(workflow):
    for number in range(60):
        flagged(workflow, "a kettle", step=f"step_{number}", cost=CENT)
    gather()
    with CaptureQueriesContext(connection) as captured:
        assert len(listed([workflow])) == 60
    assert len(captured) == 5  # what is undecided, the newest of each, what those cost, the groups, all of their flags
    with CaptureQueriesContext(connection) as captured:
        listed([workflow])
    assert len(captured) == 3  # the cost is remembered
