"""What lists of the admin have in common beside what stands in them: they stay fast, say what to do where they are empty, and
take an id that is none as a sentence."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from .audit import Verb


class Bounded(Paginator):
    """Counts no further than anybody turns pages: counting a million rows reads them."""

    MOST = 2_000

    @cached_property
    def count(self) -> int:
        return self.object_list[: self.MOST].count()


def are_ids(model: type[models.Model], texts: list[str]) -> bool:
    """Whether each can be an id of this kind."""
    pk = model._meta.pk
    try:
        for text in texts:
            pk.run_validators(pk.to_python(text or "none"))
    except (ValidationError, ValueError):
        return False
    return True


class OneOf(admin.SimpleListFilter):
    """Words to filter a column by that are known beforehand: Django's own would look through the whole table for them."""

    words: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(word, word.replace("_", " ")) for word in self.words]

    def queryset(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        return rows.filter(**{self.parameter_name: self.value()}) if self.value() in self.words else rows


class Verbs(OneOf):
    title = parameter_name = "verb"
    words = tuple(Verb.values)


class Kinds(OneOf):
    title, parameter_name = "what it was done to", "kind"
    words = (
        *("workflow", "version", "baseline", "budget", "price", "flag", "endpoint", "delivery", "key", "project"),
        *("tier", "tool", "variable", "member", "provider", "limit", "account", "group"),
        *("case", "evaluation", "gate", "replay", "tier_search", "design", "usage_import"),
    )


class Living(admin.SimpleListFilter):
    """Keys that open something, first of all."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("opens", "opens"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, keys: models.QuerySet) -> models.QuerySet:
        expired = models.Q(revoked_at=None, expires_at__lte=timezone.now())
        match self.value():
            case "opens":
                return keys.filter(~expired, revoked_at=None)
            case "expired":
                return keys.filter(expired)
            case "revoked":
                return keys.exclude(revoked_at=None)
        return keys
