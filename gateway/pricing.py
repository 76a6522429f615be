"""Which price is in force for a project's call: its own first, else the public list; else none, and that is said."""

from datetime import date, datetime
from decimal import Decimal

from django.db.models.signals import post_save
from django.dispatch import receiver

from projects.remembered import PerProject
from wire.money import PICO, to_pico

from . import prices
from .models import OwnPrice
from .prices import Price, listed_price
from .providers.registry import provider_of


def price(project: int, target: str, at: datetime, prompt_tokens: int, batch: bool = False) -> Price | None:
    """The price of `target` (`provider:model`) for a prompt of this length. None: unpriced, never a fallback."""
    provider, _, model = target.partition(":")
    if own := _own_price(project, provider, model, at.date()):
        return _from_own(own)
    return listed_price(provider_of(project, provider).price_list, model, at, prompt_tokens, batch)


def is_flat(project: int, target: str, day: date, least: int, most: int) -> bool:
    """Whether `price` says the same of every prompt from `least` to `most` tokens at any time of that UTC day."""
    provider, _, model = target.partition(":")
    return bool(_own_price(project, provider, model, day)) or prices.is_flat(
        provider_of(project, provider).price_list, model, least, most
    )


def to_stored(usd_per_million: Decimal | None) -> int | None:
    """USD per million tokens → pico-dollars per million tokens, as the ledger keeps it."""
    return None if usd_per_million is None else to_pico(usd_per_million)


# A call asks for prices several times, and own prices never reach into the past.
_own = PerProject(lambda project: list(OwnPrice.objects.filter(project=project)))


def _own_price(project: int, provider: str, model: str, day: date) -> OwnPrice | None:
    dated = [own for own in _own.of(project) if (own.provider, own.model) == (provider, model)]
    in_force = [own for own in dated if own.valid_from <= day]
    return max(in_force, key=lambda own: own.valid_from, default=None)


@receiver(post_save, sender=OwnPrice)
def _forget(instance: OwnPrice, **kwargs: object) -> None:
    _own.forget(instance.project_id)


def _from_own(own: OwnPrice) -> Price:
    def usd(stored: int | None) -> Decimal | None:
        return None if stored is None else Decimal(stored) / PICO

    return Price(
        input=usd(own.input),
        output=usd(own.output),
        cache_read=usd(own.cache_read),
        cache_write_5m=usd(own.cache_write_5m),
        cache_write_1h=usd(own.cache_write_1h),
        source="project",
        version=own.valid_from.isoformat(),
    )
