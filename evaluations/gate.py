"""The gate: on what evidence a version may go live, and what is missing where it may not."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from executions.lanes import OF_STEP
from gateway.providers.registry import is_simulated
from wire.problems import Conflict
from workflows.calls import pins
from workflows.gate import Evidence, Wanted
from workflows.models import Publication, Version
from workflows.prompts import PROMPT_FORMAT

from .models import Evaluation, Gate, digest, gate_of, set_hash

PASSED, OVERRIDDEN, NONE = Publication.Evidence.PASSED, Publication.Evidence.OVERRIDDEN, Publication.Evidence.NONE


def judge(wanted: Wanted) -> Evidence:
    """Raises `Conflict` with `missing`, each with how to get it. What was live before, on these models, always may be again: that
    is the roll-back, and its evidence is what there is. On other models it is a swap like any other."""
    version, gate = wanted.version, gate_of(wanted.version.workflow)
    hashes = list(version.workflow.cases.confirmed().values_list("content_hash", flat=True))
    verdict = _verdict(wanted, gate, hashes)
    if verdict:
        return Evidence(PASSED, verdict.pk)
    if is_roll_back(version, wanted.tier_map):
        return Evidence(NONE)
    if wanted.override:
        return Evidence(OVERRIDDEN, reason=wanted.override)
    if len(hashes) < gate.min_cases:
        return Evidence(NONE)
    raise _refusal(wanted, gate, len(hashes))


def is_roll_back(version: Version, tier_map: Mapping[str, str]) -> bool:
    """Whether it was live before with the same models on every tier that it can reach."""
    reachable = version.parsed().reachable_tiers
    wanted = {tier: tier_map.get(tier) for tier in reachable}
    before = version.publications.values_list("tier_map", flat=True)
    return any({tier: one.get(tier) for tier in reachable} == wanted for one in before)


def binding(version: Version, tier_map: Mapping[str, str], calls: Mapping[str, int] | None, prompt_format: int) -> dict:
    """Of what a verdict is a verdict, but for the cases: models that no step can reach change nothing."""
    reachable = version.parsed().reachable_tiers
    return {
        "definition": version.content_hash,
        "prompt_format": prompt_format,
        "tier_map": {
            tier: target for tier, target in tier_map.items() if tier in reachable or tier.startswith(OF_STEP)
        },
        "calls": dict(calls or {}),
    }


def binding_hash(bound: dict, rules: dict, cases: str) -> str:
    return digest({**bound, "rules": rules, "cases": cases})


def _verdict(wanted: Wanted, gate: Gate, hashes: list[str]) -> Evaluation | None:
    """The newest that passed on exactly this: against what is live now, or against the frontier where nothing is."""
    bound = binding(wanted.version, wanted.tier_map, wanted.calls, wanted.prompt_format)
    found = Evaluation.objects.filter(
        workflow=wanted.version.workflow_id, passed=True, binding=binding_hash(bound, gate.rules, set_hash(hashes))
    )
    return _may_decide(found, wanted.version, wanted.tier_map).order_by("-pk").first()


def _may_decide(found: QuerySet[Evaluation], version: Version, tier_map: Mapping[str, str]) -> QuerySet[Evaluation]:
    """Those that compare with the right thing."""
    live = version.workflow.live_id
    if live is None or is_roll_back(version, tier_map):
        return found.filter(against__in=(Evaluation.Against.FRONTIER, Evaluation.Against.INCUMBENT))
    return found.filter(against=Evaluation.Against.INCUMBENT, incumbent=live)


def opens(evaluation: Evaluation) -> bool:
    """Whether its version could be published on its verdict at this moment."""
    if not evaluation.passed:
        return False
    version = evaluation.version
    try:
        wanted = Wanted(version, version.tiers(), pins(version), PROMPT_FORMAT)
    except Conflict:
        return False
    hashes = list(version.workflow.cases.confirmed().values_list("content_hash", flat=True))
    gate = gate_of(version.workflow)
    bound = binding(version, wanted.tier_map, wanted.calls, wanted.prompt_format)
    if evaluation.binding != binding_hash(bound, gate.rules, set_hash(hashes)):
        return False
    return _may_decide(Evaluation.objects.filter(pk=evaluation.pk), version, wanted.tier_map).exists()


def _refusal(wanted: Wanted, gate: Gate, cases: int) -> Conflict:
    version, workflow = wanted.version, wanted.version.workflow
    live = workflow.live
    other = f"the incumbent {live.version.number}" if live else "the frontier"
    address = f"POST /api/v1/workflows/{workflow.name}/evaluations"
    against = "incumbent" if live else "frontier"
    latest = workflow.evaluations.filter(version=version).exclude(status=Evaluation.Status.CANCELLED)
    latest = latest.order_by("-pk").first()
    missing = {
        "what": "verdict",
        "detail": _why(wanted, gate, latest, other),
        "how": f'{address} {{"version": "{version.number}", "against": "{against}"}}',
    }
    said = f"{workflow.name} {version.number} has no verdict that passes on its {cases} cases against {other}."
    return Conflict(
        f"{said} {missing['detail']} Or publish it with an override that says why.",
        evidence=NONE,
        cases=cases,
        min_cases=gate.min_cases,
        missing=[missing],
        evaluation=latest and str(latest.pk),
    )


def _why(wanted: Wanted, gate: Gate, latest: Evaluation | None, other: str) -> str:
    if latest is None:
        return f"It was never evaluated: evaluate it against {other}."
    if latest.status != Evaluation.Status.COMPLETED:
        return f"Its evaluation is {latest.status}: wait for it."
    if latest.passed is False:
        reasons = " ".join((latest.figures or {}).get("verdict", {}).get("reasons", ()))
        return f"Its last evaluation did not pass: {reasons}"
    if is_simulated(wanted.version.workflow.project_id, next(iter(wanted.tier_map.values()), "")) != latest.simulated:
        return "Its last evaluation was of the other kind of models, simulated or real: evaluate it again."
    return (
        f"Its last evaluation was of other cases, models or rules, or not against {other}: nothing of that may have "
        "changed since. Evaluate it again."
    )
