"""`Idempotency-Key`: a request that is sent again, because nobody heard the answer, makes nothing twice."""

import hashlib
from collections.abc import Callable

import rfc8785
from django.db import IntegrityError, transaction
from rest_framework.request import Request

from wire.problems import Invalid, Malformed

from .models import IdempotencyKey

MAX_KEY = 255


def once(request: Request, make: Callable[[], str]) -> str:
    """What `make` made, which is a short name of it. With a key that was used before, what was made then.

    `make` and the key are committed together, so a crash between them leaves neither. What takes time, and what can be
    wrong with a request, is looked at before: `make` runs inside the transaction. Raises `Invalid` where the key was used
    for another request, `Malformed` for a key that is none.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return make()
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Malformed(f"An Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters.")
    fingerprint = _fingerprint(request)
    try:
        return _known(request, key, fingerprint) or _made(request, key, fingerprint, make)
    except IntegrityError:
        # The same key at the same moment: the other one was first, and is committed now.
        known = _known(request, key, fingerprint)
        if known is None:
            raise
        return known


def _known(request: Request, key: str, fingerprint: str) -> str | None:
    row = IdempotencyKey.objects.filter(project=request.auth.project, key=key).first()
    if row and row.fingerprint != fingerprint:
        raise Invalid("This Idempotency-Key was used for another request; take a new one.")
    return row.result if row else None


def _made(request: Request, key: str, fingerprint: str, make: Callable[[], str]) -> str:
    with transaction.atomic():
        # Looked at again: on a database with one writer, who waited for the other one finds its key here.
        result = _known(request, key, fingerprint)
        if result is None:
            result = make()
            project = request.auth.project
            IdempotencyKey.objects.create(project=project, key=key, fingerprint=fingerprint, result=result)
    return result


def _fingerprint(request: Request) -> str:
    said = f"{request.method} {request.path}\n".encode() + rfc8785.dumps(request.data or {})
    return hashlib.sha256(said).hexdigest()
