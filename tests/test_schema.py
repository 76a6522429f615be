"""The published schema says what the API does: every view declares it, and it is there for everybody."""

import json
from concurrent.futures import ThreadPoolExecutor

import jsonschema_rs
import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.plumbing import ComponentRegistry
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from config import urls
from projects.models import Scope
from tests.cast import make_workflow
from tests.neighbours import BODIES, VIEWS, client_of, filled, ids_of
from tests.published import complaint
from wire import openapi
from wire.answers import Answer, Listed, Problem
from wire.bodies import Body

WITH_BODY = {"POST", "PUT", "PATCH"}
IDEMPOTENT = [
    str(one.pattern) for one in urls.api if "Idempotency-Key" in one.callback.view_class.heeds.get("POST", ())
]


def operations() -> dict[tuple[str, str], dict]:
    return {
        (method.upper(), path): operation
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_view_declares_what_it_takes_and_what_it_answers(view):
    methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
    assert methods == set(view.scopes) == set(view.answers)
    assert methods & WITH_BODY == set(view.bodies)
    assert all(issubclass(body, Body) for body in view.bodies.values())
    for answers in view.answers.values():
        assert min(answers) < 300
        assert all(model is None or issubclass(model, Answer | Problem) for model in answers.values())


def test_every_address_and_method_is_published_with_its_scope():
    expected = {
        (method, "/" + filled(str(one.pattern), Names()).lstrip("/")): one.callback.view_class.enough(method)
        for one in urls.api
        for method in one.callback.view_class.scopes
    }
    published = {
        where: [scope for each in one["security"] for scope in each["key"]] for where, one in operations().items()
    }
    assert {where: tuple(scopes) for where, scopes in published.items()} == expected


class Names(dict):
    def __missing__(self, name: str) -> str:
        return f"{{{name.partition(':')[2]}}}"


def test_every_operation_says_what_it_does_and_is_named_once():
    named = [one["operationId"] for one in operations().values()]
    assert len(named) == len(set(named))
    assert not [where for where, one in operations().items() if not one["summary"].endswith((".", "?"))]


def test_the_first_words_of_a_method_are_its_summary_and_the_rest_its_description():
    run = operations()["POST", "/api/v1/workflows/{name}/executions"]
    assert run["summary"] == "Accepts an execution of the published version."
    assert run["description"].startswith("202; or 200 where it ended")
    assert run["description"].endswith("Scope: `execute`.")


def test_the_schema_is_made_without_a_doubt():
    """Two models of one name, an operation of which something could not be found out: the generator would warn."""
    openapi._made.cache_clear()
    GENERATOR_STATS.reset()
    assert openapi.document()["openapi"] == "3.1.0"
    assert not GENERATOR_STATS


def test_callers_of_the_first_moment_get_one_schema_that_was_made_once():
    openapi._made.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: openapi.document(), range(8)))
    assert len({id(one) for one in found}) == 1


def test_every_component_is_a_schema_and_every_reference_leads_to_one():
    text = json.dumps(openapi.document())
    components = openapi.document()["components"]
    for schema in components["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    for kind in ("schemas", "responses"):
        referred = {part.partition('"')[0] for part in text.split(f"#/components/{kind}/")[1:]}
        assert referred <= set(components[kind])
    assert {
        one["content"]["application/problem+json"]["schema"]["$ref"] for one in components["responses"].values()
    } == {"#/components/schemas/Problem"}


def test_a_body_is_published_as_it_is_read():
    schemas = openapi.document()["components"]["schemas"]
    new = schemas["NewExecution"]
    assert (new["required"], new["additionalProperties"], set(new["properties"])) == (
        ["input"],
        False,
        {"input", "version", "lane", "metadata"},
    )
    assert operations()["POST", "/api/v1/workflows/{name}/executions"]["requestBody"]["required"] is True
    assert operations()["POST", "/api/v1/executions/{execution_id}/retries"]["requestBody"]["required"] is False


def test_a_body_is_published_in_every_form_that_is_taken():
    forms = {where: set(one["requestBody"]["content"]) for where, one in operations().items() if "requestBody" in one}
    as_yaml = {("POST", "/api/v1/workflows"), ("POST", "/api/v1/workflows/{name}/versions")}
    assert {where for where, kinds in forms.items() if kinds == {"application/json", "application/yaml"}} == as_yaml
    assert all(kinds == {"application/json"} for where, kinds in forms.items() if where not in as_yaml)


def test_a_list_is_published_with_its_filters_and_its_paging():
    parameters = {one["name"]: one["schema"] for one in operations()["GET", "/api/v1/flags"]["parameters"]}
    assert set(parameters) == {"state", "waiting", "reason", "workflow", "cursor", "limit"}
    assert parameters["state"]["enum"] == ["open", "in_redesign", "resolved", "dismissed", "recorded"]
    assert parameters["limit"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}


def test_the_schema_and_its_page_need_no_key_and_tell_nothing_of_anybody(db):
    make_workflow()
    schema, page = Client().get("/api/schema/"), Client().get("/api/docs/")
    assert (schema.status_code, schema["Content-Type"]) == (200, "application/json")
    assert schema.json() == json.loads(json.dumps(openapi.document()))
    assert b"alice" not in schema.content
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"//cdn" not in page.content
    assert Client().head("/api/schema/").status_code == 200
    refused = Client().post("/api/schema/")
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("pattern", IDEMPOTENT)
def test_the_idempotency_key_is_heeded_where_that_is_published(pattern, foreign):
    client = client_of(foreign.project, Scope.ADMIN)
    body = {**BODIES["POST", pattern], **({"name": "another"} if pattern == "workflows" else {})}
    address = filled(pattern, ids_of(foreign))
    response = client.post(address, body, "application/json", headers={"Idempotency-Key": "é"})
    assert (response.status_code, "Idempotency-Key" in response.json()["detail"]) == (400, True)


# The judge of every answer in these tests.


def answered(body: object, status: int = 200, kind: str = "application/json") -> Response:
    response = Response(body, status=status, content_type=kind)
    response.accepted_renderer, response.accepted_media_type, response.renderer_context = JSONRenderer(), kind, {}
    return response.render()


WORKFLOW = {"name": "refund", "published": None, "archived_at": None, "created_at": "2026-11-23T09:30:00Z"}


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answered(WORKFLOW), None),
        (answered({**WORKFLOW, "secret": 1}), "secret"),
        (answered({"name": "refund", "published": None}), "created_at"),
        (answered({**WORKFLOW, "created_at": "yesterday"}), "date-time"),
        (answered({**WORKFLOW, "name": 5}), "string"),
        (answered(WORKFLOW, 201), "not published"),
        (answered(WORKFLOW, kind="text/html"), "as text/html"),
        (answered({"detail": "no"}, 404, "application/problem+json"), "required"),
        (answered({}, 429, "application/problem+json"), "without {'Retry-After'}"),
    ],
)
def test_an_answer_that_is_not_as_it_is_published_is_noticed(response, said):
    found = complaint("api/v1/workflows/<str:name>", "GET", response)
    assert (found is None) if said is None else said in found


def test_two_models_of_one_name_are_noticed():
    schema, rows = openapi.Schema(), [type("Row", (Answer,), {"__annotations__": {name: int}}) for name in "ab"]
    schema.registry = ComponentRegistry()
    GENERATOR_STATS.reset()
    assert schema._component(Listed[rows[0]]) == {"$ref": "#/components/schemas/RowList"}
    assert not GENERATOR_STATS
    schema._component(rows[1])
    assert GENERATOR_STATS
