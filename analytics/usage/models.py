"""What providers say of each day: the files that were imported, and what stands in them. Both are append-only: of two
imports of the same day the later one counts, and the earlier one stays to be seen."""

from django.db import models
from django.utils import timezone

from projects.fields import VerbatimJSONField
from projects.models import Project
from wire.ids import new_id


class UsageImport(models.Model):
    """One file. `days` are those that it speaks of, whole UTC days, also the ones on which nothing was used."""

    class Kind(models.TextChoices):
        TOKENS = "tokens"
        COSTS = "costs"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="usage_imports")
    provider = models.CharField(max_length=50)
    kind = models.CharField(max_length=6, choices=Kind)
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    first_day = models.DateField(help_text="UTC")
    last_day = models.DateField(help_text="UTC")
    days = VerbatimJSONField()
    imported_by = models.CharField(max_length=200)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "usage import"

    def __str__(self) -> str:
        return f"{self.provider}, {self.kind}, {self.first_day} to {self.last_day}"


class UsageRow(models.Model):
    """What the file says of a model on a day; of costs without a model. Tokens are in disjoint kinds."""

    usage_import = models.ForeignKey(UsageImport, models.PROTECT, related_name="rows")
    day = models.DateField(help_text="UTC")
    model = models.CharField(max_length=200, blank=True)
    input = models.BigIntegerField(default=0, help_text="Neither read from a cache nor written to one.")
    cache_read = models.BigIntegerField(default=0)
    cache_write = models.BigIntegerField(default=0)
    output = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(default=0, help_text="Pico-dollars, of tokens or of what is not told.")
    other_cost = models.BigIntegerField(
        default=0, help_text="Pico-dollars, of what are no tokens, such as web searches."
    )

    class Meta:
        indexes = [models.Index(fields=["usage_import", "day"], name="usage_row_day")]

    def __str__(self) -> str:
        return f"{self.model or 'costs'} on {self.day}"
