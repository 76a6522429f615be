"""Which completed executions of a workflow get a shadow: the hash of their ids says, so anybody can work it out again, and nobody
chooses.

Every worker looks, a little each round, at what has completed since the last look; no execution waits for it. Of each version and
of those with and without a flag the same share is drawn: in every stratum the hash knows nothing of it.
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from executions.models import Execution, Flag, Status
from gateway.providers.registry import is_simulated
from workflows.models import Workflow

from .models import Plan, Shadow, Subject, prompt_hash

logger = logging.getLogger(__name__)

SECONDS = 0.2  # that a round of the housekeeping gives it
AT_A_TIME = 1_000  # executions looked at behind one lock
LATEST = timedelta(seconds=30)  # so long after it ended by its worker's clock an execution may be committed
REREAD = timedelta(seconds=90)  # that each look reads again at least: what is committed later still is seen then
WRITTEN = timedelta(seconds=30)  # so far apart it is written down how far a look came
EARLIEST = timedelta(hours=24)  # what completed longer ago is not drawn any more


class Asked(NamedTuple):
    """What a shadow asks: `provider:model`, and, where its subject is the task, how."""

    model: str
    prompt: str


def asked(workflow: Workflow, subject: str) -> Asked | None:
    """By the baseline in force, else the project's frontier. None: no model is known, or a task has no prompt."""
    baseline = workflow.baseline_at(timezone.now())
    model = (baseline and baseline.model) or workflow.project.tier_map().get("frontier", "")
    prompt = baseline.prompt if baseline and subject == Subject.TASK else ""
    return Asked(model, prompt) if model and (prompt or subject != Subject.TASK) else None


def is_drawn(execution_id: UUID, subject: str, share: Decimal) -> bool:
    """Whether the first eight bytes of SHA-256 over `shadow:`, the subject, `:` and the id, as a part of all that they could be,
    lie below the share."""
    first = sha256(f"shadow:{subject}:{execution_id}".encode()).digest()[:8]
    return int.from_bytes(first) < share * 2**64


def draw_all() -> None:
    """A worker's duty."""
    until = time.monotonic() + SECONDS
    for pk in Plan.objects.drawing().values_list("pk", flat=True):
        while time.monotonic() < until and _drawn(pk) == AT_A_TIME:
            pass


def _drawn(pk: int) -> int:
    """What is wrong with one holds up no other."""
    try:
        return draw(pk)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("nothing could be drawn of workflow %s; the next round tries again", pk)
        return 0


@transaction.atomic
def draw(pk: int) -> int:
    """Looks at some of what has completed since the last look; at how many. Behind the row of the plan: what one worker looks at,
    no other does. Safe to call twice, from anywhere."""
    locked = Plan.objects.drawing().select_for_update(skip_locked=True, of=("self",))
    plan = locked.select_related("workflow__project").filter(pk=pk).first()
    what = plan and asked(plan.workflow, plan.subject)
    if not what:
        return 0
    simulated = is_simulated(plan.workflow.project_id, what.model)
    seen = list(_completed(plan, simulated).values_list("finished_at", "pk")[:AT_A_TIME])
    ids = [execution_id for _, execution_id in seen if is_drawn(execution_id, plan.subject, plan.share)]
    if ids:
        _write(plan, what, simulated, ids)
    _remember(plan, seen)
    return len(seen)


def _remember(plan: Plan, seen: Sequence[tuple[datetime, UUID]]) -> None:
    """How far it looked. Where there is no more, that is nearly now, and never later, however much was seen: what ended before that
    may be committed after it, on a busy workflow too. What has a shadow gets no other, and what is older is not read again."""
    nearly = timezone.now() - LATEST - REREAD
    there_is_more = len(seen) == AT_A_TIME
    until, last = seen[-1] if there_is_more else (nearly, None)
    is_ahead = plan.looked_until is None or plan.looked_until > until
    if there_is_more or is_ahead or until - plan.looked_until > WRITTEN:
        plan.looked_until, plan.looked_id = until, last
        plan.save(update_fields=["looked_until", "looked_id"])


def _completed(plan: Plan, simulated: bool) -> QuerySet[Execution]:
    """Those of production that nobody called, by the index of what ended. Simulated and real money are never compared."""
    now = timezone.now()
    begins = now - EARLIEST
    found = Execution.objects.production().filter(
        workflow=plan.pk,
        status=Status.COMPLETED,
        caller=None,
        simulated=simulated,
        finished_at__gte=max(begins, plan.looked_until or begins),
        finished_at__lt=now - LATEST,
    )
    if plan.looked_id:
        found = found.exclude(Q(finished_at=plan.looked_until, pk__lte=plan.looked_id))
    return found.order_by("finished_at", "pk")


def _write(plan: Plan, what: Asked, simulated: bool, ids: Sequence[UUID]) -> None:
    """Whose texts are gone cannot be asked again, and a rejected answer saved nothing that could be measured."""
    drawn = Execution.objects.filter(pk__in=ids, purged_at=None).exclude(judged_right=False)
    drawn = drawn.exclude(pk__in=Shadow.objects.filter(past__in=ids, subject=plan.subject).values("past"))
    flagged = set(Flag.objects.escalating().filter(execution__in=ids).values_list("execution", flat=True))
    Shadow.objects.bulk_create(
        [
            Shadow(
                project_id=past.project_id,
                workflow_id=past.workflow_id,
                version_id=past.version_id,
                past_id=past.pk,
                flagged=past.pk in flagged,
                day=past.finished_at.astimezone(UTC).date(),
                subject=plan.subject,
                model=what.model,
                prompt=what.prompt,
                prompt_hash=prompt_hash(what.prompt),
                simulated=simulated,
            )
            for past in drawn.only("project", "workflow", "version", "finished_at").order_by("finished_at", "pk")
        ],
        ignore_conflicts=True,  # it may have got one of this subject since
    )
