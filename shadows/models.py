"""Which executions of a workflow are shadowed, and each shadow: what the baseline's model answered instead, and for how much."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from executions.models import Execution
from projects.fields import PicoField, ShareField, VerbatimJSONField
from projects.models import Project
from wire.ids import new_id
from workflows.models import Version, Workflow


class Subject(models.TextChoices):
    """What is run in the shadow. Figures of the two are never put together."""

    WORKFLOW = "workflow"  # the same version, every model step on the baseline's model: isolates the tier
    TASK = "task"  # the task without its workflow, by the baseline's prompt: the true alternative


def prompt_hash(prompt: str) -> str:
    """In hex; empty where there is none."""
    return sha256(prompt.encode()).hexdigest() if prompt else ""


class PlanQuerySet(models.QuerySet["Plan"]):
    def drawing(self) -> PlanQuerySet:
        return self.filter(enabled=True, workflow__archived_at=None)


class Plan(models.Model):
    """Which share of a workflow's executions is shadowed, and for how much in a calendar month (UTC)."""

    workflow = models.OneToOneField(Workflow, models.CASCADE, primary_key=True, related_name="shadow_plan")
    enabled = models.BooleanField(default=True)
    subject = models.CharField(max_length=10, choices=Subject, default=Subject.WORKFLOW)
    share = ShareField(default=Decimal("0.05"), help_text="Of the completed executions, by the hash of their ids.")
    monthly_budget = PicoField(help_text="USD a month (UTC) at most.", validators=[MinValueValidator(1)])
    stated_by = models.CharField(max_length=200, blank=True, editable=False)
    stated_at = models.DateTimeField(default=timezone.now, editable=False)
    # How far its executions were looked at, by when they completed and, of one moment, by id.
    looked_until = models.DateTimeField(null=True, editable=False)
    looked_id = models.UUIDField(null=True, editable=False)

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = "shadow plan"

    def __str__(self) -> str:
        return f"shadows of {self.workflow.name}"


class ShadowQuerySet(models.QuerySet["Shadow"]):
    def to_come(self) -> ShadowQuerySet:
        return self.filter(finished_at=None)

    def counted(self) -> ShadowQuerySet:
        """Those that count: they came to an answer that has a cost."""
        return self.filter(status=Shadow.Status.COMPLETED, cost__isnull=False)


class Shadow(models.Model):
    """One completed production execution, run once more in the shadow. What it was is kept with it, so that it counts after the
    texts are deleted: `version`, `flagged` and `day` say in which stratum it stands."""

    class Status(models.TextChoices):
        DRAWN = "drawn"  # nothing of it is on its way yet
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"  # it came to no answer; `said` says why. Its cost is paid, and stands in no mean
        SKIPPED = "skipped"  # it was never run: the month's budget had no room, or its texts were deleted

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="shadows")
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="shadows")
    version = models.ForeignKey(Version, models.PROTECT, related_name="shadows")
    past = models.ForeignKey(Execution, models.PROTECT, related_name="shadows")
    flagged = models.BooleanField(help_text="Whether the past one ever had a flag that escalates it.")
    day = models.DateField(help_text="On which the past one completed, in UTC.")
    subject = models.CharField(max_length=10, choices=Subject)
    model = models.CharField(max_length=250, help_text="provider:model")
    prompt = models.TextField(blank=True, help_text="Of the baseline, where the subject is the task.")
    prompt_hash = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the prompt, in hex: which one it was after the texts are deleted.",
    )
    simulated = models.BooleanField()
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAWN)
    execution = models.OneToOneField(
        Execution, models.PROTECT, null=True, related_name="shadow", help_text="That it is, of the subject workflow."
    )
    intent = models.UUIDField(null=True, help_text="Of the call that is on its way, where the subject is the task.")
    calls = VerbatimJSONField(default=list, help_text="Ids of its calls so far, where the subject is the task.")
    failed = models.PositiveIntegerField(default=0, help_text="Those of them that had no answer.")
    again_at = models.DateTimeField(null=True, help_text="Not before then its next call leaves.")
    answered = models.BooleanField(
        default=False, help_text="Whether the task has an output, which is not compared yet."
    )
    output = VerbatimJSONField(null=True)
    same = models.BooleanField(null=True, help_text="Whether the workflow's graders call the results the same.")
    said = models.TextField(blank=True)
    steps = VerbatimJSONField(default=dict, help_text="Step → same, said: of the subject workflow.")
    cost = models.BigIntegerField(
        null=True, help_text="Pico-dollars, without calls in doubt; null: a model has no price, or it is not over."
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = ShadowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["past", "subject"], name="one_shadow_of_a_subject"),
        ]
        indexes = [
            models.Index(fields=["workflow", "simulated", "subject", "day"], name="shadow_of_workflow"),
            models.Index(
                fields=["workflow", "status", "simulated", "subject", "model", "finished_at"],
                condition=models.Q(cost__isnull=False),
                name="shadow_counted",
            ),
            models.Index(fields=["id"], condition=models.Q(finished_at__isnull=True), name="shadow_to_come"),
        ]

    def __str__(self) -> str:
        return f"shadow of {self.past_id}"
