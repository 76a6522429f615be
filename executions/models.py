"""Executions, their steps and flags, and the append-only history of both."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from projects.fields import VerbatimJSONField
from projects.models import Project
from wire.ids import new_id
from workflows.models import Publication, Version, Workflow


def deadline(begins: datetime | None = None) -> datetime:
    return (begins or timezone.now()) + timedelta(hours=settings.EXECUTION_DEADLINE_HOURS)


class Status(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ESCALATED = "escalated"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LEASE = timedelta(seconds=20)
ITERATION = Coalesce("iteration", -1)  # null is a value where rows are unique
FINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
STANDING = (*FINAL, Status.ESCALATED)  # nothing happens any more without a person
UNDECIDED = ("open", "in_redesign")  # states of a flag that an execution may stand still for, and a person ends
STILL = (*UNDECIDED, "recorded")  # and of one that nobody ends
APART = ("evaluation", "shadow")  # purposes whose tools, reviews and called workflows are answered from a record
UNFINISHED = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.ESCALATED)


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those that were heard within a lease, by the database's clock."""
        return self.filter(ended_at=None, seen_at__gte=Now() - LEASE)

    def silent(self) -> WorkerQuerySet:
        """Those that were not heard for a whole lease. They are dead once somebody who may judge says so (`queue.bury`)."""
        return self.filter(ended_at=None, seen_at__lt=Now() - LEASE)

    def holders(self) -> WorkerQuerySet:
        """Those whose executions are theirs. The silent too: behind an outage of the database nobody was heard."""
        return self.filter(ended_at=None)


class Worker(models.Model):
    """A process that executes. Its row is its lease: seen lately, and everything it holds is its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    room = models.PositiveIntegerField(default=0, help_text="Executions that it has in its hands at most.")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class ExecutionQuerySet(models.QuerySet["Execution"]):
    def due(self) -> ExecutionQuerySet:
        """Those that waited for a time which has come by the database's clock."""
        return self.filter(status=Status.WAITING, resume_at__lte=Now())

    def dropped(self, worker_id: UUID) -> ExecutionQuerySet:
        """Those that nobody works on any more: given back, or their worker was called dead (or is forgotten), or it is this one
        (whose hands the caller knows)."""
        gone = ~models.Q(worker__in=Worker.objects.holders())
        return self.filter(gone | models.Q(worker=worker_id), status=Status.RUNNING)

    def left_behind(self, worker_id: UUID) -> ExecutionQuerySet:
        """Cancelled in the hands of a worker that is gone, or of this one (whose hands the caller knows): nobody else will write
        down what became of a call in flight. Whose calls are settled names no worker."""
        others = Worker.objects.holders().exclude(pk=worker_id)
        # Above the least id there could be: any worker. For "not null" SQLite reads no index.
        return self.filter(status=Status.CANCELLED, worker__gt=UUID(int=0)).exclude(worker__in=others)

    def to_purge(self, project_id: int, before: datetime) -> ExecutionQuerySet:
        """Those that ended before, and whose texts are still there. For one that waits for a person they are needed, and for
        the caller of one."""
        waits = Flag.objects.standing().filter(execution=models.OuterRef("pk"))
        ended = models.Q(status__in=FINAL) | models.Q(purpose=Execution.Purpose.REPORTED)
        found = self.filter(ended, project=project_id, finished_at__lt=before, purged_at=None)
        return found.filter(~models.Exists(waits), models.Q(caller=None) | ~models.Q(caller__purged_at=None))

    def standing(self) -> ExecutionQuerySet:
        """Those of which nothing happens any more without a person."""
        return self.filter(models.Q(status__in=STANDING) | models.Q(status=Status.WAITING, waiting_for="review"))

    def untold(self) -> ExecutionQuerySet:
        """Those that were called by another, and stand still, and their caller does not know it yet."""
        return self.filter(caller__isnull=False, caller_told=None, status__in=STANDING)

    def production(self) -> ExecutionQuerySet:
        return self.filter(purpose=Execution.Purpose.PRODUCTION)

    def tests(self) -> ExecutionQuerySet:
        """Those that try a version out: what they cost is evaluation."""
        return self.filter(purpose__in=(Execution.Purpose.TRIAL, Execution.Purpose.EVALUATION))

    def reported(self) -> ExecutionQuerySet:
        return self.filter(purpose=Execution.Purpose.REPORTED)


