"""The audit: every way in which somebody changes something leaves an event, in the same transaction. The ways are listed from
the urls, the admin and the commands, so that a new one fails here until it is in the table, or is excused by name."""

import json
from io import StringIO

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from designs import group_resolution
from designs.models import Design
from evaluations.models import Case, Evaluation, Gate, Replay, Result
from executions.models import Flag
from executions.resolution import Decision
from gateway.models import Limit
from notifications.models import Delivery
from projects import audit, keys
from projects.models import ApiKey, AuditEvent, Membership, Project, Scope, Tool
from shadows.models import Plan
from tests import neighbours as cast
from tests.cast import REFUND
from tests.neighbours import BODIES, CALLS, CANARY, client_of, filled
from workflows.models import Budget, Examined, Version

MUTATING = [(method, pattern) for method, pattern in CALLS if method != "GET"]
# What leaves no event, and why.
NO_EVENT = {
    ("POST", "workflows/<str:name>/executions"): "an execution's own history says who asked for it",
    ("POST", "workflows/<str:name>/executions/batch"): "the same, of each",
    ("POST", "workflows/<str:name>/executions/batch/estimate"): "it changes nothing",
    ("POST", "workflows/<str:name>/evaluations/estimate"): "it changes nothing",
    ("POST", "workflows/<str:name>/replays/estimate"): "it changes nothing",
    ("POST", "workflows/<str:name>/tier-searches/estimate"): "it changes nothing",
    ("POST", "designs/estimate"): "it changes nothing",
    ("POST", "workflows/<str:name>/redesigns/estimate"): "it changes nothing",
    ("POST", "executions/<uuid:execution_id>/cancellation"): "the execution's own history says by whom",
    ("POST", "executions/<uuid:execution_id>/retries"): "the execution's own history says by whom",
    ("POST", "executions/<uuid:execution_id>/feedback"): "the execution's own history says by whom",
    ("POST", "workflows/<str:name>/executions/report"): "the report itself says by whom",
    ("POST", "workflows/<str:name>/what-if"): "it changes nothing",
}


def events(**said) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(**said).order_by("pk"))


def newest(count: int = 1) -> list[AuditEvent]:
    return list(AuditEvent.objects.order_by("-pk")[:count])


def told(event: AuditEvent) -> tuple[str, str, str, str]:
    return event.actor, event.verb, event.kind, event.name


# Through the API.


@pytest.mark.parametrize(("method", "pattern"), MUTATING)
def test_every_call_that_changes_something_leaves_an_event(method, pattern, both):
    workflow, key = both.own, None
    ids = cast.ids_of(workflow)
    prepare(method, pattern, workflow)
    key, token = ApiKey.objects.issue(workflow.project, list(Scope.values), name="nightly")
    client, before = Client(headers={"Authorization": f"Bearer {token}"}), AuditEvent.objects.count()
    body = BODIES.get((method, pattern))
    ids["uuid:flag_id"] = str(flag_to_decide(method, workflow).pk)
    if pattern.endswith("/answers"):
        ids["uuid:design_id"] = str(Design.objects.get(project=workflow.project, status="completed").pk)
    if "int:result_id" in cast.kinds_in(pattern):
        ids |= an_answer_of(workflow)
    came = client.generic(method, filled(pattern, ids), json.dumps(body), "application/json")
    assert came.status_code < 300 or (method, pattern) in NO_EVENT, came.content.decode()
    left = newest(AuditEvent.objects.count() - before)
    assert bool(left) is ((method, pattern) not in NO_EVENT)
    for event in left:
        assert (event.project, event.actor, event.actor_name) == (workflow.project, f"key:{key.prefix}", "nightly")
        assert event.name


def prepare(method: str, pattern: str, workflow) -> None:
    if (method, pattern) == ("DELETE", "workflows/<str:name>/archival"):
        workflow.archive("alice")
    if (method, pattern) == ("DELETE", "groups/<uuid:group_id>/resolution"):
        group_resolution.resolve(workflow.groups.open().earliest("pk"), Decision("redesign", "alice"))


def an_answer_of(workflow) -> dict[str, str]:
    """Of an evaluation that is over."""
    result = Result.objects.filter(evaluation__workflow=workflow, execution__status="completed").first()
    return {"uuid:evaluation_id": str(result.evaluation_id), "int:result_id": str(result.pk)}


