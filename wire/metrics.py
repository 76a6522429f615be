"""`/metrics` in Prometheus' format. What is told is asked of the database, so that every web process tells the same of all
workers and no restart sets a counter back; and it is remembered for seconds, so that scraping cannot hurt."""

import hmac
import time
from collections.abc import Callable, Iterable
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from . import rest
from .errors import refused, safe

Look = Callable[[], Iterable[Metric]]


class Remembered(Collector):
    """What `look` found in the last so many seconds, for everybody who asks."""

    def __init__(self, look: Look, seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._found: list[Metric] = []
        self._until = 0.0
        self._lock = Lock()

    def collect(self) -> list[Metric]:
        # While one looks, the others are answered with what was found before: a slow database holds up one thread.
        if self._lock.acquire(blocking=not self._found):
            try:
                if time.monotonic() >= self._until:
                    self._found = list(self._look())
                    self._until = time.monotonic() + self._seconds
            finally:
                self._lock.release()
        return self._found


def exposition(*collectors: Collector) -> Callable[[HttpRequest], HttpResponse]:
    """The view that answers with all of them: to everybody, or, with `METRICS_TOKEN`, to who brings that."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)

    @safe
    def metrics(request: HttpRequest) -> HttpResponse:
        if not _may_read(request):
            response = refused(request, rest.said(401, "Unauthorized", "This needs the token in METRICS_TOKEN."))
            response["WWW-Authenticate"] = "Bearer"
            return response
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(registry), content_type=content_type)

    return metrics


def _may_read(request: HttpRequest) -> bool:
    said = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    return not settings.METRICS_TOKEN or hmac.compare_digest(given.encode(), said.encode())
