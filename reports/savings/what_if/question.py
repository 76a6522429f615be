"""The form of the what-if: what stands in the address, as a question to `analytics.projection.what_if`, with a sentence beside
each field that cannot be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from analytics.extent import Extent
from analytics.projection.repricing import Question, Stated
from analytics.reading import Reading
from analytics.snapshot import snapshot
from executions.lanes import OF_STEP
from gateway import pricing
from gateway.prices import Price
from projects.models import Project, Tier
from projects.targets import parse_target
from wire.bodies import usd
from wire.problems import Invalid, pointer
from workflows.definition import ModelStep
from workflows.models import Workflow

OF_TIER, OF_A_STEP = "tier.", "step."
ROWS = (1, 2)  # of prices that can be stated
# Kind of token → how its column is called. The first two are needed.
PRICES = {"input": "in", "output": "out", "cache_read": "read from the cache", "cache_write_5m": "written to it"}
SWITCHES = {"caching": "Caching", "batch": "Batches"}
CHOICES = [("", "as it was"), ("on", "on"), ("off", "off")]
TRUTH = {"": None, "on": True, "off": False}
MOST = 1_000_000_000  # executions a month
LONGEST = 300  # characters of anything that somebody writes here


@dataclass
class Control:
    """A field of the form. `was`: what it would be if nothing is written. `fault`: what is wrong with what is."""

    name: str
    label: str
    value: str = ""
    was: str = ""
    fault: str = ""


@dataclass
class Form:
    """`prices`: rows of a model and its prices."""

    volume: Control
    tiers: list[Control]
    steps: list[Control]
    switches: list[Control]
    prices: list[list[Control]]
    choices: list[tuple[str, str]] = field(default_factory=lambda: list(CHOICES))

    @property
    def controls(self) -> list[Control]:
        return [self.volume, *self.tiers, *self.steps, *self.switches, *(one for row in self.prices for one in row)]

    @property
    def carried(self) -> list[Control]:
        """What another form of the page has to send as well, that it is not lost."""
        return [one for one in self.controls if one.value]

    @property
    def asks(self) -> bool:
        return bool(self.carried)

    @property
    def is_sound(self) -> bool:
        return not any(one.fault for one in self.controls)

    def volume_a_month(self) -> int | None:
        return int(self.volume.value) if self.volume.value else None

    def question(self) -> Question:
        """Of a form that is sound."""
        models = {one.name.removeprefix(OF_TIER): one.value for one in self.tiers if one.value}
        models |= {OF_STEP + one.name.removeprefix(OF_A_STEP): one.value for one in self.steps if one.value}
        prices = {row[0].value: _stated(row) for row in self.prices if row[0].value}
        return Question(models, prices, *(TRUTH[one.value] for one in self.switches))

    def refuse(self, problem: Invalid) -> None:
        """Puts what the question was refused for beside its fields."""
        places = {pointer("models", one.name.removeprefix(OF_TIER)): one for one in self.tiers}
        places |= {pointer("models", OF_STEP + one.name.removeprefix(OF_A_STEP)): one for one in self.steps}
        for fault in problem.faults:
            places.get(fault.pointer, self.volume).fault = fault.detail


def form_of(extent: Extent, query: Mapping[str, str], now: datetime) -> Form:
    """As it was filled in."""
    workflow = extent.workflow
    given = {name: text.strip()[:LONGEST] for name, text in query.items()}
    steps, tiers = _parts(workflow)
    if any(given.get(OF_TIER + tier) for tier in Tier.values if tier not in tiers):
        tiers += _recorded_tiers(extent, tiers)
    map_ = workflow.live.tier_map if workflow.live else workflow.project.tier_map()
    asked = [name for name in given if given[name]]
    form = Form(
        volume=Control("volume", "Executions a month", given.get("volume", "")),
        tiers=[_of_tier(tier, given, map_, tiers) for tier in _with_asked(tiers, asked, OF_TIER)],
        steps=[_of_step(step, given, map_, steps) for step in _with_asked(steps, asked, OF_A_STEP)],
        switches=[Control(name, label, given.get(name, "")) for name, label in SWITCHES.items()],
        prices=[_price_row(number, given) for number in ROWS],
    )
    _judge(form, workflow.project, now)
    return form


def _parts(workflow: Workflow) -> tuple[dict[str, str], list[str]]:
    """The model steps of what is live, else of the newest version, each with its tier; and the tiers that it can ask."""
    version = workflow.live.version if workflow.live else workflow.versions.order_by("-pk").first()
    if version is None:
        return {}, []
    definition = version.parsed()
    steps = {step.id: step.tier for step in definition.steps if isinstance(step, ModelStep)}
    rungs = {*definition.escalation.rungs, *(case.to for case in definition.edge_cases)}
    return steps, [tier for tier in Tier.values if tier in {*steps.values(), *rungs}]


def _recorded_tiers(extent: Extent, but: list[str]) -> list[str]:
    """Those of earlier versions."""
    with snapshot():
        found = {row["tier"] for row in Reading(extent).calls(("tier",), ("calls",)) if row["calls"]}
    return [tier for tier in Tier.values if tier in found and tier not in but]


def _with_asked(known: Iterable[str], asked: list[str], prefix: str) -> list[str]:
    return list(dict.fromkeys([*known, *(name.removeprefix(prefix) for name in asked if name.startswith(prefix))]))


def _of_tier(tier: str, given: Mapping[str, str], map_: Mapping[str, str], known: list[str]) -> Control:
    name = OF_TIER + tier
    fault = "" if tier in known else f"This workflow has no such tier; it has {', '.join(known) or 'none'}."
    return Control(name, f"Tier {tier[:40]}", given.get(name, ""), map_.get(tier, ""), fault)


def _of_step(step: str, given: Mapping[str, str], map_: Mapping[str, str], known: Mapping[str, str]) -> Control:
    name = OF_A_STEP + step
    return Control(name, f"Step {step[:40]}", given.get(name, ""), map_.get(known.get(step, ""), ""))


def _price_row(number: int, given: Mapping[str, str]) -> list[Control]:
    names = {"model": "Model", **PRICES}
    return [
        Control(f"price{number}.{one}", label, given.get(f"price{number}.{one}", "")) for one, label in names.items()
    ]


def _judge(form: Form, project: Project, now: datetime) -> None:
    volume = form.volume
    if volume.value and not (volume.value.isascii() and volume.value.isdigit() and 1 <= int(volume.value) <= MOST):
        volume.fault = "This is a whole number of executions from 1 to 1,000,000,000, without blanks and commas."
    for switch in form.switches:
        if switch.value not in TRUTH:
            switch.fault = "This is on, off, or as it was."
    stated = set(_judge_prices(form, project))
    for one in [*form.tiers, *form.steps]:
        if one.value and not one.fault:
            one.fault = _complaint(one.value, project, now, stated)


def _complaint(target: str, project: Project, now: datetime, stated: set[str]) -> str:
    try:
        parse_target(target, project.known_providers())
    except ValueError as error:
        return str(error)
    price = None if target in stated else pricing.price(project.pk, target, now, prompt_tokens=1)
    if target in stated or (price and price.input is not None and price.output is not None):
        return ""
    return f"There is no price for {target}. Choose another model, or state its price below."


def _judge_prices(form: Form, project: Project) -> Iterator[str]:
    """The models that a price is stated for."""
    before: set[str] = set()
    for row in form.prices:
        model, *prices = row
        for one in prices:
            one.fault = _amount_complaint(one.value)
        if not model.value and not any(one.value for one in prices):
            continue
        if not model.value:
            model.fault = "Write the model that this price is of."
            continue
        for one in prices[:2]:
            one.fault = one.fault or ("" if one.value else "This price is needed.")
        try:
            parse_target(model.value, project.known_providers())
        except ValueError as error:
            model.fault = str(error)
        if model.value in before:
            model.fault = "A price of this model is stated before."
        before.add(model.value)
        yield model.value


def _amount_complaint(text: str) -> str:
    if not text:
        return ""
    try:
        usd(text)
    except ValueError as error:
        return f"{error}."
    return ""


def _stated(row: list[Control]) -> Stated:
    read = {kind: Decimal(one.value) for kind, one in zip(PRICES, row[1:], strict=True) if one.value}
    return Stated(Price(**{"input": None, "output": None, **read}, source="what-if"), None)


def suggestions(priced: Iterable, first: Iterable[str]) -> list[tuple[str, str]]:
    """(provider:model, what it costs) of every model of the price table that can be asked: those of the tiers first."""
    first = list(first)
    known = {one.target: one.price for one in priced if one.price and one.price.input and one.price.output}
    ordered = [*(one for one in first if one in known), *(one for one in known if one not in first)]
    return [
        (one, f"{known[one].input} in, {known[one].output} out, USD a million tokens") for one in dict.fromkeys(ordered)
    ]
