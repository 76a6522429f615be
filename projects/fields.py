"""Money in a row is whole pico-dollars; in a form a person reads and writes USD."""

from decimal import Decimal

from django import forms
from django.db import models
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
