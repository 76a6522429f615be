"""The ledger: an `Intent` before each paid call, one `Call` after it. Append-only; the database itself refuses a change.

Money is in pico-dollars (10⁻¹² USD); a price is pico-dollars per million tokens. Ids of what lies above (workflow,
execution, …) are plain: the gateway knows nothing of them.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from projects.fields import PicoField, VerbatimJSONField
from projects.models import Project, Provider
from wire.ids import new_id

from .pressure import Share
from .types import Outcome, Purpose, Usage

PURPOSES = [(purpose.value, purpose.value) for purpose in Purpose]
OUTCOMES = [(outcome.value, outcome.value) for outcome in Outcome]


class About(models.Model):
    """What a call is for: the columns that an intent and its call share."""

    project = models.BigIntegerField()
    workflow = models.BigIntegerField(null=True)
    version = models.BigIntegerField(null=True)
    publication = models.BigIntegerField(null=True)
    execution = models.UUIDField(null=True)
    step = models.CharField(max_length=100, blank=True)
    iteration = models.IntegerField(null=True)
    purpose = models.CharField(max_length=12, choices=PURPOSES)
    tier = models.CharField(max_length=10, blank=True)
    lane = models.CharField(max_length=10, blank=True)
    attempt = models.PositiveIntegerField()
    provider = models.CharField(max_length=50)
    model_planned = models.CharField(max_length=200)
    baseline_model = models.CharField(max_length=250, blank=True, help_text="provider:model")
    simulated = models.BooleanField()
    batch = models.BooleanField(default=False)
    prompt_format = models.PositiveIntegerField(null=True)
    prefix_hash = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    intended_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    SHARED = (
        *("project", "workflow", "version", "publication", "execution", "step", "iteration", "purpose", "tier", "lane"),
        *("attempt", "provider", "model_planned", "baseline_model", "simulated", "batch", "prompt_format"),
        *("prefix_hash", "request_hash", "intended_at"),
    )


class Intent(About):
    """Committed before the call leaves. One without a `Call` whose worker is dead is a call in doubt."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    upper_bound = models.BigIntegerField(null=True, help_text="Pico-dollars; null where the model has no price.")
    worker = models.UUIDField(null=True)

    class Meta(About.Meta):
        indexes = [models.Index(fields=["execution"], name="intent_execution")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.model_planned} #{self.attempt}"


