"""Cases, what is asked of a version before it is published, and evaluations with their results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import rfc8785
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Cast
from django.utils import timezone

from executions.models import Execution
from projects.fields import PicoField, ShareField, VerbatimJSONField
from projects.models import Project
from wire.ids import new_id
from workflows.models import Publication, Version, Workflow

from .replay_models import Replay, ReplayedExecution  # noqa: F401
from .series import Series

MIN_CASES = 20
# The smallest margin, in whole percents, that as many flawless pairs can prove at one-sided 95%: z²/(n + z²), z = 1.645.
MARGIN = Decimal("0.12")
MIN_RECALL = Decimal("0.80")


def digest(document: object) -> str:
    """SHA-256 of a JSON value's canonical form (RFC 8785): the same for the same content, whatever its spelling."""
    return sha256(rfc8785.dumps(document)).hexdigest()


class CaseQuerySet(models.QuerySet["Case"]):
    def confirmed(self) -> CaseQuerySet:
        """Those that count: a person stands for them."""
        return self.filter(state=Case.State.CONFIRMED)

    def proposed(self) -> CaseQuerySet:
        return self.filter(state=Case.State.PROPOSED)

    def tagged(self, tag: str) -> CaseQuerySet:
        """The column is JSON as it was written: what stands in quotes there is one tag."""
        return self.annotate(words=Cast("tags", models.TextField())).filter(words__contains=json.dumps(tag))


class Case(models.Model):
    """A stored input with its expected outcome. Its content never changes: whoever corrects one retires it and adds another, so
    that a result always says what it was a result of."""

    class Kind(models.TextChoices):
        COVERED = "covered"
        BOUNDARY = "boundary"  # covered, or not, by little
        UNCOVERED = "uncovered"

    class State(models.TextChoices):
        PROPOSED = "proposed"
        CONFIRMED = "confirmed"
        RETIRED = "retired"

    class Source(models.TextChoices):
        HAND = "hand"
        EXAMPLE = "example"
        DESIGN = "design"
        FLAG = "flag"
        FEEDBACK = "feedback"
        IMPORT = "import"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow = models.ForeignKey(Workflow, models.CASCADE, related_name="cases")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COVERED)
    input = VerbatimJSONField()
    expects_flag = models.BooleanField(
        default=False, help_text="That it is not answered but flagged: always so for an uncovered one."
    )
    expected = VerbatimJSONField(null=True, help_text="The whole answer; null where a flag is expected, or null is.")
    steps = VerbatimJSONField(default=dict, help_text="Step → the output that is expected of it.")
    answers = VerbatimJSONField(
        default=dict,
        help_text="Step → what its tool, review or workflow answers, instead of being called; of a list: one per item.",
    )
    weight = models.DecimalField(
        max_digits=8, decimal_places=3, default=Decimal(1), validators=[MinValueValidator(Decimal("0.001"))]
    )
    tags = VerbatimJSONField(default=list)
    note = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.CONFIRMED)
    source = models.CharField(max_length=10, choices=Source, default=Source.HAND)
    execution = models.UUIDField(null=True, help_text="Of which execution it was made.")
    content_hash = models.CharField(max_length=64, editable=False)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    decided_by = models.CharField(max_length=200, blank=True, help_text="Who confirmed or retired it last.")
    decided_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "content_hash"], condition=~models.Q(state="retired"), name="one_case_of_a_content"
            ),
        ]
        indexes = [models.Index(fields=["workflow", "state", "id"], name="case_of_workflow")]

    def __str__(self) -> str:
        return f"case {self.content_hash[:8]}"

    @property
    def content(self) -> dict[str, object]:
        """What an evaluation depends on. Tags, notes and where it comes from are words about it."""
        return {
            "kind": self.kind,
            "input": self.input,
            "expects_flag": self.expects_flag,
            "expected": self.expected,
            "steps": self.steps,
            "answers": self.answers,
            "weight": str(Decimal(self.weight).normalize()),
        }

    def hashed(self) -> str:
        return digest(self.content)


def set_hash(content_hashes: Iterable[str]) -> str:
    """Of a set of cases: of their contents, in no order."""
    return digest(sorted(content_hashes))


class Gate(models.Model):
    """What is asked of a version before it is published. A workflow without a row is asked the defaults."""

    workflow = models.OneToOneField(Workflow, models.CASCADE, primary_key=True, related_name="gate")
    min_cases = models.PositiveIntegerField(
        default=MIN_CASES,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="With so many confirmed cases a version needs a verdict.",
    )
    margin = ShareField(default=MARGIN, help_text="By how much its share of right answers may lie below, at most.")
    min_recall = ShareField(default=MIN_RECALL, help_text="The share of uncovered cases that it has to flag.")
    graders = VerbatimJSONField(default=list, help_text="How the whole answer is compared; none: exactly.")
    step_graders = VerbatimJSONField(default=dict, help_text="Step → how its output is compared; none: exactly.")
    stated_by = models.CharField(max_length=200, blank=True, editable=False)
    stated_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"the gate of {self.workflow.name}"

    @property
    def rules(self) -> dict[str, object]:
        """As an evaluation keeps them. How many cases are enough is asked when a version is published."""
        return {
            "margin": str(Decimal(self.margin).normalize()),
            "min_recall": str(Decimal(self.min_recall).normalize()),
            "graders": self.graders,
            "step_graders": self.step_graders,
        }


def gate_of(workflow: Workflow) -> Gate:
    """The row, or an unsaved one with the defaults."""
    return Gate.objects.filter(workflow=workflow).first() or Gate(workflow=workflow)


class TierSearchQuerySet(models.QuerySet["TierSearch"]):
    def to_come(self) -> TierSearchQuerySet:
        """Those that can still come to an answer."""
        return self.filter(status__in=(TierSearch.Status.RUNNING, TierSearch.Status.WAITING))


