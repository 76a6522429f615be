"""Workflows, their immutable versions, their publications and the baselines they are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import islice

import semver
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Sum
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from gateway.models import Call
from gateway.providers.registry import is_simulated
from projects import audit
from projects.audit import Verb
from projects.fields import PicoField, ShareField, VerbatimJSONField
from projects.keeping import redaction
from projects.models import Project
from projects.tools import tools_of
from wire.money import to_usd, usd_text
from wire.problems import Conflict, Fault, Invalid
from wire.redaction import PERSONAL, policy_of
from wire.times import rfc3339

from . import closing, gate
from .calls import callees, pins
from .definition import Definition
from .faults import MAX_FAULTS
from .meaning import ToolSignature
from .parsing import content_hash, parse, warnings
from .prompts import PROMPT_FORMAT

TOLD = ("changelog", "design_context", "designed_by", "intelligence_level")  # words around a definition
BEGINNING = date(1970, 1, 1)
SETTLING, SETTLING_ROOM = 11_589_351, 2**31 - 1  # of our advisory lock, as the trigger settle_budgets has them
MODEL_IN_FORCE = """
    SELECT model FROM workflows_baseline WHERE workflow_id = %s AND valid_from <= %s ORDER BY valid_from DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True)
class Examined:
    """A definition that was found right for a project, ready to be saved. Examining takes time and holds no lock."""

    document: dict
    definition: Definition
    content_hash: str
    warnings: list[Fault]

    @classmethod
    def of(cls, document: dict, project: Project) -> Examined:
        """Raises `Invalid` with everything that is wrong with it."""
        definition = parse(document, signatures(project), callees(document, project))
        if secrets := _secrets(document, project):
            raise Invalid.of(secrets)
        return cls(document, definition, content_hash(document), warnings(definition))


class WorkflowQuerySet(models.QuerySet["Workflow"]):
    @transaction.atomic
    def begin(self, project: Project, name: str, by: str) -> Workflow:
        """A new one, without a version yet. Raises `IntegrityError` for a name that is taken."""
        workflow = self.create(project=project, name=name)
        audit.record(project.pk, by, Verb.CREATED, workflow)
        return workflow

    def held(self, pk: int) -> Workflow:
        """Locked until the end of the transaction, with what is live."""
        rows = self.select_for_update(no_key=True, of=("self",))
        return rows.select_related("live__version__workflow", "project").get(pk=pk)