class Execution(models.Model):
    """One run of a version on one input. Durable: a crash resumes it and repeats no recorded call."""

    class Purpose(models.TextChoices):
        PRODUCTION = "production"
        TRIAL = "trial"
        EVALUATION = "evaluation"  # of a case: nobody is asked, no side effect happens, see `Record`
        SHADOW = "shadow"  # of a past one, on the baseline's model: likewise
        REPORTED = "reported"  # it ran elsewhere, see `Report`: nothing moves it here

    class Resolver(models.TextChoices):
        WORKFLOW = "workflow"
        FRONTIER = "frontier"
        HUMAN = "human"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="executions", db_index=False)
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="executions", db_index=False)
    version = models.ForeignKey(Version, models.PROTECT, related_name="executions", db_index=False)
    publication = models.ForeignKey(Publication, models.PROTECT, null=True, related_name="executions", db_index=False)
    tier_map = VerbatimJSONField(help_text="tier → provider:model, pinned when it was accepted.")
    baseline_model = models.CharField(max_length=250, blank=True)
    simulated = models.BooleanField(default=False)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.PRODUCTION)
    lane = models.CharField(
        max_length=10,
        blank=True,
        default="fast",
        help_text="Empty until the design has chosen one: it looks at the input.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    waiting_for = models.CharField(max_length=10, blank=True)
    resume_at = models.DateTimeField(null=True)
    input = VerbatimJSONField()
    output = VerbatimJSONField(null=True)
    metadata = VerbatimJSONField(default=dict)
    judged_right = models.BooleanField(null=True, help_text="What the newest feedback says; null: there is none.")
    rerun_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="reruns", db_index=False)
    superseded_by = models.UUIDField(
        null=True, help_text="The execution that it goes on as, on the version that closed its flag."
    )
    resolved_by = models.CharField(max_length=10, choices=Resolver, blank=True)
    error = VerbatimJSONField(null=True)
    caller = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="called",
        db_index=False,
        help_text="The execution whose step this is.",
    )
    caller_told = models.BooleanField(null=True, help_text="That its caller was told how it stands.")
    # Workers are forgotten after a while, and the executions that they once had keep their ids: no constraint.
    worker = models.ForeignKey(
        Worker, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    token = models.PositiveIntegerField(default=0, help_text="Counts the claims: who holds an older one cannot write.")
    deaths = models.PositiveIntegerField(default=0, help_text="Workers that ended since the last checkpoint.")
    deadline_at = models.DateTimeField(
        default=deadline, help_text="After this an outage fails it; a person starts it anew."
    )
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(
        default=timezone.now,
        help_text="Its place in the queue, kept over a wait; whoever sets it going again gives a new one.",
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    redacted = models.PositiveIntegerField(
        null=True,
        help_text="Values of its input and metadata that were replaced when it was accepted; null: it is older than the count.",
    )
    purged_at = models.DateTimeField(null=True, help_text="When its texts were deleted; nothing moves it any more.")

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["workflow", "finished_at"], name="execution_finished"),
            models.Index(fields=["project", "created_at"], name="execution_accepted"),
            # What is in motion is little, however long the history: its indexes hold nothing else.
            models.Index(
                Coalesce("publication", -models.F("version"), output_field=models.BigIntegerField()),
                "queued_at",
                "id",
                condition=models.Q(status="queued"),
                name="execution_queued",
            ),
            models.Index(
                fields=["status", "waiting_for", "worker", "queued_at"],
                condition=models.Q(status__in=["queued", "running", "waiting", "escalated"]),
                name="execution_unfinished",
            ),
            models.Index(fields=["worker"], condition=models.Q(status="cancelled"), name="execution_cancelled"),
            models.Index(fields=["resume_at"], condition=models.Q(status="waiting"), name="execution_waiting"),
            # What is purged leaves it, so a batch is found at once however much there was.
            models.Index(
                fields=["project", "finished_at"],
                condition=models.Q(finished_at__isnull=False, purged_at__isnull=True),
                name="execution_unpurged",
            ),
            models.Index(fields=["caller"], condition=models.Q(caller__isnull=False), name="execution_called"),
            models.Index(
                fields=["caller"],
                condition=models.Q(caller__isnull=False, caller_told__isnull=True, status__in=STANDING),
                name="execution_untold",
            ),
            models.Index(fields=["rerun_of"], condition=models.Q(rerun_of__isnull=False), name="execution_rerun"),
            # Lists whose pages people turn, newest first; and what is rare among what is completed, and so is looked for.
            models.Index(fields=["workflow", "created_at"], name="execution_of_workflow"),
            models.Index(fields=["version", "created_at"], name="execution_of_version"),
            models.Index(
                fields=["project", "finished_at"], condition=models.Q(status="failed"), name="execution_failed"
            ),
            models.Index(fields=["project", "id"], condition=models.Q(purpose="trial"), name="execution_trial"),
            models.Index(
                fields=["project", "id"], condition=models.Q(purpose__in=["trial", "evaluation"]), name="execution_test"
            ),
            models.Index(
                fields=["project", "resolved_by", "id"],
                condition=models.Q(resolved_by__in=["frontier", "human"]),
                name="execution_escalated",
            ),
            models.Index(
                fields=["project", "judged_right", "id"],
                condition=models.Q(judged_right__isnull=False),
                name="execution_judged",
            ),
            models.Index(
                fields=["project"],
                condition=models.Q(purpose="reported", status="escalated"),
                name="execution_escalated_elsewhere",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def stream(self) -> int:
        """What asks the same models: the executions of one publication, or the trials of one version (see `streams`)."""
        return self.publication_id or -self.version_id

    @property
    def is_apart(self) -> bool:
        """Nobody is asked, no side effect happens and nobody is told: see `Record`."""
        return self.purpose in APART

    @property
    def has_ended(self) -> bool:
        """Nothing happens to it any more by itself, nor because of a person."""
        return self.status in FINAL or self.purpose == self.Purpose.REPORTED


class Record(models.Model):
    """What the tools, reviews and called workflows of an evaluation or a shadow answer, instead of being called. Its texts go with
    those of its execution."""

    execution = models.OneToOneField(Execution, models.CASCADE, primary_key=True, related_name="record")
    answers = VerbatimJSONField(default=dict, help_text="Step → what it answers; of a list: one for each item.")

    def __str__(self) -> str:
        return f"the record of {self.execution_id}"


class Report(models.Model):
    """What an agent that followed a version itself says of how that went. Its texts go with those of its execution."""

    execution = models.OneToOneField(Execution, models.CASCADE, primary_key=True, related_name="report")
    executor = models.CharField(max_length=200, help_text="The model or agent that executed it.")
    followed = models.BooleanField(help_text="Whether it kept to the workflow.")
    unexpected = VerbatimJSONField(default=list, help_text="What it met and did not expect, in its own words.")
    update_suggested = models.BooleanField(default=False)
    update = models.TextField(blank=True, help_text="What should change in the workflow, in its own words.")
    reported_by = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"reported by {self.executor}"


class Feedback(models.Model):
    """Whether the answer of a completed execution was right, as its caller or a reviewer said. The newest row holds; the others
    stay. `output`: the right one, for a case. Its texts go with those of its execution."""

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="feedback")
    accepted = models.BooleanField()
    output = VerbatimJSONField(null=True)
    has_output = models.BooleanField(default=False, help_text="False where null stands for no output at all.")
    note = models.TextField(blank=True)
    given_by = models.CharField(max_length=200)
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        return f"{'accepted' if self.accepted else 'rejected'} by {self.given_by}"


class StepResultQuerySet(models.QuerySet["StepResult"]):
    def same_attempt(self, row: StepResult) -> StepResultQuerySet:
        """This attempt, as the database has it."""
        return self.at(row.execution_id, row.step, row.iteration).filter(attempt=row.attempt)

    def at(self, execution_id: UUID, step: str, iteration: int | None) -> StepResultQuerySet:
        """All attempts of a step, or of one item of its list."""
        return self.filter(execution=execution_id, step=step, iteration=iteration)


class StepResult(models.Model):
    """One attempt of a step. `done` and `skipped` are checkpoints; the others are kept, never overwritten.

    `started`, of a tool with side effects: it was called, and what came of it is not known yet; with an output, it answered,
    and that was not judged yet. Of a review: it was asked. Of a
    workflow: its execution is on its way.
    """

    class Status(models.TextChoices):
        DONE = "done"
        SKIPPED = "skipped"
        STARTED = "started"
        REJECTED = "rejected"  # repaired
        FLAGGED = "flagged"  # not taken: a rung is asked
        SUPERSEDED = "superseded"  # taken, until a step that judges it sent it back

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="steps")
    step = models.CharField(max_length=100)
    iteration = models.IntegerField(null=True, help_text="Which item of its list, from 0; null for a step without one.")
    attempt = models.PositiveIntegerField(default=1)
    kind = models.CharField(max_length=10)
    status = models.CharField(max_length=10, choices=Status)
    output = VerbatimJSONField(null=True)
    has_output = models.BooleanField(default=True, help_text="False where null stands for no output at all.")
    confidence = models.FloatField(null=True)
    rationale = models.TextField(blank=True)
    explanation = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Why a rejected answer was not taken, or what a judge sent back for.",
    )
    tier = models.CharField(max_length=10, blank=True)
    model = models.CharField(max_length=200, blank=True)
    call = models.UUIDField(null=True, help_text="The ledger row whose answer this is.")
    called = models.UUIDField(null=True, help_text="The execution of another workflow that is this step.")
    answered_by = models.CharField(max_length=10, choices=Execution.Resolver, default=Execution.Resolver.WORKFLOW)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(default=timezone.now)

    objects = StepResultQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("execution", "step", ITERATION, "attempt", name="one_row_per_attempt"),
            models.UniqueConstraint(
                *("execution", "step", ITERATION),
                condition=models.Q(status__in=["done", "skipped"]),
                name="one_checkpoint_per_step",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} #{self.attempt}: {self.status}"

    @property
    def place(self) -> tuple[str, int | None]:
        return self.step, self.iteration

    @property
    def latency_ms(self) -> int:
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


