"""The admin is for whoever operates the installation. An account without rights sees nothing in it, nor whether something is
there: every page of every registered kind × a row that exists × one that does not."""

import re
from itertools import count

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from designs.models import Group as FlagGroup
from evaluations.models import Case
from executions.models import Flag
from tests.neighbours import CANARY, UNKNOWN_ID, everything

KINDS = list(admin.site._registry.items())
WITH_A_ROW = (
    "history",
    "delete",
    "change",
    "live",
    "secret",
    "test",
    "publish",
    "diff",
    "try",
    "cancel",
    "retry",
    "feedback",
    "budget",
    "evaluate",
    *("search-tiers", "escalation", "learning", "add-case", "import-cases", "export-cases", "make-case"),
    *("replace", "confirm", "retire"),
    *("decide", "reopen"),
    *("answer", "redesign"),
    "exports",
)


@pytest.fixture
def both(both):
    Group.objects.create(name=CANARY)
    get_user_model().objects.create_user(CANARY)
    return both


def signed_in(name: str, **rights: bool) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user(name, is_staff=True, **rights))
    return client


@pytest.fixture
def clerk(both):
    """A staff account without any permission."""
    return signed_in("clerk")


@pytest.fixture
def operator(both):
    return signed_in("operator", is_superuser=True)


def row_of(kind: type[models.Model]) -> models.Model:
    """One of the neighbour's, where the kind belongs to a project."""
    rows = kind.objects.order_by("pk")
    if kind is Flag:
        return rows.filter(execution__project__name=CANARY, state="open").first()
    if kind in (Case, FlagGroup):
        return rows.filter(workflow__project__name=CANARY).first()
    if "project" in {field.name for field in kind._meta.concrete_fields}:
        owned = kind._meta.get_field("project").is_relation
        return rows.filter(**{"project__name": CANARY} if owned else {}).first()
    return rows.filter(username=CANARY).first() if kind is get_user_model() else rows.first()


def unknown_pk(kind: type[models.Model]) -> str:
    return UNKNOWN_ID if isinstance(kind._meta.pk, models.UUIDField) else "987654321"


def addresses(kind: type[models.Model], owner: admin.ModelAdmin, pk: object) -> dict[str, str]:
    """Every page of a kind, by its pattern, with this row where it has one."""
    base = f"/admin/{kind._meta.app_label}/{kind._meta.model_name}/"
    found = {}
    for one in owner.get_urls():
        if isinstance(one, URLPattern):
            found[str(one.pattern)] = base + re.sub(r"<\w+:\w+>|<\w+>", str(pk), str(one.pattern))
    return found


def asked(client: Client, method: str, path: str, data: dict | None = None) -> tuple:
    with CaptureQueriesContext(connection) as queries:
        came = getattr(client, method)(path, data or {})
    pages = re.sub(r"csrfmiddlewaretoken.*?>|nonce=\"[^\"]*\"", "", came.content.decode())
    return came.status_code, came.headers.get("Location", ""), pages, len(queries)


def test_every_kind_that_is_registered_has_its_pages_here(both):
    missing = {kind.__name__ for kind, _ in KINDS if row_of(kind) is None}
    assert missing == {"Limit"}  # of the installation, and no project's
    for kind, owner in KINDS:
        patterns = addresses(kind, owner, "1")
        known = {
            "",
            "add/",
            "in-force/",
            "begin/",
            "<path:object_id>/",
            "<id>/password/",
            *(f"<path:object_id>/{word}/" for word in WITH_A_ROW),
        }
        assert set(patterns) <= known, kind


def test_an_operator_sees_it_all(both, operator):
    """Else the tests below could not fail."""
    seen = set()
    for kind, owner in KINDS:
        row = row_of(kind)
        for pattern, path in addresses(kind, owner, row.pk if row else "1").items():
            if "add" not in pattern and "password" not in pattern:
                seen |= {kind.__name__} if CANARY in operator.get(path, follow=True).content.decode() else set()
    assert seen >= {
        "Project",
        "ApiKey",
        "Workflow",
        "Version",
        "Budget",
        "Case",
        "Execution",
        "Flag",
        "Call",
        "OwnPrice",
        "Endpoint",
        "Delivery",
        "Tool",
        "User",
        "Group",
    }


@pytest.mark.parametrize(("kind", "owner"), KINDS, ids=lambda one: getattr(one, "__name__", ""))
def test_an_account_without_rights_cannot_tell_what_there_is(kind, owner, both, clerk):
    row, before = row_of(kind), everything()
    here = addresses(kind, owner, row.pk if row else "1")
    nowhere = addresses(kind, owner, unknown_pk(kind))
    fields = {field.name: str(row_of(kind).pk) if row else "1" for field in kind._meta.concrete_fields}
    for pattern, path in here.items():
        for method, data in (("get", {}), ("post", {"post": "yes", **fields})):
            theirs, nobodys = asked(clerk, method, path, data), asked(clerk, method, nowhere[pattern], data)
            assert theirs[0] in (302, 403, 404), (method, path)
            assert [theirs[0], *_without_id(theirs, path)] == [nobodys[0], *_without_id(nobodys, nowhere[pattern])], (
                path
            )
            assert CANARY not in theirs[2]
    assert everything() == before


def _without_id(answer: tuple, path: str) -> list:
    return [answer[1].replace(path, ""), answer[2].replace(path, ""), answer[3]]