class Workflow(models.Model):
    """A named, repeatable task. What it does stands in its versions."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="workflows")
    name = models.CharField(max_length=100)
    live = models.ForeignKey("Publication", models.PROTECT, null=True, editable=False, related_name="+")
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Since when it takes no executions any more.")
    spot_check_share = ShareField(
        "share of spot checks", null=True, blank=True, help_text="Instead of its project's; empty: the same."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_workflow_per_name")]

    def __str__(self) -> str:
        return self.name

    def must_be_in_use(self) -> None:
        """Raises `Conflict` where it is archived."""
        if self.archived_at:
            said = (
                f"The workflow {self.name} was archived on {self.archived_at:%Y-%m-%d}; take it back to go on with it."
            )
            raise Conflict(said, archived_at=rfc3339(self.archived_at))

    @transaction.atomic
    def archive(self, by: str) -> None:
        """Takes it out of use. Raises `Conflict` where it is archived already."""
        if not Workflow.objects.filter(pk=self.pk, archived_at=None).update(archived_at=timezone.now()):
            self.refresh_from_db(fields=["archived_at"])
            self.must_be_in_use()
        audit.record(self.project_id, by, Verb.ARCHIVED, self)

    @transaction.atomic
    def take_back(self, by: str) -> None:
        """Into use. Raises `Conflict` where it is not archived."""
        if not Workflow.objects.filter(pk=self.pk, archived_at__isnull=False).update(archived_at=None):
            raise Conflict(f"The workflow {self.name} is not archived.", archived_at=None)
        audit.record(self.project_id, by, Verb.UNARCHIVED, self)

    def draft(self, examined: Examined, number: str, resolves: Sequence[str] = (), **context: object) -> Version:
        """A new, immutable version; what is said around the definition loses its secrets. `resolves`: ids of the flags that
        its publication closes. Raises `Conflict` for a number that is taken, and for a workflow that is archived; `Invalid` for
        flags that it cannot close."""
        self.must_be_in_use()
        resolves = list(dict.fromkeys(resolves))
        if wrong := closing.faults(self, resolves):
            raise Invalid.of([fault.under("/resolves") for fault in wrong])
        policy = redaction(self.project_id)
        context |= {name: policy.value(context[name]) for name in TOLD if name in context}
        try:
            with transaction.atomic():
                version = self.versions.create(
                    number=number,
                    title=examined.definition.title,
                    definition=examined.document,
                    content_hash=examined.content_hash,
                    warnings=[{"pointer": fault.pointer, "detail": fault.detail} for fault in examined.warnings],
                    resolves=resolves or None,
                    **context,
                )
                told = {"content_hash": version.content_hash, "warnings": len(version.warnings)}
                audit.record(self.project_id, version.created_by, Verb.CREATED, version, **told)
                return version
        except IntegrityError as error:
            raise Conflict(f"The version {number} exists already; a version never changes.", version=number) from error

    @transaction.atomic
    def state_baseline(self, by: str, **said: object) -> Baseline:
        """From its `valid_from` on. The audit knows its prompt by length and hash: it is a text, and may be long."""
        prompt = redaction(self.project_id).text(said.pop("prompt", ""))
        baseline = self.baselines.create(**{"stated_by": by, "prompt": prompt, **said})
        cost = None if baseline.cost_per_execution is None else usd_text(to_usd(baseline.cost_per_execution))
        told = {"method": baseline.method, "model": baseline.model, "cost_per_execution": cost}
        if prompt:
            told["prompt"] = {"characters": len(prompt), "sha256": sha256(prompt.encode()).hexdigest()}
        since = rfc3339(baseline.valid_from)
        audit.record(self.project_id, by, Verb.STATED, baseline, self.name, **told, **{"from": since})
        return baseline

    def number_after(self, bump: str) -> str:
        """The next number behind the highest one there is; `bump` is major, minor or patch."""
        numbers = [semver.Version.parse(number) for number in self.versions.values_list("number", flat=True)]
        return str(max(numbers).next_version(bump)) if numbers else "1.0.0"

    def called_as(self, major: int | None) -> Publication | None:
        """What a step that calls it now is pinned to: the live publication, or the latest one of a major version."""
        if major is None:
            return self.live
        rows = Publication.objects.filter(version__workflow=self).select_related("version__workflow").order_by("-pk")
        several = [self.live, *rows] if self.live else []
        return next((one for one in several if semver.Version.parse(one.version.number).major == major), None)

    def baseline_at(self, moment: object) -> Baseline | None:
        return self.baselines.filter(valid_from__lte=moment).order_by("-valid_from", "-pk").first()

    def baseline_model_at(self, moment: datetime) -> str:
        """The model of that baseline, empty where none is stated. Every execution asks, so by hand: the ORM would take four
        times as long."""
        with connection.cursor() as cursor:
            cursor.execute(MODEL_IN_FORCE, [self.pk, connection.ops.adapt_datetimefield_value(moment)])
            found = cursor.fetchone()
        return found[0] if found else ""


class Version(models.Model):
    """One immutable definition of a workflow, with its design context: why it is as it is, and what designing cost."""

    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="versions")
    number = models.CharField(max_length=64, help_text="Semantic version, such as 1.2.0.")
    title = models.TextField()
    definition = VerbatimJSONField()
    content_hash = models.CharField(max_length=64)
    warnings = VerbatimJSONField(default=list, help_text="What was doubtful when it was saved.")
    changelog = models.TextField(blank=True)
    design_context = VerbatimJSONField(default=dict)
    designed_by = models.CharField(max_length=200, blank=True)
    designed_at = models.DateTimeField(null=True)
    intelligence_level = models.CharField(max_length=50, blank=True)
    design_cost = models.BigIntegerField(null=True, help_text="Declared, in pico-dollars.")
    resolves = VerbatimJSONField(null=True, help_text="Ids of the flags that its publication closes; null: none.")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.workflow.name} {self.number}"

    @property
    def design_cost_usd(self) -> Decimal | None:
        return None if self.design_cost is None else to_usd(self.design_cost)

    def parsed(self) -> Definition:
        """The definition as it was accepted: its structure is read again, what it says was checked when it was saved."""
        return Definition.model_validate(self.definition)

    def tiers(self) -> dict[str, str]:
        """The project's tier map of this moment. Raises `Conflict` where this version cannot be executed with it."""
        project = self.workflow.project
        tier_map = project.tier_map()
        reachable = self.parsed().reachable_tiers
        if missing := sorted(reachable - tier_map.keys()):
            raise Conflict(f"The project maps no model to the tier {missing[0]}; a person maps one in the admin.")
        known = project.known_providers()
        if unknown := sorted(tier for tier in reachable if tier_map[tier].partition(":")[0] not in known):
            raise Conflict(f"The project has no provider any more for its tier {unknown[0]}, {tier_map[unknown[0]]}.")
        if len({is_simulated(project.pk, tier_map[tier]) for tier in reachable}) > 1:
            raise Conflict("The project mixes simulated and real models; simulated and real money are never added.")
        return tier_map

    def examine_again(self) -> None:
        """Raises `Conflict` where the project has changed since the version was saved: a tool is gone, say."""
        try:
            project = self.workflow.project
            parse(self.definition, signatures(project), callees(self.definition, project))
        except Invalid as problem:
            raise Conflict(f"This version no longer fits its project: {problem.detail}") from problem

    def must_be_publishable(self) -> None:
        """Raises `Conflict` for a workflow that is archived, and for a version that no longer fits its project. One that was
        live before always may be again: that is the roll-back. Asked before `publish`, because it takes time and no lock."""
        self.workflow.must_be_in_use()
        if not self.publications.exists():
            self.examine_again()

    def publish(self, by: str, override: str = "") -> Publication:
        """Makes this version live: from now on executions are of it, with the tier map as it is at this moment.

        The flags that it lists in `resolves`, and that nobody has decided yet, are closed with it, and what still waits for them
        is run again on it: at every publication, so a roll-back to it closes what is undecided then.

        Raises `Conflict` for a workflow that is archived, where it cannot be executed, and where the gate misses evidence,
        unless `override` says why it is to go live all the same.
        """
        self.workflow.must_be_in_use()
        pinned = {"tier_map": self.tiers(), "calls": pins(self) or None, "prompt_format": PROMPT_FORMAT}
        override = redaction(self.workflow.project_id).text(override)
        with transaction.atomic():
            closing.hold(self)
            # One after the other, and no case comes between: a verdict is against what is live, on the cases that there are.
            self.workflow = Workflow.objects.held(self.workflow_id)
            evidence = gate.judge(gate.Wanted(self, **pinned, override=override))
            was_live = self.publications.exists()
            before = self.workflow.live and self.workflow.live.version.number
            publication = self.publications.create(
                **pinned,
                evidence=evidence.word,
                evaluation=evidence.evaluation,
                reason=evidence.reason,
                published_by=by,
            )
            Workflow.objects.filter(pk=self.workflow_id).update(live=publication)
            verb = Verb.ROLLED_BACK if was_live and before != self.number else Verb.PUBLISHED
            verb = Verb.OVERRODE if evidence.reason else verb
            told = {"before": before, "evidence": publication.evidence, "tier_map": publication.tier_map}
            told |= {"reason": evidence.reason} if evidence.reason else {}
            if self.resolves:
                closed = closing.close(publication, by)
                told |= {"closed": closed.flags, "run_again": closed.run_again, "left": closed.left.total()}
            audit.record(self.workflow.project_id, by, verb, self, **told)
        return publication


