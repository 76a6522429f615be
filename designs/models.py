"""Designs and their rounds: what the frontier was asked to write, what it answered, and what the service found wrong with it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from projects.fields import PicoField, VerbatimJSONField
from projects.models import Project
from wire.ids import new_id
from workflows.models import Version, Workflow

from .group_models import Group, GroupDecision, Member  # noqa: F401


class DesignQuerySet(models.QuerySet["Design"]):
    def in_motion(self) -> DesignQuerySet:
        return self.filter(status=Design.Status.RUNNING)

    def counted(self) -> DesignQuerySet:
        """With `round_count`."""
        rounds = Round.objects.filter(design=models.OuterRef("pk")).order_by().values("design")
        count = models.Subquery(rounds.values(count=models.Count("pk")))
        return self.annotate(round_count=Coalesce(count, 0))

    def without_texts(self) -> DesignQuerySet:
        """For lists: what people and the frontier wrote may be megabytes a row."""
        return self.defer("brief", "examples", "answer", "figures")

    def to_come(self) -> DesignQuerySet:
        """Those that can still come to a draft."""
        return self.filter(status__in=Design.TO_COME)

    def end(self, status: str, **columns: object) -> int:
        """Of those in motion, how many ended by it: nobody ends one a second time."""
        return self.in_motion().update(status=status, finished_at=timezone.now(), **columns)


class Design(models.Model):
    """A workflow that the frontier is asked to write, or, of a redesign, a patch of one of its versions. What it costs stands in
    the ledger, under its workflow: which is there from the beginning, without a version as long as there is no draft.
    """

    class Kind(models.TextChoices):
        DESIGN = "design"
        REDESIGN = "redesign"

    class Status(models.TextChoices):
        RUNNING = "running"
        WAITING = "waiting"  # its budget has no room
        COMPLETED = "completed"
        FAILED = "failed"  # no round came to something that holds
        CANCELLED = "cancelled"

    TO_COME = (Status.RUNNING, Status.WAITING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="designs")
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="designs")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DESIGN)
    base = models.ForeignKey(
        Version, models.PROTECT, null=True, related_name="redesigns", help_text="The version that a redesign patches."
    )
    brief = VerbatimJSONField(help_text="What was asked for, without the examples.")
    examples = VerbatimJSONField(default=list, help_text="Past inputs, and the answers that were right.")
    sample = VerbatimJSONField(
        null=True, help_text="Which examples are shown, which held out, and what all of them say."
    )
    marked = VerbatimJSONField(
        default=list, help_text="Ids of the flags that were open, and are in redesign for its sake."
    )
    holds_flags = models.BooleanField(default=False, help_text="Whether `marked` has some that may have to be let go.")
    examples_count = models.PositiveIntegerField(default=0, editable=False, help_text="How many it was given.")
    resolves = VerbatimJSONField(default=list, help_text="Ids of the flags that a redesign is to close.")
    target = models.CharField(max_length=250, help_text="Who designs: provider:model.")
    max_rounds = models.PositiveIntegerField(default=4, help_text="How often it is asked at most.")
    budget = PicoField(null=True, blank=True)
    simulated = models.BooleanField()
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    answer = VerbatimJSONField(
        null=True, help_text="What the frontier said that holds: fit, questions, what it considered."
    )
    figures = VerbatimJSONField(
        null=True, help_text="What an execution of the draft is expected to cost, and when it pays."
    )
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="followers", help_text="Whose questions were answered."
    )
    draft = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    said = models.TextField(blank=True, help_text="What came of it, or what it waits for, in sentences.")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True, help_text="When its texts were deleted.")

    objects = DesignQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="design_of_project"),
            models.Index(fields=["workflow", "id"], name="design_of_workflow"),
            models.Index(fields=["status"], condition=models.Q(status="running"), name="design_in_motion"),
            models.Index(fields=["finished_at"], condition=models.Q(holds_flags=True), name="design_holds_flags"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.workflow.name}"

    def save(self, *args: object, **named: object) -> None:
        if self._state.adding:
            self.examples_count = len(self.examples)
        super().save(*args, **named)

    @property
    def is_to_come(self) -> bool:
        return self.status in self.TO_COME


class Round(models.Model):
    """One time that the frontier was asked, and what is wrong with what it said: told to it in the next one.

    `calls` are the ids of its rows in the ledger: more than one where a call had no answer. `paid` and `failed`: how many of them
    may have cost something, had no answer.
    """

    design = models.ForeignKey(Design, models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    intent = models.UUIDField(null=True, help_text="Of the call that is on its way.")
    calls = VerbatimJSONField(default=list)
    paid = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    again_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True, help_text="When a worker began to look at the answer.")
    answer = models.TextField(blank=True)
    faults = VerbatimJSONField(default=list, help_text="What is wrong with it: pointer and detail.")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["design", "number"], name="one_round_per_number")]
        indexes = [
            models.Index(fields=["intent"], condition=models.Q(intent__isnull=False), name="round_on_its_way"),
        ]

    def __str__(self) -> str:
        return f"round {self.number} of {self.design}"
