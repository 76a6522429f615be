"""The tenant and what it owns directly. Nothing crosses a project: every queryset above starts from one."""

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.utils import timezone

from wire.ids import new_id
from wire.money import to_pico

from .endpoints import fault_of_aliases, fault_of_key, fault_of_url
from .fields import PicoField, ShareField, VerbatimJSONField
from .targets import PROVIDERS, SIMULATED

# The value of this variable leaves the machine with every call, so it has to look like a key.
KEY_VARIABLE = RegexValidator(r"^[A-Z][A-Z0-9_]{0,90}_(KEY|TOKEN)\Z", "Name a variable that ends in _KEY or _TOKEN.")
# A prefix of their own: no tool names a provider's key, nor what this service itself is reached or signed by.
TOOL_VARIABLE = RegexValidator(
    r"^(SQL_[A-Z0-9_]{1,80}_URL|TOOL_[A-Z0-9_]{1,80}_(KEY|TOKEN|SECRET|PASSWORD))\Z",
    "Name a variable such as SQL_SHOP_URL, or TOOL_SHOP_TOKEN.",
)
PROVIDER_NAME = RegexValidator(
    r"^[a-z][a-z0-9-]{0,49}\Z", "Small letters, digits and hyphens, beginning with a letter."
)


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
    def establish(self, name: str) -> "Project":
        """The project of this name, made with the default tier map where there is none."""
        return self.found_or_made(name)[0]

    @transaction.atomic
    def found_or_made(self, name: str) -> tuple["Project", bool]:
        project, made = self.get_or_create(name=name)
        if made:
            for tier, (provider, model) in settings.DEFAULT_TIERS.items():
                TierModel.objects.create(project=project, tier=tier, provider=provider, model=model)
        return project, made


