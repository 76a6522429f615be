"""Which price is in force for a project's call: its own first, else the public list; else none, and that is said. And how a
project states its own: from a day on, never into the past."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from projects import audit
from projects.audit import Verb
from projects.models import Project
from projects.remembered import PerProject
from wire.money import PICO, to_pico, to_usd, usd_text
from wire.problems import Conflict, Invalid

from . import prices
from .models import OwnPrice
from .prices import KINDS, Price, listed_price
from .providers.registry import provider_of


def price(project: int, target: str, at: datetime, prompt_tokens: int, batch: bool = False) -> Price | None:
    """The price of `target` (`provider:model`) for a prompt of this length. None: unpriced, never a fallback; also for a batch
    where the project has stated a price of its own and none of a batch."""
    provider, _, model = target.partition(":")
    if own := own_price(project, provider, model, at.astimezone(UTC).date()):
        return _from_own(own, batch)
    return listed_price(provider_of(project, provider).price_list, model, at, prompt_tokens, batch)


def is_flat(project: int, target: str, day: date, least: int, most: int) -> bool:
    """Whether `price` says the same of every prompt from `least` to `most` tokens at any time of that UTC day."""
    provider, _, model = target.partition(":")
    return bool(own_price(project, provider, model, day)) or prices.is_flat(
        provider_of(project, provider).price_list, model, least, most
    )


def to_stored(usd_per_million: Decimal | None) -> int | None:
    """USD per million tokens → pico-dollars per million tokens, as the ledger keeps it."""
    return None if usd_per_million is None else to_pico(usd_per_million)


# A call asks for prices several times, and own prices never reach into the past.
_own = PerProject(lambda project: list(OwnPrice.objects.filter(project=project)))


def own_price(project: int, provider: str, model: str, day: date) -> OwnPrice | None:
    dated = [own for own in _own.of(project) if (own.provider, own.model) == (provider, model)]
    in_force = [own for own in dated if own.valid_from <= day]
    return max(in_force, key=lambda own: own.valid_from, default=None)


def next_own_price(project: int, provider: str, model: str, day: date) -> date | None:
    """The first day after this one from which another own price holds."""
    dated = [own.valid_from for own in _own.of(project) if (own.provider, own.model) == (provider, model)]
    return min((valid_from for valid_from in dated if valid_from > day), default=None)


@transaction.atomic
def state(
    project: Project, provider: str, model: str, valid_from: date, prices: Mapping[str, int | None], by: str
) -> tuple[OwnPrice, bool]:
    """The own price of this model from that day on, by kind in pico-dollars per million tokens; whether it is new. One that does
    not hold yet may be stated anew. Raises `Invalid` for a day that has passed, and `Conflict` where another price holds from
    today: calls may have been made at it."""
    today = timezone.now().date()
    if valid_from < today:
        said = f"A price holds from today or later: what was paid stays as it was. Send {today} or a later day."
        raise Invalid.at("/from", said)
    of = {"project": project, "provider": provider, "model": model, "valid_from": valid_from}
    own, made = OwnPrice.objects.select_for_update().get_or_create(**of, defaults=dict(prices))
    if not made:
        if all(getattr(own, kind) == price for kind, price in prices.items()):
            return own, False
        if valid_from == today:
            tomorrow = today + timedelta(days=1)
            said = f"Another price of {provider}:{model} holds since today: state this one from {tomorrow} on."
            raise Conflict(said, **{"from": today.isoformat()})
        for kind, price in prices.items():
            setattr(own, kind, price)
        own.save()
    told = {kind: usd_text(to_usd(price)) for kind, price in prices.items() if price is not None}
    audit.record(project.pk, by, Verb.STATED, own, prices=told)
    return own, made


@receiver(post_save, sender=OwnPrice)
def _forget(instance: OwnPrice, **kwargs: object) -> None:
    _own.forget(instance.project_id)


def _from_own(own: OwnPrice, batch: bool) -> Price | None:
    stored = {kind: getattr(own, f"batch_{kind}" if batch else kind) for kind in KINDS}
    if stored["input"] is None:
        return None
    usd = {kind: None if price is None else Decimal(price) / PICO for kind, price in stored.items()}
    return Price(**usd, source="project", version=own.valid_from.isoformat())
