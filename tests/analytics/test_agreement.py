"""What shadows say in sum: how often both agree, what one execution costs there and here, and of what that is put together."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.advice.advising import untouched
from analytics.agreement import Period, agreement, disagreements, periods
from analytics.extent import Extent
from analytics.shadowed import Share
from shadows import measurements
from shadows.measurements import Measurement
from shadows.models import Shadow, Subject
from tests.analytics.ledgers import NOON, OPUS, make_answer, make_execution, make_flag, make_measured_workflow
from tests.analytics.shadowings import make_shadow, make_shadowed
from tests.cast import REFUND
from workflows.models import Examined

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def workflow():
    return make_measured_workflow()


def found(workflow, subject=None, simulated=False, **days):
    return agreement(Extent(workflow.project, workflow, simulated, **days), subject)


def test_it_says_how_often_both_agree_and_what_one_costs(workflow):
    make_shadowed(workflow, ["0.01"] * 29)
    make_shadowed(workflow, ["0.04"], same=False)
    one = found(workflow)
    assert (one.share, one.completed, one.missing) == (Share(29, 30), 30, 0)
    assert (one.there, one.here) == (Decimal("0.011"), Decimal("0.002"))
    low, high = one.there_interval
    assert Decimal("0.010") <= low < Decimal("0.011") < high <= Decimal("0.014")


def test_below_thirty_nothing_is_said_of_costs(workflow):
    make_shadowed(workflow, ["0.01"] * 29)
    one = found(workflow)
    assert (one.missing, one.there, one.there_interval) == (1, None, None)


def test_what_executing_costs_is_unknown_where_a_call_has_no_price(workflow):
    make_shadowed(workflow, ["0.01"])
    make_answer(make_execution(workflow), "anthropic:claude-unheard-of")
    one = found(workflow)
    assert (one.here, one.versions[0].here) == (None, None)


def test_a_stratum_without_shadows_says_whose_mean_stands_for_it(workflow):
    make_shadowed(workflow, ["0.01", "0.03"])
    make_flag(make_execution(workflow), waiting=False)
    newer = workflow.draft(Examined.of(REFUND, workflow.project), "1.1.0", created_by="alice")
    make_execution(workflow, version=newer)
    told = [
        (one.version, one.flagged, one.completed, one.shadows, one.mean, one.lends) for one in found(workflow).parts
    ]
    assert told == [
        ("1.1.0", False, 1, 0, None, "all the others"),
        ("1.0.0", False, 2, 2, Decimal("0.02"), None),
        ("1.0.0", True, 1, 0, None, "the others of this version"),
    ]


def test_what_no_grader_compared_counts_in_the_costs_alone(workflow):
    make_shadowed(workflow, ["0.01"] * 2)
    make_shadowed(workflow, ["0.04"], same=None)
    one = found(workflow)
    assert (one.measured.n, one.share) == (3, Share(2, 2))
    assert one.versions[0].there == Decimal("0.02")


def test_steps_are_those_of_the_newest_shadows(workflow, monkeypatch):
    monkeypatch.setattr(measurements, "NEWEST", 2)
    for same in (False, True, None):
        make_shadowed(workflow, ["0.01"], steps={"classify": {"same": same, "said": ""}})
    assert found(workflow).stepwise == {"classify": Share(1, 1)}


def test_a_week_begins_on_monday(workflow):
    make_shadowed(workflow, ["0.01"] * 2, at=NOON)  # a Monday
    make_shadowed(workflow, ["0.01"], at=NOON - timedelta(days=1), same=False)
    assert found(workflow).periods == [Period(date(2026, 11, 9), Share(0, 1)), Period(date(2026, 11, 16), Share(2, 2))]


def test_a_long_time_is_told_by_months(workflow):
    make_shadowed(workflow, ["0.01"], at=NOON)
    make_shadowed(workflow, ["0.01"], at=NOON - 27 * WEEK)
    one = found(workflow)
    assert (one.monthly, [each.begins for each in one.periods]) == (True, [date(2026, 5, 1), date(2026, 11, 1)])


def test_a_period_without_anything_compared_is_none():
    assert periods([Measurement(1, False, date(2026, 11, 16), OPUS, 1, None)], False) == []


def test_days_are_those_on_which_the_execution_completed(workflow):
    make_shadowed(workflow, ["0.01"] * 2, at=NOON)
    make_shadowed(workflow, ["0.01"], at=NOON - WEEK)
    one = found(workflow, since=date(2026, 11, 10))
    assert (one.measured.n, one.drawn, one.completed) == (2, {"completed": 2}, 2)
    assert found(workflow, until=date(2026, 11, 10)).measured.n == 1


def test_subjects_and_kinds_of_money_are_never_put_together(workflow):
    make_shadowed(workflow, ["0.01"] * 2)
    make_shadowed(workflow, ["0.05"], subject="task")
    make_shadowed(workflow, ["0.09"], simulated=True)
    one = found(workflow)
    assert (one.measured.n, one.others) == (2, {("task", False): 1, ("workflow", True): 1})
    assert found(workflow, Subject.TASK).measured.n == 1


def test_what_came_to_an_answer_and_does_not_count_is_left_out(workflow):
    make_shadowed(workflow, ["0.01"] * 2)
    make_shadowed(workflow, ["0.01"], model="anthropic:claude-sonnet-4-5")
    make_shadow(make_execution(workflow), None)
    make_shadow(make_execution(workflow), None, status=Shadow.Status.FAILED, same=None)
    one = found(workflow)
    assert (one.drawn, one.measured.n, one.left_out) == ({"completed": 4, "failed": 1}, 2, 2)


def test_the_newest_disagreements_come_first(workflow):
    make_shadowed(workflow, ["0.01"], at=NOON - WEEK, same=False, said="Older.")
    make_shadowed(workflow, ["0.01"], at=NOON, same=False, said="Newer.")
    make_shadowed(workflow, ["0.01"], at=NOON)
    assert [shadow.said for shadow in disagreements(found(workflow))] == ["Newer.", "Older."]


def test_it_asks_no_more_queries_for_more_shadows(workflow):
    make_shadowed(workflow, ["0.01"] * 2, same=False)
    with CaptureQueriesContext(connection) as few:
        found(workflow)
    make_shadowed(workflow, ["0.01"] * 30, same=False)
    with CaptureQueriesContext(connection) as many:
        found(workflow)
    assert len(many) == len(few) < 25


def test_a_workflow_is_untouched_until_anything_of_that_kind_is_executed(workflow):
    other = make_measured_workflow("returns", project=workflow.project)
    make_execution(other)
    assert untouched(workflow.project, [workflow, other], False) == {workflow.pk}
