"""Prices in force beside each other: what a project would pay for each model that it could ask, and how many times the cheapest
that is. Shown through the API and in the admin."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from projects.models import Project

from . import pricing
from .models import OwnPrice
from .prices import ANY, Price, listed_price, listed_since, models_of, thresholds_of
from .providers.registry import Known, is_simulated, provider_of

SHORTEST = 1  # tokens of a prompt: longer ones may be dearer, see `long_prompts`


@dataclass(frozen=True)
class Priced:
    """A model and what it costs. `listed`: what the public list says, where the project's own price goes before it. `since`,
    `until`: the first day of this price, and of the next one that the project has stated; None where nobody says."""

    provider: str
    model: str
    simulated: bool
    price: Price | None
    batch: Price | None
    long_prompts: tuple[tuple[int, Price], ...]
    listed: Price | None
    since: date | None
    until: date | None
    times_cheapest: Decimal | None = None
    times_cheapest_output: Decimal | None = None

    @property
    def target(self) -> str:
        return f"{self.provider}:{self.model}"


def price_table(project: Project, at: datetime, provider: str | None = None, model: str | None = None) -> list[Priced]:
    """Every model of the lists that its providers follow, of its tier map and of its own prices, the cheapest prompt first.
    With a `model`: that one alone, of whichever provider has a price for it."""
    usual = _targets(project)
    cheapest = {kind: _cheapest(project, usual, at, kind) for kind in ("input", "output")}
    known = [provider_of(project.pk, name) for name in project.known_providers()]
    wanted = usual | {(one.name, model) for one in known if model}
    chosen = [one for one in wanted if provider in (None, one[0]) and model in (None, one[1])]
    found = [_priced(project, one, at, cheapest) for one in chosen]
    named = [one for one in found if one.price or (one.provider, one.model) in usual]
    return sorted(named, key=lambda one: (_prompt(one) is None, _prompt(one), one.provider, one.model))


def _targets(project: Project) -> set[tuple[str, str]]:
    """(provider, model). A list of all vendors is not gone through: of those only what the project itself names."""
    tiers = {(row.provider, row.model) for row in project.tiers.all()}
    own = set(OwnPrice.objects.filter(project=project).values_list("provider", "model"))
    return tiers | own | {one for name in project.known_providers() for one in _of_list(provider_of(project.pk, name))}


def _of_list(provider: Known) -> Iterable[tuple[str, str]]:
    return ((provider.name, model) for model in models_of(provider.price_list) if provider.price_list != ANY)


def _priced(project: Project, target: tuple[str, str], at: datetime, cheapest: dict[str, Decimal | None]) -> Priced:
    name, model = target
    price_list, day = provider_of(project.pk, name).price_list, at.date()
    price, own = (
        pricing.price(project.pk, f"{name}:{model}", at, SHORTEST),
        pricing.own_price(project.pk, name, model, day),
    )
    longer = [] if own else thresholds_of(price_list, model)
    return Priced(
        provider=name,
        model=model,
        simulated=is_simulated(project.pk, f"{name}:{model}"),
        price=price,
        batch=pricing.price(project.pk, f"{name}:{model}", at, SHORTEST, batch=True),
        long_prompts=tuple(
            (above, dear)
            for above in longer
            if (dear := listed_price(price_list, model, at, above + 1)) and dear != price
        ),
        listed=listed_price(price_list, model, at, SHORTEST) if own else None,
        since=own.valid_from if own else listed_since(price_list, model, at),
        until=pricing.next_own_price(project.pk, name, model, day),
        times_cheapest=_times(price and price.input, cheapest["input"]),
        times_cheapest_output=_times(price and price.output, cheapest["output"]),
    )


def _cheapest(project: Project, targets: Iterable[tuple[str, str]], at: datetime, kind: str) -> Decimal | None:
    """What costs nothing is cheaper than everything, and no measure."""
    prices = (pricing.price(project.pk, f"{name}:{model}", at, SHORTEST) for name, model in targets)
    return min((found for price in prices if price and (found := getattr(price, kind))), default=None)


def _times(price: Decimal | None, cheapest: Decimal | None) -> Decimal | None:
    return None if price is None or cheapest is None else price / cheapest


def _prompt(one: Priced) -> Decimal | None:
    return one.price.input if one.price else None
