"""Cases through REST: added, read, confirmed, retired, replaced, imported, and what is refused."""

import json

import pytest
from django.test import Client

from evaluations.models import Case
from projects.models import ApiKey, AuditEvent
from tests.cast import REFUND, make_project, make_workflow
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

COVERED = {"kind": "covered", "input": {"message": "a refund"}, "expected": {"kind": "refund"}}
UNCOVERED = {"kind": "uncovered", "input": {"message": "the moon"}}
SECRET = "sk-ant-api03-" + "a1B2" * 20


class Caller:
    def __init__(self, workflow: Workflow, *scopes: str):
        self.key, token = ApiKey.objects.issue(workflow.project, list(scopes) or ["admin"])
        self.client = Client(headers={"Authorization": f"Bearer {token}"})
        self.base = f"/api/v1/workflows/{workflow.name}/cases"

    def ask(self, method: str, path: str = "", body: object = None, key: str | None = None):
        headers = {"Idempotency-Key": key} if key else {}
        said = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        came = self.client.generic(method, self.base + path, headers=headers, **said)
        return came.status_code, came.json()


@pytest.fixture
def workflow():
    return make_workflow()


@pytest.fixture
def caller(workflow):
    return Caller(workflow)


def faults(said: dict) -> dict[str, str]:
    return {one["pointer"]: one["detail"] for one in said["errors"]}


def test_a_case_is_added_and_read_as_it_was_said(caller, workflow):
    said = {**COVERED, "weight": "2.50", "tags": ["vip", "de"], "note": "From Rosa.", "steps": {"clean": {"text": "x"}}}
    status, made = caller.ask("POST", body=said)
    row = Case.objects.get()
    assert status == 201
    assert made == {
        "id": str(row.pk),
        "workflow": "refund",
        "kind": "covered",
        "input": {"message": "a refund"},
        "expects_flag": False,
        "expected": {"kind": "refund"},
        "steps": {"clean": {"text": "x"}},
        "answers": {},
        "weight": "2.5",
        "tags": ["vip", "de"],
        "note": "From Rosa.",
        "state": "confirmed",
        "source": "hand",
        "execution": None,
        "content_hash": row.hashed(),
        "created_by": f"key:{caller.key.prefix}",
        "created_at": made["created_at"],
        "decided_by": None,
        "decided_at": None,
    }
    assert caller.ask("GET", f"/{row.pk}") == (200, made)
    assert caller.ask("GET")[1]["results"] == [made]


def test_the_same_request_again_makes_one_case(caller):
    first, second = (caller.ask("POST", body=COVERED, key="once") for _ in range(2))
    assert first == second
    assert first[0] == 201
    assert Case.objects.count() == 1


