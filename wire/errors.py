"""What is refused or breaks before, beside or behind a view: a page with a sentence where people read, problem+json elsewhere.

Django's error views (`handler404` and its kind) and what the middleware calls. Named in the urls and the settings.
"""

import sys
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from . import rest

PAGES = ("/admin/", "/reports/")
View = Callable[[HttpRequest], HttpResponse]


def refused(request: HttpRequest, problem: rest.Said) -> HttpResponse:
    if not request.path.startswith(PAGES):
        return rest.plain(problem)
    # Above what broke, nobody is asked who it is: that may be what is broken.
    page = render_to_string("error.html", problem, request if problem["status"] < 500 else None)
    return HttpResponse(page, status=problem["status"], headers=rest.headers_of(problem))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return refused(request, rest.too_large())
    if isinstance(exception, DisallowedHost):
        detail = "This service does not answer to the name in Host. Call it by one of its own, or list that one in ALLOWED_HOSTS."
        return refused(request, rest.said(400, "Malformed request", detail))
    return refused(request, rest.said(400, "Malformed request", "The request could not be read."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refused(request, rest.said(403, "Forbidden", "This is not allowed."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refused(request, rest.said(404, "Not found", "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """It is not told the error, and is called while that is being handled."""
    away = isinstance(sys.exception(), OperationalError | InterfaceError)
    return refused(request, rest.busy() if away else rest.broken())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that is not ours, or one of another session. Why is for who can change it: with `DEBUG` only."""
    detail = "This form was not sent from a page of ours, or that page is too old. Load it again."
    return refused(request, rest.said(403, "Forbidden", f"{detail} ({reason})" if settings.DEBUG else detail))


def safe(view: View) -> View:
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
            detail = f"This address has no {request.method[:40]}."
            response = refused(request, rest.said(405, "Method Not Allowed", detail))
        response["Allow"] = "GET, HEAD, OPTIONS"
        return response

    return answer