@pytest.mark.parametrize(("kind", "owner"), KINDS, ids=lambda one: getattr(one, "__name__", ""))
def test_nor_does_a_list_an_action_a_filter_or_a_search(kind, owner, both, clerk):
    row, before = row_of(kind), everything()
    base = f"/admin/{kind._meta.app_label}/{kind._meta.model_name}/"
    pk, nothing = (row.pk if row else "1"), unknown_pk(kind)
    queries = [
        "?q={}",
        "?_popup=1&_to_field=id&id={}",
        "?pk__exact={}",
        "?project__id__exact={}",
        "?o=1.-2&p={}",
        "?e=1&all={}",
    ]
    for query in queries:
        theirs, nobodys = (asked(clerk, "get", base + query.format(one)) for one in (pk, nothing))
        assert theirs[0] == nobodys[0] == 403
        assert CANARY not in theirs[2]
    for action in {"delete_selected", *owner.actions} if owner.actions else {"delete_selected"}:
        data = {"action": action, "index": "0", "post": "yes"}
        theirs, nobodys = (asked(clerk, "post", base, {**data, "_selected_action": str(one)}) for one in (pk, nothing))
        assert theirs[0] == nobodys[0] == 403
        assert theirs[2] == nobodys[2]
    assert everything() == before


def test_the_pages_of_the_site_itself_show_an_account_without_rights_nothing(both, clerk):
    asked_for = count()
    for kind, _ in KINDS:
        label, name, field = kind._meta.app_label, kind._meta.model_name, "project"
        row, content_type = row_of(kind), ContentType.objects.get_for_model(kind)
        pages = [
            *("/admin/", f"/admin/{label}/", "/admin/jsi18n/"),
            f"/admin/autocomplete/?app_label={label}&model_name={name}&field_name={field}&term={CANARY}",
        ]
        for page in pages:
            assert CANARY not in asked(clerk, "get", page)[2], page
            next(asked_for)
        there, absent = (f"/admin/r/{content_type.pk}/{pk}/" for pk in (row.pk if row else "1", unknown_pk(kind)))
        theirs, nobodys = asked(clerk, "get", there), asked(clerk, "get", absent)
        assert theirs == nobodys
        assert theirs[0] == 404
    assert next(asked_for) >= 50


def test_a_budget_of_another_projects_workflow_is_not_stated(both, operator):
    """Whoever may state budgets states each within one project."""
    data = {"project": both.own.project_id, "workflow": both.foreign.pk, "period": "day", "cap": "1"}
    answer = operator.post("/admin/workflows/budget/add/", data).content.decode()
    assert "This workflow belongs to another project." in answer
    assert not both.foreign.budgets.filter(period="day").exists()


def test_what_a_budget_is_of_cannot_be_changed(both, operator):
    budget = both.own.budgets.get()
    data = {"project": both.foreign.project_id, "workflow": both.foreign.pk, "period": "day", "cap": "7"}
    operator.post(f"/admin/workflows/budget/{budget.pk}/change/", data)
    budget.refresh_from_db()
    assert (budget.project, budget.workflow, budget.period, budget.cap) == (
        both.own.project,
        both.own,
        "total",
        7 * 10**12,
    )


def test_a_reviewer_cannot_tell_which_flags_of_others_there_are(both):
    """The queue is a page of no kind."""
    clerk, reviewer = signed_in("clerk"), signed_in("rosa")
    both.own.project.members.create(account=get_user_model().objects.get(username="rosa"), role="reviewer")
    before, foreign = everything(), row_of(Flag).pk
    for client, status in ((clerk, 403), (reviewer, 404)):
        for page in ("{}/", "{}/undo/"):
            for method, data in (("get", {}), ("post", {"decision": "redesign", "back": str(foreign)})):
                paths = [f"/admin/queue/{page.format(pk)}" for pk in (foreign, UNKNOWN_ID)]
                theirs, nobodys = (asked(client, method, path, data) for path in paths)
                assert theirs[0] == (405 if (method, page) == ("get", "{}/undo/") else status)
                assert [theirs[0], *_without_id(theirs, paths[0])] == [nobodys[0], *_without_id(nobodys, paths[1])]
    for query in ("", f"?after={foreign}", f"?done={foreign}", f"?project={both.foreign.project_id}"):
        assert CANARY not in asked(reviewer, "get", f"/admin/queue/{query}")[2]
        assert asked(clerk, "get", f"/admin/queue/{query}")[0] == 403
    assert everything() == before


def test_a_stranger_sees_nothing_but_the_door(both):
    stranger, asked_for = Client(), count()
    for one in _patterns(next(one for one in get_resolver().url_patterns if getattr(one, "app_name", "") == "admin")):
        if one.name in ("login", "logout"):
            continue
        for some in (str(both.ids(both.foreign)["uuid:execution_id"]), UNKNOWN_ID):
            path = "/admin/" + re.sub(r"<\w+:\w+>|\(\?P<\w+>[^)]*\)", some, str(one.pattern)).strip("^$")
            for method in ("get", "post"):
                status, _, text, _ = asked(stranger, method, path)
                assert status in (302, 404), path
                assert CANARY not in text
        next(asked_for)
    assert next(asked_for) >= 30


def _patterns(resolver: URLResolver):
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _patterns(one)
        else:
            yield one
