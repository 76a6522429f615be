"""The manners of the REST edge: whatever comes, the answer is problem+json with the right status, and never a page."""

import json
from datetime import timedelta
from uuid import UUID
from wsgiref.util import setup_testing_defaults

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from config.wsgi import application
from executions import worker
from executions.drivers import plain
from executions.models import Execution
from projects.models import ApiKey, Scope
from tests.cast import REFUND, envelope, make_workflow, models_answer
from tests.locked import LockedDatabase
from wire import strict_yaml
from workflows.models import Workflow

API = "/api/v1"
RUN = f"{API}/workflows/refund/executions"
JSON = "application/json"
BOOKKEEPING = {"status": "completed", "cost": "0.00", "project": "mallory", "id": "1", "created_by": "rosa"}


@pytest.fixture
def workflow(db):
    return make_workflow()


@pytest.fixture
def token(workflow):
    return ApiKey.objects.issue(workflow.project, [scope for scope in Scope.values if scope != Scope.ADMIN])[1]


@pytest.fixture
def client(token):
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


def problem(response, status: int) -> dict:
    """The body of a well-formed problem of this status."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["detail"]
    return body


# What arrives: reliability, part 3 A.


def run_with(value: str) -> str:
    """A body for an execution, in which `value` stands as it is."""
    return f'{{"input": {{"message": {value}}}}}'


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        pytest.param(run_with(f'"{"x" * 3 * 1024 * 1024}"'), 413, "at most 2097152 bytes", id="3 MiB"),
        pytest.param("[" * 5000 + "]" * 5000, 400, "Nested deeper than 32", id="nested 5,000 deep"),
        pytest.param(run_with("[" + "{}," * 100_000 + "{}]"), 413, "More than 20000 values", id="100,000 objects"),
        pytest.param(run_with(r'"\u0000"'), 422, "NUL", id="NUL in a value"),
        pytest.param(r'{"input": {"\u0000": 1}}', 422, "NUL", id="NUL in a key"),
        pytest.param(run_with(r'"\ud800"'), 422, "surrogate", id="lone surrogate in a value"),
        pytest.param(r'{"input": {"\udfff": 1}}', 422, "surrogate", id="lone surrogate in a key"),
        pytest.param(run_with("NaN"), 400, "NaN", id="NaN"),
        pytest.param(run_with("-Infinity"), 400, "Infinity", id="Infinity"),
        pytest.param(run_with("1e400"), 400, "too large", id="1e400"),
        pytest.param(run_with("1" * 4000), 422, "beyond", id="4,000 digits"),
        pytest.param(run_with("9007199254740993"), 422, "beyond", id="beyond 2^53"),
        pytest.param('{"input": 1, "input": 2}', 400, "stands twice", id="a key twice"),
        pytest.param("[]", 400, "must be a JSON object", id="an array"),
        pytest.param('"text"', 400, "must be a JSON object", id="a text"),
        pytest.param("null", 400, "must be a JSON object", id="null"),
        pytest.param("", 400, "body is empty", id="nothing"),
        pytest.param("   ", 400, "Not JSON", id="blanks"),
        pytest.param(b"\xef\xbb\xbf{}", 400, "Not JSON", id="a byte order mark"),
        pytest.param("{} {}", 400, "Not JSON", id="trailing bytes"),
        pytest.param(b'{"input": "\xff"}', 400, "not UTF-8", id="bad UTF-8"),
        pytest.param("{'input': 1}", 400, "Not JSON", id="single quotes"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused(client, body, status, detail):
    found = problem(client.generic("POST", RUN, body, JSON), status)
    assert detail in json.dumps(found)
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", f"{API}/workflows"),
        ("POST", f"{API}/workflows/refund/versions"),
        ("PUT", f"{API}/workflows/refund/baseline"),
        ("POST", RUN),
    ],
)
def test_an_empty_body_is_malformed_where_something_has_to_be_said(client, method, address):
    assert "body is empty" in problem(client.generic(method, address, "", JSON), 400)["detail"]
    assert "body is empty" in problem(client.generic(method, address), 400)["detail"]


def test_an_empty_body_is_enough_where_every_key_is_optional(client):
    assert client.generic("POST", f"{API}/workflows/refund/versions/1.0.0/publication").status_code == 201


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/json; charset=bogus",
        "application/json; charset=hex",
        "application/json; charset=latin-1",
        "nonsense",
    ],
)
def test_a_body_of_another_kind_is_not_supported(client, kind):
    problem(client.generic("POST", f"{RUN}", run_with('"a refund"'), kind), 415)
    assert not Execution.objects.exists()


@pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8", 'application/json;charset="UTF-8"'])
def test_json_in_utf_8_is_supported_however_it_is_written(client, kind):
    assert client.generic("POST", RUN, run_with('"a refund"'), kind).status_code == 202


WRITTEN = """
name: written
designed_at: 2026-11-01T09:30:00Z
definition:
  title: Written by hand
  purpose: Say what it is about.
  input_schema: {type: object}
  constants: {open: 9:00, on: no}
  steps:
    - {id: hours, kind: code, code: "def run(input, steps): return {'at': constants['open']}"}