class Publication(models.Model):
    """That a version went live: with which models, on what evidence, by whom. An execution pins its publication."""

    class Evidence(models.TextChoices):
        NONE = "none"
        PASSED = "passed"
        OVERRIDDEN = "overridden"

    version = models.ForeignKey(Version, models.PROTECT, related_name="publications")
    tier_map = VerbatimJSONField(help_text="tier → provider:model, as it was.")
    calls = VerbatimJSONField(
        null=True, help_text="Workflow as a step calls it → the publication that it was pinned to."
    )
    prompt_format = models.PositiveIntegerField()
    evidence = models.CharField(max_length=10, choices=Evidence, default=Evidence.NONE)
    evaluation = models.UUIDField(null=True, help_text="Whose verdict the evidence is.")
    reason = models.TextField(blank=True, help_text="Why the gate was overridden.")
    published_by = models.CharField(max_length=200)
    published_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.version} at {self.published_at:%Y-%m-%d %H:%M}"

    def called(self) -> list[Publication]:
        """What its steps call. Older than itself, so that nothing can call in a circle."""
        return list(Publication.objects.filter(pk__in=(self.calls or {}).values()).select_related("version__workflow"))

    def depth(self) -> int:
        """How many executions stand in each other at most: 1 for one that calls nothing."""
        return 1 + max((one.depth() for one in self.called()), default=0)

    def workflows(self) -> set[int]:
        """The ids of its workflow and of all that are called from it."""
        return {self.version.workflow_id}.union(*(one.workflows() for one in self.called()))


