"""An offer: what the second form of two carries, where the first one only says what something costs. It names the row that will be
begun, so that this is begun once, and what was estimated, so that nothing else is."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.db import IntegrityError, models
from django.http import HttpRequest

from wire.ids import new_id

HOLDS = timedelta(hours=1)


def offer(terms: str, salt: str) -> str:
    """`terms`: a digest of everything that was estimated. `salt`: one for each kind of row."""
    return signing.dumps([str(new_id()), terms], salt=salt)


def offered(request: HttpRequest, terms: str, salt: str) -> UUID | None:
    """The id that it may begin with; None where the estimate is to be seen first, or is of something else."""
    try:
        made, estimated = signing.loads(request.POST.get("offer", ""), salt=salt, max_age=HOLDS)
    except signing.BadSignature:
        return None
    return UUID(made) if estimated == terms and "begin" in request.POST else None


def begin_once(request: HttpRequest, row: models.Model, pk: UUID, begin: Callable[[], object]) -> None:
    """Of two presses at the same time the database takes one."""
    row.pk, rows = pk, type(row).objects.filter(pk=pk)
    try:
        if not rows.exists():
            begin()
            messages.success(request, "It has begun.")
    except IntegrityError:
        if not rows.exists():
            raise
