"""Summaries that are sent at fixed times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_

from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.utils import timezone

from notifications.models import Endpoint, Kind, Type
from projects import audit
from projects.audit import Verb
from projects.models import Project
from wire.ids import new_id
from workflows.models import Workflow

from . import periods
from .periods import Period

MOST = 20  # of a project
MOST_EMAILS = 20  # of one
BETWEEN_TESTS = timedelta(minutes=1)
TOLD = ("workflow", "every", "hour", "enabled")


class DigestQuerySet(models.QuerySet["Digest"]):
    def due(self, now: datetime) -> DigestQuerySet:
        """Without those that could not be made a moment ago."""
        tried = models.Q(again_at=None) | models.Q(again_at__lte=now)
        return self.filter(tried, enabled=True, due_at__lte=now).order_by("due_at")

    def astray(self, now: datetime) -> DigestQuerySet:
        """Due later than any period takes: a clock that ran ahead said so."""
        late = [models.Q(every=every, due_at__gt=now + longest) for every, longest in periods.LONGEST.items()]
        return self.filter(reduce(or_, late), enabled=True)


class Digest(models.Model):
    """That the cost summary of a project, or of one of its workflows, is sent for each day, week or month that is over. An address
    of e-mail is an endpoint like any other: what came of each mail stands among its deliveries."""

    class Every(models.TextChoices):
        DAY = periods.DAY
        WEEK = periods.WEEK
        MONTH = periods.MONTH

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="digests")
    workflow = models.ForeignKey(
        Workflow, models.CASCADE, null=True, blank=True, related_name="digests", help_text="Empty: the whole project."
    )
    every = models.CharField(
        max_length=5, choices=Every, default=Every.WEEK, help_text="Whole days in UTC; a week begins on Monday."
    )
    hour = models.PositiveSmallIntegerField(
        default=6, validators=[MaxValueValidator(23)], help_text="In UTC, of the day on which the period is over."
    )
    endpoints = models.ManyToManyField(Endpoint, related_name="digests", editable=False)
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(editable=False)
    again_at = models.DateTimeField(null=True, editable=False, help_text="It could not be made: not before then.")
    tested_at = models.DateTimeField(null=True, editable=False)
    last_sent_for = models.DateField(
        null=True, editable=False, help_text="The first day of the last one that was sent."
    )
    created_by = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DigestQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=models.Q(enabled=True), name="digest_due")]

    def __str__(self) -> str:
        return f"the summary of {self.workflow.name if self.workflow else 'the project'} per {self.every}"

    def period(self, now: datetime) -> Period:
        """The latest that is over."""
        return periods.latest(self.every, self.hour, now)

    @transaction.atomic
    def begin(self, to: list[Endpoint]) -> None:
        """Saves it. It is sent for the period in which we are, and for those behind it."""
        self._wait(timezone.now())
        self.save(force_insert=True)
        self.endpoints.set(to)
        audit.record(self.project_id, self.created_by, Verb.CREATED, self, **self._told())

    @transaction.atomic
    def change(self, by: str, to: list[Endpoint] | None = None) -> None:
        """Saves what was changed. Who is enabled again, or is sent of other days, is not sent what is over already; at another hour
        the period that comes next is sent, and no other."""
        before = Digest.objects.select_for_update(of=("self",)).select_related("workflow").get(pk=self.pk)
        was = before._told()
        if (before.every, before.enabled) != (self.every, self.enabled):
            self._wait(timezone.now())
        else:
            self.due_at = before.due_at.astimezone(UTC).replace(hour=self.hour)
        self.again_at = None
        self.save(update_fields=[*TOLD, "due_at", "again_at"])
        if to is not None:
            self.endpoints.set(to)
        now = self._told()
        changes = {name: {"before": was[name], "after": now[name]} for name in was if was[name] != now[name]}
        audit.record(self.project_id, by, Verb.CHANGED, self, changes=changes)

    @transaction.atomic
    def remove(self, by: str) -> None:
        audit.record(self.project_id, by, Verb.DELETED, self)
        self.delete()

    def take(self, period: Period, *, heard: bool) -> bool:
        """Whether it is ours to send this one: of all workers one hears yes, whose transaction sends it. `heard`: there is somebody
        to send it to; else it is over, and was not sent."""
        after = periods.due_at(periods.following(self.every, period), self.hour)
        mine = Digest.objects.filter(pk=self.pk, enabled=True, due_at=self.due_at, every=self.every, hour=self.hour)
        sent = {"last_sent_for": period.since} if heard else {}
        return bool(mine.update(due_at=after, again_at=None, **sent))

    def put_off(self, until: datetime) -> None:
        Digest.objects.filter(pk=self.pk, due_at=self.due_at).update(again_at=until)

    def set_right(self, now: datetime) -> None:
        """Of one that is `astray`."""
        was = self.due_at
        self._wait(now)
        Digest.objects.filter(pk=self.pk, due_at=was).update(due_at=self.due_at)

    def take_test(self, now: datetime) -> bool:
        """Whether a test may be sent now: one in a minute."""
        rested = models.Q(tested_at=None) | models.Q(tested_at__lte=now - BETWEEN_TESTS) | models.Q(tested_at__gt=now)
        return bool(Digest.objects.filter(rested, pk=self.pk).update(tested_at=now))

    def listening(self) -> list[Endpoint]:
        """Where it is sent now: what is disabled, deleted, or wants no summaries any more is left out."""
        return [one for one in self.endpoints.listening().order_by("pk") if Type.SUMMARY in one.events]

    def emails(self) -> list[str]:
        return [one.address for one in self.endpoints.living().filter(kind=Kind.EMAIL).order_by("pk")]

    def webhook(self) -> Endpoint | None:
        return self.endpoints.living().filter(kind=Kind.WEBHOOK).first()

    def _wait(self, now: datetime) -> None:
        self.due_at = periods.due_at(periods.following(self.every, self.period(now)), self.hour)

    def _told(self) -> dict[str, object]:
        """Without addresses of people: how many there are, and the ids of their endpoints."""
        webhook = self.webhook()
        mailed = self.endpoints.living().filter(kind=Kind.EMAIL).order_by("pk").values_list("pk", flat=True)
        return {
            "workflow": self.workflow and self.workflow.name,
            **{name: getattr(self, name) for name in TOLD[1:]},
            "emails": [str(pk) for pk in mailed],
            "endpoint": webhook and str(webhook.pk),
        }
