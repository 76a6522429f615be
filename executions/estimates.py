"""What executions will cost, before they are accepted: from what the version's executions cost lately, else from what its
prompts say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from gateway import pricing
from gateway.models import Call
from gateway.types import Purpose, Usage
from projects.keeping import redaction
from projects.models import Project
from wire.problems import Conflict, Invalid
from workflows.compiled import CompiledStep, compiled
from workflows.definition import ModelStep, WorkflowStep
from workflows.models import Publication, Version

from . import calling, lanes
from .lanes import OF_STEP
from .models import Execution, Status

RECENT = 200  # executions that stand for the rest
ENOUGH = 10
BYTES_PER_TOKEN = 4  # of English; German and code have fewer
COUNTED = (Purpose.STEP, Purpose.REPAIR, Purpose.ESCALATION)

Models = dict[str, str]  # tier → provider:model, of the tiers that the version can reach


@dataclass(frozen=True)
class Estimate:
    """Of all inputs together. `basis`: `recorded` (so many executions of this version on these models) or `assumed` (each model
    step once, its prompt at four bytes a token, half of its longest answer). `expected` and `upper` in pico-dollars, None
    where a model that can be asked, by a step or as a rung, has no price, or where a list calls nobody knows how many
    executions. `upper` is a promise: no execution passes its cap."""

    executions: int
    calls: int
    expected: int | None
    upper: int | None
    basis: str
    recorded: int


def estimate(
    version: Version,
    publication: Publication | None,
    inputs: Sequence[object],
    lane: str | None = None,
    tiers: Models | None = None,
) -> Estimate:
    """`tiers`: instead of the publication's, or the project's. Raises `Invalid` for inputs that would be refused, and `Conflict`
    for all of them."""
    version.workflow.must_be_in_use()
    schema, policy = compiled(version.pk).input_schema, redaction(version.workflow.project_id)
    inputs = [policy.value(one) for one in inputs]
    if faults := [fault.under(f"/inputs/{n}") for n, one in enumerate(inputs) for fault in schema.faults(one)]:
        raise Invalid.of(faults)
    asked = _Asked.of(version, publication, lane, tiers)
    upper = asked.upper and asked.upper * len(inputs)
    recent = list(_recent(asked)[:RECENT])
    if len(recent) < ENOUGH:
        costs = [asked.assumed(_size(one)) for one in inputs]
        expected = None if None in costs else min(sum(costs), upper or sum(costs))
        return Estimate(len(inputs), asked.calls * len(inputs), expected, upper, "assumed", len(recent))
    everything = set(recent).union(*calling.below(recent).values()) if asked.called else recent
    made = Call.objects.filter(execution__in=everything, purpose__in=[purpose.value for purpose in COUNTED])
    sums = made.aggregate(cost=Sum("cost"), calls=Count("pk", filter=Q(corrects=None)))
    calls = -(-sums["calls"] * len(inputs) // len(recent))
    expected = int(sums["cost"] or 0) * len(inputs) // len(recent) if asked.is_priced else None
    expected = expected if upper is None or expected is None else min(expected, upper)
    return Estimate(len(inputs), calls, expected, upper, "recorded", len(recent))


@dataclass(frozen=True)
class _Asked:
    """What an execution asks: `models` of its own steps, and the workflows it calls, each with whether it does so once."""

    version: Version
    models: Models
    lane: str | None
    called: list[tuple["_Asked", bool]]

    @classmethod
    def of(
        cls, version: Version, publication: Publication | None, lane: str | None, tiers: Models | None = None
    ) -> "_Asked":
        definition, project = compiled(version.pk).definition, version.workflow.project
        lane = lanes.at_first(definition, lane) or None  # None: the design looks at each input
        tiers = tiers or (publication.tier_map if publication else version.tiers())
        reachable = {"frontier"} if lane == lanes.QUALITY and definition.step_tiers else definition.reachable_tiers
        if missing := reachable - tiers.keys():
            raise Conflict(f"There is no model for the tier {sorted(missing)[0]}.")
        called = []
        for step in definition.steps:
            if isinstance(step, WorkflowStep):
                found = calling.pinned(project, publication, step.workflow)
                called.append((cls.of(found.version, found, lanes.handed_on(lane)), step.for_each is None))
        of_steps = {name: target for name, target in tiers.items() if name.startswith(OF_STEP)}
        return cls(version, {tier: tiers[tier] for tier in reachable} | of_steps, lane, called)

    @property
    def project(self) -> Project:
        return self.version.workflow.project

    @property
    def steps(self) -> list[CompiledStep]:
        return [one for one in compiled(self.version.pk).steps.values() if isinstance(one.step, ModelStep)]

    @property
    def calls(self) -> int:
        """Each model step once, also of a list's: how long that is, nobody knows."""
        return len(self.steps) + sum(one.calls for one, _ in self.called)

    @property
    def is_priced(self) -> bool:
        own = all(_is_priced(self.project.pk, target) for target in self.models.values())
        return own and all(one.is_priced for one, _ in self.called)

    @property
    def upper(self) -> int | None:
        """Each execution has its cap; None where nobody knows how many are called."""
        if not self.is_priced or not all(once for _, once in self.called):
            return None
        parts = [one.upper for one, _ in self.called]
        return None if None in parts else self.project.execution_cap + sum(parts)

    def assumed(self, read: int) -> int | None:
        """What an input of so many bytes costs where each model step is asked once. What is called reads as much."""
        if self.upper is None:
            return None
        tier = "frontier" if self.lane == lanes.QUALITY else None
        own = sum(_call(self.project.pk, self._model(one.step, tier), one, read) for one in self.steps)
        return own + sum(one.assumed(read) for one, _ in self.called)

    def _model(self, step: ModelStep, tier: str | None) -> str:
        """`tier`: instead of its own."""
        of_step = None if tier else self.models.get(f"{OF_STEP}{step.id}")
        return of_step or self.models[tier or step.tier]


def _recent(asked: _Asked) -> QuerySet:
    """Those that ended by themselves lately, by id. Of the publications with these models only: what others cost says
    nothing, and what scripted ones cost is a story."""
    version = asked.version
    same = [one.pk for one in version.publications.all() if asked.models.items() <= one.tier_map.items()]
    ended = Execution.objects.production().filter(
        workflow=version.workflow_id, publication__in=same, status=Status.COMPLETED
    )
    ended = ended.filter(lane=asked.lane) if asked.lane else ended  # whatever the design has chosen
    return ended.order_by("-finished_at").values_list("pk", flat=True)


def _is_priced(project: int, target: str) -> bool:
    price = pricing.price(project, target, timezone.now(), 1)
    return price is not None and None not in (price.input, price.output)


def _size(given: object) -> int:
    return len(json.dumps(given).encode())


def _call(project: int, target: str, built: CompiledStep, read: int) -> int:
    said = sum(len(block.text.encode()) for block in built.system) + len(json.dumps(built.envelope).encode())
    prompt = -(-(said + len(built.step.prompt.encode()) + read) // BYTES_PER_TOKEN)
    price = pricing.price(project, target, timezone.now(), prompt)
    return price.cost(Usage(input=prompt, output=built.step.max_output_tokens // 2))