def test_the_same_content_twice_is_refused_with_the_case_that_is_there(caller):
    _, made = caller.ask("POST", body=COVERED)
    status, said = caller.ask("POST", body={**COVERED, "tags": ["other"], "weight": 1.0})
    assert (status, said["case"]) == (409, made["id"])
    caller.ask("DELETE", f"/{made['id']}")
    assert caller.ask("POST", body=COVERED)[0] == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "odd"}, "/kind"),
        ({"input": {}}, "/input/message"),
        ({"input": {"message": "x", "n": 2**53}}, "/input"),
        ({"expected": {}}, "/expected/kind"),
        ({"expects_flag": True}, "/expects_flag"),
        ({"kind": "uncovered"}, "/expected"),
        ({"kind": "uncovered", "expects_flag": False}, "/expects_flag"),
        ({"kind": "boundary", "expects_flag": True}, "/expected"),
        ({"steps": {"nowhere": 1}}, "/steps/nowhere"),
        ({"answers": {"nowhere": 1}}, "/answers/nowhere"),
        ({"answers": {"classify": 1}}, "/answers/classify"),
        ({"weight": 0}, "/weight"),
        ({"weight": "0.0001"}, "/weight"),
        ({"weight": "1e3"}, "/weight"),
        ({"weight": True}, "/weight"),
        ({"tags": ["two words"]}, "/tags/0"),
        ({"tags": ["x"] * 21}, "/tags"),
        ({"state": "confirmed"}, "/state"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(change, pointer, caller):
    status, said = caller.ask("POST", body={**COVERED, **change})
    assert status == 422
    assert pointer in faults(said)
    assert not Case.objects.exists()


def test_a_covered_case_needs_an_answer_and_a_boundary_one_may_have_either(caller):
    status, said = caller.ask("POST", body={"kind": "covered", "input": {"message": "x"}})
    assert (status, faults(said)) == (422, {"/expected": "Say what the answer should be."})
    assert caller.ask("POST", body=UNCOVERED)[1]["expects_flag"] is True
    assert caller.ask("POST", body={**COVERED, "kind": "boundary"})[1]["expects_flag"] is False
    flagged = {"kind": "boundary", "input": {"message": "x"}, "expects_flag": True}
    assert caller.ask("POST", body=flagged)[1]["expected"] is None


def test_a_draft_is_followed_where_nothing_is_live(caller, workflow):
    Workflow.objects.filter(pk=workflow.pk).update(live=None)
    assert caller.ask("POST", body={**COVERED, "input": {}})[0] == 422
    assert caller.ask("POST", body=COVERED)[0] == 201


def test_secrets_are_taken_out_before_it_is_hashed(caller):
    _, made = caller.ask("POST", body={**COVERED, "input": {"message": SECRET}, "note": SECRET})
    assert made["input"] == {"message": "[redacted:api-key]"}
    assert made["note"] == "[redacted:api-key]"
    assert Case.objects.get().hashed() == made["content_hash"]
    clean = {**COVERED, "input": {"message": "[redacted:api-key]"}}
    assert caller.ask("POST", body=clean)[1]["case"] == made["id"]


def test_the_set_has_a_hash_of_the_confirmed_ones_in_no_order(caller, workflow):
    for body in (COVERED, UNCOVERED, {**COVERED, "input": {"message": "later"}, "proposed": True}):
        caller.ask("POST", body=body)
    status, said = caller.ask("GET", "/set")
    assert status == 200
    assert said == {
        "hash": said["hash"],
        "confirmed": 2,
        "proposed": 1,
        "kinds": {"covered": 1, "boundary": 0, "uncovered": 1},
        "min_cases": 20,
    }
    other = make_workflow(project=make_project("bob"))
    for body in (UNCOVERED, COVERED):
        Caller(other).ask("POST", body=body)
    assert Caller(other).ask("GET", "/set")[1]["hash"] == said["hash"]


def test_it_is_filtered(caller):
    for body in ({**COVERED, "tags": ["de", "vip"]}, {**UNCOVERED, "tags": ["de-at"], "proposed": True}):
        caller.ask("POST", body=body)
    found = {
        query: [one["kind"] for one in caller.ask("GET", f"?{query}")[1]["results"]]
        for query in ("tag=de", "tag=de-at", "tag=d", "state=proposed", "kind=covered", "source=import", "tag=%22")
    }
    assert found == {
        "tag=de": ["covered"],
        "tag=de-at": ["uncovered"],
        "tag=d": [],
        "state=proposed": ["uncovered"],
        "kind=covered": ["covered"],
        "source=import": [],
        "tag=%22": [],
    }


def test_a_proposed_case_is_confirmed_once(caller, workflow):
    _, made = caller.ask("POST", body={**COVERED, "proposed": True})
    status, said = Caller(workflow, "review").ask("POST", f"/{made['id']}/confirmation", {})
    assert (status, said["state"], said["decided_by"][:4]) == (200, "confirmed", "key:")
    status, said = caller.ask("POST", f"/{made['id']}/confirmation", {})
    assert (status, said["state"]) == (409, "confirmed")


def test_a_retired_case_stays_readable_and_is_retired_once(caller):
    _, made = caller.ask("POST", body=COVERED)
    status, said = caller.ask("DELETE", f"/{made['id']}")
    assert (status, said["state"]) == (200, "retired")
    assert caller.ask("GET", f"/{made['id']}")[1]["state"] == "retired"
    for method, path, body in (("DELETE", "", None), ("POST", "/confirmation", {}), ("POST", "/replacement", COVERED)):
        status, said = caller.ask(method, f"/{made['id']}{path}", body)
        assert (status, said["state"]) == (409, "retired")
    assert caller.ask("GET", "/set")[1]["confirmed"] == 0


def test_a_replacement_retires_the_one_and_adds_the_other(caller):
    _, made = caller.ask("POST", body=COVERED)
    status, other = caller.ask("POST", f"/{made['id']}/replacement", {**COVERED, "expected": {"kind": "other"}}, "k")
    assert (status, other["expected"], other["state"]) == (201, {"kind": "other"}, "confirmed")
    assert Case.objects.get(pk=made["id"]).state == "retired"
    again = caller.ask("POST", f"/{made['id']}/replacement", {**COVERED, "expected": {"kind": "other"}}, "k")
    assert again == (201, other)


def test_a_replacement_that_is_there_already_leaves_everything_as_it_is(caller):
    _, one = caller.ask("POST", body=COVERED)
    _, other = caller.ask("POST", body=UNCOVERED)
    status, said = caller.ask("POST", f"/{one['id']}/replacement", UNCOVERED)
    assert (status, said["case"]) == (409, other["id"])
    assert Case.objects.confirmed().count() == 2


def test_an_import_adds_all_in_one_act(caller):
    status, said = caller.ask("POST", "/import", {"cases": [COVERED, {**UNCOVERED, "proposed": True}]}, "once")
    assert (status, said["added"]) == (201, 2)
    assert caller.ask("POST", "/import", {"cases": [COVERED, {**UNCOVERED, "proposed": True}]}, "once")[1] == said
    rows = [Case.objects.get(pk=one) for one in said["ids"]]
    assert [(row.source, row.state, row.kind) for row in rows] == [
        ("import", "confirmed", "covered"),
        ("import", "proposed", "uncovered"),
    ]
    [event] = AuditEvent.objects.filter(kind="workflow", verb="changed")
    assert (event.verb, event.kind, event.name, event.detail["imported"]) == ("changed", "workflow", "refund", 2)


def test_an_import_with_something_wrong_adds_nothing_and_says_where(caller):
    wrong = [COVERED, {**UNCOVERED, "input": {}}, COVERED, {**COVERED, "tags": ["two words"]}]
    status, said = caller.ask("POST", "/import", {"cases": wrong})
    assert status == 422
    assert list(faults(said)) == ["/cases/1/input/message", "/cases/2", "/cases/3/tags/0"]
    assert faults(said)["/cases/2"] == "This is the same case as /cases/0."
    assert not Case.objects.exists()


def test_an_import_of_what_is_there_names_each(caller):
    _, made = caller.ask("POST", body=COVERED)
    status, said = caller.ask("POST", "/import", {"cases": [UNCOVERED, COVERED]})
    assert (status, said["cases"], list(faults(said))) == (409, [made["id"]], ["/cases/1"])
    assert Case.objects.count() == 1


def test_what_happens_leaves_events_in_ids_and_hashes_alone(caller):
    _, made = caller.ask("POST", body={**COVERED, "input": {"message": "of Mrs Smith"}, "proposed": True})
    caller.ask("POST", f"/{made['id']}/confirmation", {})
    caller.ask("DELETE", f"/{made['id']}")
    events = AuditEvent.objects.filter(kind="case").order_by("pk")
    about = {"workflow": "refund", "kind": "covered", "content_hash": made["content_hash"]}
    assert [(one.verb, one.detail) for one in events] == [
        ("created", {**about, "state": "proposed", "source": "hand"}),
        ("changed", {**about, "changes": {"state": {"before": "proposed", "after": "confirmed"}}}),
        ("changed", {**about, "changes": {"state": {"before": "confirmed", "after": "retired"}}}),
    ]


def test_a_workflow_has_at_most_so_many_confirmed_cases(caller, monkeypatch):
    monkeypatch.setattr("evaluations.cases.MOST", 1)
    caller.ask("POST", body=COVERED)
    status, said = caller.ask("POST", body=UNCOVERED)
    assert (status, said["confirmed"]) == (409, 1)
    _, proposed = caller.ask("POST", body={**UNCOVERED, "proposed": True})
    assert caller.ask("POST", f"/{proposed['id']}/confirmation", {})[0] == 409
    _, only = caller.ask("GET", "?state=confirmed")
    assert caller.ask("POST", f"/{only['results'][0]['id']}/replacement", {**COVERED, "kind": "boundary"})[0] == 201


def test_an_archived_workflow_takes_no_case(caller, workflow):
    workflow.archive("alice")
    assert caller.ask("POST", body=COVERED)[0] == 409


def test_a_case_of_another_workflow_is_not_found(caller, workflow):
    other = make_workflow(REFUND, project=workflow.project, name="other")
    _, made = Caller(other).ask("POST", body=COVERED)
    assert caller.ask("GET", f"/{made['id']}")[0] == 404
