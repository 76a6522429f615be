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
from wire.problems import Invalid
from workflows.compiled import CompiledStep, compiled
from workflows.definition import ModelStep
from workflows.models import Publication, Version

from .models import Execution, Status

RECENT = 200  # executions that stand for the rest
ENOUGH = 10
BYTES_PER_TOKEN = 4  # of English; German and code have fewer
COUNTED = (Purpose.STEP, Purpose.REPAIR, Purpose.ESCALATION)


@dataclass(frozen=True)
class Estimate:
    """Of all inputs together. `basis`: `recorded` (so many executions of this version) or `assumed` (each model step once,
    its prompt at four bytes a token, half of its longest answer). `expected` and `upper` in pico-dollars, None where a
    model has no price. `upper` is a promise: no execution passes its cap."""

    executions: int
    calls: int
    expected: int | None
    upper: int | None
    basis: str
    recorded: int


def estimate(version: Version, publication: Publication | None, inputs: Sequence[object]) -> Estimate:
    """Raises `Invalid` for inputs that would be refused."""
    schema = compiled(version.pk).input_schema
    if faults := [fault.under(f"/inputs/{n}") for n, one in enumerate(inputs) for fault in schema.faults(one)]:
        raise Invalid.of(faults)
    tiers = publication.tier_map if publication else version.tiers()
    per_input = [_assumed(version, tiers, one) for one in inputs]
    priced = None not in per_input
    upper = version.workflow.project.execution_cap * len(inputs) if priced else None
    recent = list(_recent(version)[:RECENT])
    if len(recent) < ENOUGH:
        steps = sum(isinstance(step.step, ModelStep) for step in compiled(version.pk).steps.values())
        expected = min(sum(per_input), upper) if priced else None
        return Estimate(len(inputs), steps * len(inputs), expected, upper, "assumed", len(recent))
    made = Call.objects.filter(execution__in=recent, purpose__in=[purpose.value for purpose in COUNTED])
    sums = made.aggregate(cost=Sum("cost"), calls=Count("pk", filter=Q(corrects=None)))
    calls = -(-sums["calls"] * len(inputs) // len(recent))
    expected = min(int(sums["cost"] or 0) * len(inputs) // len(recent), upper) if priced else None
    return Estimate(len(inputs), calls, expected, upper, "recorded", len(recent))


def _recent(version: Version) -> QuerySet:
    """Those that ended by themselves lately, by id."""
    ended = Execution.objects.production().filter(
        workflow=version.workflow_id, version=version, status=Status.COMPLETED
    )
    return ended.order_by("-finished_at").values_list("pk", flat=True)


def _assumed(version: Version, tiers: dict[str, str], given: object) -> int | None:
    """Each model step once. None where one of its models has no price."""
    read = len(json.dumps(given).encode())
    costs = [
        _call(version.workflow.project_id, tiers[built.step.tier], built, read)
        for built in compiled(version.pk).steps.values()
        if isinstance(built.step, ModelStep)
    ]
    return None if None in costs else sum(costs)


def _call(project: int, target: str, built: CompiledStep, read: int) -> int | None:
    said = sum(len(block.text.encode()) for block in built.system) + len(json.dumps(built.envelope).encode())
    prompt = -(-(said + len(built.step.prompt.encode()) + read) // BYTES_PER_TOKEN)
    price = pricing.price(project, target, timezone.now(), prompt)
    return price.cost(Usage(input=prompt, output=built.step.max_output_tokens // 2)) if price else None
