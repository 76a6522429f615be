"""The shape of the REST edge: strict JSON in, problem+json out. Named in the settings and the urls, used by every view."""

import logging
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from . import strict_json
from .problems import Fault, Malformed, NotFound, Problem, TooLarge, Unavailable

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
MAX_BODY = 2 * 1024 * 1024
RETRY_AFTER = 5  # seconds: what keeps a database busy is over in this time, or somebody has to look


class StrictJSONParser(BaseParser):
    """A JSON object of at most 2 MiB, in UTF-8. Anything else is refused before a view sees it."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"A body has at most {MAX_BODY} bytes.")
        value = strict_json.loads(body)
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


def problem_response(error: Exception, context: dict) -> Response:
    """DRF's exception handler: whatever was raised becomes problem+json, and never an HTML page."""
    response = _rendered(_problem_of(error))
    if getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = error.auth_header
    return response


def _problem_of(error: Exception) -> dict:
    match error := _in_our_words(error):
        case Problem():
            return _problem(error.status, error.title, error.detail, error.faults, error.extra)
        case exceptions.APIException():
            return _problem(error.status_code, HTTPStatus(error.status_code).phrase, _sentence(error))
        case OperationalError() | InterfaceError():
            logger.warning("the database does not answer: %s", error)
            return _busy()
    logger.exception("unexpected error in the API")
    return _broken()


def _in_our_words(error: Exception) -> Exception:
    """What Django says of a request, as one of our problems."""
    match error:
        case Http404():
            return NotFound("There is nothing here, or not for this key.")
        case RequestDataTooBig():
            return TooLarge(f"A body has at most {MAX_BODY} bytes.")
        case SuspiciousOperation():  # beyond one of its bounds, such as a thousand parameters in a query
            return Malformed("The request could not be read.")
    return error


def _problem(status: int, title: str, detail: str, faults: Iterable[Fault] = (), extra: dict | None = None) -> dict:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(extra or {})}
    if listed := [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]:
        body["errors"] = listed
    return body


def _busy() -> dict:
    return _problem(Unavailable.status, Unavailable.title, "The database is busy; try again in a moment.")


def _broken() -> dict:
    return _problem(500, "Internal error", "We broke. The error is logged; nothing was half written.")


def _rendered(body: dict) -> Response:
    return Response(body, status=body["status"], headers=_headers(body["status"]), content_type=PROBLEM_JSON)


def _plain(body: dict) -> JsonResponse:
    return JsonResponse(body, status=body["status"], headers=_headers(body["status"]), content_type=PROBLEM_JSON)


def _headers(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER)} if status in (429, 503) else {}


def _sentence(error: exceptions.APIException) -> str:
    return error.detail if isinstance(error.detail, str) else str(error.default_detail)


def plain_problem(status: int, title: str, detail: str) -> Callable[..., JsonResponse]:
    """A Django error view (`handler404` and its kind) that answers problem+json."""

    def view(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
        return _plain(_problem(status, title, detail))

    return view


def safe(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For a view outside the API: it is asked by GET and HEAD, OPTIONS says so, and any other method is 405."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
            del response["Content-Type"]
        else:
            response = _plain(_problem(405, "Method Not Allowed", f"This address has no {request.method[:40]}."))
        response["Allow"] = "GET, HEAD, OPTIONS"
        return response

    return answer


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's `handler500`, for what no view of the API answers: the admin, the middleware.

    It is not told the error, and is called while that is being handled.
    """
    return _plain(_busy() if isinstance(sys.exception(), OperationalError | InterfaceError) else _broken())