class Call(About):
    """One row of the ledger. `corrects` names the row that this one brings to the truth; its money may be negative."""

    class CostState(models.TextChoices):
        PRICED = "priced"
        UNPRICED = "unpriced"
        UPPER_BOUND = "upper_bound"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    intent = models.ForeignKey(Intent, models.PROTECT, null=True, related_name="calls")
    corrects = models.OneToOneField("self", models.PROTECT, null=True, related_name="correction")
    reported = models.BooleanField(default=False)
    model_served = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=14, choices=OUTCOMES)
    error = models.CharField(max_length=500, blank=True)

    input = models.BigIntegerField(default=0)
    cache_read = models.BigIntegerField(default=0)
    cache_write_5m = models.BigIntegerField(default=0)
    cache_write_1h = models.BigIntegerField(default=0)
    output = models.BigIntegerField(default=0)
    thinking = models.BigIntegerField(default=0, help_text="Part of output.")
    prefix_tokens = models.BigIntegerField(default=0, help_text="The stable part of the prompt, cached or not.")

    price_input = models.BigIntegerField(null=True)
    price_cache_read = models.BigIntegerField(null=True)
    price_cache_write_5m = models.BigIntegerField(null=True)
    price_cache_write_1h = models.BigIntegerField(null=True)
    price_output = models.BigIntegerField(null=True)
    price_source = models.CharField(max_length=50, blank=True)
    price_version = models.CharField(max_length=50, blank=True)

    cost = models.BigIntegerField(null=True, help_text="Pico-dollars; null where unpriced.")
    cost_state = models.CharField(max_length=12, choices=CostState)
    baseline_cold = models.BigIntegerField(null=True)
    baseline_warm = models.BigIntegerField(null=True)

    finished_at = models.DateTimeField(default=timezone.now)
    latency_ms = models.PositiveIntegerField(default=0)

    class Meta(About.Meta):
        verbose_name = "model call"
        constraints = [
            models.UniqueConstraint(
                fields=["intent"], condition=models.Q(corrects__isnull=True), name="one_call_per_intent"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "workflow", "finished_at"], name="call_project_day"),
            models.Index(fields=["execution"], name="call_execution"),
            models.Index(
                fields=["workflow", "finished_at"], condition=models.Q(purpose="shadow"), name="call_of_shadow"
            ),
            models.Index(
                fields=["simulated", "cost"], condition=models.Q(outcome=Outcome.IN_DOUBT.value), name="call_in_doubt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.model_served or self.model_planned}: {self.outcome}"

    @property
    def usage(self) -> Usage:
        return Usage(self.input, self.cache_read, self.cache_write_5m, self.cache_write_1h, self.output, self.thinking)


class Payload(models.Model):
    """The texts of a call, without secrets. Retention may delete it: no money, count or hash is in it.

    In a project that keeps none it has no request, and lives as long as its execution may need the answer again: after a
    crash in the middle of a step an answer that is recorded is judged again, and not paid for a second time.
    """

    call = models.OneToOneField(Call, models.CASCADE, primary_key=True, related_name="payload")
    request = VerbatimJSONField()
    response = models.TextField(blank=True)
    provider_request_id = models.CharField(max_length=200, blank=True)
    transient = models.BooleanField(null=True, help_text="Deleted when its execution has ended.")

    class Meta:
        indexes = [models.Index(fields=["call"], condition=models.Q(transient=True), name="payload_transient")]

    def __str__(self) -> str:
        return str(self.call_id)


class OwnPrice(models.Model):
    """A price that a project states itself, in pico-dollars per million tokens; it goes before the public list."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="own_prices")
    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=200, help_text="The provider's id of the model.")
    valid_from = models.DateField(help_text="From this day on (UTC); never in the past: what was paid stays as it was.")
    input = PicoField(help_text="USD per million tokens.")
    output = PicoField(help_text="USD per million tokens, thinking included.")
    cache_read = PicoField(
        null=True, blank=True, help_text="USD per million tokens; empty: the provider has no such price."
    )
    cache_write_5m = PicoField(
        "cache write, five minutes", null=True, blank=True, help_text="The same for what is kept in a cache so long."
    )
    cache_write_1h = PicoField("cache write, one hour", null=True, blank=True)
    batch_input = PicoField(
        null=True, blank=True, help_text="The same of a batch, per million tokens; empty: a batch has no price."
    )
    batch_output = PicoField(null=True, blank=True)
    batch_cache_read = PicoField(null=True, blank=True)
    batch_cache_write_5m = PicoField("batch cache write, five minutes", null=True, blank=True)
    batch_cache_write_1h = PicoField("batch cache write, one hour", null=True, blank=True)

    class Meta:
        verbose_name = "own price"
        constraints = [
            models.UniqueConstraint(fields=["project", "provider", "model", "valid_from"], name="one_own_price_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.model} from {self.valid_from}"

    def clean(self) -> None:
        if self.project_id and self.provider:
            self.project.must_know(self.provider)
        if self.valid_from and self.valid_from < timezone.now().date():
            raise ValidationError({"valid_from": "A price holds from today or later: what was paid stays as it was."})
        if (self.batch_input is None) != (self.batch_output is None):
            raise ValidationError(
                {"batch_output": "A batch has a price of what goes in and of what comes out, or none."}
            )


class Limit(models.Model):
    """What this installation may ask of a provider; every worker keeps to its share."""

    provider = models.CharField(max_length=50)
    model = models.CharField(
        max_length=200,
        blank=True,
        help_text="The provider's id of the model; empty: each model of the provider that has no limit of its own.",
    )
    concurrent = models.PositiveIntegerField(
        "calls at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Over all workers; empty: no limit. What finds no place waits, and is never refused.",
    )
    tokens_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Read (but for what the provider had in its cache) and written; empty: no limit.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="one_limit_per_model")]

    def __str__(self) -> str:
        return f"{self.provider}:{self.model or 'each model'}"

    def clean(self) -> None:
        if self.provider and self.provider not in (known := Provider.objects.names()):
            raise ValidationError({"provider": f"No project has such a provider; there are {', '.join(known)}."})

    def share(self, rank: int, workers: int) -> Share:
        """Of the worker with this rank, counted from 0: all shares add up to the limit."""
        return Share(_part(self.concurrent, rank, workers), _part(self.tokens_per_minute, rank, workers))


def _part(whole: int | None, rank: int, workers: int) -> int | None:
    return None if whole is None else whole // workers + (rank < whole % workers)
