"""Endpoints that a project wants to be told at, what they are to be told, and how far the history was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from executions.models import Event
from projects import audit
from projects.audit import Verb
from projects.fields import VerbatimJSONField
from projects.models import Project
from wire.ids import new_id
from workflows.models import Workflow

from . import signing

MAX_SECRETS = 3  # at once: each is one signature more on every webhook
KEEP_HOURS = 24
MAX_KEEP_HOURS = 7 * 24
USUAL_HOURS = 24
MAX_HOURS = 90 * 24


class Kind(models.TextChoices):
    WEBHOOK = "webhook", "webhook"
    EMAIL = "email", "e-mail"


class Type(models.TextChoices):
    """What can be told."""

    COMPLETED = "execution.completed", "an execution completed"
    FAILED = "execution.failed", "an execution failed"
    CANCELLED = "execution.cancelled", "an execution was cancelled"
    WAITING = "flag.waiting", "a flag waits for a person"
    PARKED = "budget.parked", "a budget parked an execution"
    OVERDUE = "flags.overdue", "a group of flags waits for too long"
    SUMMARY = "summary.due", "a scheduled summary, where one is sent here"


TEST = "endpoint.test"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def living(self) -> EndpointQuerySet:
        return self.filter(deleted_at=None)

    def listening(self) -> EndpointQuerySet:
        return self.living().filter(enabled=True)


class Endpoint(models.Model):
    """An address at which a project wants to be told of some things."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="endpoints")
    kind = models.CharField(max_length=7, choices=Kind)
    address = models.CharField(
        max_length=500,
        help_text="Of a webhook: https://example.com/hooks. Of e-mail: one address, which gets one mail a minute at most.",
    )
    events = VerbatimJSONField("told of", help_text="What it is told of.")
    workflow = models.ForeignKey(
        Workflow,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: of all workflows of the project.",
    )
    hours = models.PositiveIntegerField(
        default=USUAL_HOURS,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_HOURS)],
        help_text="A group of flags (of one workflow, step and reason) waits for too long when its oldest has waited for so long.",
    )
    enabled = models.BooleanField(
        default=True,
        help_text="One that is disabled is told of nothing, and what it was to be told is not kept for it.",
    )
    disabled_because = models.CharField(max_length=200, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    after = models.BigIntegerField(default=0, editable=False, help_text="It is told of events behind this one.")
    created_by = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(enabled=True, deleted_at=None), name="endpoint_listening")
        ]

    def __str__(self) -> str:
        return self.address

    def wants(self, type: str, workflow_id: int) -> bool:
        return type in self.events and self.workflow_id in (None, workflow_id)

    @transaction.atomic
    def begin(self) -> Secret | None:
        """Saves it, and from now on it is told of what happens; its first secret, where it is a webhook."""
        self._listen()
        self.save(force_insert=True)
        self._audited(self.created_by, Verb.CREATED, **self._told())
        return Secret.objects.make(self) if self.kind == Kind.WEBHOOK else None

    @transaction.atomic
    def change(self, by: str, enabled: bool | None = None) -> None:
        """Saves what was changed. `enabled`: None leaves it so. Who is enabled again is told of what happens from now on;
        what waits for one that is disabled is given up by the housekeeping."""
        before = Endpoint.objects.select_related("workflow").get(pk=self.pk)
        told = ["address", "events", "workflow", "hours"]
        if enabled is not None and enabled != self.enabled:
            self.enabled, self.disabled_because = enabled, ""
            if enabled:
                self._listen()
            told += ["enabled", "disabled_because", "failing_since", "after"]
        self.save(update_fields=told)
        pairs = zip(before._told().items(), self._told().items(), strict=True)
        changes = {name: {"before": old, "after": new} for (name, old), (_, new) in pairs if old != new}
        if self.address != before.address:
            changes["address"] = {}  # it may be as good as a password: only that it is another one
        self._audited(by, Verb.CHANGED, changes=changes)

    def _listen(self) -> None:
        self.after, self.failing_since = Cursor.wake(), None

    @transaction.atomic
    def disable(self, because: str) -> None:
        """By the service. Whoever enables it again is a person."""
        found = Endpoint.objects.filter(pk=self.pk, enabled=True)
        if found.update(enabled=False, disabled_because=because):
            self._audited(audit.SERVICE, Verb.DISABLED, because=because)

    @transaction.atomic
    def remove(self, by: str) -> None:
        """It is gone for everybody; the housekeeping deletes its deliveries, which may be many, and then its row."""
        self.enabled, self.deleted_at = False, timezone.now()
        self.save(update_fields=["enabled", "deleted_at"])
        self.secrets.all().delete()
        self._audited(by, Verb.DELETED)

    @transaction.atomic
    def rotate(self, by: str, keep_hours: int = KEEP_HOURS) -> Secret:
        """A new secret. What was there signs too for so many hours, so that the receiver may change it in between."""
        Endpoint.objects.select_for_update(no_key=True).get(pk=self.pk)
        now = timezone.now()
        until = now + timedelta(hours=keep_hours)
        self.secrets.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=until)).update(expires_at=until)
        self.secrets.filter(expires_at__lte=now).delete()
        kept = list(self.secrets.order_by("-pk").values_list("pk", flat=True)[: MAX_SECRETS - 1])
        self.secrets.exclude(pk__in=kept).delete()
        self._audited(by, Verb.ROTATED, keep_hours=keep_hours)
        return Secret.objects.make(self)

    @property
    def called(self) -> str:
        """`webhook to hooks.example.com`: where it leads, without what may be a secret of its address."""
        host = urlsplit(self.address).hostname if self.kind == Kind.WEBHOOK else self.address.rpartition("@")[2]
        return f"{self.get_kind_display()} to {host}"

    def _told(self) -> dict[str, object]:
        workflow = self.workflow and self.workflow.name
        return {"events": self.events, "workflow": workflow, "hours": self.hours, "enabled": self.enabled}

    def _audited(self, by: str, verb: Verb, **told: object) -> None:
        audit.record(self.project_id, by, verb, self, self.called, **told)