def flag_to_decide(method: str, workflow) -> Flag:
    flags = Flag.objects.filter(execution__workflow=workflow)
    if method != "DELETE":
        return flags.filter(state="open", waiting=True, execution__status="escalated").first()
    flag = flags.filter(state__in=("open", "in_redesign")).first()
    Flag.objects.filter(pk=flag.pk).update(waiting=False, state="dismissed", resolution="dismissed")
    return flag


def test_what_is_excused_is_there():
    assert set(NO_EVENT) <= set(MUTATING)


@pytest.mark.parametrize(
    ("number", "verb", "before"), [("7.7.7", "published", "1.0.0"), ("1.0.0", "published", "1.0.0")]
)
def test_a_publication_says_what_was_live_before(number, verb, before, both):
    client = client_of(both.own.project, Scope.DESIGN)
    client.post(f"/api/v1/workflows/refund/versions/{number}/publication", {}, "application/json")
    [event] = newest()
    assert (event.verb, event.kind, event.name, event.detail["before"]) == (verb, "version", f"refund {number}", before)
    assert event.detail["tier_map"]["cheap"] == "scripted:claude-haiku-5-5"


def test_the_roll_back_is_called_so(both):
    both.own.versions.get(number="7.7.7").publish("user:rosa")
    both.own.versions.get(number="1.0.0").publish("user:rosa")
    assert [(one.verb, one.detail["before"]) for one in newest(2)] == [("rolled_back", "7.7.7"), ("published", "1.0.0")]


def test_a_request_that_is_sent_again_is_one_act(both):
    client = client_of(both.own.project, Scope.DESIGN)
    for _ in range(2):
        sent = {"Idempotency-Key": "once"}
        client.post("/api/v1/workflows/refund/archival", {}, "application/json", headers=sent)
    assert len(events(verb="archived")) == 1


def test_what_is_refused_leaves_nothing(both):
    before = AuditEvent.objects.count()
    client = client_of(both.own.project, Scope.DESIGN)
    body = {"name": "refund", "definition": REFUND}
    assert client.post("/api/v1/workflows", body, "application/json").status_code == 409
    assert AuditEvent.objects.count() == before


def test_an_event_that_cannot_be_written_undoes_the_act(both, monkeypatch):
    def fail(*_, **__):
        raise DatabaseError("no room")

    monkeypatch.setattr(AuditEvent.objects, "create", fail)
    with pytest.raises(DatabaseError):
        both.own.archive("user:rosa")
    both.own.refresh_from_db()
    assert both.own.archived_at is None


def test_neither_secrets_nor_texts_of_executions_are_in_it(both):
    flag = Flag.objects.filter(execution__workflow=both.own, state="open", waiting=True).first()
    client = client_of(both.own.project, Scope.REVIEW)
    decided = {"resolution": "answered", "output": {"kind": "other"}, "note": "because of Mrs Smith"}
    client.post(f"/api/v1/flags/{flag.pk}/resolution", decided, "application/json")
    [event] = newest()
    assert event.detail == {"resolution": "answered", "execution": str(flag.execution_id), "workflow": "refund"}
    secret = "sk-ant-api03-" + "a1B2" * 20
    audit.record(both.own.project_id, "service", "changed", both.own, secret, changes={"x": {"after": secret}})
    [event] = newest()
    assert secret not in event.name + json.dumps(event.detail)
    assert "[redacted:" in event.name


def test_the_address_of_a_webhook_is_not_in_it(both):
    client = client_of(both.own.project, Scope.ADMIN)
    endpoint = both.own.project.endpoints.get()
    said = {"address": "https://93.184.215.14/T024/hush-hush", "hours": 5}
    assert client.patch(f"/api/v1/endpoints/{endpoint.pk}", said, "application/json").status_code == 200
    [event] = newest()
    assert event.name == "webhook to 93.184.215.14"
    assert event.detail == {"changes": {"hours": {"before": 24, "after": 5}, "address": {}}}


# It stays as it is.


@pytest.mark.parametrize(
    "statement", ["UPDATE projects_auditevent SET actor = 'nobody'", "DELETE FROM projects_auditevent"]
)
def test_the_database_itself_refuses_to_change_it(statement, both):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# Read through the API.


