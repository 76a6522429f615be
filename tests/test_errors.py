"""What Django itself refuses, and what breaks: problem+json everywhere but in the admin, which has pages with a sentence."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.test import Client

from projects.models import ApiKey
from tests.cast import make_workflow
from tests.test_rest import problem, served

API = "/api/v1/workflows"
PAGE = "text/html; charset=utf-8"


@pytest.fixture
def client(db):
    _, token = ApiKey.objects.issue(make_workflow().project, ["read", "execute"])
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


@pytest.fixture
def rosa(db):
    """The administrator, in the admin."""
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def page(response, status: int) -> str:
    """The words of a well-formed page of this status."""
    assert (response.status_code, response["Content-Type"]) == (status, PAGE)
    text = response.content.decode()
    assert "<style" not in text
    assert "Workflow Memory</title>" in text
    return text


def break_with(monkeypatch, error: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.get_app_list", broken)
    monkeypatch.setattr("workflows.api.WorkflowList.get", broken)


# Of the API and beside it.


def test_too_many_parameters_are_malformed(client):
    query = "&".join(f"limit={n}" for n in range(1001))
    problem(client.get(f"{API}?{query}"), 400)


def test_a_suspicious_request_is_malformed_and_not_our_fault(client, monkeypatch):
    break_with(monkeypatch, SuspiciousOperation("how very odd"))
    assert "odd" not in problem(client.get(API), 400)["detail"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "nonsense"])
def test_an_answer_that_the_caller_does_not_take_is_406_in_json_all_the_same(client, accept):
    problem(client.get(API, headers={"Accept": accept}), 406)


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json", "text/html, */*;q=0.1"])
def test_an_answer_in_json_is_what_most_callers_take(client, accept):
    assert client.get(API, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/schema/", "/api/docs/"])
def test_what_is_only_read_is_405_in_json(db, method, path):
    response = Client(enforce_csrf_checks=True).generic(method, path)
    assert method in problem(response, 405)["detail"]
    assert response["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/api/schema/", "/api/docs/"])
def test_head_and_options_are_answered_everywhere(db, path):
    head, options = Client().head(path), Client().options(path)
    assert (head.status_code, head.content) == (200, b"")
    assert (options.status_code, options["Allow"], options.content) == (204, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/", "/api/v2/workflows", "/static/nothing.css", "/adminx", "/api/docs"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_there_is_nothing_the_answer_is_json(db, path, method):
    problem(Client(enforce_csrf_checks=True).generic(method, path), 404)


def test_a_form_without_its_token_is_refused_in_json_outside_the_admin(db):
    problem(Client(enforce_csrf_checks=True).post("/"), 403)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("length", ["many", "-5", "", "9" * 5000, "2.5"])
def test_a_length_that_is_none_counts_as_no_body(length):
    """A server refuses it; one that does not leaves it to us."""
    _, token = ApiKey.objects.issue(make_workflow().project, ["execute"])
    environ = {"HTTP_AUTHORIZATION": f"Bearer {token}", "CONTENT_LENGTH": length, "CONTENT_TYPE": "application/json"}
    status, headers, body = served("POST", f"{API}/refund/executions", **environ)
    assert (status, headers["Content-Type"]) == ("400 Bad Request", "application/problem+json")
    assert json.loads(body)["title"] == "Malformed request"


# In the admin.


def test_an_address_of_the_admin_that_is_not_there_is_a_page(rosa):
    assert "There is nothing at this address." in page(rosa.get("/admin/executions/nothing/"), 404)


def test_what_one_may_not_do_in_the_admin_is_a_page(db):
    sam = get_user_model().objects.create_user("sam", password="a long password", is_staff=True)
    client = Client()
    client.force_login(sam)
    assert "This is not allowed." in page(client.get("/admin/projects/project/"), 403)


def test_a_form_of_the_admin_without_its_token_is_a_page_and_says_what_to_do(rosa):
    strict = Client(enforce_csrf_checks=True)
    said = page(strict.post("/admin/login/", {"username": "rosa"}), 403)
    assert "Load it again." in said
    assert "CSRF" not in said


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("a secret"), 500, "We broke."),
        (PermissionDenied("a secret"), 403, "This is not allowed."),
        (SuspiciousOperation("a secret"), 400, "The request could not be read."),
    ],
)
def test_what_breaks_in_the_admin_is_a_page_without_the_reason(rosa, monkeypatch, error, status, said):
    break_with(monkeypatch, error)
    words = page(rosa.get("/admin/"), status)
    assert said in words
    assert "secret" not in words


def test_a_form_too_large_is_a_page(rosa):
    body = "name=" + "x" * 3 * 1024 * 1024
    response = rosa.generic("POST", "/admin/projects/project/add/", body, "application/x-www-form-urlencoded")
    assert "at most 2097152 bytes" in page(response, 413)


def test_a_host_that_is_not_ours_is_malformed_in_the_admin_too_and_costs_no_query(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        words = page(Client().get("/admin/", headers={"Host": "elsewhere.example"}), 400)
    assert "ALLOWED_HOSTS" in words
    assert "elsewhere" not in words


@pytest.mark.parametrize("path", ["/api/v1/workflows", "/healthz", "/nowhere"])
def test_a_host_that_is_not_ours_is_told_what_to_do(path, db):
    answer = Client().get(path, headers={"Host": "elsewhere.example"})
    assert (answer.status_code, "ALLOWED_HOSTS" in answer.json()["detail"]) == (400, True)
