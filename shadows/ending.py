"""How a shadow ends, of either subject: with what was compared, as failed, or without ever having begun.

Texts that were deleted stay deleted: what a shadow keeps of them is decided behind the lock of its row, which whoever deletes
them takes too (`forgetting`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from executions import control, retention
from executions.models import Execution, Status
from wire.problems import Conflict

from . import comparing, spending
from .comparing import Compared
from .models import Shadow

logger = logging.getLogger(__name__)

ACTOR = "shadow"
NOT_COMPARED = "It could not be compared."


def locked(rows: QuerySet[Shadow], skip_locked: bool = False) -> Shadow | None:
    """The first of them behind its lock, with its past one as it is by then: a join says what was there before the wait."""
    rows = rows.select_for_update(skip_locked=skip_locked, no_key=True, of=("self",))
    held = rows.select_related("past", "workflow").first()
    if held:
        held.past.refresh_from_db(fields=["purged_at"])
    return held


@transaction.atomic
def finish(shadow: Shadow, found: Compared) -> None:
    """What it cost is in the ledger by then. `calls` and `failed` are of the row that the caller has."""
    held = locked(Shadow.objects.to_come().filter(pk=shadow.pk))
    if held is None:  # another worker was first
        return
    if held.past.purged_at:
        steps = {step: {**of, "said": ""} for step, of in found.steps.items()}
        found = replace(found, said=comparing.FORGOTTEN, steps=steps, output=None)
    columns = {**vars(found), "cost": spending.cost_of(shadow), "finished_at": timezone.now()}
    columns |= {"answered": False, "intent": None, "calls": shadow.calls, "failed": shadow.failed, "again_at": None}
    Shadow.objects.filter(pk=held.pk).update(**columns)
    _part(held)


def skip(ids: Sequence[object], said: str) -> bool:
    ended = {"status": Shadow.Status.SKIPPED, "said": said[:500], "finished_at": timezone.now()}
    return bool(Shadow.objects.to_come().filter(pk__in=ids).update(**ended))


@contextmanager
def failing(pk: object) -> Iterator[None]:
    """What is wrong with one shadow ends it, and holds up no other."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("shadow %s could not go on, and has failed", pk)
        _fail(pk)


@transaction.atomic
def _fail(pk: object) -> None:
    """Whatever is wrong with its row: so nothing of it is read. What it cost stands in the ledger."""
    ended = {"status": Shadow.Status.FAILED, "said": NOT_COMPARED, "finished_at": timezone.now(), "output": None}
    Shadow.objects.to_come().filter(pk=pk).update(**ended, answered=False, intent=None, again_at=None)
    if held := locked(Shadow.objects.filter(pk=pk)):
        _part(held)


def _part(held: Shadow) -> None:
    """From its execution. One that stands before a person would for ever: nobody is asked."""
    execution = Execution.objects.filter(pk=held.execution_id).first()
    if execution and execution.status == Status.ESCALATED:
        try:
            control.cancel(execution, ACTOR)
        except Conflict:
            logger.info("execution %s of a shadow has ended by itself", execution.pk)
    if execution and held.past.purged_at:
        retention.purge_copies([execution.pk], ACTOR)