def read(client: Client, query: str = "") -> list[dict]:
    came = client.get(f"/api/v1/events{query}")
    assert came.status_code == 200, came.content.decode()
    return came.json()["results"]


def test_it_is_read_newest_first_a_page_at_a_time(both):
    both.own.archive("user:rosa")
    both.own.take_back("user:rosa")
    client = client_of(both.own.project, Scope.ADMIN)
    page = client.get("/api/v1/events?limit=1").json()
    [first] = page["results"]
    assert (first["verb"], first["object"]["name"], first["actor"]) == ("unarchived", "refund", "user:rosa")
    [second] = client.get(page["next"].replace("http://testserver", "")).json()["results"]
    assert second["verb"] == "archived"


def test_it_is_filtered(both):
    started = timezone.now()
    both.own.archive("user:rosa")
    client = client_of(both.own.project, Scope.ADMIN)
    assert [one["verb"] for one in read(client, "?actor=user:rosa")] == ["archived"]
    assert {one["object"]["kind"] for one in read(client, "?object=endpoint")} == {"endpoint"}
    assert {one["object"]["name"] for one in read(client, "?name=refund")} == {"refund"}
    assert {one["verb"] for one in read(client, "?verb=published")} == {"published"}
    moment = started.isoformat().replace("+00:00", "Z")
    assert [one["verb"] for one in read(client, f"?since={moment}")] == ["archived"]
    before = read(client, f"?until={moment}")
    assert "archived" not in [one["verb"] for one in before]
    assert len(before) > 3
    assert client.get("/api/v1/events?verb=danced").status_code == 400
    assert read(client, "?since=9999-12-31") == read(client, "?until=0001-01-01") == []


def test_who_may_only_read_or_review_does_not_see_it(both):
    client = client_of(both.own.project, Scope.READ, Scope.REVIEW, Scope.DESIGN)
    assert client.get("/api/v1/events").status_code == 403


# In the admin.


def signed_in(name: str, **rights) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user(name, is_staff=True, **rights))
    return client


def member(project: Project, role: str = "owner", name: str = "rosa") -> Client:
    client = signed_in(name)
    Membership.objects.create(project=project, account=get_user_model().objects.get(username=name), role=role)
    return client


@pytest.fixture
def operator(both):
    return signed_in("root", is_superuser=True)


