"""Beginning an evaluation: which version, with which models, over which cases, against what; and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from django.db import transaction

from executions import estimates
from executions.estimates import Estimate
from executions.lanes import OF_STEP, QUALITY
from gateway.providers.registry import is_simulated
from projects import audit
from projects.audit import Verb
from projects.targets import parse_target
from wire.problems import Conflict, Fault, Invalid, pointer
from workflows.calls import pins
from workflows.compiled import compiled
from workflows.definition import ModelStep
from workflows.gate import Wanted
from workflows.models import Publication, Version
from workflows.prompts import PROMPT_FORMAT

from . import judges
from .gate import binding, is_live_so, judges_for
from .models import Case, Evaluation, Result, gate_of, set_hash

MOST_RESULTS = 20_000
Against = Evaluation.Against


@dataclass(frozen=True)
class Asked:
    """`models`: step → provider:model; `tiers`: tier → provider:model, instead of the project's. `against` None: the incumbent
    where another version is live, else the frontier. `tags`, `kinds`: only such cases; a part of them proves nothing to the
    gate. `budget`: pico-dollars. `cases`, `rules`: these, instead of those that are confirmed, and asked for, at this moment."""

    version: Version
    models: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[str, str] = field(default_factory=dict)
    against: str | None = None
    kinds: Sequence[str] = ()
    tags: Sequence[str] = ()
    repeats: int = 1
    at_once: int = 16
    budget: int | None = None
    cases: Sequence[Case] = ()
    rules: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Ready:
    """An evaluation that can begin: its row, unsaved, and the cases of its arms."""

    evaluation: Evaluation
    cases: list[Case]

    @property
    def arms(self) -> list[str]:
        alone = self.evaluation.against == Against.NOTHING
        return [Result.Arm.CANDIDATE] if alone else [Result.Arm.CANDIDATE, Result.Arm.REFERENCE]


class Served(NamedTuple):
    """How the executions of an arm are served."""

    version: Version
    publication: Publication | None
    lane: str | None
    tiers: dict[str, str]


def examine(asked: Asked, by: str) -> Ready:
    """Raises `Invalid` for what is wrong with what was asked, and `Conflict` where there is nothing to try it on."""
    version, workflow = asked.version, asked.version.workflow
    workflow.must_be_in_use()
    tier_map = _tier_map(asked)
    cases = _cases(asked)
    against, incumbent = _against(asked, tier_map)
    rules = dict(asked.rules or gate_of(workflow).rules)
    hashes = [case.content_hash for case in cases]
    its_judges = _judges(version, rules)
    simulated = _one_kind(asked, tier_map, against, incumbent, its_judges)
    wanted = Wanted(version, tier_map, pins(version), PROMPT_FORMAT)
    evaluation = Evaluation(
        project=workflow.project,
        workflow=workflow,
        version=version,
        tier_map=tier_map,
        against=against,
        incumbent=incumbent,
        rules=rules,
        binding=binding(wanted, rules, hashes, against, tier_map.get("frontier")),
        cases_hash=set_hash(hashes),
        repeats=asked.repeats,
        at_once=asked.at_once,
        budget=asked.budget,
        judges=its_judges,
        simulated=simulated,
        created_by=by,
    )
    ready = Ready(evaluation, cases)
    evaluation.total = len(cases) * len(ready.arms) * asked.repeats
    if evaluation.total > MOST_RESULTS:
        said = (
            f"These are {evaluation.total} executions; an evaluation has at most {MOST_RESULTS}: choose cases by tag."
        )
        raise Invalid.at("/repeats", said)
    return ready


@transaction.atomic
def begin(ready: Ready) -> Evaluation:
    """Writes it down with every result that it will have. A worker does the rest, and goes on where another one ended."""
    evaluation = ready.evaluation
    evaluation.save(force_insert=True)
    Result.objects.bulk_create(
        (
            Result(evaluation=evaluation, arm=arm, case=case, repeat=repeat)
            for repeat in range(evaluation.repeats)
            for case in ready.cases
            for arm in ready.arms
        ),
        batch_size=1000,
    )
    told = {"version": evaluation.version.number, "results": evaluation.total, "cases": evaluation.cases_hash}
    audit.record(evaluation.project_id, evaluation.created_by, Verb.CREATED, evaluation, **told)
    return evaluation


def estimate(ready: Ready) -> Estimate:
    """Of all its arms and repeats. Cases whose input the version does not take are not executed, and cost nothing."""
    evaluation = ready.evaluation
    found = []
    for arm in ready.arms:
        version, publication, lane, _ = served(evaluation, arm)
        inputs = [case.input for case in ready.cases if fits(version, case.input)] * evaluation.repeats
        tiers = evaluation.tier_map if arm == Result.Arm.CANDIDATE else None
        found.append(_with_judges(ready, version, estimates.estimate(version, publication, inputs, lane, tiers)))
    return summed(found)


def _with_judges(ready: Ready, version: Version, found: Estimate) -> Estimate:
    """With what judges may be asked, as if no answer were just the expected one."""
    evaluation = ready.evaluation
    if not evaluation.judges:
        return found
    asked = [
        one for case in ready.cases if fits(version, case.input) for one in judges.expected_costs(evaluation, case)
    ]
    expected, upper = zip(*asked, strict=True) if asked else ((), ())
    return replace(
        found,
        calls=found.calls + len(asked) * evaluation.repeats,
        expected=_plus(found.expected, expected, evaluation.repeats),
        upper=_plus(found.upper, upper, evaluation.repeats),
    )


def _plus(one: int | None, others: Sequence[int | None], times: int) -> int | None:
    return None if one is None or None in others else one + sum(others) * times


def served(evaluation: Evaluation, arm: str) -> Served:
    if arm == Result.Arm.CANDIDATE:
        return Served(evaluation.version, None, None, evaluation.tier_map)
    if evaluation.against == Against.INCUMBENT:
        return Served(evaluation.incumbent.version, evaluation.incumbent, None, evaluation.incumbent.tier_map)
    return Served(evaluation.version, None, QUALITY, evaluation.tier_map)


def fits(version: Version, given: object) -> bool:
    return not not_taken(version, given)


def not_taken(version: Version, given: object) -> str:
    """Why the version does not take this input, in a sentence; empty where it does."""
    fault = next(iter(compiled(version.pk).input_schema.faults(given)), None)
    return f"{version} does not take its input: {fault.pointer} {fault.detail}" if fault else ""


def _tier_map(asked: Asked) -> dict[str, str]:
    """What its executions are pinned to. Raises `Invalid` for a model of no provider, a tier or a step that there is not."""
    version = asked.version
    known = version.workflow.project.known_providers()
    steps = {step.id for step in version.parsed().steps if isinstance(step, ModelStep)}
    faults = []
    for where, given, names in (
        ("models", asked.models, steps),
        ("tiers", asked.tiers, {"cheap", "standard", "frontier"}),
    ):
        for name, target in given.items():
            if name not in names:
                what = "model step" if where == "models" else "tier"
                faults.append(
                    Fault(pointer(where, name), f"There is no {what} {name[:60]!r}; known: {_listed(names)}.")
                )
                continue
            try:
                parse_target(target, known)
            except ValueError as error:
                faults.append(Fault(pointer(where, name), str(error)))
    if faults:
        raise Invalid.of(faults)
    of_steps = {f"{OF_STEP}{step}": target for step, target in asked.models.items()}
    return {**version.tiers(), **asked.tiers, **of_steps}


def _cases(asked: Asked) -> list[Case]:
    if asked.cases:
        return list(asked.cases)
    confirmed = asked.version.workflow.cases.confirmed().order_by("pk")
    if asked.kinds:
        confirmed = confirmed.filter(kind__in=asked.kinds)
    tags = set(asked.tags)
    cases = [case for case in confirmed if not tags or tags & set(case.tags)]
    if not cases:
        of = " like that" if asked.kinds or tags else ""
        raise Conflict(
            f"{asked.version.workflow.name} has no confirmed cases{of}: add some at "
            f"POST /api/v1/workflows/{asked.version.workflow.name}/cases, or confirm those that are proposed.",
            cases=0,
        )
    return cases


def _against(asked: Asked, tier_map: Mapping[str, str]) -> tuple[str, Publication | None]:
    live = asked.version.workflow.live
    alone = live is None or is_live_so(asked.version, tier_map)
    wanted = asked.against or (Against.FRONTIER if alone else Against.INCUMBENT)
    if wanted == Against.INCUMBENT and live is None:
        raise Conflict("No version is live, so there is no incumbent to compare with: compare with the frontier.")
    return wanted, live if wanted == Against.INCUMBENT else None


def _judges(version: Version, rules: Mapping[str, object]) -> dict[str, str]:
    """tier → the project's model, of the judges among these graders. Raises `Conflict` without one."""
    found = judges_for(version, rules)
    if missing := [tier for tier, target in found.items() if target is None]:
        raise Conflict(f"The project maps no model to the tier {missing[0]}, and a grader asks it as a judge.")
    return found


