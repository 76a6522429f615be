"""The projection of a workflow through the API: payback as it was predicted and as it is, and what is to come."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from designs.models import Design
from gateway.types import Purpose, Usage

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    make_answer,
    make_call,
    make_execution,
    make_executions,
    make_measured_workflow,
    state_baseline,
)
from .test_api import client_of

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/workflows/refund/projection"
DAY = timedelta(days=1)
OLD_HAIKU, OLD_OPUS = "anthropic:claude-3-haiku-20240307", "anthropic:claude-opus-4-20250514"
NO_PACE = dict.fromkeys(("executions", "cost", "evaluation_and_shadow_cost", "if_all_frontier", "savings"))


def projection_of(workflow, at: datetime = NOON, query: str = "") -> dict:
    """What a person with the scope `read` sees at that moment."""
    client = client_of(workflow.project, "read")
    with time_machine.travel(at, tick=False):
        response = client.get(f"/api/v1/workflows/{workflow.name}/projection{query}")
    assert response.status_code == 200, response.content
    return response.json()


@pytest.fixture
def email_triage():
    """Seed 001: 450 executions for 12.50 USD, designed for 5.20 USD; all-frontier is declared at 5.20 an execution."""
    workflow = make_measured_workflow("refund", design_cost="5.20", at=NOON)
    make_executions(workflow, 400, OLD_HAIKU, Usage(input=101_111, output=2_000), baseline=OLD_OPUS)
    make_executions(workflow, 50, OLD_HAIKU, Usage(input=101_112, output=2_000), baseline=OLD_OPUS)
    return workflow


def test_the_projection_of_design_once(email_triage):
    state_baseline(email_triage, "declared", cost="5.20", at=NOON - DAY)
    assert projection_of(email_triage, NOON) == {
        "workflow": "refund",
        "currency": "USD",
        "simulated": False,
        "estimated": True,
        "baseline": {"method": "declared", "model": OPUS},
        "based_on": {"since": "2026-11-16", "until": "2026-11-17", "days": 1, "completed": 450, "at_least": 30},
        "payback": {
            "predicted": None,
            "actual": {
                "completed": 450,
                "design_cost": "5.20",
                "savings": "2322.30",
                "payback_executions": 2,
                "paid_back_at": "2026-11-16",
            },
            "paid_back": True,
            "executions_left": 0,
            "expected_on": None,
            "reason": None,
        },
        "per_execution": {"cost": "0.027777777778", "if_all_frontier": "5.20", "saves": "5.172222222222"},
        "at": [
            {
                "executions": 100,
                "design_cost": "5.20",
                "execution_cost": "2.777777777778",
                "cost": "7.977777777778",
                "if_all_frontier": "520.00",
                "savings": "512.022222222222",
                "share_of_execution_cost": "187.20",
                "share_of_total": "65.18",
            },
            {
                "executions": 1_000,
                "design_cost": "5.20",
                "execution_cost": "27.777777777778",
                "cost": "32.977777777778",
                "if_all_frontier": "5200.00",
                "savings": "5167.022222222222",
                "share_of_execution_cost": "18.72",
                "share_of_total": "15.77",
            },
            {
                "executions": 10_000,
                "design_cost": "5.20",
                "execution_cost": "277.777777777778",
                "cost": "282.977777777778",
                "if_all_frontier": "52000.00",
                "savings": "51717.022222222222",
                "share_of_execution_cost": "1.87",
                "share_of_total": "1.84",
            },
        ],
        "per_day": {
            "executions": "450.00",
            "cost": "12.50",
            "evaluation_and_shadow_cost": "0.00",
            "if_all_frontier": "2340.00",
            "savings": "2327.50",
        },
        "per_month": {
            "executions": "13696.88",
            "cost": "380.46875",
            "evaluation_and_shadow_cost": "0.00",
            "if_all_frontier": "71223.75",
            "savings": "70843.28125",
        },
        "per_year": {
            "executions": "164362.50",
            "cost": "4565.625",
            "evaluation_and_shadow_cost": "0.00",
            "if_all_frontier": "854685.00",
            "savings": "850119.375",
        },
    }


def test_the_same_ledger_repriced_pays_later(email_triage):
    said = projection_of(email_triage, NOON, "?baseline=repriced_cold")
    assert said["per_execution"] == {
        "cost": "0.027777777778",
        "if_all_frontier": "1.666666666667",
        "saves": "1.638888888889",
    }
    assert said["payback"]["actual"]["payback_executions"] == 4


def test_what_is_not_paid_back_says_when_it_will_be():
    """Each execution saves 0.008 USD; of 5.20 USD for the design 4.88 are still owed after 40 of them in two days."""
    workflow = make_measured_workflow(design_cost="5.20")
    make_executions(workflow, 20, HAIKU, SHORT, at=NOON)
    make_executions(workflow, 20, HAIKU, SHORT, at=NOON + DAY)
    payback = projection_of(workflow, NOON + DAY)["payback"]
    assert payback == {
        "predicted": None,
        "actual": {
            "completed": 40,
            "design_cost": "5.20",
            "savings": "-4.88",
            "payback_executions": 650,
            "paid_back_at": None,
        },
        "paid_back": False,
        "executions_left": 610,
        "expected_on": "2026-12-18",
        "reason": None,
    }


def test_below_thirty_executions_there_is_a_count_and_no_date():
    workflow = make_measured_workflow(design_cost="5.20")
    make_executions(workflow, 29, HAIKU, SHORT)
    said = projection_of(workflow, NOON)
    assert {name: said["payback"][name] for name in ("executions_left", "expected_on", "reason")} == {
        "executions_left": 621,
        "expected_on": None,
        "reason": "too_few",
    }
    assert said["per_day"] == said["per_month"] == said["per_year"] == NO_PACE
    assert said["at"][0]["execution_cost"] == "0.20"


def test_a_workflow_that_is_dearer_than_the_frontier_never_pays():
    workflow = make_measured_workflow(design_cost="1.00")
    state_baseline(workflow, "declared", cost="0.001", at=NOON - DAY)
    make_executions(workflow, 30, HAIKU, SHORT)
    said = projection_of(workflow, NOON)
    assert (said["payback"]["paid_back"], said["payback"]["reason"]) == (False, "saves_nothing")
    assert said["payback"]["executions_left"] is said["payback"]["expected_on"] is None
    assert said["per_day"]["savings"] == "-0.03"


def test_without_an_execution_nothing_is_known():
    said = projection_of(make_measured_workflow(design_cost="5.20"), NOON)
    assert said["based_on"] == {
        "since": "2026-11-16",
        "until": "2026-11-16",
        "days": 0,
        "completed": 0,
        "at_least": 30,
    }
    assert (said["payback"]["paid_back"], said["payback"]["reason"]) == (False, "nothing_completed")
    assert said["per_execution"] == {"cost": None, "if_all_frontier": None, "saves": None}
    assert said["at"][0]["share_of_total"] is None
    assert said["per_month"] == NO_PACE


def test_before_anything_was_paid_nothing_has_come_back():
    payback = projection_of(make_measured_workflow(), NOON)["payback"]
    assert (payback["paid_back"], payback["reason"]) == (None, "nothing_completed")


def test_calls_without_a_price_leave_everything_unknown():
    workflow = make_measured_workflow(design_cost="5.20")
    make_executions(workflow, 30, "anthropic:nobodys-model", SHORT)
    said = projection_of(workflow, NOON)
    assert (said["payback"]["paid_back"], said["payback"]["reason"]) == (None, "unpriced")
    assert said["payback"]["actual"]["design_cost"] is said["payback"]["actual"]["savings"] is None
    assert said["per_execution"] == {"cost": None, "if_all_frontier": "0.01", "saves": None}
    assert (said["per_day"]["executions"], said["per_day"]["cost"], said["per_day"]["savings"]) == ("30.00", None, None)


def test_without_a_baseline_it_says_so():
    workflow = make_measured_workflow(design_cost="5.20")
    make_executions(workflow, 30, HAIKU, SHORT, baseline="anthropic:nobodys-model")
    said = projection_of(workflow, NOON)
    assert (said["payback"]["paid_back"], said["payback"]["reason"]) == (None, "no_baseline")
    assert said["per_execution"] == {"cost": "0.002", "if_all_frontier": None, "saves": None}


def test_evaluations_are_in_the_pace_and_not_in_an_execution():
    workflow = make_measured_workflow()
    make_executions(workflow, 30, HAIKU, SHORT)
    make_call(make_execution(workflow), HAIKU, SHORT, purpose=Purpose.EVALUATION)
    said = projection_of(workflow, NOON)
    assert said["per_execution"]["cost"] == "0.001935483871"  # of 31, one of which asked nothing
    assert {name: said["per_day"][name] for name in ("cost", "evaluation_and_shadow_cost", "savings")} == {
        "cost": "0.06",
        "evaluation_and_shadow_cost": "0.002",
        "savings": "0.238",
    }


@pytest.mark.parametrize(
    ("query", "since", "until", "days", "completed"),
    [
        ("", "2026-10-27", "2026-11-26", 30, 1),
        ("?since=2026-10-01", "2026-10-01", "2026-11-27", 57, 2),
        ("?since=2026-01-01", "2026-02-28", "2026-11-27", 272, 3),
        ("?until=2026-11-01", "2026-10-02", "2026-11-01", 30, 1),
        ("?since=2026-10-01&until=2026-11-01", "2026-10-01", "2026-11-01", 31, 1),
        ("?since=2026-10-01&until=2027-11-01", "2026-10-01", "2026-11-27", 57, 2),
        ("?until=2026-01-01", "2026-01-01", "2026-01-01", 0, 0),
        ("?until=0001-01-02", "0001-01-02", "0001-01-02", 0, 0),
        ("?since=0001-01-01&until=9999-12-31", "2026-02-28", "2026-11-27", 272, 3),
        ("?since=2027-01-01", "2026-11-27", "2026-11-27", 0, 0),
    ],
)
def test_the_days_are_those_that_are_asked_for_else_the_last_thirty_full_ones(query, since, until, days, completed):
    workflow = make_measured_workflow()
    for at in (datetime(2026, 2, 28, 9, tzinfo=UTC), datetime(2026, 10, 15, 9, tzinfo=UTC), NOON):
        make_execution(workflow, at)
    based_on = projection_of(workflow, datetime(2026, 11, 26, 9, tzinfo=UTC), query)["based_on"]
    assert based_on == {"since": since, "until": until, "days": days, "completed": completed, "at_least": 30}


def test_a_leap_day_is_a_day():
    workflow = make_measured_workflow()
    make_executions(workflow, 30, HAIKU, SHORT, at=datetime(2028, 2, 27, 9, tzinfo=UTC))
    said = projection_of(workflow, datetime(2028, 3, 1, 9, tzinfo=UTC), "?since=2028-02-27&until=2028-03-01")
    assert (said["based_on"]["days"], said["per_day"]["executions"]) == (3, "10.00")


def designed(workflow, **figures) -> Design:
    said = {
        "per_execution": {"as_designed": "0.002", "cheap": "0.002", "standard": "0.006", "frontier": "0.01"},
        **{"basis": "assumed", "design_cost": "0.50", "break_even": 63, "executions_per_month": 1_000},
        **{"saved_per_month": "8.00", "doubts": []},
    }
    return Design.objects.create(
        **{"project": workflow.project, "workflow": workflow, "brief": {}, "target": OPUS, "simulated": False},
        **{"status": "completed", "created_by": "alice", "draft": workflow.live.version},
        finished_at=NOON,
        figures={**said, **figures},
    )


def test_what_the_design_said_stands_beside_what_came():
    workflow = make_measured_workflow()
    design = designed(workflow)
    make_answer(make_execution(workflow))
    assert projection_of(workflow, NOON)["payback"]["predicted"] == {
        "design": str(design.pk),
        "kind": "design",
        "version": "1.0.0",
        "said_on": "2026-11-16",
        "design_cost": "0.50",
        "cost_per_execution": "0.002",
        "if_all_frontier_per_execution": "0.01",
        "payback_executions": 63,
        "executions_per_month": 1_000,
        "paid_back_at": "2026-11-18",
    }


def test_a_design_that_could_not_say_leaves_it_unknown():
    workflow = make_measured_workflow()
    costs = dict.fromkeys(("as_designed", "cheap", "standard", "frontier"))
    designed(workflow, per_execution=costs, break_even=None, executions_per_month=None)
    make_execution(workflow)
    said = projection_of(workflow, NOON)["payback"]["predicted"]
    assert said["cost_per_execution"] is said["payback_executions"] is said["paid_back_at"] is None


@pytest.mark.parametrize(
    "query", ["since=yesterday", "since=2026-11-17&until=2026-11-17", "group_by=day", "baseline=x"]
)
def test_what_cannot_be_read_is_refused(query):
    client = client_of(make_measured_workflow().project, "read")
    assert client.get(f"{ADDRESS}?{query}").status_code == 400


def test_it_needs_the_scope_read():
    client = client_of(make_measured_workflow().project, "execute")
    assert client.get(ADDRESS).status_code == 403


def test_today_is_a_day_of_utc():
    workflow = make_measured_workflow()
    make_execution(workflow, NOON)
    late = datetime(2026, 11, 17, 0, 30, tzinfo=UTC)
    assert projection_of(workflow, late)["based_on"]["until"] == (date(2026, 11, 17) + DAY).isoformat()
