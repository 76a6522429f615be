"""Columns of our own. Money in a row is whole pico-dollars, in a form USD; JSON comes back as it was written."""

from decimal import Decimal

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.text import capfirst

from wire.money import to_pico, to_usd

MAX_USD = 1_000_000


class UsdFormField(forms.DecimalField):
    """USD in the form, pico-dollars on both sides of it."""

    def prepare_value(self, value: object) -> object:
        return f"{to_usd(value).normalize():f}" if isinstance(value, int) else value

    def clean(self, value: object) -> int | None:
        usd: Decimal | None = super().clean(value)
        return None if usd is None else to_pico(usd)

    def has_changed(self, initial: object, data: object) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class PicoField(models.BigIntegerField):
    """Pico-dollars (10⁻¹² USD), or for a price pico-dollars per million tokens."""

    def formfield(self, **kwargs: object) -> forms.Field:
        plain = {name: kwargs[name] for name in ("required", "label", "help_text", "initial") if name in kwargs}
        defaults = {"required": not self.blank, "label": capfirst(self.verbose_name), "help_text": self.help_text}
        return UsdFormField(**{**defaults, **plain}, min_value=0, max_value=MAX_USD, max_digits=19, decimal_places=12)


class ShareField(models.DecimalField):
    """A part of a whole: from 0 to 1, in steps of a ten-thousandth."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs |= {"max_digits": 5, "decimal_places": 4, "validators": [MinValueValidator(0), MaxValueValidator(1)]}
        super().__init__(*args, **kwargs)


class VerbatimJSONField(models.JSONField):
    """JSON that keeps the order of its keys on every database. On PostgreSQL that is `json`: `jsonb` sorts them, and then
    the prompt of an execution that was resumed would not be the prompt it had before.

    None is JSON's null in a column that must not be NULL, and NULL in one that may: read again, both are None."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_save(self, value: object, connection: BaseDatabaseWrapper) -> object:
        if value is None and not self.null:
            value = models.Value(None, models.JSONField())
        return super().get_db_prep_save(value, connection)

    def get_db_prep_value(self, value: object, connection: BaseDatabaseWrapper, prepared: bool = False) -> object:
        if connection.vendor == "postgresql" and not hasattr(value, "resolve_expression"):
            from psycopg.types.json import Json

            return Json(value)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: object, expression: object, connection: BaseDatabaseWrapper) -> object:
        if connection.vendor == "postgresql":
            return value  # read by the driver already
        return super().from_db_value(value, expression, connection)
