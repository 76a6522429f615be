"""Groups of flags and what was decided of them. They are models of this app like those in `models`, which names them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from executions.models import UNDECIDED, Flag
from projects.fields import VerbatimJSONField
from wire.ids import new_id
from workflows.models import Workflow


class GroupQuerySet(models.QuerySet["Group"]):
    def open(self) -> GroupQuerySet:
        """Those of which a flag is to be decided."""
        return self.filter(models.Exists(_flags(Flag.State.OPEN)))

    def in_redesign(self) -> GroupQuerySet:
        """Those of which no flag is to be decided, and one waits for another version."""
        return self.filter(~models.Exists(_flags(Flag.State.OPEN)), models.Exists(_flags(Flag.State.IN_REDESIGN)))

    def closed(self) -> GroupQuerySet:
        return self.filter(~models.Exists(_flags(*UNDECIDED)))


def _flags(*states: str) -> models.QuerySet[Member]:
    return Member.objects.filter(group=models.OuterRef("pk"), flag__state__in=states)


class Group(models.Model):
    """Flags of one workflow that are alike in step, reason, edge case and role, and in what came in. `text` is the first one's, and
    what the others are compared with; it goes with the texts of that one's execution (`grouping.forget`)."""

    class State(models.TextChoices):
        OPEN = "open"
        IN_REDESIGN = "in_redesign"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="groups", db_index=False)
    step = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=15, choices=Flag.Reason)
    edge_case = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=50, blank=True)
    text = models.TextField(null=True, help_text="What the others are compared with; null: it was deleted.")
    first = models.ForeignKey(
        Flag, models.SET_NULL, null=True, related_name="+", help_text="The flag whose text it is."
    )
    latest = models.UUIDField(help_text="Its newest flag.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = GroupQuerySet.as_manager()

    class Meta:
        verbose_name = "group of flags"
        verbose_name_plural = "groups of flags"
        indexes = [
            models.Index(fields=["workflow", "step", "reason", "edge_case", "role", "latest"], name="group_of_kind"),
            models.Index(fields=["workflow", "id"], name="group_of_workflow"),
        ]

    def __str__(self) -> str:
        return f"{self.reason.replace('_', ' ')} at {self.step or 'the input'}"

    def flags(self, *states: str) -> models.QuerySet[Flag]:
        """In these states, else all; the oldest first."""
        found = Flag.objects.filter(membership__group=self).order_by("pk")
        return found.filter(state__in=states) if states else found

    def open_flags(self) -> models.QuerySet[Flag]:
        return self.flags(Flag.State.OPEN)

    def undecided_flags(self) -> models.QuerySet[Flag]:
        """Those that are open or in redesign: what another version of the workflow could close."""
        return self.flags(*UNDECIDED)


class Member(models.Model):
    """That a flag is of a group, and why. The reason has words of it, and goes with the texts of its execution."""

    flag = models.OneToOneField(Flag, models.CASCADE, primary_key=True, related_name="membership")
    group = models.ForeignKey(Group, models.CASCADE, related_name="members", db_index=False)
    similarity = models.FloatField(help_text="With the first of its group, from 0 to 1.")
    explanation = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["group", "flag"], name="member_of_group")]

    def __str__(self) -> str:
        return f"{self.flag_id} in {self.group_id}"


class GroupDecision(models.Model):
    """A decision on all open flags of a group at once: on which it holds, and on which not, and why not.

    Every flag has its own resolution; this is what it came from, and so what can be taken back at once.
    """

    group = models.ForeignKey(Group, models.CASCADE, related_name="decisions")
    resolution = models.CharField(max_length=10, choices=Flag.Resolution)
    flags = VerbatimJSONField(default=list, help_text="Ids of the flags that it resolved.")
    refused = VerbatimJSONField(default=list, help_text="Flags that it did not, each with the reason.")
    resolved = models.PositiveIntegerField(default=0, help_text="How many it resolved.")
    left = models.PositiveIntegerField(default=0, help_text="Open flags that it did not come to.")
    decided_by = models.CharField(max_length=200)
    begun_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(default=timezone.now)
    reopened_by = models.CharField(max_length=200, blank=True)
    reopened_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.resolution}: {self.resolved} flags"
