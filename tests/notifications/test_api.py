"""Endpoints through REST: made, changed, rotated, tried out, asked what came of it, and taken away."""

import json

import pytest
from django.test import Client

from notifications.checking import MAX_ENDPOINTS
from notifications.models import Delivery, Endpoint, Overdue, Secret
from notifications.outbox import forget_the_old_ones
from projects.models import ApiKey
from tests.cast import make_project, make_workflow

from .conftest import listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

NEW = {
    "kind": "webhook",
    "address": "https://93.184.215.14/hooks",
    "events": ["execution.failed", "execution.completed"],
}


class Caller:
    def __init__(self, project, scope="admin"):
        _, token = ApiKey.objects.issue(project, [scope])
        self.client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)

    def ask(self, method, path, body=None, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        said = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        came = self.client.generic(method, f"/api/v1/{path}", headers=headers, **said)
        return came.status_code, came.json() if came.content else None


@pytest.fixture
def caller():
    return Caller(make_project())


def test_an_endpoint_is_made_and_its_secret_shown_once(caller):
    status, made = caller.ask("POST", "endpoints", NEW)
    assert status == 201
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["workflow"], made["hours"]) == (["execution.completed", "execution.failed"], None, 24)
    assert (made["enabled"], made["disabled_because"], made["failing_since"]) == (True, None, None)
    assert [one["expires_at"] for one in made["secrets"]] == [None]
    shown = {key: value for key, value in made.items() if key != "secret"}
    assert caller.ask("GET", f"endpoints/{made['id']}") == (200, shown)
    assert caller.ask("GET", "endpoints") == (200, {"results": [shown], "next": None})
    assert Secret.objects.get().text == made["secret"]


def test_a_try_out_that_was_accepted_is_answered_again_though_the_endpoint_is_disabled_by_now(caller):
    _, made = caller.ask("POST", "endpoints", NEW)
    path = f"endpoints/{made['id']}/test"
    first, accepted = caller.ask("POST", path, {}, "a key")
    assert caller.ask("PATCH", f"endpoints/{made['id']}", {"enabled": False})[0] == 200
    second, again = caller.ask("POST", path, {}, "a key")
    assert (first, second, again["id"]) == (202, 202, accepted["id"])
    assert caller.ask("POST", path, {}, "a new key")[0] == 409