NO_INLINES = {
    f"{part}-{word}": "0"
    for part in ("tiers", "tool_variables", "members")
    for word in ("TOTAL_FORMS", "INITIAL_FORMS")
}
PRICE = {"provider": "scripted", "model": "anew", "valid_from": "2099-01-01", "input": "1", "output": "2"}
# What is sent to add a row of each kind, and what to change one; {project} is a project's id.
ADDED = {
    "projects.project": {"name": "anew", "execution_cap": "1", "store_payload": "full", **NO_INLINES},
    "projects.apikey": {"project": "{project}", "scopes": ["read"]},
    "gateway.provider": {"project": "{project}", "name": "anew", "protocol": "openai", "aliases": "{}"},
    "gateway.ownprice": {"project": "{project}", **PRICE},
    "gateway.limit": {"provider": "openai", "concurrent": "3"},
    "workflows.budget": {"project": "{project}", "period": "day", "cap": "5"},
    "notifications.endpoint": {
        **{"project": "{project}", "kind": "webhook", "address": "https://93.184.215.14/", "enabled": "on"},
        **{"events": ["flag.waiting"], "hours": "24"},
    },
    "reports.digest": {"project": "{project}", "every": "day", "hour": "6", "enabled": "on", "endpoint": "{endpoint}"},
    "auth.user": {"username": "anew", "password1": "a long password!", "password2": "a long password!"},
    "auth.group": {"name": "anew"},
    "projects.tool": {
        **{"project": "{project}", "name": "anew", "enabled": "on", "timeout": "10", "retries": "0"},
        **{"schema": '{"type": "string"}', "description": ""},
    },
}
ADDED["auth.user"] |= {"usable_password": "true"}
CHANGED = {
    "projects.project": {"name": "mallory", "execution_cap": "7", "store_payload": "full", **NO_INLINES},
    "gateway.provider": {"base_url": "https://elsewhere.example/v1", "aliases": "{}"},
    "gateway.limit": {"provider": "openai", "concurrent": "9"},
    "workflows.budget": {"cap": "7"},
    "notifications.endpoint": {
        **{"address": "https://93.184.215.14/", "enabled": "on"},
        **{"events": ["flag.waiting"], "hours": "5"},
    },
    "reports.digest": {"every": "day", "hour": "7", "enabled": "on", "endpoint": "{endpoint}"},
    "auth.user": {
        **{"username": "other", "is_active": "on", "is_staff": "on"},
        **{"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"},
    },
    "auth.group": {"name": "other"},
    "projects.tool": {"schema": '{"type": "number"}', "enabled": "on", "timeout": "10", "retries": "0"},
}
DELETED = {"reports.digest", "projects.tool", "gateway.limit", "workflows.budget", "auth.user", "auth.group"}
CASE = {"outcome": "uncovered", "input": '{"message": "the moon"}', "weight": "1"}
UNCOVERED = b'{"kind": "uncovered", "input": {"message": "the sun"}}'
# Pages and actions of our own, by what they leave; those of a kind that is only read are for looking.
PAGES = {
    "workflows.version": {"<path:object_id>/publish/": ("published", {})},
    "evaluations.evaluation": {
        "<path:object_id>/budget/": ("changed", {"budget": "1"}),
        "<path:object_id>/cancel/": ("changed", {}),
    },
    "evaluations.replay": {
        "<path:object_id>/budget/": ("changed", {"budget": "1"}),
        "<path:object_id>/cancel/": ("changed", {}),
    },
    "evaluations.tiersearch": {
        "<path:object_id>/budget/": ("changed", {"budget": "1"}),
        "<path:object_id>/cancel/": ("changed", {}),
    },
    "designs.design": {
        "<path:object_id>/budget/": ("changed", {"budget": "1"}),
        "<path:object_id>/cancel/": ("changed", {}),
    },
    "evaluations.case": {"<path:object_id>/confirm/": ("changed", {}), "<path:object_id>/retire/": ("changed", {})},
    "workflows.workflow": {
        "<path:object_id>/add-case/": ("created", CASE),
        "<path:object_id>/import-cases/": ("changed", {"file": SimpleUploadedFile("cases.jsonl", UNCOVERED)}),
        "<path:object_id>/export-cases/": ("exported", {"format": "csv"}),
        "<path:object_id>/exports/": ("exported", {"table": "calls", "format": "csv", "money": "real"}),
    },
    "evaluations.gate": {
        "<path:object_id>/change/": ("stated", {"min_cases": "30", "margin": "0.05", "min_recall": "0.9"}),
    },
    "shadows.plan": {
        "<path:object_id>/change/": (
            "stated",
            {"enabled": "on", "subject": "workflow", "share": "0.1", "monthly_budget": "1"},
        ),
    },
    "projects.tool": {"<path:object_id>/try/": ("tested", {"arguments": "{}"})},
    "notifications.endpoint": {
        "<path:object_id>/secret/": ("rotated", {"keep_hours": "1"}),
        "<path:object_id>/test/": ("tested", {}),
    },
    "auth.user": {
        "<id>/password/": (
            "changed",
            {"password1": "another password!", "password2": "another password!", "set_usable_password": "true"},
        )
    },
}
ACTIONS = {"projects.apikey": {"revoke": "revoked"}, "notifications.delivery": {"send_again": "redelivered"}}
ACTIONS["reports.digest"] = {"send_test": "tested"}
ACTIONS["evaluations.case"] = {"confirm": "changed", "retire": "changed"}


def label(kind) -> str:
    app = "gateway" if kind.__name__ == "Provider" else kind._meta.app_label
    return f"{app}.{kind._meta.model_name}"


def page_of(kind, more: str = "") -> str:
    return f"/admin/{kind._meta.app_label}/{kind._meta.model_name}/{more}"


