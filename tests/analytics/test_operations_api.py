"""The addresses of the operators' metrics, and the one where somebody states what a decision takes."""

from datetime import timedelta

import pytest

from projects.models import AuditEvent
from workflows.models import HumanEffort

from .ledgers import HAIKU, NOON, make_call, make_execution, make_measured_workflow, make_project
from .test_api import client_of

pytestmark = pytest.mark.django_db

OPERATIONS, EFFORT = "/api/v1/workflows/refund/operations", "/api/v1/workflows/refund/human-effort"


@pytest.fixture
def workflow():
    workflow = make_measured_workflow()
    make_call(make_execution(workflow), HAIKU, tier="cheap", lane="fast")
    return workflow


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, "read", "design")


def put(client, body):
    return client.put(EFFORT, body, format="json")


def test_a_workflow_and_a_project_have_them(client):
    for address, name in ((OPERATIONS, "refund"), ("/api/v1/operations", None)):
        came = client.get(address).json()
        [row] = came.pop("rows")
        assert came == {
            **{"workflow": name, "since": None, "until": None, "currency": "USD", "simulated": False},
            "group_by": None,
        }
        assert (row["completed"], row["cost"], row["cost_per_completed"]) == (1, "0.002", "0.002")


@pytest.mark.parametrize("by", ["workflow", "version", "step", "tier", "model", "lane", "day"])
def test_they_are_taken_apart(client, by):
    came = client.get(OPERATIONS, {"group_by": by}).json()
    [row] = came["rows"]
    found = {"workflow": "refund", "version": "1.0.0", "step": "classify", "tier": "cheap", "model": HAIKU}
    found |= {"lane": "fast", "day": "2026-11-16"}
    assert (came["group_by"], row[by], row["cost"]) == (by, found[by], "0.002")


@pytest.mark.parametrize("by", ["tier", "lane"])
def test_so_are_the_costs(client, by):
    [group] = client.get("/api/v1/workflows/refund/costs", {"group_by": by}).json()["groups"]
    assert group[by] == {"tier": "cheap", "lane": "fast"}[by]


def test_of_a_window(client):
    came = client.get(OPERATIONS, {"since": "2026-11-17", "until": "2026-11-18"}).json()
    assert (came["since"], came["until"], came["rows"][0]["cost"]) == ("2026-11-17", "2026-11-18", "0.00")
    assert client.get(OPERATIONS, {"since": "2026-11-17", "until": "2026-11-17"}).status_code == 400
    assert client.get(OPERATIONS, {"group_by": "colour"}).status_code == 400


def test_of_one_version_and_of_one_lane(client):
    def cost(address=OPERATIONS, **query):
        return client.get(address, query).json()["rows"][0]["cost"]

    assert (cost(version="1.0.0"), cost(lane="fast"), cost(lane="quality")) == ("0.002", "0.002", "0.00")
    assert cost("/api/v1/operations", lane="fast") == "0.002"
    assert client.get(OPERATIONS, {"version": "9.9.9"}).status_code == 404
    assert client.get(OPERATIONS, {"lane": "slow"}).status_code == 400
    assert client.get("/api/v1/operations", {"version": "1.0.0"}).status_code == 400


def test_who_may_not_read_sees_nothing(workflow):
    assert client_of(workflow.project, "execute").get(OPERATIONS).status_code == 403
    assert client_of(make_project("mallory"), "read").get(OPERATIONS).status_code == 404


# What a decision takes.


def test_nobody_has_said_what_a_decision_takes(client):
    found = {"workflow": "refund", "minutes_per_review": None, "cost_per_hour": None, "from": None}
    assert client.get(EFFORT).json() == found


def test_the_first_statement_holds_from_the_beginning_and_later_ones_from_now_or_as_they_say(workflow, client):
    first = put(client, {"minutes_per_review": "2.5", "cost_per_hour": "40"}).json()
    assert first == {
        **{"workflow": "refund", "minutes_per_review": "2.50", "cost_per_hour": "40.00"},
        "from": "2026-11-16T12:00:00Z",
    }
    assert client.get(EFFORT).json() == first
    assert put(client, {"minutes_per_review": 4}).json()["from"] > "2026-11-17"
    then = (NOON + timedelta(hours=1)).isoformat()
    dated = put(client, {"minutes_per_review": 3, "from": then}).json()
    assert dated["from"] == "2026-11-16T13:00:00Z"
    now = client.get(EFFORT).json()
    assert (now["minutes_per_review"], now["cost_per_hour"]) == ("4.00", None)
    assert [str(one.minutes_per_review) for one in HumanEffort.objects.order_by("pk")] == ["2.50", "4.00", "3.00"]


def test_a_statement_is_written_down(client):
    put(client, {"minutes_per_review": "2.50", "cost_per_hour": "40.00"})
    event = AuditEvent.objects.latest("pk")
    assert (event.verb, event.kind, event.name) == ("stated", "humaneffort", "refund")
    assert event.detail == {
        **{"minutes_per_review": "2.50", "cost_per_hour": "40.00"},
        "from": "2026-11-16T12:00:00Z",
    }


@pytest.mark.parametrize("minutes", ["-1", "2.505", "10001", "many", True, None, "1e3"])
def test_what_are_no_minutes_is_refused(client, minutes):
    came = put(client, {"minutes_per_review": minutes})
    assert (came.status_code, came.json()["errors"][0]["pointer"]) == (422, "/minutes_per_review")
    assert not HumanEffort.objects.exists()


def test_only_a_designer_states_it(workflow):
    reader = client_of(workflow.project, "read")
    assert put(reader, {"minutes_per_review": "2.50"}).status_code == 403
