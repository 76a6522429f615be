"""The shape of the REST edge: strict JSON in, problem+json out. Named in the settings, used by every view."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from . import strict_json
from .problems import Fault, Malformed, Problem, TooLarge

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
MAX_BODY = 2 * 1024 * 1024


class StrictJSONParser(BaseParser):
    """A JSON object of at most 2 MiB, in UTF-8. Anything else is refused before a view sees it."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        charset = (parser_context or {}).get("encoding", "utf-8")
        if charset.lower().replace("-", "") != "utf8":
            raise exceptions.UnsupportedMediaType(str(media_type), "JSON comes in UTF-8.")
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"A body has at most {MAX_BODY} bytes.")
        value = strict_json.loads(body)
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


def problem_response(error: Exception, context: dict) -> Response:
    """DRF's exception handler: whatever was raised becomes problem+json, and never an HTML page."""
    if isinstance(error, Problem):
        body = _problem(error.status, error.title, error.detail, error.faults, error.extra)
        return _rendered(body)
    if isinstance(error, Http404):
        return _rendered(_problem(404, "Not found", "There is nothing here, or not for this key."))
    if isinstance(error, RequestDataTooBig):
        return _rendered(_problem(413, "Too large", f"A body has at most {MAX_BODY} bytes."))
    if isinstance(error, exceptions.APIException):
        response = _rendered(_problem(error.status_code, HTTPStatus(error.status_code).phrase, _sentence(error)))
        if getattr(error, "auth_header", None):
            response["WWW-Authenticate"] = error.auth_header
        return response
    logger.exception("unexpected error in the API")
    return _rendered(_problem(500, "Internal error", "We broke. The error is logged; nothing was half written."))


def _problem(status: int, title: str, detail: str, faults: Iterable[Fault] = (), extra: dict | None = None) -> dict:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(extra or {})}
    if listed := [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]:
        body["errors"] = listed
    return body


def _rendered(body: dict) -> Response:
    return Response(body, status=body["status"], content_type=PROBLEM_JSON)


def _sentence(error: exceptions.APIException) -> str:
    return error.detail if isinstance(error.detail, str) else str(error.default_detail)


def plain_problem(status: int, title: str, detail: str) -> Callable[..., JsonResponse]:
    """A Django error view (`handler404` and its kind) that answers problem+json."""

    def view(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
        return JsonResponse(_problem(status, title, detail), status=status, content_type=PROBLEM_JSON)

    return view