NO_ESCALATION = ("review", "spot_check")


class FlagQuerySet(models.QuerySet["Flag"]):
    def escalating(self) -> FlagQuerySet:
        """Those that the design left open: a review of the design is no escalation, and neither is a spot check."""
        return self.exclude(reason__in=NO_ESCALATION)

    def standing(self) -> FlagQuerySet:
        """Those for which their execution stands still: for an answer, for a redesign, or, of an evaluation, for good."""
        return self.filter(state__in=STILL, waiting=True)


class Flag(models.Model):
    """That an execution met something uncovered, was unsure, or failed a check."""

    class Reason(models.TextChoices):
        UNCOVERED = "uncovered"
        LOW_CONFIDENCE = "low_confidence"
        CHECK_FAILED = "check_failed"
        INVALID_OUTPUT = "invalid_output"
        REFUSED = "refused"
        RULE = "rule"
        CODE_ERROR = "code_error"
        IN_DOUBT = "in_doubt"
        BUDGET = "budget"
        REVIEW = "review"  # of the design: no escalation
        SPOT_CHECK = "spot_check"  # drawn from those without a flag: no escalation either

    class State(models.TextChoices):
        OPEN = "open"
        IN_REDESIGN = "in_redesign"
        RESOLVED = "resolved"
        DISMISSED = "dismissed"
        RECORDED = "recorded"  # of an evaluation: nobody is asked

    class Resolution(models.TextChoices):
        ANSWERED = "answered"
        DISMISSED = "dismissed"
        RETRY = "retry"
        REDESIGN = "redesign"
        OVERDUE = "overdue"  # a review that nobody answered in time

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="flags")
    # Its execution's: the queue counts what is alike, and reads no execution for it.
    workflow = models.ForeignKey(
        Workflow, models.DO_NOTHING, null=True, editable=False, related_name="+", db_index=False, db_constraint=False
    )
    step = models.CharField(max_length=100, blank=True, help_text="Empty: the input or the result as a whole.")
    iteration = models.IntegerField(null=True)
    attempt = models.PositiveIntegerField(null=True, help_text="The attempt of the step that was flagged.")
    reason = models.CharField(max_length=15, choices=Reason)
    detector = models.CharField(max_length=15)
    edge_case = models.CharField(max_length=100, blank=True)
    role = models.CharField(
        "asked of", max_length=50, blank=True, default="", db_default="", help_text="The role that a review asks."
    )
    explanation = models.TextField(help_text="What was found; of a review, what is asked.")
    waiting = models.BooleanField(help_text="Whether the execution stands still for it.")
    answered_by = models.CharField(max_length=10, choices=Execution.Resolver, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    resolution = models.CharField(max_length=10, choices=Resolution, blank=True)
    note = models.TextField(blank=True)
    resolved_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                *("execution", "step", ITERATION, "reason", "edge_case"),
                condition=models.Q(state="open"),
                name="one_open_flag_per_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "waiting"], name="flag_queue"),
            models.Index(
                fields=["reason", "created_at"], condition=models.Q(state="open", waiting=True), name="flag_waiting"
            ),
            # The queue of people: what stands still, oldest first; and what is alike, to be counted and walked through.
            models.Index(
                fields=["id", "workflow", "reason", "role"],
                condition=models.Q(state="open", waiting=True),
                name="flag_standing",
            ),
            models.Index(
                fields=["workflow", "step", "reason", "edge_case", "role", "waiting", "id"],
                condition=models.Q(state="open"),
                name="flag_alike",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} at {self.step or 'the input'}"

    def save(self, *args: object, **named: object) -> None:
        if self.workflow_id is None:
            self.workflow_id = self.execution.workflow_id
        super().save(*args, **named)

    @property
    def stands_still(self) -> bool:
        """Whether its execution does, for it."""
        return self.waiting and self.state in UNDECIDED


class Event(models.Model):
    """What happened to an execution, and by whom: one row for each change of status and each resolution.

    `code` says why in one word: of a failure, of a wait, of a take-over. What has one is counted in `/metrics`.
    """

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10, blank=True)
    actor = models.CharField(max_length=200)
    code = models.CharField(max_length=20, blank=True)
    detail = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "after", "code"], condition=~models.Q(code=""), name="event_with_code"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.before} → {self.after}" if self.after else self.kind