class Baseline(models.Model):
    """The all-frontier way of doing the same task, as a person stated it; in force from its date to the next one's."""

    MAX_PROMPT = 64 * 1024  # bytes

    class Method(models.TextChoices):
        DECLARED = "declared"
        REPRICED_WARM = "repriced_warm"
        REPRICED_COLD = "repriced_cold"
        MEASURED = "measured"

    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="baselines")
    method = models.CharField(max_length=15, choices=Method)
    model = models.CharField(max_length=250, blank=True, help_text="provider:model")
    cost_per_execution = models.BigIntegerField(null=True, help_text="Pico-dollars, for the method declared.")
    prompt = models.TextField(
        blank=True, help_text="How the model is asked the task without its workflow: what shadows of the task say."
    )
    valid_from = models.DateTimeField()
    stated_by = models.CharField(max_length=200)
    stated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workflow", "valid_from"], name="baseline_in_force")]

    def __str__(self) -> str:
        return f"{self.workflow}: {self.method} from {self.valid_from:%Y-%m-%d}"


class HumanEffort(models.Model):
    """What one decision of a person takes, as a person stated it; in force from its date to the next one's."""

    workflow = models.ForeignKey(Workflow, models.PROTECT, related_name="human_efforts")
    minutes_per_review = models.DecimalField(max_digits=7, decimal_places=2)
    cost_per_hour = models.BigIntegerField(null=True, help_text="Pico-dollars; null: nobody says.")
    valid_from = models.DateTimeField()
    stated_by = models.CharField(max_length=200)
    stated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "human effort"
        indexes = [models.Index(fields=["workflow", "valid_from"], name="human_effort_in_force")]

    def __str__(self) -> str:
        return f"{self.workflow}: {self.minutes_per_review} minutes from {self.valid_from:%Y-%m-%d}"


def _secrets(document: dict, project: Project) -> list[Fault]:
    """A definition is kept as it is, for ever, and shown to everybody who may read: with a secret in it, it is refused."""
    policy = policy_of(redaction(project.pk).names - PERSONAL, ())
    if policy.value(document) is document:
        return []
    advice = (
        "A definition never changes and is shown to whoever may read; a tool takes its secrets from its environment."
    )
    return [Fault(found.pointer, f"{found.detail}. {advice}") for found in islice(policy.faults(document), MAX_FAULTS)]


def signatures(project: Project) -> dict[str, ToolSignature]:
    """What a definition of this project may call."""
    return {name: ToolSignature(name, tool.input_schema, tool.side_effects) for name, tool in tools_of(project).items()}


