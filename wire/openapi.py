"""The published schema (OpenAPI 3.1), made of what the views say of themselves. Named in the settings and the urls."""

import json
import re
from functools import cache
from http import HTTPStatus
from inspect import cleandoc
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from .answers import Problem
from .errors import safe
from .paging import MAX_PAGE_SIZE, PAGE_SIZE
from .rest import PROBLEM_JSON

REF = "#/components/schemas/{model}"
_making = Lock()  # the generator is not made for several threads: callers of the first moment got a 500
ALWAYS = (400, 401, 403, 406, 415, 429, 503)  # whatever is asked of whichever address
WITH_ID = (404,)
WITH_BODY = (413, 422)
PROBLEMS = {
    400: "What was sent cannot be read: the body is no object, or a parameter is unknown or wrong.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key lacks the scope.",
    404: "Unknown, or another project's.",
    405: "The address has no such method; `Allow` names those that it has.",
    406: "The answer is JSON, and `Accept` does not take that.",
    409: "Not in this state; the answer says which one was found.",
    413: "The body is too large, or has too many values.",
    415: "The body is of a kind that the address does not take, not in UTF-8, or compressed.",
    422: "It can be read and is wrong: `errors` says where.",
    429: "Too many requests; `Retry-After` says in how many seconds to come back.",
    503: "Busy at this moment; `Retry-After` says in how many seconds to come back.",
}
PAGING = {
    "cursor": {"type": "string"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
}
HEADERS = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
    "Prefer": {"type": "string", "description": "`wait=N` waits up to N seconds, at most 60."},
}


class _Generated(GenerateJsonSchema):
    """A default that is no JSON says nothing, and is no reason to warn."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}


class Schema(AutoSchema):
    """The operation of one address and method."""

    def get_operation_id(self) -> str:
        """`GET /api/v1/flags/{flag_id}` → `get_flags_flag_id`: no two are the same."""
        return "_".join([self.method.lower(), *re.findall(r"\w+", re.sub(self.path_prefix, "", self.path))])

    def get_summary(self) -> str:
        return self._words()[0]

    def get_description(self) -> str:
        rest = self._words()[1]
        return f"{rest}\n\nScope: `{self._scope()}`.".strip()

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"key": [scope]} for scope in self.view.enough(self.method)]

    def _scope(self) -> str:
        return "` or `".join(self.view.enough(self.method))

    def _words(self) -> tuple[str, str]:
        """The first paragraph of what the method says of itself, else its view, and the rest."""
        said = getattr(self.view, self.method.lower()).__doc__ or type(self.view).__doc__ or ""
        first, _, rest = cleandoc(said).partition("\n\n")
        return " ".join(first.split()), rest

    def _get_parameters(self) -> list[dict[str, Any]]:
        path = self._resolve_path_parameters(re.findall(r"{(\w+)}", self.path))
        query = {}
        if self.method == "GET":
            query = {name: one.schema for name, one in self.view.filters.items()} | (PAGING if self.view.paged else {})
        headers = {name: HEADERS[name] for name in self.view.heeds.get(self.method, ())}
        return [*path, *_parameters("query", query), *_parameters("header", headers)]

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:
        body = self.view.bodies.get(self.method)
        if body is None:
            return None
        content = {kind.media_type: {"schema": self._component(body)} for kind in self.view.parser_classes}
        return {"required": not body.may_be_empty(), "content": content}

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        answers = self.view.answers[self.method]
        problems = {status for status, model in answers.items() if model is Problem}
        problems |= {*ALWAYS, *(WITH_ID if "{" in self.path else ())}
        problems |= {*WITH_BODY} if self.method in self.view.bodies else set()
        given = {str(status): self._answer(status, model) for status, model in answers.items() if model is not Problem}
        refused = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in sorted(problems)}
        return given | refused

    def _answer(self, status: int, model: type[BaseModel] | None) -> dict[str, Any]:
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if model is not None:
            answer["content"] = {"application/json": {"schema": self._component(model)}}
            for kind in getattr(model, "also", ()):
                answer["content"][kind] = {"schema": {"type": "string"}}
        return answer

    def _component(self, model: type[BaseModel]) -> dict[str, str]:
        """A reference to the model, which is published once, with everything it is made of."""
        schema = model.model_json_schema(ref_template=REF, schema_generator=_Generated)
        for name, part in [*schema.pop("$defs", {}).items(), (model.__name__, schema)]:
            identity = ComponentIdentity(part)  # two models of one name are warned of, and the tests allow no warning
            self.registry.register_on_missing(ResolvedComponent(name, ResolvedComponent.SCHEMA, part, identity))
        return {"$ref": REF.format(model=model.__name__)}


def _parameters(where: str, schemas: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "in": where, "schema": schema} for name, schema in schemas.items()]


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")


def with_problems(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """What is the same at every address, once: the key, and the problems by status."""
    components = result["components"]
    problem = Problem.model_json_schema(ref_template=REF)
    components["schemas"] |= problem.pop("$defs") | {"Problem": problem}
    components["responses"] = {_name(status): _refusal(status, said) for status, said in PROBLEMS.items()}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "A project's key."}}
    return result


def _refusal(status: int, said: str) -> dict[str, Any]:
    headers = {401: ("WWW-Authenticate", "string"), 405: ("Allow", "string")}
    headers |= {429: ("Retry-After", "integer"), 503: ("Retry-After", "integer")}
    answer = {"description": said, "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}}}
    if status in headers:
        name, kind = headers[status]
        answer["headers"] = {name: {"schema": {"type": kind}, "required": True}}
    return answer


def document() -> dict[str, Any]:
    """The whole schema. It changes with the code only."""
    with _making:
        return _made()


@cache
def _made() -> dict[str, Any]:
    return SchemaGenerator().get_schema(public=True)


@safe
def schema(request: HttpRequest) -> HttpResponse:
    """`/api/schema/`. It needs no key: it says what the source says, and nothing of anybody."""
    return HttpResponse(_text(), content_type="application/json")


@cache
def _text() -> bytes:
    return json.dumps(document(), ensure_ascii=False, indent=1).encode()


@safe
def docs(request: HttpRequest) -> HttpResponse:
    """`/api/docs/`: the schema for a person, by the swagger-ui that is installed beside us."""
    return render(request, "docs.html")
