"""What an evaluation and a replay have in common: executions that try a version out, as there is room and money for them. `running`
takes both to their end.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from projects.fields import PicoField, VerbatimJSONField
from wire.ids import new_id


class SeriesQuerySet(models.QuerySet["Series"]):
    def in_motion(self) -> SeriesQuerySet:
        return self.filter(status=Series.Status.RUNNING)

    def to_come(self) -> SeriesQuerySet:
        """Those that can still come to an end of their own."""
        return self.filter(status__in=(Series.Status.RUNNING, Series.Status.WAITING))


class Series(models.Model):
    """Its `results` are rows with an `execution`, a `cost` and `finished_at`: null until they are judged."""

    class Status(models.TextChoices):
        RUNNING = "running"
        WAITING = "waiting"  # its budget has no room
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    rules = VerbatimJSONField(help_text="What was asked, as it was when it began.")
    at_once = models.PositiveIntegerField(default=16)
    budget = PicoField(null=True, blank=True)
    simulated = models.BooleanField()
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    total = models.PositiveIntegerField(help_text="Results that it will have.")
    figures = VerbatimJSONField(null=True, help_text="What came of it, once it is completed.")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = SeriesQuerySet.as_manager()

    class Meta:
        abstract = True
