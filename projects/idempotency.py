"""`Idempotency-Key`: a request that is sent again, because nobody heard the answer, makes nothing twice."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import rfc8785
from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request

from wire import crash
from wire.problems import Invalid, Malformed

from .models import IdempotencyKey

T = TypeVar("T")

ONCE = ("Idempotency-Key",)  # what a method that answers by `once` says in its view's `heeds`
MAX_KEY = 255
KEPT = timedelta(hours=48)
FORGOTTEN_AT_ONCE = 1000


def once(request: Request, make: Callable[[], str]) -> str:
    """What `make` made, which is a short name of it. With a key that was used before, what was made then.

    `make` and the key are committed together, so a crash between them leaves neither. Raises `Invalid` where the key was used
    for another request, `Malformed` for a key that is none.
    """
    return once_examined(request, lambda: None, lambda _: make())


def once_examined(request: Request, examine: Callable[[], T], make: Callable[[T], str]) -> str:
    """The same, where something takes time or can be wrong: `examine` looks at it before the transaction in which `make` makes it
    of what that gives. It is not asked of what was made already, which stays made whatever holds by now."""
    if not {*ONCE} <= {*request.parser_context["view"].heeds.get(request.method, ())}:
        raise TypeError("A view whose method makes something once says so in its `heeds`.")
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return make(examine())
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Malformed(f"An Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters.")
    key, fingerprint = hashlib.sha256(key.encode()).hexdigest(), _fingerprint(request)
    if known := _known(request, key, fingerprint):
        return known
    examined = examine()
    return _made(request, key, fingerprint, lambda: make(examined))


@transaction.atomic
def forget_the_old() -> None:
    """Deletes a batch of the keys that nobody sends again. Several workers do it at once, each a batch of its own."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).order_by("created_at")
    batch = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]
    IdempotencyKey.objects.filter(pk__in=list(batch)).delete()


def _known(request: Request, key: str, fingerprint: str) -> str | None:
    row = IdempotencyKey.objects.filter(project=request.auth.project, key=key).first()
    if row and row.fingerprint != fingerprint:
        raise Invalid("This Idempotency-Key was used for another request; take a new one.")
    return row.result if row else None


def _made(request: Request, key: str, fingerprint: str, make: Callable[[], str]) -> str:
    """The key comes first: whoever has the same one waits for this transaction, before it makes anything of its own."""
    project = request.auth.project
    with transaction.atomic():
        row, new = IdempotencyKey.objects.get_or_create(project=project, key=key, defaults={"fingerprint": fingerprint})
        if new:
            row.result = make()
            row.save(update_fields=["result"])
    crash.at("after-accept")
    return row.result if new else _known(request, key, fingerprint)


def _fingerprint(request: Request) -> str:
    said = f"{request.method} {request.path}\n".encode() + _canonical(request.data or {})
    return hashlib.sha256(said).hexdigest()


def _canonical(body: dict) -> bytes:
    try:
        return rfc8785.dumps(body)
    except rfc8785.CanonicalizationError:  # ±2⁵³ are the two integers that we take and RFC 8785 does not
        return json.dumps(body, sort_keys=True).encode()
