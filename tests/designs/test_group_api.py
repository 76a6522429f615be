"""Groups of flags over REST: read, decided once, taken back."""

import pytest

from designs.grouping import gather
from designs.models import Group, GroupDecision
from executions.models import Flag
from projects.models import Scope
from tests.cast import envelope, execute, make_project, make_workflow, models_answer
from tests.neighbours import client_of

pytestmark = pytest.mark.django_db

TEXT = (
    "The model says that this is not covered: No rule is for it. The frontier was asked too: The model says that this is not "
    "covered: No rule is for it.\nPlease refund the kettle to my gift card"
)
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def workflow():
    """Three executions stand still for a gift card, and one for a parking space."""
    models_answer({"text": envelope(status="uncovered", uncovered="No rule is for it.")})
    workflow = make_workflow()
    for thing in ("kettle", "lamp", "chair"):
        execute(workflow, f"Please refund the {thing} to my gift card")
    execute(workflow, "Is there another parking space in the garage")
    gather()
    return workflow


@pytest.fixture
def group(workflow):
    return Group.objects.earliest("pk")


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, Scope.READ, Scope.REVIEW)


def post(client, group, status: int = 200, headers: dict | None = None, **body) -> dict:
    came = client.post(f"/api/v1/groups/{group.pk}/resolution", body, "application/json", headers=headers or {})
    assert came.status_code == status, came.content.decode()
    return came.json()


def test_the_groups_of_a_workflow_are_listed_in_their_order(client, group):
    first, second = client.get("/api/v1/workflows/refund/groups").json()["results"]
    assert {name: first[name] for name in ("id", "workflow", "step", "reason", "edge_case", "to", "text", "state")} == {
        **{"id": str(group.pk), "workflow": "refund", "step": "classify", "reason": "uncovered", "edge_case": None},
        **{"to": None, "text": TEXT, "state": "open"},
    }
    assert [first[name] for name in ("flags", "open", "in_redesign", "waiting", "decision")] == [3, 3, 0, 3, None]
    assert first["simulated"] is True
    assert first["place"].endswith("; an execution stands still for 3 of them, which count twice.")
    assert second["flags"] == 1
    assert client.get(f"/api/v1/groups/{group.pk}").json() == first


def test_a_list_is_turned_a_page_at_a_time(client, workflow):
    page = client.get("/api/v1/workflows/refund/groups?limit=1").json()
    following = client.get(page["next"].removeprefix("http://testserver")).json()
    assert [len(page["results"]), len(following["results"]), following["next"]] == [1, 1, None]
    assert page["results"] != following["results"]
    assert client.get("/api/v1/workflows/refund/groups?cursor=nothing").status_code == 400


@pytest.mark.parametrize(("state", "count"), [("open", 1), ("in_redesign", 1), ("closed", 0)])
def test_a_list_is_of_one_state_where_that_is_asked_for(client, group, state, count):
    post(client, group, resolution="redesign")
    assert len(client.get(f"/api/v1/workflows/refund/groups?state={state}").json()["results"]) == count
    assert client.get("/api/v1/workflows/refund/groups?state=lost").status_code == 400


def test_its_flags_are_listed_with_why_they_belong_to_it(client, group):
    found = client.get(f"/api/v1/groups/{group.pk}/flags?limit=2").json()
    newest, _ = found["results"]
    said = "“frontier”, “covered”, “asked”, “model”, “rule”, “says” and 2 more"
    assert (newest["similarity"], newest["why"]) == (
        *(
            0.8,
            f"80% alike with the first. In both inputs: “please”, “refund”, “card”, “gift”. In what was found: {said}.",
        ),
    )
    [first] = client.get(found["next"].removeprefix("http://testserver")).json()["results"]
    assert (first["similarity"], first["why"]) == (1, "The first of its group: the others are compared with it.")
    assert first["id"] == str(group.first_id)
    resolved = client.get(f"/api/v1/groups/{group.pk}/flags?state=resolved").json()
    assert resolved["results"] == []


def test_a_group_is_decided_once(client, group):
    ids = [str(flag.pk) for flag in group.flags()]
    told = post(client, group, resolution="answered", output={"kind": "other"}, note="By hand.")
    assert {**told, "resolved": sorted(told["resolved"])} == {
        **{"resolution": "answered", "resolved": ids, "refused": [], "left": 0},
    }
    decision = client.get(f"/api/v1/groups/{group.pk}").json()["decision"]
    assert [decision[name] for name in ("resolution", "resolved", "reopened_at")] == ["answered", 3, None]
    assert {flag.note for flag in group.flags()} == {"By hand."}
    assert post(client, group, 409, resolution="redesign")["detail"].startswith("No flag of this group is open")


def test_the_same_key_decides_it_once(client, group):
    first = post(client, group, headers=KEY, resolution="redesign")
    flag = group.flags().first()
    client.delete(f"/api/v1/flags/{flag.pk}/resolution")
    assert post(client, group, headers=KEY, resolution="redesign") == first
    assert GroupDecision.objects.count() == 1
    assert Flag.objects.get(pk=flag.pk).state == "open"
    assert post(client, group, 422, headers=KEY, resolution="dismissed")


def test_what_does_not_fit_is_422_with_its_place(client, group):
    problem = post(client, group, 422, resolution="answered", output={"sort": "other"})
    assert [one["pointer"] for one in problem["errors"]] == ["/output/kind"]
    assert post(client, group, 422, resolution="forget")["errors"][0]["pointer"] == "/resolution"
    assert post(client, group, 422, resolution="redesign", make_case=True)


def test_one_flag_is_taken_back_by_itself_and_the_rest_with_the_group(client, group):
    post(client, group, resolution="redesign")
    first, *others = (str(flag.pk) for flag in group.flags())
    assert client.delete(f"/api/v1/flags/{first}/resolution").status_code == 200
    told = client.delete(f"/api/v1/groups/{group.pk}/resolution").json()
    assert {**told, "reopened": sorted(told["reopened"])} == {
        "reopened": others,
        "refused": [{"flag": first, "detail": "This flag is open; there is nothing to take back."}],
    }
    assert client.get(f"/api/v1/groups/{group.pk}").json()["decision"]["reopened_at"]
    assert client.delete(f"/api/v1/groups/{group.pk}/resolution").status_code == 409


def test_another_projects_group_is_404(group):
    other = client_of(make_project("bob"), *Scope.values)
    for method, path in (("get", ""), ("get", "/flags"), ("post", "/resolution"), ("delete", "/resolution")):
        data = {"resolution": "redesign"} if method == "post" else None
        came = getattr(other, method)(f"/api/v1/groups/{group.pk}{path}", data, "application/json")
        assert came.status_code == 404, (method, path)
    assert other.get("/api/v1/workflows/refund/groups").status_code == 404
    assert group.open_flags().count() == 3


def test_whoever_only_reads_decides_nothing(workflow, group):
    reader = client_of(workflow.project, Scope.READ)
    assert post(reader, group, 403, resolution="redesign")
    assert reader.delete(f"/api/v1/groups/{group.pk}/resolution").status_code == 403
