"""The shape of the REST edge: strict JSON in, problem+json out. Named in the settings and the urls, used by every view."""

import logging
import math
from collections.abc import Iterable
from http import HTTPStatus
from typing import IO, Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from . import strict_json, strict_yaml
from .problems import Fault, Malformed, Problem, TooLarge, Unavailable

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
MAX_BODY = 2 * 1024 * 1024
Said = dict[str, Any]  # a problem, as it goes out
RETRY_AFTER = 5  # seconds: what keeps a database busy is over in this time, or somebody has to look


class StrictJSONParser(BaseParser):
    """A JSON object of at most 2 MiB, in UTF-8. Anything else is refused before a view sees it."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        value = strict_json.loads(_read(stream))
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


class StrictYAMLParser(BaseParser):
    """The same object as YAML, where a person writes what is sent: for the views that name it."""

    media_type = "application/yaml"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        try:
            text = _read(stream).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("The body is not UTF-8.") from error
        value = strict_yaml.loads(text, max_text=MAX_BODY)
        if not isinstance(value, dict):
            raise Malformed("The body must be a YAML mapping.")
        return value


def _read(stream: IO[bytes]) -> bytes:
    body = stream.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise TooLarge(f"A body has at most {MAX_BODY} bytes.")
    return body


def problem_response(error: Exception, context: dict) -> Response:
    """DRF's exception handler: whatever was raised becomes problem+json, and never an HTML page."""
    problem = _problem_of(error)
    wait = getattr(error, "wait", None)
    headers = headers_of(problem) if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
    response = Response(problem, status=problem["status"], headers=headers, content_type=PROBLEM_JSON)
    if getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = error.auth_header
    return response


def _problem_of(error: Exception) -> Said:
    match error:
        case Problem():
            problem = said(error.status, error.title, error.detail, error.faults, error.extra)
        case Http404():
            problem = said(404, "Not found", "There is nothing here, or not for this key.")
        case RequestDataTooBig():
            problem = too_large()
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            problem = said(400, "Malformed request", "The request could not be read.")
        case exceptions.APIException():
            problem = said(error.status_code, HTTPStatus(error.status_code).phrase, _sentence(error))
        case OperationalError() | InterfaceError():
            logger.warning("the database does not answer: %s", error)
            problem = busy()
        case _:
            logger.exception("unexpected error in the API")
            problem = broken()
    return problem


def said(status: int, title: str, detail: str, faults: Iterable[Fault] = (), extra: Said | None = None) -> Said:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(extra or {})}
    if listed := [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]:
        body["errors"] = listed
    return body


def too_large() -> Said:
    return said(TooLarge.status, TooLarge.title, f"A body has at most {MAX_BODY} bytes.")


def busy() -> Said:
    return said(Unavailable.status, Unavailable.title, "The database is busy; try again in a moment.")


def broken() -> Said:
    return said(500, "Internal error", "We broke. The error is logged; nothing was half written.")


def plain(problem: Said) -> JsonResponse:
    """An answer without a view of the API."""
    return JsonResponse(problem, status=problem["status"], headers=headers_of(problem), content_type=PROBLEM_JSON)


def headers_of(problem: Said) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER)} if problem["status"] in (429, 503) else {}


def _sentence(error: exceptions.APIException) -> str:
    return error.detail if isinstance(error.detail, str) else str(error.default_detail)