def row_of(kind, both):
    """One of Mallory's, or one that is made."""
    project = both.own.project
    rows = {
        Limit: lambda: Limit.objects.create(provider="scripted", concurrent=2),
        Group: lambda: Group.objects.create(name="some"),
        get_user_model(): lambda: get_user_model().objects.create_user("some"),
        Project: lambda: project,
        ApiKey: lambda: ApiKey.objects.issue(project, ["read"])[0],
        Flag: lambda: Flag.objects.filter(execution__workflow=both.own, state="open", waiting=True).first(),
        Evaluation: lambda: both.own.evaluations.get(status="running"),
        Replay: lambda: both.own.replays.get(status="running"),
        Design: lambda: Design.objects.get(project=project, status="running"),
        Gate: lambda: both.own.gate,
        Plan: lambda: both.own.shadow_plan,
        Version: lambda: both.own.versions.get(number="7.7.7"),
        Case: lambda: both.own.cases.proposed().first() or both.own.cases.confirmed().first(),
        Tool: lambda: project.tools.get(kind="schema"),
        Delivery: lambda: Delivery.objects.filter(endpoint__project=project).first(),
    }
    return rows[kind]() if kind in rows else kind.objects.filter(project=project).first()


def asked(**rights):
    request = type("Request", (), {})()
    request.user = get_user_model()(username="x", is_superuser=True, is_active=True)
    return request


def test_every_page_of_the_admin_that_changes_something_is_in_these_tables():
    usual = {"add/", "<path:object_id>/history/", "<path:object_id>/delete/", "<path:object_id>/change/"}
    usual |= {"", "<path:object_id>/"}
    for kind, owner in admin.site._registry.items():
        name, may = label(kind), asked()
        assert owner.has_add_permission(may) is (name in ADDED), name
        assert owner.has_change_permission(may) is (name in CHANGED), name
        assert owner.has_delete_permission(may) is (name in DELETED), name
        assert set(owner.actions or ()) == set(ACTIONS.get(name, ())), name
        own = {str(one.pattern) for one in owner.get_urls()} - usual - PAGES.get(name, {}).keys()
        assert own <= LOOKED_AT | (OF_TRIALS if name == "workflows.version" else set()), name


LOOKED_AT = {"in-force/", "<path:object_id>/diff/", "<path:object_id>/live/"}
# What they do stands in the history of an execution.
LOOKED_AT |= {f"<path:object_id>/{word}/" for word in ("cancel", "retry", "feedback")}
LOOKED_AT |= {"<path:object_id>/escalation/", "<path:object_id>/learning/"}
# A group that is decided, or taken back, is an event beside those of its flags: see tests/designs/test_group_page.py.
LOOKED_AT |= {"<path:object_id>/decide/", "<path:object_id>/reopen/"}
# These are events too, see tests/evaluations: a case that is made of an execution, and one in place of another, which are two.
LOOKED_AT |= {"<path:object_id>/make-case/", "<path:object_id>/replace/"}
# An evaluation and a search that are begun are events too: they take two forms, see test_pages.py and test_search_page.py there.
# So are designs and redesigns: see tests/designs/test_pages.py.
LOOKED_AT |= {"begin/", "<path:object_id>/answer/", "<path:object_id>/redesign/"}


def filled_in_for(both, said: dict) -> dict:
    known = {"{project}": str(both.own.project_id), "{endpoint}": str(both.own.project.endpoints.get().pk)}
    return {key: known.get(value, value) if isinstance(value, str) else value for key, value in said.items()}


OF_TRIALS = {"<path:object_id>/try/", "<path:object_id>/evaluate/", "<path:object_id>/search-tiers/"}


@pytest.mark.parametrize("kind", [one for one in admin.site._registry if label(one) in ADDED], ids=label)
def test_what_is_added_leaves_an_event(kind, both, operator):
    filled_in = filled_in_for(both, ADDED[label(kind)])
    before = AuditEvent.objects.count()
    query = "?kind=schema" if kind is Tool else ""
    came = operator.post(page_of(kind, f"add/{query}"), filled_in)
    assert came.status_code == 302 or b"errorlist" not in came.content, came.content.decode()
    [event] = newest(AuditEvent.objects.count() - before)
    assert (event.actor, event.operator, event.verb) == (
        "user:root",
        True,
        "stated" if event.kind == "price" else "created",
    )
    assert event.kind == audit.kind_of(kind)
    ours = {"projects.project"} | {name for name in ADDED if "{project}" in ADDED[name].values()}
    assert bool(event.project) is (label(kind) in ours)
    assert "password!" not in json.dumps(event.detail)