class Project(models.Model):
    class StorePayload(models.TextChoices):
        FULL = "full", "are kept"
        NONE = "none", "are not kept"

    name = models.SlugField(max_length=100, unique=True, help_text="What people and commands call it.")
    execution_cap = PicoField(
        "cost cap of an execution",
        default=default_cap,
        help_text="In USD. An execution that could cost more is flagged and waits for a person.",
    )
    redacted_patterns = VerbatimJSONField(
        "secrets that are told by their form",
        null=True,
        blank=True,
        help_text="Replaced by a mark such as [redacted:api-key] before anything is written, so that no model sees them either.",
    )
    redacted_fields = VerbatimJSONField(
        "fields whose values are replaced too",
        null=True,
        blank=True,
        help_text="One a line: a name such as password, wherever it stands, or a JSON pointer such as /customer/iban. They "
        "become [redacted:field] in inputs, metadata, answers and outputs; a free text has no fields.",
    )
    retention_days = models.PositiveIntegerField(
        "days that texts are kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text="So long after an execution has ended, its texts are deleted for good: input, output, metadata, what its "
        "steps and models said, explanations and notes. What it cost, its counts, hashes, statuses and times stay, so no report "
        "changes. Empty: they are kept. What waits for a person has not ended.",
    )
    store_payload = models.CharField(
        "prompts and answers of model calls",
        max_length=4,
        choices=StorePayload,
        default=StorePayload.FULL,
        db_default=StorePayload.FULL,
        help_text="Not kept: prompts are never written, and an answer's text is deleted as soon as its execution has ended. "
        "Outputs of steps are kept all the same, and so is what the calls cost.",
    )
    spot_check_share = ShareField(
        "share of spot checks",
        null=True,
        blank=True,
        help_text="Of the executions that complete without a flag, so many stand in the queue to be looked at: 0.02 is two in a "
        "hundred, empty is none. A workflow may have a share of its own.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def tier_map(self) -> dict[str, str]:
        """`{"cheap": "anthropic:claude-haiku-5-5", …}`, as it is now; a publication keeps its own copy."""
        return {row.tier: row.target for row in self.tiers.all()}

    def known_providers(self) -> list[str]:
        """The names that may stand before the colon of a model."""
        return self.providers.names() if self.pk else sorted(PROVIDERS)

    def must_know(self, provider: str) -> None:
        """Raises `ValidationError` for a name that is none of them."""
        if provider not in (known := self.known_providers()):
            raise ValidationError({"provider": f"This project has no such provider; it has {', '.join(known)}."})


class TierModel(models.Model):
    """Which model a tier means in this project. A change takes effect with the next publication."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tiers")
    tier = models.CharField(max_length=10, choices=Tier)
    provider = models.CharField(max_length=50, help_text=f"{', '.join(PROVIDERS)}, or one of the project's own.")
    model = models.CharField(max_length=200, help_text="The provider's id of the model, such as claude-haiku-5-5.")

    class Meta:
        verbose_name = "tier"
        constraints = [models.UniqueConstraint(fields=["project", "tier"], name="one_model_per_tier")]

    def __str__(self) -> str:
        return f"{self.tier}: {self.target}"

    @property
    def target(self) -> str:
        return f"{self.provider}:{self.model}"

    def clean(self) -> None:
        self.project.must_know(self.provider)


class Role(models.TextChoices):
    """What an account may do in a project, in the admin; each may do what those before it may."""

    VIEWER = "viewer", "viewer: sees everything"
    REVIEWER = "reviewer", "reviewer: resolves flags"
    DESIGNER = "designer", "designer: workflows and budgets"
    OWNER = "owner", "owner: the project itself, its keys, prices and tools"


class Membership(models.Model):
    """That an account belongs to a project."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "member"
        constraints = [models.UniqueConstraint(fields=["project", "account"], name="one_role_per_project")]

    def __str__(self) -> str:
        return f"{self.account}: {self.role}"


class Protocol(models.TextChoices):
    """How a provider is spoken to."""

    ANTHROPIC = "anthropic", "Anthropic Messages"
    OPENAI = "openai", "Chat Completions"
    SCRIPTED = "scripted", "scripted (simulated)"
    RECORDED = "recorded", "recorded (simulated)"


class ProviderQuerySet(models.QuerySet["Provider"]):
    def names(self) -> list[str]:
        """Of these and of those that every project has."""
        return sorted({*PROVIDERS, *self.values_list("name", flat=True)})


class Provider(models.Model):
    """Where models are asked, how, and with which key. Its key stands in the environment; only the variable's name is here."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="providers")
    name = models.CharField(
        max_length=50,
        validators=[PROVIDER_NAME],
        help_text="What stands before the colon of a model, as in gemini:gemini-2.5-flash. One that has the name of one that "
        f"every project has ({', '.join(PROVIDERS)}) takes its place.",
    )
    protocol = models.CharField(
        max_length=10, choices=Protocol, help_text="Chat Completions is OpenAI's, and what most others speak too."
    )
    base_url = models.CharField(
        "base URL",
        max_length=500,
        blank=True,
        help_text="Prompts and key go there: https://generativelanguage.googleapis.com/v1beta/openai/, say, or "
        "http://127.0.0.1:11434/v1/. Empty: the protocol's own.",
    )
    key_variable = models.CharField(
        max_length=100,
        blank=True,
        validators=[KEY_VARIABLE],
        help_text="The name of the environment variable that holds its key, never the key itself. Empty: the endpoint wants "
        "no key or, where the address is the protocol's own, the protocol's own variable.",
    )
    price_list = models.CharField(
        max_length=50,
        blank=True,
        help_text="Whose public prices its models have. A price that the project states itself goes before them.",
    )
    aliases = VerbatimJSONField(
        default=dict,
        blank=True,
        help_text='Where a model answers under another name than it was asked by: {"asked": "served"}. What is not named '
        "here, and is not the same model by its date or the price list, fails the step.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_provider_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def simulated(self) -> bool:
        return self.protocol in SIMULATED

    def clean(self) -> None:
        faults = {
            "base_url": fault_of_url(self.base_url, simulated=self.simulated),
            "key_variable": fault_of_key(self.key_variable, simulated=self.simulated),
            "aliases": fault_of_aliases(self.aliases),
        }
        if self.name in PROVIDERS and (self.name in SIMULATED) != self.simulated:
            faults["name"] = f"Every project knows what {self.name} is, simulated or not: choose another name."
        if told := {field: fault for field, fault in faults.items() if fault}:
            raise ValidationError(told)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def issue(self, project: Project, scopes: list[str], **said: object) -> tuple["ApiKey", str]:
        """A new key and its secret text, which is not kept and cannot be shown again. Who issues one for somebody says so in
        the audit too: `keys.issue`."""
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        token = f"wm_{prefix}_{secret}"
        return self.create(project=project, prefix=prefix, digest=_digest(token), scopes=scopes, **said), token

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
    name = models.CharField(
        max_length=100,
        blank=True,
        help_text="What it is for, such as nightly-import. The audit says it beside the prefix.",
    )
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = VerbatimJSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="In UTC. From then on it opens nothing; empty: it holds until it is revoked."
    )
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
    """What this project's definitions may call by its name. Registered by a person, never by a definition.

    Of a function only the name and whether it is enabled stand here; what it takes and does is said in its module. Every other
    kind is data, and `settings` says what its kind wants to know.
    """

    class Kind(models.TextChoices):
        FUNCTION = "function", "a Python function"
        SQL = "sql", "a query"
        HTTP = "http", "a request"
        SCHEMA = "schema", "a JSON Schema"
        TEXT = "text", "a search in texts"

    project = models.ForeignKey(Project, models.CASCADE, related_name="tools")
    name = models.CharField(max_length=100, help_text="What definitions call it, such as shop.order.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.FUNCTION, db_default=Kind.FUNCTION)
    enabled = models.BooleanField(
        default=True, help_text="A tool that is not enabled answers an error at once, in every version."
    )
    description = models.TextField(
        blank=True, default="", db_default="", help_text="For whoever designs: what it answers, and when to use it."
    )
    input_schema = VerbatimJSONField(
        null=True,
        blank=True,
        help_text="Its arguments, as the `properties` of a JSON Schema of type object. What breaks it never reaches the tool.",
    )
    output_schema = VerbatimJSONField(
        null=True,
        blank=True,
        help_text="What it answers, as a JSON Schema. An answer that breaks it is an error of the tool. Empty: whatever comes.",
    )
    side_effects = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It changes something outside. If its worker ends during the call, it is not called again blindly.",
    )
    takes_key = models.BooleanField(
        "takes an idempotency key",
        default=False,
        db_default=False,
        help_text="It does nothing twice for a key that it has seen: then it is called again after a crash, and a person is not "
        "asked.",
    )
    timeout = models.FloatField(
        "seconds that its answer is waited for",
        default=10.0,
        db_default=10.0,
        validators=[MinValueValidator(0.1), MaxValueValidator(300)],
    )
    retries = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(5)],
        help_text="How often it is asked again where no answer came in that time; with side effects only where it takes a key.",
    )
    settings = VerbatimJSONField(null=True, blank=True)
    registered_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_tool_per_name")]

    def __str__(self) -> str:
        return self.name


class ToolVariable(models.Model):
    """That tools of this project may use a variable of the environment, which holds the address of a database or a secret. Only
    its name is here. An operator's: whoever owns one project would else read what belongs to another."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tool_variables")
    name = models.CharField(
        "variable",
        max_length=100,
        validators=[TOOL_VARIABLE],
        help_text="The name, never the value: SQL_…_URL for a database, TOOL_…_KEY (or _TOKEN, _SECRET, _PASSWORD) for a secret.",
    )

    class Meta:
        verbose_name = "variable that tools may use"
        verbose_name_plural = "variables that tools may use"
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_grant_per_variable")]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(models.Model):
    """That a request was answered: the same key with the same request is answered with what was made then."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, help_text="SHA-256 of the key: a caller may put anything into it.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    result = models.TextField(help_text="What was made, as the address that made it names it.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_result_per_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key


class AuditEvent(models.Model):
    """That somebody did something: one row for each act, which nobody changes or deletes. Written by `audit.record`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        related_name="audit_events",
        db_index=False,
        help_text="Empty: of the installation.",
    )
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200, help_text="A key, an account, a command, or the service itself.")
    actor_name = models.CharField(max_length=100, blank=True, help_text="What the key was called.")
    operator = models.BooleanField(
        default=False, help_text="Whether it was a superuser, who operates the installation."
    )
    verb = models.CharField(max_length=20)
    kind = models.CharField(max_length=40, help_text="Of what it was done to.")
    object_id = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    detail = VerbatimJSONField(default=dict)

    class Meta:
        verbose_name = "audit event"
        indexes = [
            # Without the project in front but in the first: a superuser asks all of them.
            models.Index(fields=["project", "id"], name="audit_project"),
            models.Index(fields=["actor", "id"], name="audit_actor"),
            models.Index(fields=["verb", "id"], name="audit_verb"),
            models.Index(fields=["kind", "id"], name="audit_kind"),
            models.Index(fields=["name", "id"], name="audit_name"),
            models.Index(fields=["id"], condition=models.Q(operator=True), name="audit_operator"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.kind} {self.name}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