class Budget(models.Model):
    """How much the calls of a project, or of one of its workflows, may cost in a period. Real and simulated money are
    counted apart, each up to the cap: a story never uses up what is meant for the truth."""

    class Period(models.TextChoices):
        DAY = "day"
        MONTH = "month"
        TOTAL = "total"

    project = models.ForeignKey(Project, models.CASCADE, related_name="budgets")
    workflow = models.ForeignKey(
        Workflow, models.CASCADE, null=True, blank=True, related_name="budgets", help_text="Empty: the whole project."
    )
    period = models.CharField(
        max_length=5, choices=Period, default=Period.MONTH, help_text="Of the calendar in UTC; total never begins anew."
    )
    cap = PicoField(help_text="In USD. What does not fit waits, and goes on when this is raised or a period begins.")
    stated_by = models.CharField(max_length=200, blank=True, editable=False)
    stated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "period"], condition=models.Q(workflow=None), name="one_budget_of_a_project"
            ),
            models.UniqueConstraint(fields=["workflow", "period"], name="one_budget_of_a_workflow"),
        ]

    def __str__(self) -> str:
        of = f"the workflow {self.workflow.name}" if self.workflow else "the project"
        return f"the budget of {of} {'in total' if self.period == self.Period.TOTAL else f'per {self.period}'}"

    def save(self, *arguments: object, **options: object) -> None:
        if not self._state.adding:
            super().save(*arguments, **options)
            return
        with transaction.atomic():
            _stop_the_ledger(self.project_id)
            super().save(*arguments, **options)
            self._count_what_was_spent()

    def begins(self, moment: datetime) -> date:
        """The first day of the period in which this moment lies."""
        day = moment.astimezone(UTC).date()
        return {"day": day, "month": day.replace(day=1), "total": BEGINNING}[self.period]

    def ends(self, moment: datetime) -> datetime | None:
        """When the next period begins; None: never."""
        first = self.begins(moment)
        if self.period == self.Period.TOTAL:
            return None
        following = first + timedelta(days=1 if self.period == self.Period.DAY else 31)
        following = following if self.period == self.Period.DAY else following.replace(day=1)
        return datetime.combine(following, time.min, UTC)

    def _count_what_was_spent(self) -> None:
        """In the present period, before anybody had stated the budget: from the ledger, once."""
        begins = self.begins(timezone.now())
        since = datetime.combine(begins, time.min, UTC)
        calls = Call.objects.filter(project=self.project_id, finished_at__gte=since, cost__isnull=False, reported=False)
        if self.workflow_id:
            calls = calls.filter(workflow=self.workflow_id)
        for row in calls.values("simulated").annotate(sum=Sum("cost")):
            self.spent.create(begins=begins, simulated=row["simulated"], amount=int(row["sum"]))


def _stop_the_ledger(project: int) -> None:
    """For the rest of the transaction: no call of this project may pass between a sum over its ledger and the first call that
    is added to that. The trigger that settles a call holds the same lock, shared: those on their way are waited for, and
    later ones wait. Other projects' calls do neither."""
    if connection.vendor == "postgresql":  # on SQLite whoever writes is alone anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SETTLING, project % SETTLING_ROOM])


@receiver(pre_delete, sender=Budget)
def _let_calls_settle(instance: Budget, **kwargs: object) -> None:
    """Before a budget goes: a call that is being added to it would fail for its sake. Its row comes first, as for a call
    that reserves: who has it already has still to settle."""
    list(Budget.objects.select_for_update(no_key=True).filter(pk=instance.pk))
    _stop_the_ledger(instance.project_id)


class Spent(models.Model):
    """What of a budget is spent in the period that begins on this day. The database adds each call of the ledger to it,
    in the call's own transaction: no writer can forget to."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="spent")
    begins = models.DateField()
    simulated = models.BooleanField()
    amount = models.BigIntegerField(help_text="Pico-dollars.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["budget", "begins", "simulated"], name="one_sum_per_period")]

    def __str__(self) -> str:
        return f"{self.budget} since {self.begins}"


class Reservation(models.Model):
    """What a call in flight may cost at most; it is gone with the call's row in the ledger."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="reservations")
    intent = models.UUIDField(db_index=True)
    simulated = models.BooleanField()
    amount = models.BigIntegerField(help_text="Pico-dollars: the upper bound of the call.")

    def __str__(self) -> str:
        return str(self.intent)