@pytest.mark.parametrize("kind", [one for one in admin.site._registry if label(one) in CHANGED], ids=label)
def test_what_is_changed_leaves_an_event(kind, both, operator):
    row, before = row_of(kind, both), AuditEvent.objects.count()
    came = operator.post(page_of(kind, f"{row.pk}/change/"), filled_in_for(both, CHANGED[label(kind)]))
    assert came.status_code == 302, came.content.decode()
    [event] = newest(AuditEvent.objects.count() - before)
    assert (event.actor, event.operator, event.verb) == ("user:root", True, "changed")
    assert (event.kind, event.object_id) == (audit.kind_of(kind), str(row.pk))
    assert event.detail["changes"]


@pytest.mark.parametrize("kind", [one for one in admin.site._registry if label(one) in DELETED], ids=label)
@pytest.mark.parametrize("way", ["page", "selection"])
def test_what_is_deleted_leaves_an_event(kind, way, both, operator):
    row, before = row_of(kind, both), AuditEvent.objects.count()
    pk = str(row.pk)
    if way == "page":
        operator.post(page_of(kind, f"{pk}/delete/"), {"post": "yes"})
    else:
        data = {"action": "delete_selected", "_selected_action": pk, "post": "yes"}
        operator.post(page_of(kind), data)
    assert not kind.objects.filter(pk=pk).exists()
    [event] = newest(AuditEvent.objects.count() - before)
    assert (event.verb, event.kind, event.object_id) == ("deleted", audit.kind_of(kind), pk)


@pytest.mark.parametrize("kind", [one for one in admin.site._registry if label(one) in PAGES], ids=label)
def test_each_page_of_our_own_leaves_an_event(kind, both, operator):
    for pattern, (verb, data) in PAGES[label(kind)].items():
        row, before = row_of(kind, both), AuditEvent.objects.count()
        place = page_of(kind, pattern.replace("<uuid:flag_id>", str(row.pk)).replace("<path:object_id>", str(row.pk)))
        operator.post(place.replace("<id>", str(row.pk)), data)
        [event] = newest(AuditEvent.objects.count() - before)
        assert (event.actor, event.verb) == ("user:root", verb)
        assert "another password" not in json.dumps(event.detail)


@pytest.mark.parametrize("kind", [one for one in admin.site._registry if label(one) in ACTIONS], ids=label)
def test_each_action_leaves_an_event(kind, both, operator):
    for action, verb in ACTIONS[label(kind)].items():
        row, before = row_of(kind, both), AuditEvent.objects.count()
        operator.post(page_of(kind), {"action": action, "_selected_action": str(row.pk), "post": "yes"})
        [event] = newest(AuditEvent.objects.count() - before)
        assert (event.actor, event.verb, event.project_id) == ("user:root", verb, both.own.project_id)


def test_a_flag_that_is_resolved_in_the_queue_leaves_an_event(both, operator):
    flag = row_of(Flag, both)
    operator.post(f"/admin/queue/{flag.pk}/", {"decision": "redesign"})
    [event] = newest()
    assert (event.actor, event.verb, event.object_id) == ("user:root", "resolved", str(flag.pk))


def test_a_change_says_what_was_before_and_after(both):
    client, budget = member(both.own.project), both.own.budgets.get()
    client.post(f"/admin/workflows/budget/{budget.pk}/change/", {"cap": "7.5"})
    [event] = newest()
    assert told(event) == ("user:rosa", "changed", "budget", "the budget of the workflow refund in total")
    assert event.detail == {"changes": {"cap": {"before": "1.00", "after": "7.50"}}}
    assert (event.operator, event.project_id) == (False, both.own.project_id)


def test_each_row_of_the_tier_map_that_is_changed_is_an_event_of_its_own(both):
    client, tier = member(both.own.project), both.own.project.tiers.get(tier="cheap")
    data = {**CHANGED["projects.project"], "execution_cap": "1", "tiers-TOTAL_FORMS": "1", "tiers-INITIAL_FORMS": "1"}
    data |= {"tiers-0-id": tier.pk, "tiers-0-project": both.own.project_id, "tiers-0-tier": "cheap"}
    data |= {"tiers-0-provider": "scripted", "tiers-0-model": "claude-haiku-4-5"}
    came = client.post(f"/admin/projects/project/{both.own.project_id}/change/", data)
    assert came.status_code == 302, came.content.decode()
    [event] = newest()
    assert (event.kind, event.verb) == ("tier", "changed")
    assert event.detail == {"changes": {"model": {"before": "claude-haiku-5-5", "after": "claude-haiku-4-5"}}}


