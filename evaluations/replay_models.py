"""Replays and their rows. They are models of this app like those in `models`, which names them."""

from __future__ import annotations

from django.db import models

from executions.models import Execution
from projects.fields import VerbatimJSONField
from projects.models import Project
from workflows.models import Version, Workflow

from .series import Series


class Replay(Series):
    """Past executions of a workflow on a version: what would change, and what it would cost."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="replays")
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="replays")
    version = models.ForeignKey(Version, models.PROTECT, related_name="replays")
    tier_map = VerbatimJSONField(help_text="tier → provider:model, as it was when it began.")
    sample = models.PositiveIntegerField(help_text="Past executions that it has at most.")
    flagged = models.BooleanField(default=False, help_text="Only those with a flag, whatever became of them.")
    since = models.DateField(help_text="Accepted on this day in UTC, or later.")
    until = models.DateField(help_text="Accepted before this day.")

    class Meta:
        indexes = [
            models.Index(fields=["workflow", "id"], name="replay_of_workflow"),
            models.Index(fields=["status"], condition=models.Q(status="running"), name="replay_in_motion"),
        ]

    def __str__(self) -> str:
        return f"replay on {self.version} by {self.created_at:%Y-%m-%d %H:%M}"


class ReplayedExecution(models.Model):
    """A past execution, the one that repeats it, and how the two compare. What is compared is as it was at that moment: a person
    may answer the past one later."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="results")
    past = models.ForeignKey(Execution, models.PROTECT, related_name="replayed")
    execution = models.ForeignKey(Execution, models.PROTECT, null=True, related_name="replays")
    same = models.BooleanField(
        null=True, help_text="Null: not compared yet, or it could not be tried; `code` says why."
    )
    human = models.BooleanField(default=False, help_text="That the answer of the past one is a person's.")
    code = models.CharField(max_length=40, blank=True, help_text="Why it could not be tried, in a word.")
    said = models.TextField(blank=True, help_text="What has changed, in a sentence.")
    before = VerbatimJSONField(null=True, help_text="Of the past one: status, resolved_by, flags, cost.")
    after = VerbatimJSONField(null=True, help_text="The same, of the one that repeats it.")
    steps = VerbatimJSONField(default=dict, help_text="Step → same, said, before, after.")
    cost = models.BigIntegerField(null=True, help_text="Pico-dollars that it cost to try; null: a model has no price.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["replay", "past"], name="one_replay_of_an_execution"),
        ]
        indexes = [
            models.Index(
                fields=["replay", "id"], condition=models.Q(finished_at__isnull=True), name="replayed_to_come"
            ),
            models.Index(fields=["replay", "same", "id"], name="replayed_compared"),
        ]

    def __str__(self) -> str:
        return f"{self.past_id} again"
