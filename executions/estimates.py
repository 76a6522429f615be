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
from wire.problems import Invalid
from workflows.compiled import CompiledStep, compiled
from workflows.definition import ModelStep
from workflows.models import Publication, Version

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
    where a model that can be asked, by a step or as a rung, has no price. `upper` is a promise: no execution passes its cap."""

    executions: int
    calls: int
    expected: int | None
    upper: int | None
    basis: str
    recorded: int


def estimate(version: Version, publication: Publication | None, inputs: Sequence[object]) -> Estimate:
    """Raises `Invalid` for inputs that would be refused, and `Conflict` for all of them."""
    version.workflow.must_be_in_use()
    schema, policy = compiled(version.pk).input_schema, redaction(version.workflow.project_id)
    inputs = [policy.value(one) for one in inputs]
    if faults := [fault.under(f"/inputs/{n}") for n, one in enumerate(inputs) for fault in schema.faults(one)]:
        raise Invalid.of(faults)
    built, project = compiled(version.pk), version.workflow.project
    tiers = publication.tier_map if publication else version.tiers()
    models = {tier: tiers[tier] for tier in built.definition.reachable_tiers}
    priced = all(_is_priced(project.pk, target) for target in models.values())
    upper = project.execution_cap * len(inputs) if priced else None
    recent = list(_recent(version, models)[:RECENT])
    if len(recent) < ENOUGH:
        steps = [one for one in built.steps.values() if isinstance(one.step, ModelStep)]
        expected = min(sum(_assumed(project.pk, models, steps, one) for one in inputs), upper) if priced else None
        return Estimate(len(inputs), len(steps) * len(inputs), expected, upper, "assumed", len(recent))
    made = Call.objects.filter(execution__in=recent, purpose__in=[purpose.value for purpose in COUNTED])
    sums = made.aggregate(cost=Sum("cost"), calls=Count("pk", filter=Q(corrects=None)))
    calls = -(-sums["calls"] * len(inputs) // len(recent))
    expected = min(int(sums["cost"] or 0) * len(inputs) // len(recent), upper) if priced else None
    return Estimate(len(inputs), calls, expected, upper, "recorded", len(recent))


def _recent(version: Version, models: Models) -> QuerySet:
    """Those that ended by themselves lately, by id. Of the publications with these models only: what others cost says
    nothing, and what scripted ones cost is a story."""
    same = [one.pk for one in version.publications.all() if models.items() <= one.tier_map.items()]
    ended = Execution.objects.production().filter(
        workflow=version.workflow_id, publication__in=same, status=Status.COMPLETED
    )
    return ended.order_by("-finished_at").values_list("pk", flat=True)


def _is_priced(project: int, target: str) -> bool:
    price = pricing.price(project, target, timezone.now(), 1)
    return price is not None and None not in (price.input, price.output)


def _assumed(project: int, models: Models, steps: Sequence[CompiledStep], given: object) -> int:
    """Each model step once."""
    read = len(json.dumps(given).encode())
    return sum(_call(project, models[one.step.tier], one, read) for one in steps)


def _call(project: int, target: str, built: CompiledStep, read: int) -> int:
    said = sum(len(block.text.encode()) for block in built.system) + len(json.dumps(built.envelope).encode())
    prompt = -(-(said + len(built.step.prompt.encode()) + read) // BYTES_PER_TOKEN)
    price = pricing.price(project, target, timezone.now(), prompt)
    return price.cost(Usage(input=prompt, output=built.step.max_output_tokens // 2))