"""


def test_a_definition_may_come_in_a_body_of_yaml(client):
    said = client.generic("POST", f"{API}/workflows", WRITTEN, "application/yaml")
    assert said.status_code == 201, said.content
    assert said.json()["definition"]["constants"] == {"open": "9:00", "on": "no"}
    as_json = {"version": "2.0.0", "definition": said.json()["definition"]}
    same = client.post(f"{API}/workflows/written/versions", as_json, JSON).json()
    assert same["content_hash"] == said.json()["content_hash"]
    later = "bump: minor\n" + WRITTEN.replace("name: written\n", "")
    assert client.generic("POST", f"{API}/workflows/written/versions", later, "application/yaml").status_code == 201


def test_the_same_body_as_yaml_and_as_json_is_one_request(client):
    once = {"Idempotency-Key": "written"}
    first = client.generic("POST", f"{API}/workflows", WRITTEN, "application/yaml", headers=once)
    again = client.post(f"{API}/workflows", strict_yaml.loads(WRITTEN), JSON, headers=once)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (WRITTEN.replace("kind: code", "kind: cod"), 422, "/definition/steps/0/kind"),
        (WRITTEN + "name: again", 400, "The key 'name' stands twice in one object at line 11, column 1"),
        (WRITTEN + "publsh: true", 422, "/publsh"),
        ("- a", 400, "must be a YAML mapping"),
        ("", 400, "body is empty"),
        (b"name: \xff", 400, "not UTF-8"),
        ("a: &a {b: 1}\nc: [" + ", ".join(["*a"] * 11_000) + "]", 413, "More than 20000 values"),
        ("x" * (2 * 1024 * 1024 + 1), 413, "at most 2097152 bytes"),
    ],
)
def test_a_body_of_yaml_is_read_as_strictly_as_json(client, body, status, said):
    found = problem(client.generic("POST", f"{API}/workflows", body, "application/yaml"), status)
    assert said in json.dumps(found)


def test_yaml_is_taken_where_definitions_are_and_nowhere_else(client):
    problem(client.generic("POST", RUN, "input: {message: a refund}", "application/yaml"), 415)
    problem(client.generic("POST", f"{API}/workflows", WRITTEN, "application/yaml; charset=latin-1"), 415)


def served(method: str, path: str, **environ: object) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body as a server gets them, without the tidying of a test client."""
    setup_testing_defaults(environ)
    told = []
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path}
    body = b"".join(application(environ, lambda *status_and_headers: told.extend(status_and_headers)))
    return told[0], dict(told[1]), body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("charset", ["=hex", "=undefined", "=utf-16", "=bogus", "*=bogus''x"])
def test_nothing_is_read_in_a_charset_of_the_callers_choice(token, charset):
    """Not the query either: Django would, and would break before any view is asked."""
    environ = {"HTTP_AUTHORIZATION": f"Bearer {token}", "QUERY_STRING": "limit=%35"}
    kind = f"application/json; charset{charset}"
    status, headers, body = served("GET", f"{API}/workflows", CONTENT_TYPE=kind, **environ)
    assert (status, headers["Content-Type"]) == ("415 Unsupported Media Type", "application/problem+json")
    assert json.loads(body)["detail"] == "A body comes in UTF-8."


# Who asks: reliability, part 3 D.


def test_without_a_key_or_with_a_wrong_one_the_answer_is_401_and_tells_nothing(client, token, workflow):
    revoked, revoked_token = ApiKey.objects.issue(workflow.project, ["read"])
    expired, expired_token = ApiKey.objects.issue(workflow.project, ["read"])
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    wrong = [token[:-1], token + "x", token.upper(), "wm_", "nonsense", "é", revoked_token, expired_token]
    answers = set()
    for given in wrong:
        response = Client(headers={"Authorization": f"Bearer {given}"}).get(f"{API}/workflows")
        answers.add(problem(response, 401)["detail"])
        assert response["WWW-Authenticate"] == "Bearer"
    assert answers == {"This key is unknown, expired or revoked."}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic YWxpY2U6c2VjcmV0"}, {"Authorization": "TOKEN"}, {"X-Api-Key": "TOKEN"}],
)
def test_a_key_comes_as_a_bearer_or_not_at_all(token, headers):
    stranger = Client(headers={name: value.replace("TOKEN", token) for name, value in headers.items()})
    response = stranger.get(f"{API}/workflows")
    problem(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["key", "token", "access_token", "api_key", "Authorization"])
