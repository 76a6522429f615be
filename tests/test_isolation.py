"""Nothing crosses a project, and no key does more than its scopes say: every address, method, id and filter, generated from
the urls, so that a new address is in it from its first day."""

import json
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config import urls
from executions import worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag, StepResult
from executions.queue import submit
from gateway.models import Call
from projects.models import ApiKey, Project, Scope
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from wire.views import View
from workflows.models import Baseline, Budget, Examined, Publication, Version, Workflow

CANARY = "canary"  # stands in every text that the foreign project keeps
HANDLERS = ("get", "post", "put", "patch", "delete")

# A body that the method takes, by the address's pattern: what is refused must be the foreign object, not the body.
BODIES = {
    ("POST", "workflows"): {"name": "canary-refund", "definition": REFUND},
    ("POST", "workflows/<str:name>/versions"): {"bump": "minor", "definition": REFUND},
    ("POST", "workflows/<str:name>/versions/<str:number>/publication"): {},
    ("PUT", "workflows/<str:name>/baseline"): {"method": "declared", "cost_per_execution": "1.00"},
    ("POST", "workflows/<str:name>/executions"): {"input": {"message": "a refund"}},
    ("POST", "workflows/<str:name>/executions/batch"): {"inputs": [{"message": "a refund"}]},
    ("POST", "workflows/<str:name>/executions/batch/estimate"): {"inputs": [{"message": "a refund"}]},
    ("PUT", "budgets"): {"workflow": "canary-refund", "period": "month", "cap": "5.00"},
    ("POST", "executions/<uuid:execution_id>/cancellation"): {},
    ("POST", "executions/<uuid:execution_id>/retries"): {},
    ("POST", "flags/<uuid:flag_id>/resolution"): {"resolution": "answered", "output": {"kind": "other"}},
}
VIEWS = list(dict.fromkeys(one.callback.view_class for one in urls.api))
CALLS = [(method, str(one.pattern)) for one in urls.api for method in one.callback.view_class.scopes]
WITH_IDS = [call for call in CALLS if "<" in call[1]]
LISTS = [pattern for method, pattern in CALLS if method == "GET" and "<" not in pattern]
FILTERS = [
    (str(one.pattern), name)
    for one in urls.api
    if "<" not in str(one.pattern)
    for name in one.callback.view_class.filters
]
TABLES = (Project, Workflow, Version, Publication, Baseline, Execution, StepResult, Flag, Event, Call, Budget)


def client_of(project: Project, *scopes: str) -> Client:
    _, token = ApiKey.objects.issue(project, list(scopes))
    return Client(headers={"Authorization": f"Bearer {token}"})


def populate(name: str, workflow_name: str) -> Workflow:
    """A project with a workflow, one execution that was completed and one that waits for a person, and their calls."""
    project = make_project(name)
    workflow = make_workflow({**REFUND, "title": f"{name} wants a refund"}, project=project, name=workflow_name)
    draft(workflow, "7.7.7", created_by=name)
    workflow.baselines.create(
        method="declared", model=f"scripted:{name}", cost_per_execution=10**12, valid_from=workflow.created_at
    )
    Budget.objects.create(project=project, workflow=workflow, period="total", cap=10**12, stated_by=name)
    for message in (f"{name} wants a refund", f"{name} asks for the moon"):
        metadata = {"who": name}
        execution = submit(workflow.live.version, workflow.live, {"message": message}, actor=name, metadata=metadata)
        plain.advance(execution.pk, worker.current())
    return workflow


def draft(workflow: Workflow, number: str, created_by: str) -> Version:
    document = {**REFUND, "title": f"{created_by} wants a refund"}
    context = {"changelog": created_by, "design_context": {"requirements": [created_by]}}
    return workflow.draft(Examined.of(document, workflow.project), number, created_by=created_by, **context)


def models_say(word: str) -> None:
    """What they answer has the word in it, and the moon is not covered."""
    uncovered = envelope(status="uncovered", rationale=word, uncovered=f"{word}: the moon")
    models_answer({"user": "moon", "text": uncovered}, {"text": envelope({"kind": "refund"}, rationale=word)})


