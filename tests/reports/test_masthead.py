"""What stands above every page: where one is, where one can go, and how many flags wait for whoever looks."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from executions.models import Flag
from reports.masthead import places
from tests.analytics.ledgers import make_execution, make_measured_workflow
from tests.cast import make_project, member

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)


def masthead(client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    found = re.findall(r'<header class="masthead">.*?</header>', answer.content.decode(), re.DOTALL)
    assert len(found) == 1, path
    return found[0]


def account(name="rosa", **given):
    member(name=name, **given)
    return get_user_model().objects.get(username=name)


def words(html: str) -> list[str]:
    """Of the places."""
    nav = re.search(r"<nav.*?</nav>", html, re.DOTALL)[0]
    return [re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<a [^>]*>.*?</a>", nav)]


def flag(workflow, **given):
    execution = make_execution(workflow, at=AT)
    said = {"reason": "uncovered", "detector": "self_report", "waiting": False, "explanation": "Nothing says so."}
    return Flag.objects.create(execution=execution, **{**said, **given})


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/admin/", "Home page"),
        ("/admin/queue/", "Flag queue page"),
        ("/admin/executions/execution/", "All lists true"),
        ("/admin/projects/project/add/", "All lists true"),
        ("/admin/password_change/", ""),
        ("/reports/", "Savings page"),
        ("/reports/alice/", "Savings true"),
        ("/api/docs/", "API page"),
    ],
)
def test_it_stands_above_every_page_and_says_where_one_is(path, here):
    for name in ("alice", "bob"):
        make_project(name)
    drawn = masthead(member(is_superuser=True), path)
    assert words(drawn) == ["Home", "Flag queue", "Savings", "All lists", "API"]
    current = re.findall(r'aria-current="(\w+)">([^<]*)<', drawn)
    assert " ".join(f"{label} {how}" for how, label in current) == here
    assert 'class="theme-toggle"' in drawn
    assert "Sign out" in drawn


def test_all_lists_leads_to_the_lists_on_the_first_page():
    client = member(is_superuser=True)
    assert 'href="/admin/#lists"' in masthead(client, "/admin/")
    assert 'id="lists"' in client.get("/admin/").content.decode()


def test_signing_out_works_from_every_page():
    for path in ("/admin/", "/reports/", "/api/docs/"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(account(name=path.strip("/").replace("/", "-"), is_superuser=True))
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', masthead(client, path))[1]
        assert client.post("/admin/logout/", {"csrfmiddlewaretoken": token}).status_code == 200
        assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs/"])
def test_who_is_not_signed_in_sees_what_needs_no_account(path):
    with CaptureQueriesContext(connection) as queries:
        drawn = masthead(Client(), path)
    assert words(drawn) == ["API"]
    assert "Sign out" not in drawn
    assert [one["sql"] for one in queries if "executions_flag" in one["sql"]] == []


@pytest.mark.parametrize("path", ["/admin/nothing/", "/reports/nothing/at/all/"])
def test_whoever_is_lost_finds_the_way_from_the_page_that_says_so(path):
    assert words(masthead(member(is_superuser=True), path, 404))[0] == "Home"
    lost = Client().get(path)
    assert lost.status_code in (302, 404)  # the admin says nothing of its addresses to strangers


def test_where_something_broke_nobody_is_asked_who_it_is(monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError

    client = member(is_superuser=True)
    client.raise_request_exception = False
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.get_app_list", broken)
    assert words(masthead(client, "/admin/", 500)) == ["API"]


def test_a_popup_has_none():
    page = member(is_superuser=True).get("/admin/projects/project/add/?_popup=1").content.decode()
    assert "masthead" not in re.sub(r"<link[^>]*>", "", page)


@pytest.mark.parametrize("path", ["/admin/", "/admin/queue/", "/admin/login/", "/api/docs/", "/reports/"])
def test_every_page_names_its_icon(path):
    client = Client() if "login" in path else member(is_superuser=True)
    assert '<link rel="icon" href="/static/icon.svg">' in client.get(path).content.decode()


def test_it_says_how_many_flags_the_account_can_decide():
    workflow = make_measured_workflow("refund", project=make_project("alice"))
    other = make_measured_workflow("refund", project=make_project("mallory"))
    flag(workflow)
    flag(workflow, reason="review", role="designer")
    flag(workflow, state="resolved")
    flag(other)
    queue = ["Home", "Flag queue", "Savings", "All lists", "API"]
    client = member(name="viewer", project=workflow.project)
    assert words(masthead(client, "/api/docs/")) == ["Home", "Savings", "All lists", "API"]  # it decides none
    for role, count in (("reviewer", " 1 open"), ("designer", " 2 open"), ("owner", " 2 open")):
        client = member(name=role, project=workflow.project, role=role)
        queue[1] = f"Flag queue{count}"
        assert words(masthead(client, "/api/docs/")) == queue, role
    assert words(masthead(member(name="root", is_superuser=True), "/api/docs/"))[1] == "Flag queue 3 open"


def test_it_says_the_same_as_the_queue():
    workflow = make_measured_workflow("refund", project=make_project("alice"))
    for role in ("", "designer", "owner", "night shift"):
        flag(workflow, reason="review", role=role)
    for role, count in (("reviewer", 2), ("designer", 3), ("owner", 4)):
        client = member(name=role, project=workflow.project, role=role)
        assert f"<strong>{count}</strong> open" in client.get("/admin/queue/").content.decode()
        assert words(masthead(client, "/admin/queue/"))[1] == f"Flag queue {count} open"


def test_more_than_ninety_nine_flags_are_not_counted():
    workflow = make_measured_workflow("refund", project=make_project("alice"))
    execution = make_execution(workflow, at=AT)
    made = {"execution": execution, "workflow": workflow, "reason": "uncovered", "detector": "code"}
    Flag.objects.bulk_create(Flag(**made, step=f"s{n}", waiting=False, explanation="") for n in range(130))
    assert words(masthead(member(is_superuser=True), "/api/docs/"))[1] == "Flag queue 99+ open"


def test_counting_takes_two_queries_and_reads_a_hundred_flags_at_most():
    workflow = make_measured_workflow("refund", project=make_project("alice"))
    flag(workflow)
    request = RequestFactory().get("/admin/")
    request.user = account(project=workflow.project, role="reviewer")
    with CaptureQueriesContext(connection) as queries:
        assert [place.waits for place in places(request)["places"]] == ["", "1", "", "", ""]
    roles, workflows, count = (one["sql"] for one in queries)
    assert "membership" in roles
    assert "workflows_workflow" in workflows
    assert "LIMIT 100" in count
    assert "JOIN" not in count


def test_the_pages_of_a_workflow_lead_to_its_savings_and_back():
    workflow = make_measured_workflow("refund", project=make_project("alice"))
    execution = make_execution(workflow, at=AT)
    client = member(project=workflow.project)
    savings = "/reports/alice/workflows/refund/"
    admin = f"/admin/workflows/workflow/{workflow.pk}/change/"
    assert f'href="{savings}"' in client.get(admin).content.decode()
    assert f'href="{savings}"' in client.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert f'href="{admin}"' in client.get(savings).content.decode()
    assert 'href="/reports/alice/"' in client.get("/admin/").content.decode()