def _one_kind(
    asked: Asked,
    tier_map: Mapping[str, str],
    against: str,
    incumbent: Publication | None,
    its_judges: Mapping[str, str],
) -> bool:
    """Whether its models are simulated. Raises `Conflict` where some are and others are not: they are never compared."""
    project, definition = asked.version.workflow.project, asked.version.parsed()
    tiers = set(definition.reachable_tiers or tier_map)
    if against == Against.FRONTIER and definition.step_tiers:
        if "frontier" not in tier_map:
            raise Conflict("The project maps no model to the tier frontier, so there is nothing to compare with.")
        tiers.add("frontier")
    targets = {target for name, target in tier_map.items() if name in tiers or name.startswith(OF_STEP)}
    if incumbent:
        targets |= {incumbent.tier_map[tier] for tier in incumbent.version.parsed().reachable_tiers}
    targets |= set(its_judges.values())
    kinds = {is_simulated(project.pk, target) for target in targets}
    if len(kinds) > 1:
        raise Conflict(
            "Some of these models are simulated and others real: what one of them shows says nothing of the other."
        )
    return any(kinds)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def summed(found: Sequence[Estimate]) -> Estimate:
    return reduce(_sum, found)


def _sum(first: Estimate, second: Estimate) -> Estimate:
    expected = None if None in (first.expected, second.expected) else first.expected + second.expected
    upper = None if None in (first.upper, second.upper) else first.upper + second.upper
    basis = first.basis if first.basis == second.basis else "assumed"
    return replace(
        first,
        executions=first.executions + second.executions,
        calls=first.calls + second.calls,
        expected=expected,
        upper=upper,
        basis=basis,
        recorded=min(first.recorded, second.recorded),
    )