class TierSearch(models.Model):
    """The search for the cheapest model of each step that passes: its evaluations, what they show, and the draft it made."""

    class Status(models.TextChoices):
        RUNNING = "running"
        WAITING = "waiting"  # its budget has no room
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="tier_searches")
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="tier_searches")
    version = models.ForeignKey(Version, models.PROTECT, related_name="tier_searches")
    candidates = VerbatimJSONField(help_text="Model step → the models that are tried on it, provider:model.")
    tier_map = VerbatimJSONField(help_text="tier → provider:model, as it was when it began.")
    rules = VerbatimJSONField(help_text="What was asked, as it was when it began.")
    at_once = models.PositiveIntegerField(default=16)
    budget = PicoField(null=True, blank=True)
    simulated = models.BooleanField()
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    evidence = VerbatimJSONField(null=True, help_text="Of each step its models, and the ways to execute all of it.")
    chosen = VerbatimJSONField(null=True, help_text="Model step → the model that was found for it.")
    passed = models.BooleanField(null=True, help_text="Whether all of them together pass against the frontier.")
    said = models.TextField(blank=True, help_text="What came of it, in sentences.")
    draft = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = TierSearchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "tier searches"
        indexes = [
            models.Index(fields=["workflow", "id"], name="tier_search_of_workflow"),
            models.Index(
                fields=["id"], condition=models.Q(status__in=["running", "waiting"]), name="tier_search_to_come"
            ),
        ]

    def __str__(self) -> str:
        return f"tier search of {self.version} by {self.created_at:%Y-%m-%d %H:%M}"


class Evaluation(Series):
    """A version with certain models over cases, and, in a second arm, what it is compared with on the same cases."""

    class Against(models.TextChoices):
        NOTHING = "nothing"
        FRONTIER = "frontier"  # the same definition, every model step on the frontier
        INCUMBENT = "incumbent"  # what was live when it began

    project = models.ForeignKey(Project, models.PROTECT, related_name="evaluations")
    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="evaluations")
    version = models.ForeignKey(Version, models.PROTECT, related_name="evaluations")
    tier_map = VerbatimJSONField(help_text="tier → provider:model; steps.ID → the model of one step.")
    against = models.CharField(max_length=10, choices=Against)
    incumbent = models.ForeignKey(Publication, models.PROTECT, null=True, related_name="+")
    search = models.ForeignKey(TierSearch, models.PROTECT, null=True, editable=False, related_name="evaluations")
    binding = models.CharField(max_length=64, help_text="Hash of everything that its verdict is a verdict of.")
    cases_hash = models.CharField(max_length=64)
    repeats = models.PositiveIntegerField(default=1)
    judges = VerbatimJSONField(default=dict, help_text="tier → provider:model, of the judges among its graders.")
    passed = models.BooleanField(
        null=True, help_text="The verdict; null while there is none, or nothing to compare with."
    )

    class Meta:
        indexes = [
            models.Index(fields=["workflow", "id"], name="evaluation_of_workflow"),
            models.Index(fields=["status"], condition=models.Q(status="running"), name="evaluation_in_motion"),
            models.Index(fields=["binding"], condition=models.Q(passed=True), name="evaluation_passed"),
        ]

    def __str__(self) -> str:
        return f"evaluation of {self.version} by {self.created_at:%Y-%m-%d %H:%M}"


class Result(models.Model):
    """One case, in one arm of an evaluation, once: the execution that it was, and how that was judged."""

    class Arm(models.TextChoices):
        CANDIDATE = "candidate"
        REFERENCE = "reference"

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="results")
    arm = models.CharField(max_length=10, choices=Arm)
    case = models.ForeignKey(Case, models.PROTECT, related_name="results")
    repeat = models.PositiveIntegerField(default=0)
    execution = models.ForeignKey(Execution, models.PROTECT, null=True, related_name="results")
    right = models.BooleanField(null=True, help_text="Null: not judged yet, or not to be judged; `said` says why.")
    said = models.TextField(blank=True, help_text="What was wrong, in a sentence.")
    detectors = VerbatimJSONField(default=list, help_text="Of the flags that it raised: reason, detector, step.")
    steps = VerbatimJSONField(default=dict, help_text="Step → right, confidence, model, cost, latency_ms, said.")
    resolved_by = models.CharField(max_length=10, blank=True)
    cost = models.BigIntegerField(null=True, help_text="Pico-dollars; null where a model has no price.")
    latency_ms = models.PositiveIntegerField(null=True)
    finished_at = models.DateTimeField(null=True)
    questions = VerbatimJSONField(default=list, help_text="To judges: see `judges`, which reads and writes them.")
    asks_judge = models.BooleanField(default=False, help_text="That some of them are without an answer.")
    judge_cost = models.BigIntegerField(null=True, default=0, help_text="Pico-dollars; null where it has no price.")
    person_right = models.BooleanField(null=True, help_text="What a person says of the answer.")
    person_by = models.CharField(max_length=200, blank=True)
    person_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "arm", "case", "repeat"], name="one_result_per_case"),
        ]
        indexes = [
            models.Index(
                fields=["evaluation", "id"], condition=models.Q(finished_at__isnull=True), name="result_to_come"
            ),
            models.Index(fields=["evaluation", "right", "id"], name="result_judged"),
            models.Index(fields=["evaluation", "id"], condition=models.Q(asks_judge=True), name="result_asks_judge"),
        ]

    def __str__(self) -> str:
        return f"{self.arm} #{self.repeat} of {self.case}"

    @property
    def flagged(self) -> bool:
        return bool(self.detectors)


def results_of(execution: UUID) -> models.QuerySet[Result]:
    return Result.objects.filter(execution=execution)
