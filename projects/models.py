"""The tenant and what it owns directly. Nothing crosses a project: every queryset above starts from one."""

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from wire.money import to_pico

from .fields import PicoField, VerbatimJSONField
from .targets import PROVIDERS


class Tier(models.TextChoices):
    """The class of model that a model step is assigned."""

    CHEAP = "cheap"
    STANDARD = "standard"
    FRONTIER = "frontier"


class Scope(models.TextChoices):
    READ = "read"
    EXECUTE = "execute"
    DESIGN = "design"
    REVIEW = "review"
    ADMIN = "admin"


def default_cap() -> int:
    return to_pico(settings.EXECUTION_CAP)


class ProjectQuerySet(models.QuerySet["Project"]):
    @transaction.atomic
    def establish(self, name: str) -> "Project":
        """The project of this name, made with the default tier map where there is none."""
        project, made = self.get_or_create(name=name)
        if made:
            for tier, (provider, model) in settings.DEFAULT_TIERS.items():
                TierModel.objects.create(project=project, tier=tier, provider=provider, model=model)
        return project


class Project(models.Model):
    name = models.SlugField(max_length=100, unique=True, help_text="What people and commands call it.")
    execution_cap = PicoField(
        "cost cap of an execution",
        default=default_cap,
        help_text="In USD. An execution that could cost more is flagged and waits for a person.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def tier_map(self) -> dict[str, str]:
        """`{"cheap": "anthropic:claude-haiku-5-5", …}`, as it is now; a publication keeps its own copy."""
        return {row.tier: row.target for row in self.tiers.all()}


class TierModel(models.Model):
    """Which model a tier means in this project. A change takes effect with the next publication."""

    Provider = models.TextChoices("Provider", [(name.upper(), name) for name in PROVIDERS])

    project = models.ForeignKey(Project, models.CASCADE, related_name="tiers")
    tier = models.CharField(max_length=10, choices=Tier)
    provider = models.CharField(max_length=50, choices=Provider)
    model = models.CharField(max_length=200, help_text="The provider's id of the model, such as claude-haiku-5-5.")

    class Meta:
        verbose_name = "tier"
        constraints = [models.UniqueConstraint(fields=["project", "tier"], name="one_model_per_tier")]

    def __str__(self) -> str:
        return f"{self.tier}: {self.target}"

    @property
    def target(self) -> str:
        return f"{self.provider}:{self.model}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def issue(self, project: Project, scopes: list[str]) -> tuple["ApiKey", str]:
        """A new key and its secret text, which is not kept and cannot be shown again."""
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        token = f"wm_{prefix}_{secret}"
        return self.create(project=project, prefix=prefix, digest=_digest(token), scopes=scopes), token

    def authenticate(self, token: str) -> "ApiKey | None":
        """The living key of this text. Looked up by its public prefix, compared in constant time, also on a miss."""
        _, _, rest = token.partition("wm_")
        prefix = rest.partition("_")[0]
        key = self.select_related("project").filter(prefix=prefix[:16]).first()
        same = hmac.compare_digest(_digest(token), key.digest if key else _digest("nobody"))
        return key if key and same and key.is_alive else None


class ApiKey(models.Model):
    """Lets a program act for a project. Hashed; its text is shown once, when it is made."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = VerbatimJSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.prefix} ({', '.join(self.scopes)})"

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def touch(self) -> None:
        """Remembers the use, at most once a minute: a read must not become a write."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


class Tool(models.Model):
    """A registered function that this project's definitions may name. Registered by a person, never by a definition."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tools")
    name = models.CharField(max_length=100, help_text="The registered name, such as support.customer.")
    enabled = models.BooleanField(default=True)
    registered_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_tool_per_name")]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(models.Model):
    """That a request was answered: the same key with the same request is answered with what was made then."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    result = models.TextField(help_text="What was made, as the address that made it names it.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_result_per_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