def test_a_key_in_the_query_is_not_looked_at(token, name):
    response = Client().get(f"{API}/workflows", {name: f"Bearer {token}"})
    assert token not in json.dumps(problem(response, 401))


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", f"{API}/workflows", {"name": "new", "definition": {}, **BOOKKEEPING}),
        ("POST", f"{API}/workflows/refund/versions", {"bump": "minor", "definition": {}, **BOOKKEEPING}),
        ("POST", f"{API}/workflows/refund/versions/1.0.0/publication", BOOKKEEPING),
        ("PUT", f"{API}/workflows/refund/baseline", {"method": "repriced_warm", **BOOKKEEPING}),
        ("POST", RUN, {"input": {"message": "a refund"}, **BOOKKEEPING}),
    ],
)
def test_what_only_we_may_say_is_refused_and_not_ignored(client, method, address, body):
    found = problem(client.generic(method, address, json.dumps(body), JSON), 422)
    unknown = {one["pointer"] for one in found["errors"] if one["detail"] == "Unknown key."}
    assert unknown == {f"/{key}" for key in BOOKKEEPING}
    assert (Workflow.objects.count(), Execution.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "query",
    [
        "ordering=password",
        "filter[__class__]=x",
        "created_at__gt=1e309",
        "workflow__project=1",
        "format=xml",
        "limit=0",
        "limit=201",
        "limit=1e3",
        "limit=٣",
        "limit=-1",
        "cursor=nonsense",
        "status=lost",
        "status=queued&status=failed",
        "since=yesterday",
        "since=2026-02-30",
        "since=0001-01-01T00:00:00%2B01:00",
        "until=9999-12-31T23:59:59-01:00",
        "workflow=%00",
        "&".join(f"filter{number}=1" for number in range(2000)),
    ],
)
def test_a_filter_that_is_not_there_or_cannot_be_read_is_malformed(client, query):
    problem(client.get(f"{API}/executions?{query}"), 400)


@pytest.mark.parametrize(
    "query",
    ["since=0001-01-01", "until=0001-01-01T00:00:00Z", "since=9999-12-31T23:59:59.999999Z", "until=9999-12-31"],
)
def test_the_edges_of_time_can_be_asked_for(client, query):
    for address in ("executions", "costs", "workflows/refund/costs"):
        if address == "executions" or "T" not in query:
            assert client.get(f"{API}/{address}?{query}").status_code == 200


@pytest.mark.parametrize("cursor", ["9" * 30, "-" + "9" * 30, "9223372036854775808", "0"])
def test_a_cursor_beyond_every_row_is_an_empty_or_whole_page_and_no_error(client, cursor):
    assert client.get(f"{API}/workflows?cursor={cursor}").status_code == 200


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_time_at_the_edge_can_be_stored_and_read(client, time):
    body = {"method": "declared", "cost_per_execution": "5.20", "from": time}
    assert client.put(f"{API}/workflows/refund/baseline", body, JSON).status_code == 200
    for address in ("workflows/refund/baseline", "workflows/refund/costs", "costs"):
        assert client.get(f"{API}/{address}").status_code == 200


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("0001-01-01T00:00:00Z", "A version was designed on or after 2000-01-01."),
        ("1999-12-31T23:59:59Z", "A version was designed on or after 2000-01-01."),
        ("9999-12-31T23:59:59Z", "A version was not designed in the future."),
    ],
)
def test_a_version_is_designed_in_these_years_and_not_in_the_future(client, time, said):
    body = {"bump": "minor", "definition": {**REFUND, "purpose": "Another."}, "designed_at": time}
    found = problem(client.post(f"{API}/workflows/refund/versions", body, JSON), 422)
    assert found["errors"] == [{"pointer": "/designed_at", "detail": said}]


def test_a_time_before_the_first_is_invalid(client):
    body = {"method": "repriced_warm", "from": "0001-01-01T00:00:00+01:00"}
    found = problem(client.put(f"{API}/workflows/refund/baseline", body, JSON), 422)
    assert found["errors"] == [
        {"pointer": "/from", "detail": "This time lies outside the years 1 to 9999 in UTC."},
    ]


@pytest.mark.parametrize("version", ["01.0.0", "1.0.0+build", "1.0", "v1.0.0", "1.0.0 ", "１.0.0"])
def test_a_version_has_one_way_to_be_written(client, version):
    found = problem(client.post(f"{API}/workflows/refund/versions", {"version": version, "definition": {}}, JSON), 422)
    assert "/version" in [one["pointer"] for one in found["errors"]]


