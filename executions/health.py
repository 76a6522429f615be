"""Whether this service lives, and whether it can do its work: for a load balancer or a supervisor. No key is needed, and
nothing is told but what is well."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse

from wire.errors import safe

from . import bell
from .models import Worker

logger = logging.getLogger(__name__)


@safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "alive"})


@safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where the database, the broker and at least one worker are well; else 503, and which is not."""
    parts = {"database": _is_well(_database), "broker": _is_well(bell.waiting), "worker": _is_well(_worker)}
    ready = all(parts.values())
    said = {name: "ok" if well else "unavailable" for name, well in parts.items()}
    headers = {} if ready else {"Retry-After": "5"}
    return JsonResponse(
        {"status": "ready" if ready else "not ready", **said}, status=200 if ready else 503, headers=headers
    )


def _is_well(look: Callable[[], object]) -> bool:
    try:
        return look() is not False
    except Exception:  # whatever a part of the house raises: it is not well, and the log says why
        logger.warning("a part of the service is not well", exc_info=True)
        return False


def _database() -> None:
    Worker.objects.exists()


def _worker() -> bool:
    return Worker.objects.alive().exists()
