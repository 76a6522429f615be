"""The gate: on what evidence a version may go live, and what is missing where it may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from executions.lanes import OF_STEP
from gateway.providers.registry import is_simulated
from wire.problems import Conflict
from workflows.calls import pins
from workflows.gate import Evidence, Wanted
from workflows.models import Publication, Version
from workflows.prompts import PROMPT_FORMAT

from .graders import judges_of
from .models import Evaluation, Gate, digest, gate_of, set_hash

Against = Evaluation.Against
PASSED, OVERRIDDEN, NONE = Publication.Evidence.PASSED, Publication.Evidence.OVERRIDDEN, Publication.Evidence.NONE


def judge(wanted: Wanted) -> Evidence:
    """Raises `Conflict` with `missing`, each with how to get it. What was live before, with all that it was pinned to, always may
    be again: that is the roll-back. On other models, or with others that it calls, it is a swap like any other."""
    version, gate = wanted.version, gate_of(wanted.version.workflow)
    hashes = _confirmed(version)
    if verdict := _verdict(wanted, gate, hashes):
        return Evidence(PASSED, verdict.pk)
    if before := _was_live_so(wanted):
        return _as_before(before)
    if wanted.override:
        return Evidence(OVERRIDDEN, reason=wanted.override)
    if len(hashes) < gate.min_cases:
        return Evidence(NONE)
    raise _refusal(wanted, gate, len(hashes))


def opens(evaluation: Evaluation) -> bool:
    """Whether its version could be published on its verdict at this moment."""
    if not evaluation.passed:
        return False
    version = evaluation.version
    try:
        wanted = Wanted(version, version.tiers(), pins(version), PROMPT_FORMAT)
    except Conflict:
        return False
    found = _verdict(wanted, gate_of(version.workflow), _confirmed(version))
    return found is not None and found.pk == evaluation.pk


def is_live_so(version: Version, tier_map: Mapping[str, str]) -> bool:
    """Whether this is what is live: the version, on these models."""
    live = version.workflow.live
    reachable = version.parsed().reachable_tiers
    return (
        live is not None
        and live.version_id == version.pk
        and all(live.tier_map.get(tier) == tier_map.get(tier) for tier in reachable)
    )


def binding(
    wanted: Wanted, rules: Mapping[str, object], cases: Iterable[str], against: str, frontier: str | None
) -> str:
    """The hash of all that a verdict is a verdict of: models that no step can reach change nothing. `frontier`: the model that it
    was compared with, where it was; the judges among the graders are the project's models."""
    told = _pinned(wanted.version, wanted.tier_map, wanted.calls, wanted.prompt_format)
    told |= {"rules": rules, "cases": set_hash(cases), "judges": judges_for(wanted.version, rules), "against": against}
    return digest(told | {"frontier": frontier if against == Against.FRONTIER else None})


def judges_for(version: Version, rules: Mapping[str, object]) -> dict[str, str | None]:
    """tier → the project's model, of the judges among these graders; None where it maps none."""
    lists = [rules["graders"], *rules["step_graders"].values()]
    known = version.workflow.project.tier_map()
    return {tier: known.get(tier) for tier in sorted({one.tier for several in lists for _, one in judges_of(several)})}


def _pinned(
    version: Version, tier_map: Mapping[str, str], calls: Mapping[str, int] | None, prompt_format: int
) -> dict[str, object]:
    reachable = version.parsed().reachable_tiers
    models = {tier: target for tier, target in tier_map.items() if tier in reachable or tier.startswith(OF_STEP)}
    pinned = {"tier_map": models, "calls": dict(calls or {}), "prompt_format": prompt_format}
    return {"definition": version.content_hash, **pinned}


def _confirmed(version: Version) -> list[str]:
    return list(version.workflow.cases.confirmed().values_list("content_hash", flat=True))


def _verdict(wanted: Wanted, gate: Gate, hashes: list[str]) -> Evaluation | None:
    """The newest on exactly this, where it passed: against what is live now, or against the frontier where nothing is. An older
    one that passed says nothing any more."""
    found = _completed(wanted, gate, hashes, Against.INCUMBENT).filter(incumbent=wanted.version.workflow.live_id)
    if wanted.version.workflow.live_id is None or _was_live_so(wanted):
        found = _completed(wanted, gate, hashes, Against.FRONTIER)
    newest = found.order_by("-pk").first()
    return newest if newest and newest.passed else None


def _completed(wanted: Wanted, gate: Gate, hashes: list[str], against: str) -> QuerySet[Evaluation]:
    bound = binding(wanted, gate.rules, hashes, against, wanted.tier_map.get("frontier"))
    return Evaluation.objects.filter(
        workflow=wanted.version.workflow_id, status=Evaluation.Status.COMPLETED, against=against, binding=bound
    )


def _was_live_so(wanted: Wanted) -> Publication | None:
    """The newest publication of the version that was pinned to the same."""
    so = _pinned(wanted.version, wanted.tier_map, wanted.calls, wanted.prompt_format)
    before = wanted.version.publications.order_by("-pk")
    return next(
        (one for one in before if _pinned(wanted.version, one.tier_map, one.calls, one.prompt_format) == so), None
    )


def _as_before(before: Publication) -> Evidence:
    """That it was overridden stays said. A verdict does not: it was of the cases that there were."""
    if before.evidence == OVERRIDDEN:
        return Evidence(OVERRIDDEN, reason=before.reason)
    return Evidence(NONE)


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