def test_who_heard_no_answer_asks_again_and_gets_it(caller):
    first, second = (caller.ask("POST", "endpoints", NEW, "a key") for _ in range(2))
    assert first == second
    assert Endpoint.objects.count() == 1
    assert caller.ask("POST", "endpoints", {**NEW, "hours": 5}, "a key")[0] == 422
    path = f"endpoints/{first[1]['id']}/secret"
    assert caller.ask("POST", path, {}, "another") == caller.ask("POST", path, {}, "another")
    assert Secret.objects.count() == 2
    assert caller.ask("POST", "endpoints", NEW, "a key")[1]["secret"] == first[1]["secret"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "pigeon"}, "/kind"),
        ({"address": "https://10.0.0.1/"}, "/address"),
        ({"address": "http://hooks.example.com/"}, "/address"),
        ({"address": "https://u:p@hooks.example.com/"}, "/address"),
        ({"kind": "email", "address": "alice@example.com"}, "/address"),
        ({"events": []}, "/events"),
        ({"events": ["everything"]}, "/events"),
        ({"hours": 0}, "/hours"),
        ({"hours": 10_000}, "/hours"),
        ({"secret": "whsec_mine"}, "/secret"),
        ({"enabled": False}, "/enabled"),
        ({"address": "https://example.com/" + "x" * 500}, "/address"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(caller, change, pointer):
    status, said = caller.ask("POST", "endpoints", {**NEW, **change})
    assert (status, said["errors"][0]["pointer"]) == (422, pointer)
    assert not Endpoint.objects.exists()


def test_email_needs_a_mail_server_and_one_address(caller, settings):
    new = {**NEW, "kind": "email", "address": "alice@example.com"}
    assert "EMAIL_URL" in caller.ask("POST", "endpoints", new)[1]["detail"]
    settings.EMAIL_CONFIGURED = True
    for address in (
        "alice",
        "alice@example.com, bob@example.com",
        "Alice <alice@example.com>",
        "a@b.c\nBcc: x@y.z",
        "ä@b.example",
    ):
        assert caller.ask("POST", "endpoints", {**new, "address": address})[0] == 422
    status, made = caller.ask("POST", "endpoints", new)
    assert (status, made["secret"], made["secrets"]) == (201, None, [])
    assert caller.ask("POST", f"endpoints/{made['id']}/secret")[0] == 409


def test_a_workflow_is_named_and_has_to_be_there(caller):
    assert caller.ask("POST", "endpoints", {**NEW, "workflow": "refund"})[0] == 404
    make_workflow(project=ApiKey.objects.get().project)
    status, made = caller.ask("POST", "endpoints", {**NEW, "workflow": "refund"})
    assert (status, made["workflow"]) == (201, "refund")


def test_a_project_has_so_many_at_most(caller):
    project = ApiKey.objects.get().project
    Endpoint.objects.bulk_create(
        Endpoint(project=project, kind="webhook", address=f"https://hooks.example/{n}", events=[])
        for n in range(MAX_ENDPOINTS)
    )
    assert caller.ask("POST", "endpoints", NEW, "a key")[0] == 409
    Endpoint.objects.first().remove("alice")
    assert caller.ask("POST", "endpoints", NEW, "a key")[0] == 201


def test_it_is_changed_disabled_and_enabled(caller):
    project = ApiKey.objects.get().project
    make_workflow(project=project)
    _, made = caller.ask("POST", "endpoints", {**NEW, "workflow": "refund"})
    path = f"endpoints/{made['id']}"
    assert caller.ask("PATCH", path, {"hours": 5})[1]["workflow"] == "refund"
    status, said = caller.ask(
        "PATCH",
        path,
        {"workflow": None, "events": ["flag.waiting"], "address": "https://93.184.215.14/b", "enabled": False},
    )
    assert (status, said["workflow"], said["events"], said["hours"]) == (200, None, ["flag.waiting"], 5)
    assert (said["address"], said["enabled"]) == ("https://93.184.215.14/b", False)
    Endpoint.objects.update(disabled_because="It answered 410 Gone.")
    assert caller.ask("GET", path)[1]["disabled_because"] == "It answered 410 Gone."
    said = caller.ask("PATCH", path, {"enabled": True})[1]
    assert (said["enabled"], said["disabled_because"], said["hours"]) == (True, None, 5)
    for wrong in (
        {"kind": "email"},
        {"address": "https://127.0.0.2:1/\n"},
        {"events": ["x"]},
        {"hours": -1},
        {"enabled": "yes"},
    ):
        assert caller.ask("PATCH", path, wrong)[0] == 422
    assert caller.ask("PATCH", path, {"workflow": "nobodys"})[0] == 404
    assert caller.ask("PATCH", path, {})[1] == said


def test_a_secret_is_rotated_and_the_one_before_signs_for_a_while(caller):
    _, made = caller.ask("POST", "endpoints", NEW)
    path = f"endpoints/{made['id']}"
    status, new = caller.ask("POST", f"{path}/secret", {"keep_hours": 2})
    assert (status, new["secret"] == made["secret"]) == (201, False)
    standing = caller.ask("GET", path)[1]["secrets"]
    assert [one["expires_at"] for one in standing] == [None, new["previous_until"]]
    for _ in range(5):
        caller.ask("POST", f"{path}/secret")
    assert len(caller.ask("GET", path)[1]["secrets"]) == 3
    status, last = caller.ask("POST", f"{path}/secret", {"keep_hours": 0})
    assert last["previous_until"] is None
    assert [one.text for one in Secret.objects.alive()] == [last["secret"]]
    for wrong in ({"keep_hours": -1}, {"keep_hours": 169}, {"keep_hours": "2"}):
        assert caller.ask("POST", f"{path}/secret", wrong)[0] == 422


def test_it_is_tried_out_and_says_what_came_of_it(caller, receiver):
    project = ApiKey.objects.get().project
    endpoint = listen(project, receiver)
    receiver.answers = [500, 200]
    status, first = caller.ask("POST", f"endpoints/{endpoint.pk}/test", None, "a key")
    assert (status, first["type"], first["state"], first["attempts"]) == (202, "endpoint.test", "waiting", 0)
    assert caller.ask("POST", f"endpoints/{endpoint.pk}/test", None, "a key")[1]["id"] == first["id"]
    rounds()
    (told,) = caller.ask("GET", f"endpoints/{endpoint.pk}/deliveries")[1]["results"]
    assert (told["state"], told["response_code"], told["error"]) == ("waiting", 500, "It answered 500.")
    assert told["next_try_at"] > told["attempted_at"]
    assert told["payload"]["data"]["endpoint"] == str(endpoint.pk)
    status, said = caller.ask("POST", f"deliveries/{told['id']}/redelivery")
    assert (status, said["id"], said["state"]) == (202, told["id"], "waiting")
    rounds()
    (told,) = caller.ask("GET", f"endpoints/{endpoint.pk}/deliveries?state=delivered")[1]["results"]
    assert (told["attempts"], told["next_try_at"], told["error"]) == (2, None, None)
    assert caller.ask("GET", f"endpoints/{endpoint.pk}/deliveries?state=failed")[1]["results"] == []
    endpoint.change("alice", enabled=False)
    for path in (f"endpoints/{endpoint.pk}/test", f"deliveries/{told['id']}/redelivery"):
        assert caller.ask("POST", path)[0] == 409


def test_what_is_deleted_is_gone_at_once_and_its_rows_soon(caller):
    project = ApiKey.objects.get().project
    endpoint = listen(project)
    delivery = Delivery.objects.create(endpoint=endpoint, type="endpoint.test", body="{}")
    Overdue.objects.create(endpoint=endpoint, workflow=1, reason="uncovered")
    assert caller.ask("DELETE", f"endpoints/{endpoint.pk}") == (204, None)
    assert caller.ask("GET", f"endpoints/{endpoint.pk}")[0] == 404
    assert caller.ask("DELETE", f"endpoints/{endpoint.pk}")[0] == 404
    assert caller.ask("GET", f"endpoints/{endpoint.pk}/deliveries")[0] == 404
    assert caller.ask("POST", f"deliveries/{delivery.pk}/redelivery")[0] == 404
    assert caller.ask("GET", "endpoints")[1]["results"] == []
    assert not Secret.objects.exists()
    forget_the_old_ones()
    assert not Delivery.objects.exists()
    assert not Endpoint.objects.exists()


def test_only_an_admin_key_sees_any_of_it():
    project = make_project()
    endpoint = listen(project)
    for scope in ("read", "execute", "design", "review"):
        caller = Caller(project, scope)
        assert caller.ask("GET", "endpoints")[0] == 403
        assert caller.ask("GET", f"endpoints/{endpoint.pk}/deliveries")[0] == 403
