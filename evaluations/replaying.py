"""Beginning a replay: which past executions, on which version; and what it may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import MD5, Cast

from executions import estimates
from executions.estimates import Estimate
from executions.models import Execution, Flag, Status
from executions.proposing import answers_of
from gateway.providers.registry import is_simulated
from projects import audit
from projects.audit import Verb
from wire.problems import Conflict, Invalid
from workflows.models import Version

from . import asking, days
from .asking import Served
from .models import Replay, ReplayedExecution, gate_of

MOST = 500  # past executions
USUAL = 100


@dataclass(frozen=True)
class Wanted:
    """`sample`: so many at most. `flagged`: of those that raised a flag, whatever became of them; else of those that completed.
    Accepted from `since` to the day before `until`, in UTC; without them the last 90 days. `budget`: pico-dollars."""

    version: Version
    sample: int = USUAL
    flagged: bool = False
    since: date | None = None
    until: date | None = None
    at_once: int = 16
    budget: int | None = None


@dataclass(frozen=True)
class Ready:
    """A replay that can begin: its row, unsaved, and the ids of the past executions."""

    replay: Replay
    past: list[UUID]


def examine(wanted: Wanted, by: str) -> Ready:
    """Raises `Invalid` for days that are none, and `Conflict` where there is nothing to replay."""
    version, workflow = wanted.version, wanted.version.workflow
    workflow.must_be_in_use()
    since, until = days.between(wanted.since, wanted.until)
    if until <= since:
        raise Invalid.at("/until", "This is a day after since; it is not counted itself.")
    replay = Replay(
        project=workflow.project,
        workflow=workflow,
        version=version,
        tier_map=version.tiers(),
        sample=wanted.sample,
        flagged=wanted.flagged,
        since=since,
        until=until,
        rules=_asked_of(gate_of(workflow).rules),
        at_once=wanted.at_once,
        budget=wanted.budget,
        created_by=by,
    )
    replay.simulated = _is_simulated(replay)
    past = _drawn(replay)
    if not past:
        raise Conflict(_nothing(replay), executions=0)
    replay.total = len(past)
    return Ready(replay, past)


@transaction.atomic
def begin(ready: Ready) -> Replay:
    """Writes it down with every execution that it repeats. A worker does the rest."""
    replay = ready.replay
    replay.save(force_insert=True)
    ReplayedExecution.objects.bulk_create(ReplayedExecution(replay=replay, past_id=past) for past in ready.past)
    told = {"version": replay.version.number, "executions": replay.total, "flagged": replay.flagged}
    audit.record(replay.project_id, replay.created_by, Verb.CREATED, replay, **told)
    return replay


def estimate(ready: Ready) -> Estimate:
    """Inputs that the version does not take are not executed, and cost nothing."""
    version = ready.replay.version
    inputs = Execution.objects.filter(pk__in=ready.past).values_list("input", flat=True)
    fit = [given for given in inputs if asking.fits(version, given)]
    return estimates.estimate(version, None, fit, None, ready.replay.tier_map)


def _asked_of(rules: dict) -> dict:
    """A judge says whether an answer is right; whether it changes, the other graders say, and where there is none, each
    letter."""
    steps = {step: without_judges(several) for step, several in rules["step_graders"].items()}
    return {**rules, "graders": without_judges(rules["graders"]), "step_graders": steps}


def without_judges(several: Sequence[dict]) -> list[dict]:
    return [one for one in several if one["grade"] != "judge"]


def served(replay: Replay, arm: str) -> Served:
    """Whatever lane the past ones were asked for: the design says which it is."""
    return Served(replay.version, None, None, replay.tier_map)


def given(replayed: ReplayedExecution) -> tuple[object, dict[str, object]]:
    """Its input, and what its tools, reviews and called workflows answered."""
    return replayed.past.input, answers_of(replayed.past)


def _drawn(replay: Replay) -> list[UUID]:
    """By the hash of their ids: the same for every version that is tried on them, and no matter in which order they came."""
    found = _past(replay).filter(simulated=replay.simulated)
    by_hash = found.annotate(drawn=MD5(Cast("pk", CharField()))).order_by("drawn", "pk")
    return list(by_hash.values_list("pk", flat=True)[: replay.sample])


def _past(replay: Replay) -> QuerySet[Execution]:
    """Those of production whose texts are there."""
    accepted = {
        "created_at__gte": days.midnight(replay.since),
        "created_at__lt": days.midnight(replay.until),
    }
    found = Execution.objects.production().filter(workflow=replay.workflow, purged_at=None, **accepted)
    if replay.flagged:
        return found.standing().filter(Exists(Flag.objects.escalating().filter(execution=OuterRef("pk"))))
    return found.filter(status=Status.COMPLETED)


def _is_simulated(replay: Replay) -> bool:
    """Of the models of the version; of one that asks none, as the newest past one was. Raises `Conflict` where some are and others
    are not."""
    tiers = replay.version.parsed().reachable_tiers & replay.tier_map.keys()
    kinds = {is_simulated(replay.project.pk, replay.tier_map[tier]) for tier in tiers}
    if len(kinds) > 1:
        raise Conflict(
            "Some of this version's models are simulated and others real: what they cost together says nothing."
        )
    if kinds:
        return any(kinds)
    return bool(_past(replay).order_by("-created_at").values_list("simulated", flat=True).first())


def _nothing(replay: Replay) -> str:
    which = "flagged" if replay.flagged else "completed"
    models = "simulated" if replay.simulated else "real"
    return (
        f"{replay.workflow.name} has no past executions that can be replayed: {which}, in production, accepted from "
        f"{replay.since} to before {replay.until}, by {models} models as those of {replay.version.number} are, and with "
        "their texts."
    )
