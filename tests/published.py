"""The published schema as a judge: whether an answer is what it says. `conftest.py` asks it about every answer of the API
that any test sees, so nothing can be answered that is not published."""

import json
import re
from functools import cache

import jsonschema_rs
from rest_framework.response import Response

from wire.openapi import document

BASE = "urn:openapi"


def complaint(route: str, method: str, response: Response) -> str | None:
    """What the schema has against this answer, in a sentence. `route`: `api/v1/flags/<uuid:flag_id>`."""
    path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    operation = document()["paths"].get(path, {}).get("get" if method == "HEAD" else method.lower())
    if operation is None or response.status_code == 500:
        return None  # a method that the address does not have, or we broke: neither is promised
    where = f"{method} {path} answers {response.status_code}"
    answer = operation["responses"].get(str(response.status_code))
    if answer is None:
        return f"{where}, which is not published"
    if "$ref" in answer:
        answer = document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if missing := {name for name, header in answer.get("headers", {}).items() if name not in response}:
        return f"{where} without {missing}"
    return _complaint_of_body(where, answer, response)


def _complaint_of_body(where: str, answer: dict, response: Response) -> str | None:
    if "content" not in answer:
        return f"{where} with a body, and none is published" if response.content else None
    kind, said = next(iter(answer["content"].items()))
    if response["Content-Type"].partition(";")[0] in [*answer["content"]][1:]:
        return None  # a file that is no JSON
    if response["Content-Type"] != kind:
        return f"{where} as {response['Content-Type']}, not {kind}"
    found = _validator(said["schema"]["$ref"]).iter_errors(json.loads(response.content))
    faults = [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in found]
    return f"{where}, and {'; '.join(faults[:5])[:1000]}" if faults else None


@cache
def _validator(reference: str) -> jsonschema_rs.Draft202012Validator:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": reference}
    return jsonschema_rs.Draft202012Validator({**whole, "components": document()["components"]}, validate_formats=True)
