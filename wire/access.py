"""The outermost middleware: each request has an id, which its log lines and its answer carry, and one line of its own."""

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .ids import new_id
from .logs import about, route_of

logger = logging.getLogger(__name__)

SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class AccessLog:
    """Takes `X-Request-ID` from the caller, or from the proxy before us, where it is fit to stand in a log; else makes one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if SANE.fullmatch(given) else str(new_id())
        began = time.monotonic()
        with about(request_id=request_id):
            response = self._get_response(request)
            response["X-Request-ID"] = request_id
            logger.info("answered", extra=_said(request, response, time.monotonic() - began))
        return response


def _said(request: HttpRequest, response: HttpResponse, seconds: float) -> dict[str, object]:
    method = request.method if request.method in METHODS else "another"
    return {
        "method": method,
        "route": route_of(request),
        "status": response.status_code,
        "ms": round(seconds * 1000),
    }
