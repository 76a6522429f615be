"""Calls that an agent made itself and tells us of: which models they were, and rows of the ledger for them, priced by our table
as of their own time and marked `reported`. No sum of ours has them in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from projects.models import Project
from projects.targets import parse_target
from wire.problems import Fault, pointer

from . import gateway, prices, pricing
from .models import Call
from .prices import Price
from .providers.registry import NOWHERE, is_simulated, provider_of
from .types import Outcome, Purpose, Usage


@dataclass(frozen=True)
class Told:
    """`model`: `provider:model`, or the model alone. `at`: when its answer was there."""

    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    latency_ms: int
    at: datetime

    @property
    def usage(self) -> Usage:
        """Nobody says for how long a cache was written; five minutes are what is usual."""
        return Usage(self.input, self.cache_read, self.cache_write, 0, self.output)

    @property
    def began_at(self) -> datetime:
        return self.at - timedelta(milliseconds=self.latency_ms)


class Naming:
    """Which `provider:model` a project means. A provider is one of the project's, or a vendor that has a public price list."""

    def __init__(self, project: Project) -> None:
        self._project = project.pk
        self._own = project.known_providers()
        self._real = [name for name in self._own if not is_simulated(project.pk, f"{name}:")]

    def target(self, told: Told) -> str:
        """Raises `ValueError` with a sentence."""
        if ":" in told.model:
            known = [*self._own, *prices.price_lists()]
            if told.model.partition(":")[0] not in known:
                own = ", ".join(self._own)
                raise ValueError(
                    f"Write PROVIDER:MODEL with a provider of the project ({own}) or a vendor we have prices of."
                )
            return ":".join(parse_target(told.model, known))
        found = self._priced(told, self._real) or self._priced(told, prices.VENDORS)
        if len(found) == 1:
            return ":".join(parse_target(found[0], [found[0].partition(":")[0]]))
        which = f"more than one provider has: {', '.join(found)}" if found else "no price list has"
        raise ValueError(f"This is a model that {which}. Write it as PROVIDER:MODEL.")

    def _priced(self, told: Told, providers: Sequence[str]) -> list[str]:
        targets = [f"{provider}:{told.model}" for provider in providers]
        return [one for one in targets if price_of(self._project, one, told)]


def faults_of(targets: Sequence[str | ValueError], project: int) -> Iterator[Fault]:
    """What is wrong with the models of a report: those that are none, and both kinds of money in one."""
    for number, target in enumerate(targets):
        if isinstance(target, ValueError):
            yield Fault(pointer(number, "model"), str(target))
    if len({is_simulated(project, target) for target in targets if isinstance(target, str)}) > 1:
        yield Fault("", "Some of these calls are simulated and some are real: their money is never added.")


def price_of(project: int, target: str, told: Told) -> Price | None:
    """None: unpriced. A vendor that the project does not ask is looked up in its own list."""
    provider, _, model = target.partition(":")
    if provider_of(project, provider).endpoint == NOWHERE:
        return prices.listed_price(provider, model, told.at, told.usage.prompt)
    return pricing.price(project, target, told.at, told.usage.prompt)


def call(told: Told, target: str, attempt: int, **about: object) -> Call:
    """The row, unsaved. `about`: the ids of what lies above, as columns of a call."""
    provider, _, model = target.partition(":")
    row = Call(
        **about,
        reported=True,
        purpose=Purpose.STEP.value,
        outcome=Outcome.OK.value,
        attempt=attempt,
        provider=provider,
        model_planned=model,
        model_served=model,
        simulated=is_simulated(about["project"], target),
        intended_at=told.began_at,
        finished_at=told.at,
        latency_ms=told.latency_ms,
        input=told.input,
        cache_read=told.cache_read,
        cache_write_5m=told.cache_write,
        output=told.output,
    )
    gateway.set_price(row, price_of(about["project"], target, told), told.usage)
    return row
