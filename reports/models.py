"""Summaries that are sent at fixed times."""

from __future__ import annotations

from datetime import datetime

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
TOLD = ("workflow", "every", "hour", "enabled")


class DigestQuerySet(models.QuerySet["Digest"]):
    def due(self, now: datetime) -> DigestQuerySet:
        return self.filter(enabled=True, due_at__lte=now).order_by("due_at")


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
        """Saves what was changed. Who is enabled again, or is sent at other times, is not sent what is over already."""
        before = Digest.objects.select_for_update(of=("self",)).select_related("workflow").get(pk=self.pk)
        was = before._told()
        timing = ("every", "hour", "enabled")
        if any(getattr(before, name) != getattr(self, name) for name in timing):
            self._wait(timezone.now())
            self.save(update_fields=[*TOLD, "due_at"])
        else:
            self.save(update_fields=TOLD)
        if to is not None:
            self.endpoints.set(to)
        now = self._told()
        changes = {name: {"before": was[name], "after": now[name]} for name in was if was[name] != now[name]}
        audit.record(self.project_id, by, Verb.CHANGED, self, changes=changes)

    @transaction.atomic
    def remove(self, by: str) -> None:
        audit.record(self.project_id, by, Verb.DELETED, self)
        self.delete()

    def take(self, period: Period) -> bool:
        """Whether it is ours to send this one: of all workers one hears yes, whose transaction sends it."""
        after = periods.due_at(periods.following(self.every, period), self.hour)
        mine = Digest.objects.filter(pk=self.pk, enabled=True, due_at=self.due_at, every=self.every, hour=self.hour)
        return bool(mine.update(due_at=after, last_sent_for=period.since))

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
        """Without addresses of people: how many there are."""
        webhook = self.webhook()
        return {
            "workflow": self.workflow and self.workflow.name,
            **{name: getattr(self, name) for name in TOLD[1:]},
            "emails": len(self.emails()),
            "endpoint": webhook and str(webhook.pk),
        }