def test_an_account_that_is_deleted_leaves_its_projects(both, operator):
    member(both.own.project, name="rosa")
    row = get_user_model().objects.get(username="rosa")
    operator.post(f"/admin/auth/user/{row.pk}/delete/", {"post": "yes"})
    [last, first] = newest(2)
    assert (first.kind, first.project_id) == ("member", both.own.project_id)
    assert (last.kind, last.project_id) == ("account", None)


def test_an_owner_sees_the_audit_of_the_own_project_alone(both):
    both.own.archive("user:rosa")
    audit.record(None, "service", "created", both.own, "of the installation")
    client = member(both.own.project)
    seen = client.get("/admin/projects/auditevent/").content.decode()
    assert "archived" in seen
    assert CANARY not in seen
    assert "of the installation" not in seen
    assert (
        "of the installation"
        in signed_in("root", is_superuser=True).get("/admin/projects/auditevent/").content.decode()
    )


def test_the_list_asks_little_however_long_it_is(both, operator):
    """Neither a count of all rows nor a question for each."""
    operator.get("/admin/projects/auditevent/")
    with CaptureQueriesContext(connection) as few:
        operator.get("/admin/projects/auditevent/")
    for _ in range(60):
        audit.record(both.own.project_id, "service", "changed", both.own)
    with CaptureQueriesContext(connection) as many:
        operator.get("/admin/projects/auditevent/")
    assert len(few) == len(many)
    counts = [one["sql"] for one in many if "COUNT(" in one["sql"] and "auditevent" in one["sql"]]
    assert all("LIMIT" in one for one in counts)
    assert not [one["sql"] for one in many if "DISTINCT" in one["sql"]]


def test_it_is_found_by_who_and_by_what(both, operator):
    both.own.archive("user:rosa")
    for query in ("user:rosa", "refund"):
        assert "archived" in operator.get("/admin/projects/auditevent/", {"q": query}).content.decode()
    assert "archived</td>" not in operator.get("/admin/projects/auditevent/", {"q": "user:nobody"}).content.decode()


def test_whoever_signs_in_is_written_down(both):
    get_user_model().objects.create_superuser("root", password="a long password!")
    came = Client().post("/admin/login/", {"username": "root", "password": "a long password!"})
    assert (came.status_code, came["Location"]) == (302, "/admin/")
    [event] = newest()
    assert (*told(event), event.operator, event.project) == ("user:root", "signed_in", "account", "root", True, None)


@pytest.mark.parametrize("chosen", ["abc", "", "1.5", "9" * 30, "-", "null"])
@pytest.mark.parametrize("kind", [Limit, Budget, get_user_model(), Group, ApiKey, Delivery], ids=label)
def test_a_selection_that_is_none_is_a_sentence(kind, chosen, both, operator):
    action = next(iter(ACTIONS.get(label(kind), {"delete_selected": ""})))
    data = {"action": action, "_selected_action": chosen, "post": "yes"}
    came = operator.post(page_of(kind), data, follow=True)
    assert came.status_code == 200
    assert "choose again" in came.content.decode()


# By commands.