@pytest.fixture
def foreign(db):
    models_say(CANARY)
    return populate(CANARY, "canary-refund")


@pytest.fixture
def own(foreign):
    models_say("mallory")
    return populate("mallory", "refund")


@pytest.fixture
def mallory(own):
    return client_of(own.project, *Scope.values)


def names_of(workflow: Workflow) -> dict[str, str]:
    """What stands for each converter of an address."""
    return {
        "name": workflow.name,
        "number": "7.7.7",
        "execution_id": str(workflow.executions.get(status="completed").pk),
        "budget_id": str(workflow.budgets.get().pk),
        "flag_id": str(Flag.objects.get(execution__workflow=workflow).pk),
    }


def filled(pattern: str, names: dict[str, str]) -> str:
    return "/api/v1/" + re.sub(r"<\w+:(\w+)>", lambda found: names[found[1]], pattern)


def ask(client: Client, method: str, path: str, pattern: str) -> tuple[int, str]:
    body = json.dumps(BODIES[method, pattern]) if method in ("POST", "PUT") else ""
    response = client.generic(method, path, body, "application/json")
    return response.status_code, response.content.decode()


def everything() -> dict[str, list]:
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in TABLES}


def assert_nothing_foreign(body: str, workflow: Workflow) -> None:
    ids = {str(pk) for table in (Execution, Flag) for pk in rows_of(table, workflow)}
    assert not [word for word in (CANARY, *ids) if word in body]


def rows_of(table: type, workflow: Workflow) -> Iterator[object]:
    owner = "workflow" if table is Execution else "execution__workflow"
    return table.objects.filter(**{owner: workflow}).values_list("pk", flat=True)


def test_what_the_owner_reads_would_be_noticed(foreign):
    """Else the tests below could not fail."""
    owner, seen = client_of(foreign.project, Scope.READ), 0
    for method, pattern in CALLS:
        if method == "GET":
            status, body = ask(owner, method, filled(pattern, names_of(foreign)), pattern)
            assert status == 200, pattern
            seen += CANARY in body
    assert seen >= 12


@pytest.mark.parametrize(("method", "pattern"), WITH_IDS)
def test_anothers_object_is_not_there_and_nothing_of_it_is_said(method, pattern, foreign, mallory):
    before = everything()
    status, body = ask(mallory, method, filled(pattern, names_of(foreign)), pattern)
    assert status == 404
    assert_nothing_foreign(body, foreign)
    assert everything() == before


@pytest.mark.parametrize(("method", "pattern"), [call for call in WITH_IDS if "number" in call[1]])
def test_anothers_version_is_not_there_under_a_workflow_of_ones_own(method, pattern, foreign, own, mallory):
    draft(foreign, "8.8.8", created_by=CANARY)
    status, body = ask(mallory, method, filled(pattern, {**names_of(own), "number": "8.8.8"}), pattern)
    assert status == 404
    assert_nothing_foreign(body, foreign)


@pytest.mark.parametrize("pattern", LISTS)
def test_a_list_or_a_sum_has_only_what_is_ones_own(pattern, foreign, mallory):
    status, body = ask(mallory, "GET", f"/api/v1/{pattern}", pattern)
    assert status == 200
    assert_nothing_foreign(body, foreign)
    if pattern == "costs":
        assert json.loads(body)["executions"] == 2


@pytest.mark.parametrize(("pattern", "name"), FILTERS)
def test_a_filter_finds_nothing_of_anothers(pattern, name, foreign, mallory):
    names = {**names_of(foreign), "workflow": foreign.name, "version": "7.7.7", "waiting": "true", "simulated": "true"}
    asked = {"status": "completed", "purpose": "production", "state": "open", "reason": "uncovered"}
    days = {"since": "2000-01-01", "until": "9999-01-01", "baseline": "declared", "group_by": "workflow"}
    value = {**names, **asked, **days}[name]
    response = mallory.get(f"/api/v1/{pattern}", {name: value})
    assert response.status_code == 200
    assert_nothing_foreign(response.content.decode(), foreign)