class SecretQuerySet(models.QuerySet["Secret"]):
    def make(self, endpoint: Endpoint) -> Secret:
        salt = signing.new_salt()
        return self.create(endpoint=endpoint, salt=salt, fingerprint=signing.fingerprint(signing.secret_of(salt)))

    def alive(self) -> SecretQuerySet:
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))


class Secret(models.Model):
    """That an endpoint's webhooks are signed. The secret itself is not here: see `signing`."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="secrets")
    salt = models.CharField(max_length=32)
    fingerprint = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)

    objects = SecretQuerySet.as_manager()

    def __str__(self) -> str:
        return self.fingerprint

    @property
    def text(self) -> str | None:
        """`whsec_…`; None where this process has another `SECRET_KEY` than the one that made it."""
        secret = signing.secret_of(self.salt)
        return secret if signing.fingerprint(secret) == self.fingerprint else None


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, within: timedelta = timedelta(0)) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.WAITING, due_at__lte=Now() + within)


class Delivery(models.Model):
    """One thing that one endpoint is told. Its id is the `webhook-id`, the same at every attempt."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.BigIntegerField(null=True, help_text="The row of the history that it tells of; null: of none.")
    type = models.CharField(max_length=20)
    body = models.TextField(help_text="What is sent, to the byte: it is signed.")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Counts the claims: who holds an older one writes nothing."
    )
    due_at = models.DateTimeField("next try", default=timezone.now)
    attempted_at = models.DateTimeField("last try", null=True)
    delivered_at = models.DateTimeField(null=True)
    response_code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(
        blank=True, help_text="The beginning of what the receiver answered last, without secrets."
    )
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event"], name="one_delivery_per_event", condition=~models.Q(event=None)
            )
        ]
        indexes = [
            models.Index(fields=["endpoint", "id"], name="delivery_endpoint"),
            models.Index(fields=["endpoint", "due_at"], condition=models.Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=["id"], condition=models.Q(state="failed"), name="delivery_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint_id}"

    @transaction.atomic
    def again(self, by: str) -> None:
        """Sends it as soon as may be, whatever became of it."""
        Delivery.objects.filter(pk=self.pk).update(state=Delivery.State.WAITING, due_at=Now())
        audit.record(self.endpoint.project_id, by, Verb.REDELIVERED, self, f"{self.type} by {self.endpoint.called}")
        self.refresh_from_db()


class Overdue(models.Model):
    """That an endpoint was told of a group of flags that waits for too long; gone when the group is cleared."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="overdue")
    workflow = models.BigIntegerField()
    step = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=15)
    told_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "workflow", "step", "reason"], name="one_reminder_per_group")
        ]

    def __str__(self) -> str:
        return f"{self.reason} at {self.step or 'the input'}"


class Cursor(models.Model):
    """How far the history was read (see `history`): one row, whose lock makes one reader of many workers."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(null=True, help_text="The last event that was read; null: nobody listens.")
    gaps = VerbatimJSONField(default=list, help_text="[first, last, bound]: numbers before it that are not there yet.")
    reminded_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"read up to {self.position}"

    @classmethod
    def wake(cls) -> int:
        """For whoever begins to listen, in his transaction: from where on. Behind the lock that a reader takes before it finds
        that nobody listens, so that one of both sees the other."""
        cls.objects.get_or_create(pk=1)
        cursor = cls.objects.select_for_update().get(pk=1)
        last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        if cursor.position is None:
            cursor.position, cursor.gaps = last, []
            cursor.save()
        return last

    @classmethod
    def held(cls) -> Cursor | None:
        """The row, locked; None where nobody listens, or another worker reads at this moment."""
        return cls.objects.select_for_update(skip_locked=True).filter(position__isnull=False).first()

    @classmethod
    def is_awake(cls) -> bool:
        return cls.objects.filter(position__isnull=False).exists()


def check_events(events: Iterable[str]) -> list[str]:
    """In the order of the types, each once. Raises `ValidationError`."""
    events = list(events)
    if not events or set(events) - set(Type.values):
        raise ValidationError(f"Choose at least one of {', '.join(Type.values)}.")
    return [one for one in Type.values if one in events]
