"""What is known of each model step of what is live: its tokens in the window, what compared it on other models, and what it
answered. Use inside a `snapshot`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from analytics.contributions import Row
from analytics.extent import Extent
from analytics.models import TOKENS
from evaluations.models import Evaluation, TierSearch, gate_of
from evaluations.statistics import wilson
from evaluations.tier_evidence import RANK
from evaluations.tier_search import assignment_of
from executions.lanes import OF_STEP, QUALITY
from executions.models import Execution, StepResult
from gateway import pricing
from gateway.caching import cacheable_minimum
from gateway.models import Call
from gateway.providers.registry import is_simulated
from gateway.types import Purpose, Usage
from shadows.models import Shadow, Subject
from wire.money import to_usd
from workflows.definition import ModelStep

from .evidence import live_since, observed
from .next_step import Kind, Level, Move, Repeats, Test
from .rules import ENOUGH

MOST_EVALUATIONS = 50  # of the version, the newest: each is asked whether it tried a step on a model
MOST_EXECUTIONS = 500  # whose answers are looked at, the newest
MOST_SHADOWS = 500
OURS = (Purpose.STEP.value, Purpose.REPAIR.value)

Assignment = dict[str, str]


@dataclass
class Used:
    """The calls of a step on its own model: their tokens, by whether they were in a batch."""

    calls: int = 0
    unpriced: int = 0
    paid: int = 0
    tokens: dict[bool, list[tuple[int, Usage]]] = field(default_factory=lambda: defaultdict(list))

    def at(self, project: int, target: str, moment: datetime) -> int | None:
        """Pico-dollars of the same tokens on `target` then, by the mean length of a prompt. None: a price is not known."""
        total = 0
        for batch, several in self.tokens.items():
            for calls, usage in several:
                prompt = -(-usage.prompt // calls) if calls else 0
                price = pricing.price(project, target, moment, prompt, batch)
                cost = price.reprice_warm(_cached(project, target, usage, calls)) if price else None
                if cost is None:
                    return None
                total += cost
        return total


def _cached(project: int, target: str, usage: Usage, calls: int) -> Usage:
    """What the model could not cache, by what a call has in a cache on average, is read as input."""
    least = cacheable_minimum(project, *target.split(":", 1)) or 0
    return usage if usage.cached >= least * calls else usage.uncached


def moves(window: Extent, calls: Sequence[Row]) -> Iterator[Move]:
    """Every step down of every model step, and every one that may be code; in no order. Nothing where nothing is live.
    `calls`: what `evidence.calls` says of the window."""
    live = window.workflow.live
    if live is None:
        return
    tiers = {step.id: step.tier for step in live.version.parsed().steps if isinstance(step, ModelStep)}
    assignment = {step: live.tier_map.get(f"{OF_STEP}{step}") or live.tier_map[tier] for step, tier in tiers.items()}
    days = observed(window, live_since(live.version))
    used, tests, now = _used(window, assignment, calls), _Tests(window, tiers, assignment), timezone.now()
    mapped = window.project.tier_map()
    answers = _repeats(window, [step for step in tiers if used[step].calls])
    for step, tier in tiers.items():
        one, project = used[step], window.project.pk
        if not one.calls:
            continue
        said = {
            **{"workflow": window.workflow.name, "step": step, "tier": tier, "model": assignment[step]},
            **{"calls": one.calls, "paid": None if one.unpriced else to_usd(one.paid), "observed": days},
            "now": _usd(one.at(project, assignment[step], now)),
        }
        for lower, target in _below(window, mapped, tier, assignment[step]):
            then = _usd(one.at(project, target, now))
            told = {"to_tier": lower, "to_model": target, "test": tests.of(step, target)}
            yield Move(kind=Kind.MOVE_DOWN, then=then, **told, **said)
        if answers[step].may_be_a_rule:
            yield Move(kind=Kind.MAKE_CODE, then=to_usd(0), repeats=answers[step], **said)


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else to_usd(pico)


def _below(window: Extent, mapped: Mapping[str, str], tier: str, model: str) -> Iterator[tuple[str, str]]:
    """The cheaper tiers as the project maps them now, of the same kind of money."""
    for lower in RANK[: RANK.index(tier)]:
        target = mapped.get(lower)
        if target and target != model and is_simulated(window.project.pk, target) == window.simulated:
            yield lower, target


def _used(window: Extent, assignment: Mapping[str, str], calls: Sequence[Row]) -> dict[str, Used]:
    found: dict[str, Used] = defaultdict(Used)
    for row in calls:
        ours = row["version"] == window.workflow.live.version_id and row["purpose"] in OURS
        if not ours or row["lane"] == QUALITY or row["reported"] or row["trial"] or row["doubted"]:
            continue
        if assignment.get(row["step"]) != f"{row['provider']}:{row['model_planned']}":
            continue
        one = found[row["step"]]
        one.calls += row["calls"]
        one.unpriced += row["unpriced"]
        one.paid += row["cost"]
        one.tokens[row["batch"]].append((row["calls"], Usage(**{kind: row[kind] for kind in TOKENS})))
    return found


class _Tests:
    """What was tried of the version that is live, the newest first. A verdict of exactly this goes before a comparison of the
    step, and a search, which moves one step alone, before an evaluation in which others moved as well."""

    def __init__(self, window: Extent, tiers: Mapping[str, str], assignment: Assignment) -> None:
        self.window, self.assignment = window, assignment
        self.margin = float(gate_of(window.workflow).margin)
        of = {"version": window.workflow.live.version_id, "simulated": window.simulated, "status": "completed"}
        rows = (
            Evaluation.objects.filter(**of).order_by("-pk").only("tier_map", "against", "passed", "figures", "status")
        )
        self.evaluations = [(one, assignment_of(one, tiers)) for one in rows[:MOST_EVALUATIONS]]
        self.search = TierSearch.objects.filter(**of).order_by("-pk").first()

    def of(self, step: str, target: str) -> Test | None:
        return (
            self._exactly(step, target)
            or self._searched(step, target)
            or self._evaluated(step, target)
            or self._shadowed(step, target)
        )

    def _exactly(self, step: str, target: str) -> Test | None:
        wanted = {**self.assignment, step: target}
        for one, tried in self.evaluations:
            if tried == wanted and one.passed is not None:
                level = Level.GATE_PASSED if one.passed else Level.AGREEMENT_TESTED
                quality = one.figures["arms"]["candidate"]["quality"]
                return Test(level, quality["count"], quality["n"], one.passed, f"GET evaluations/{one.pk}")
        return None

    def _searched(self, step: str, target: str) -> Test | None:
        evidence = (self.search and self.search.evidence) or {}
        for one in evidence.get("steps", {}).get(step, {}).get("models", ()):
            if one["model"] == target:
                quality, source = one["quality"], f"GET tier-searches/{self.search.pk}"
                return Test(Level.AGREEMENT_TESTED, quality["count"], quality["n"], one["passed"], source)
        return None

    def _evaluated(self, step: str, target: str) -> Test | None:
        for one, tried in self.evaluations:
            said = one.figures["arms"]["candidate"]["steps"].get(step)
            if tried.get(step) == target and said and said["quality"]["n"]:
                quality, source = said["quality"], f"GET evaluations/{one.pk}"
                return self._compared(quality["count"], quality["n"], source)
        return None

    def _compared(self, right: int, n: int, source: str) -> Test:
        """It came to no verdict, and may speak for itself: where all that it can be is too little, it failed."""
        level = Level.AGREEMENT_TESTED if n >= ENOUGH else Level.PRICE_ONLY
        found = wilson(right, n)
        return Test(level, right, n, False if found and found.high < 1 - self.margin else None, source)

    def _shadowed(self, step: str, target: str) -> Test | None:
        """The model that shadows ran on, where that is the one: the step there, against the step as it is live."""
        workflow, version = self.window.workflow, self.window.workflow.live.version_id
        of = {"version": version, "subject": Subject.WORKFLOW, "model": target, "simulated": self.window.simulated}
        rows = Shadow.objects.filter(workflow=workflow, status=Shadow.Status.COMPLETED, **of).order_by("-pk")
        said = [steps.get(step, {}).get("same") for steps in rows.values_list("steps", flat=True)[:MOST_SHADOWS]]
        compared = [one for one in said if one is not None]
        source = f"GET workflows/{workflow.name}/shadows"
        return self._compared(sum(compared), len(compared), source) if compared else None


def _repeats(window: Extent, steps: list[str]) -> dict[str, Repeats]:
    """Of the newest completed executions of what is live, whose texts are still there. The input of a step is what was asked: the
    hash of it stands in the ledger."""
    live, found = window.workflow.live, {}
    if not steps:
        return {}
    recent = window.completed().filter(version=live.version_id, purged_at=None).order_by("-finished_at", "-pk")
    ids = list(recent.values_list("pk", flat=True)[:MOST_EXECUTIONS])
    done = {"status": StepResult.Status.DONE, "answered_by": Execution.Resolver.WORKFLOW, "call__isnull": False}
    for step in steps:
        rows = StepResult.objects.filter(execution__pk__among=set(ids), step=step, **done)
        found[step] = list(rows.order_by("finished_at", "pk").values_list("call", "output")[:MOST_EXECUTIONS])
    asked = Call.objects.filter(pk__among={call for answers in found.values() for call, _ in answers})
    hashes = dict(asked.values_list("pk", "request_hash"))
    return {
        step: repeats((hashes.get(call, ""), output) for call, output in answers) for step, answers in found.items()
    }


def repeats(answers: Iterator[tuple[str, object]]) -> Repeats:
    """Of (hash of the input, output), the oldest first. One without a hash is not counted."""
    first: dict[str, str] = {}
    count = again = same = 0
    outputs: set[str] = set()
    for asked, output in answers:
        if not asked:
            continue
        said = json.dumps(output, sort_keys=True)
        count += 1
        outputs.add(said)
        if asked in first:
            again += 1
            same += first[asked] == said
        first.setdefault(asked, said)
    return Repeats(count, again, same, len(outputs))