def test_a_definition_that_is_no_object_is_said_once_where_it_stands(client):
    found = problem(client.post(f"{API}/workflows", {"name": "new", "definition": 5}, JSON), 422)
    assert found["errors"] == [{"pointer": "/definition", "detail": "This must be an object."}]


def test_a_definition_may_be_yaml_or_markdown_alone(client):
    step = "{id: a, kind: code, code: 'def run(input, steps): return input'}"
    yaml = f"title: Greet\npurpose: Greet.\ninput_schema: {{}}\nsteps:\n- {step}\n"
    made = client.post(f"{API}/workflows", {"name": "greet", "definition": yaml}, JSON)
    assert (made.status_code, made.json()["definition"]["steps"][0]["id"]) == (201, "a")
    markdown = {"name": "hello", "definition": "# Say hello\n\nBe kind, {{ name }}.", "publish": True}
    made = client.post(f"{API}/workflows", markdown, JSON)
    assert made.status_code == 201
    definition = made.json()["definition"]
    assert (definition["title"], definition["steps"][0]["id"]) == ("Say hello", "follow")
    models_answer({"system": "Be kind, [{]{2} name }}", "text": envelope({"response": "Hello"})})
    accepted = client.post(f"{API}/workflows/hello/executions", {"input": {"anything": 1}}, JSON)
    assert accepted.status_code == 202
    plain.advance(UUID(accepted.json()["id"]), worker.current())
    assert client.get(f"{API}/executions/{accepted.json()['id']}").json()["output"] == {"response": "Hello"}


@pytest.mark.parametrize("text", ["", "steps:\n- a\n- {b", "title: a\ninput_schema: !!int 1"])
def test_a_text_that_is_no_definition_is_invalid_where_it_stands(client, text):
    said = problem(client.post(f"{API}/workflows", {"name": "greet", "definition": text}, JSON), 422)
    assert [fault["pointer"] for fault in said["errors"]] == ["/definition"]


# What may be asked where.


def test_an_address_that_is_not_there_answers_404(client):
    for address in (f"{API}/nothing", f"{API}/workflows/", f"{API}/executions/1", "/nothing", f"{API}/workflows/%00"):
        problem(client.get(address), 404)


def test_a_key_that_lacks_the_scope_is_told_which(workflow):
    _, token = ApiKey.objects.issue(workflow.project, ["read"])
    reader = Client(headers={"Authorization": f"Bearer {token}"})
    assert "'execute'" in problem(reader.post(RUN, {"input": {}}, JSON), 403)["detail"]


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "TRACE", "BREW"])
def test_a_method_that_an_address_does_not_have_is_405(client, method):
    response = client.generic(method, f"{API}/workflows", "{}", JSON)
    problem(response, 405)
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_head_is_get_without_a_body(client):
    response = client.head(f"{API}/workflows")
    assert (response.status_code, response.content) == (200, b"")
    assert client.head(f"{API}/workflows/unknown").status_code == 404
    assert client.head(RUN).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_head_has_no_body_for_a_server_that_sends_whatever_it_gets(token):
    status, headers, body = served("HEAD", f"{API}/workflows", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (status, body) == ("200 OK", b"")
    assert int(headers["Content-Length"]) > 100


def test_options_names_the_methods_to_whoever_has_a_key(client):
    response = client.options(RUN)
    assert (response.status_code, response["Allow"]) == (204, "POST, OPTIONS")
    problem(Client().options(RUN), 401)


def test_a_host_that_is_not_ours_is_malformed(client):
    problem(client.get(f"{API}/workflows", headers={"Host": "elsewhere.example"}), 400)


# When the database does not answer.


def issue_used(workflow) -> Client:
    """A key that was used a moment ago, so that its use is not written again."""
    key, token = ApiKey.objects.issue(workflow.project, ["admin"])
    key.touch()
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_is_a_reason_to_come_back():
    client = issue_used(make_workflow())
    with LockedDatabase():
        response = client.post(RUN, {"input": {"message": "a refund"}}, JSON)
    assert "try again" in problem(response, 503)["detail"]
    assert response["Retry-After"] == "5"
    assert client.post(RUN, {"input": {"message": "a refund"}}, JSON).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_is_a_reason_to_come_back_outside_the_api_too():
    get_user_model().objects.create_superuser("rosa", password="a long password")
    client = Client(raise_request_exception=False)
    with LockedDatabase():
        response = client.post("/admin/login/", {"username": "rosa", "password": "a long password"})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert b"The database is busy; try again in a moment." in response.content


def test_an_error_of_ours_is_not_blamed_on_the_database(client, monkeypatch):
    monkeypatch.delattr("workflows.api.represent_workflow")
    assert problem(client.get(f"{API}/workflows"), 500)["title"] == "Internal error"