@pytest.mark.parametrize("pattern", ["executions", "flags", "workflows"])
def test_anothers_id_as_a_cursor_leads_to_nothing_of_its(pattern, foreign, mallory):
    cursors = {"executions": names_of(foreign)["execution_id"], "flags": names_of(foreign)["flag_id"]}
    response = mallory.get(f"/api/v1/{pattern}", {"cursor": cursors.get(pattern, foreign.pk + 1), "limit": 1})
    assert response.status_code == 200
    assert_nothing_foreign(response.content.decode(), foreign)


def test_anothers_version_in_a_body_is_not_there(foreign, mallory):
    draft(foreign, "8.8.8", created_by=CANARY).publish(CANARY)
    body = {"input": {"message": "a refund"}, "version": "8.8.8"}
    response = mallory.post("/api/v1/workflows/refund/executions", body, "application/json")
    assert response.status_code == 404
    assert_nothing_foreign(response.content.decode(), foreign)


def test_a_name_that_another_project_has_is_free(foreign, mallory):
    body = BODIES["POST", "workflows"]
    assert mallory.post("/api/v1/workflows", body, "application/json").status_code == 201
    assert Workflow.objects.filter(name=body["name"]).count() == 2


# Scopes.


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        else:
            yield one


def test_every_address_outside_the_admin_is_a_view_of_the_api():
    found = {
        getattr(one.callback, "view_class", None)
        for resolver in get_resolver().url_patterns
        if isinstance(resolver, URLResolver) and resolver.app_name != "admin"
        for one in patterns(resolver)
    }
    assert found == set(VIEWS)
    assert all(issubclass(view, View) for view in found)


def test_what_needs_no_key_is_named_here():
    """Every other address is one of the API or of the admin, which has accounts."""
    alone = {str(one.pattern) for one in get_resolver().url_patterns if isinstance(one, URLPattern)}
    assert alone == {"", "healthz", "readyz", "metrics", "api/schema/", "api/docs/", "admin/login/"}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_view_says_the_scope_of_every_method_it_has(view):
    assert {name.upper() for name in HANDLERS if hasattr(view, name)} == set(view.scopes)
    assert set(view.scopes.values()) <= set(Scope.values)


def scope_of(method: str, pattern: str) -> str:
    return next(one.callback.view_class.scopes[method] for one in urls.api if str(one.pattern) == pattern)


@pytest.mark.parametrize(("method", "pattern"), CALLS)
def test_a_key_with_every_scope_but_the_needed_one_is_refused(method, pattern, own):
    needed = scope_of(method, pattern)
    others = [scope for scope in Scope.values if scope not in (needed, Scope.ADMIN)]
    path, before = filled(pattern, names_of(own)), everything()
    status, body = ask(client_of(own.project, *others), method, path, pattern)
    assert (status, json.loads(body)["detail"]) == (403, f"This needs a key with the scope '{needed}'.")
    assert everything() == before
    for enough in (needed, Scope.ADMIN):
        assert ask(client_of(own.project, enough), method, path, pattern)[0] not in (401, 403, 500)


@pytest.mark.parametrize(("method", "pattern"), CALLS)
def test_without_a_key_nothing_is_said(method, pattern, foreign):
    status, body = ask(Client(), method, filled(pattern, names_of(foreign)), pattern)
    assert status == 401
    assert_nothing_foreign(body, foreign)


def test_the_admin_shows_a_stranger_nothing_but_the_door(foreign):
    stranger, asked = Client(), 0
    some_id = names_of(foreign)["execution_id"]
    for one in patterns(next(one for one in get_resolver().url_patterns if getattr(one, "app_name", "") == "admin")):
        if one.name in ("login", "logout"):
            continue
        path = "/admin/" + re.sub(r"<\w+:\w+>|\(\?P<\w+>[^)]*\)", some_id, str(one.pattern)).strip("^$")
        response = stranger.get(path)
        assert response.status_code in (302, 404), path
        assert CANARY not in response.content.decode()
        asked += 1
    assert asked >= 30
