"""Sends summaries that are due: a worker's duty. Whoever takes one puts its deliveries into the outbox in the same transaction, so
each period is sent once, whichever worker dies; from there it goes as whatever else is told does."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from analytics.costs import is_simulated, summarise
from analytics.extent import Extent
from analytics.representation import represent_summary
from notifications import messages
from notifications.models import Delivery, Endpoint, Type
from projects import audit
from projects.audit import Verb
from wire.problems import Conflict

from .headline import headline, is_empty
from .models import Digest
from .periods import Period

logger = logging.getLogger(__name__)

AT_ONCE = 5  # in one round: each is a summary
LATER = timedelta(minutes=10)  # until one that could not be made is tried again


def send_due() -> int:
    """How many were sent. One that cannot be made keeps no other from being sent, and is tried again later."""
    now, sent = timezone.now(), 0
    for digest in Digest.objects.astray(now):
        digest.set_right(now)
    for digest in Digest.objects.due(now).select_related("project", "workflow")[:AT_ONCE]:
        try:
            sent += _send(digest, now)
        except Exception:  # whatever a summary may raise
            logger.exception("the summary of the digest %s could not be sent", digest.pk)
            digest.put_off(now + LATER)
    return sent


def _send(digest: Digest, now: datetime) -> bool:
    """The latest period only: after an outage nobody wants those in between at once. The summary is made before anything is
    locked."""
    period = digest.period(now)
    data = data_of(digest, period)
    with transaction.atomic():
        deliveries = _deliveries(digest, data, now)
        if not digest.take(period, heard=bool(deliveries)):
            return False
        Delivery.objects.bulk_create(deliveries)
    return bool(deliveries)


def try_out(digest: Digest, by: str) -> list[Delivery]:
    """Sends the latest one now, marked as a test. Raises `Conflict` where nobody would be told, or one was sent a moment ago."""
    now = timezone.now()
    if not digest.listening():
        raise Conflict("Nobody would be told: every address of this digest is disabled or gone.")
    data = data_of(digest, digest.period(now), test=True)
    with transaction.atomic():
        if not digest.take_test(now):
            raise Conflict("A test of this digest was sent a moment ago: one a minute.")
        audit.record(digest.project_id, by, Verb.TESTED, digest)
        return Delivery.objects.bulk_create(_deliveries(digest, data, now))


def _deliveries(digest: Digest, data: dict[str, Any], now: datetime) -> list[Delivery]:
    return [_delivery(one, data, now) for one in digest.listening()]


def _delivery(endpoint: Endpoint, data: dict[str, Any], now: datetime) -> Delivery:
    return Delivery(endpoint=endpoint, type=Type.SUMMARY, body=messages.body(Type.SUMMARY, now, data), due_at=now)


def data_of(digest: Digest, period: Period, test: bool = False) -> dict[str, Any]:
    """What is told: the summary as the API shows it, but for reasons, which are somebody's words."""
    project, workflow = digest.project, digest.workflow
    extent = Extent(project, workflow, is_simulated(project, workflow), period.since, period.until)
    found = summarise(extent)
    summary = represent_summary(found)
    for one in summary["overridden"]:
        del one["reason"]
    path = f"workflows/{workflow.name}/costs" if workflow else "costs"
    return {
        "digest": str(digest.pk),
        "every": digest.every,
        "test": test,
        "workflow": workflow and workflow.name,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "headline": headline(found),
        "empty": is_empty(found),
        "summary": summary,
        "page": f"{settings.PUBLIC_URL}{_page(digest)}?since={period.since}&until={period.until}",
        "url": messages.address(f"{path}?since={period.since}&until={period.until}"),
    }


def _page(digest: Digest) -> str:
    if digest.workflow:
        return reverse("reports:workflow", args=[digest.project.name, digest.workflow.name])
    return reverse("reports:portfolio", args=[digest.project.name])