def ran(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


COMMANDS = {"create_api_key", "revoke_api_key", "create_user", "register_tool", "export_workflow", "import_workflow"}
COMMANDS |= {"purge", "demo", "serve"}
COMMANDS |= {"import_cases", "export_cases", "evaluate", "search_tiers"}  # tests/evaluations
COMMANDS |= {"design", "redesign"}  # tests/designs
COMMANDS |= {"reconcile"}  # what it imports: tests/analytics/test_usage.py; sums made anew change no report
SILENT = {
    "migrate": "the structure of the database, not what is in it",
    "execute": "an execution's own history says who asked for it",
    "run_worker": "it works; what it does stands in the executions' histories",
}


def test_every_command_of_ours_is_in_these_tables():
    ours = ("projects", "gateway", "workflows", "executions", "analytics", "notifications", "service", "demo")
    ours += ("evaluations", "designs")
    assert {name for name, app in get_commands().items() if app in ours} == COMMANDS | SILENT.keys()


def test_commands_that_make_and_revoke_keys(db):
    token = ran("create_api_key", "--project", "shop", "--scopes", "read", "--name", "nightly")
    prefix = token.split("_")[1]
    ran("revoke_api_key", prefix)
    assert [told(one) for one in events(project__name="shop")] == [
        ("command:create_api_key", "created", "project", "shop"),
        ("command:create_api_key", "created", "key", f"{prefix} nightly"),
        ("command:revoke_api_key", "revoked", "key", f"{prefix} nightly"),
    ]
    assert token not in json.dumps([one.detail for one in events()])


def test_a_command_that_makes_an_account(both):
    project = both.own.project.name
    ran("create_user", "lea", "--project", project, "--role", "viewer")
    ran("create_user", "lea", "--project", project, "--role", "owner")
    ran("create_user", "lea", "--project", project, "--role", "owner")
    [last, first, account] = newest(3)
    assert (*told(account), account.project) == ("command:create_user", "created", "account", "lea", None)
    assert told(first) == ("command:create_user", "created", "member", "lea")
    assert last.detail == {"changes": {"role": {"before": "viewer", "after": "owner"}}}


def test_a_command_that_registers_a_tool(both):
    both.own.project.tools.update(enabled=False)
    for _ in range(2):
        ran("register_tool", "mallory.lookup", "canary.lookup", "--project", both.own.project.name)
    assert [(one.verb, one.name) for one in events(actor="command:register_tool")] == [
        ("changed", "mallory.lookup"),
        ("created", "canary.lookup"),
    ]


def test_commands_that_carry_a_workflow(both, tmp_path):
    file, name = str(tmp_path / "refund.json"), both.own.project.name
    ran("export_workflow", "refund", "--project", name, "--output", file, "--json")
    [event] = newest()
    assert told(event) == ("command:export_workflow", "exported", "workflow", "refund")
    assert event.detail == {"versions": ["1.0.0", "7.7.7"]}
    ran("import_workflow", file, "--project", name, "--name", "again", "--publish")
    made = [(one.verb, one.kind, one.name) for one in events(actor="command:import_workflow")]
    assert made == [
        ("created", "workflow", "again"),
        ("created", "version", "again 1.0.0"),
        ("created", "version", "again 7.7.7"),
        ("stated", "baseline", "again"),
        ("published", "version", "again 1.0.0"),
    ]


def test_a_command_that_deletes_texts(both):
    ran("purge", "--project", both.own.project.name, "--before", "2020-01-01")
    [event] = newest()
    assert told(event) == ("command:purge", "purged", "project", "mallory")
    assert event.detail["executions"] == 0
    before = AuditEvent.objects.count()
    ran("purge", "--project", both.own.project.name, "--before", "2020-01-01", "--dry-run")
    assert AuditEvent.objects.count() == before


def test_a_skill_that_comes_in_is_written_down(both, tmp_path):
    (tmp_path / "SKILL.md").write_text("---\nname: reply\ndescription: Reply.\n---\nSay thank you.\n", encoding="utf-8")
    ran("import_workflow", "--skill", str(tmp_path), "reply", "--project", both.own.project.name)
    assert [told(one) for one in reversed(newest(2))] == [
        ("command:import_workflow", "created", "workflow", "reply"),
        ("command:import_workflow", "created", "version", "reply 1.0.0"),
    ]


def test_a_key_is_revoked_once(both):
    key, _ = keys.issue(both.own.project, ["read"], "user:rosa")
    assert (keys.revoke(key, "user:rosa"), keys.revoke(key, "user:rosa")) == (True, False)
    assert len(events(verb="revoked")) == 1


def test_a_definition_in_python_is_written_down_too(both):
    """The trial by whoever comes next: the verbs themselves write, not their callers."""
    both.own.draft(Examined.of(REFUND, both.own.project), "9.0.0", created_by="user:rosa")
    assert told(newest()[0]) == ("user:rosa", "created", "version", "refund 9.0.0")
