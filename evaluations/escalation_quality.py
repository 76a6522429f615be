"""How good a version is at noticing what it should not answer: by its cases, and by what people said of its production. The two are
never mixed: of cases the truth is known, and they are chosen; production is what happens, and of most of it nobody says the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from executions.models import Execution, Flag, Status
from wire.money import rate_text, to_pico
from workflows.definition import ModelStep
from workflows.models import Version

from . import days
from .confidence_curve import Answer, StepCost, curve
from .figures import Row, share
from .models import Evaluation, Result
from .statistics import wilson

MIN_SPOT_CHECKS = 30  # that an estimate needs

Reason, Resolution = Flag.Reason, Flag.Resolution
JUSTIFIED = Q(resolution__in=(Resolution.ANSWERED, Resolution.REDESIGN))
# Where the frontier has answered, a reviewer has no other way to close the flag: that says nothing of it (see `tracking`).
FALSE_ALARM = Q(resolution=Resolution.DISMISSED, answered_by="")


@dataclass(frozen=True)
class Window:
    """Production executions of a version, accepted in these UTC days, `until` exclusive, of real or of simulated models."""

    version: Version
    simulated: bool
    since: date
    until: date

    def within(self, before: str = "") -> dict[str, object]:
        """`before`: the path to the execution, as in `execution__`."""
        said = {
            "version": self.version.pk,
            "purpose": Execution.Purpose.PRODUCTION,
            "simulated": self.simulated,
            "created_at__gte": days.midnight(self.since),
            "created_at__lt": days.midnight(self.until),
        }
        return {f"{before}{name}": value for name, value in said.items()}

    def executions(self) -> QuerySet[Execution]:
        return Execution.objects.filter(**self.within())

    def flags(self) -> QuerySet[Flag]:
        return Flag.objects.filter(**self.within("execution__"))


def window(
    version: Version, since: date | None = None, until: date | None = None, simulated: bool | None = None
) -> Window:
    """Without `until` up to now, and without `since` 90 days. Without `simulated`, of the kind that the version was last used
    with."""
    since, until = days.between(since, until)
    return Window(version, _kind(version) if simulated is None else simulated, since, until)


def of(asked: Window) -> Row:
    return {
        "workflow": asked.version.workflow.name,
        "version": asked.version.number,
        "simulated": asked.simulated,
        "probes": probes(asked.version, asked.simulated),
        "production": production(asked),
    }


def probes(version: Version, simulated: bool) -> Row | None:
    """By the newest evaluation of the version that is completed: its candidate arm, case by case."""
    found = (
        version.evaluations.filter(status=Evaluation.Status.COMPLETED, simulated=simulated, search=None)
        .order_by("-pk")
        .first()
    )
    if found is None:
        return None
    columns = ("case_id", "repeat", "case__expects_flag", "right", "detectors", "steps")
    rows = found.results.filter(arm=Result.Arm.CANDIDATE).order_by("pk").values_list(*columns)
    tried = [Probe(*row) for row in rows]
    kept = found.figures["arms"][Result.Arm.CANDIDATE]
    return {
        "evaluation": str(found.pk),
        "tier_map": found.tier_map,
        "cases": found.figures["cases"],
        "precision": _precision(tried),
        "recall": kept["escalation_recall"],
        "false_escalation": kept["false_escalation"],
        "silent_failure": kept["silent_failure"],
        "detectors": detectors(tried),
        "curves": curves(version, tried, _frontier_costs(found)),
    }


@dataclass(frozen=True)
class Probe:
    """One result of the candidate."""

    case: UUID
    repeat: int
    expects_flag: bool
    right: bool | None
    detectors: Sequence[Mapping[str, str]]
    steps: Mapping[str, Mapping[str, object]]


def detectors(tried: Sequence[Probe]) -> list[Row]:
    """Of each: the cases that it flagged in more than half of their repeats, and which share that is of those that expect a flag
    (`caught`). Several may flag one case, so these shares have no sum."""
    expecting = sum(several[0].expects_flag for several in _by_case(tried))
    flagged: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for several in _by_case(tried):
        for one in _most({(each["detector"], each["reason"]) for each in row.detectors} for row in several):
            flagged[one].append(several[0].expects_flag)
    return [
        {
            "detector": detector,
            "reason": reason,
            "flagged": len(due),
            "precision": share(sum(due), len(due)),
            "caught": share(sum(due), expecting),
        }
        for (detector, reason), due in sorted(flagged.items(), key=lambda each: (-len(each[1]), each[0]))
    ]


def curves(version: Version, tried: Sequence[Probe], frontier: Mapping[str, int]) -> dict[str, Row]:
    """Of each model step that was asked, but for lists, where one item's confidence is not the step's. Of repeats the first."""
    found = {}
    for step in version.parsed().steps:
        if not isinstance(step, ModelStep) or step.for_each is not None:
            continue
        asked = [row for row in tried if not row.repeat and row.steps.get(step.id, {}).get("confidence") is not None]
        if not asked:
            continue
        answers = [Answer(row.steps[step.id]["confidence"], _due(row, step.id)) for row in asked]
        own = [row.steps[step.id]["cost"] for row in asked if _is_own(row, step.id)]
        cost = StepCost(None if not own or None in own else round(sum(own) / len(own)), frontier.get(step.id))
        found[step.id] = {
            "min_confidence": rate_text(Decimal(repr(step.min_confidence))),
            "answers": len(answers),
            "unknown": sum(one.due is None for one in answers),
            "points": curve(answers, cost),
        }
    return found


def production(asked: Window) -> Row:
    """By the flags of production and what people said, an execution counting once for each detector. Counted in the database."""
    flags = asked.flags().escalating()
    ended = asked.executions().aggregate(
        completed=Count("pk", filter=Q(status=Status.COMPLETED)), n=Count("pk", filter=~Q(status=Status.CANCELLED))
    )
    on_completed = Count("execution", distinct=True, filter=Q(execution__status=Status.COMPLETED))
    counts = flags.aggregate(**_counts(), on_completed=on_completed)
    unflagged = ended["completed"] - counts.pop("on_completed")
    checked = (
        asked.flags()
        .filter(reason=Reason.SPOT_CHECK)
        .aggregate(
            right=Count("pk", filter=Q(resolution=Resolution.DISMISSED)),
            wrong=Count("pk", filter=Q(resolution=Resolution.ANSWERED)),
            undecided=Count("pk", filter=Q(resolution="")),
        )
    )
    each = flags.values("detector", "reason").annotate(**_counts()).order_by("-flagged", "detector", "reason")
    return {
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "executions": ended["n"],
        "unflagged": unflagged,
        **_decided(counts),
        "recall": estimated_recall(Counted(**counts), unflagged, checked["right"], checked["wrong"]),
        "spot_checks": {
            "undecided": checked["undecided"],
            "silent_failure": share(checked["wrong"], checked["right"] + checked["wrong"]),
        },
        "feedback": {"silent_failure": _by_feedback(asked)},
        "detectors": [{"detector": one.pop("detector"), "reason": one.pop("reason"), **_decided(one)} for one in each],
    }


@dataclass(frozen=True)
class Counted:
    """Executions with a flag; of them those of whose flag a person has said whether it was right, and those where it was."""

    flagged: int
    decided: int
    justified: int


def estimated_recall(counted: Counted, unflagged: int, right: int, wrong: int) -> Row:
    """flagged × precision ÷ (flagged × precision + unflagged × silent rate), the rate by `right` and `wrong` spot checks. An
    estimate: the interval takes the worst and the best of both shares. Null under 30 spot checks, and where nothing was due."""
    checked = right + wrong
    found: Row = {"rate": None, "interval": None, "spot_checks": checked, "min_spot_checks": MIN_SPOT_CHECKS}
    if checked < MIN_SPOT_CHECKS or (counted.flagged and not counted.decided):
        return found
    silent, precision = wilson(wrong, checked), wilson(counted.justified, counted.decided)
    share_justified = counted.justified / counted.decided if counted.decided else 0.0
    low, high = precision or (0.0, 0.0)
    rate = _recall(counted.flagged * share_justified, unflagged * wrong / checked)
    if rate is None:
        return found
    worst = _recall(counted.flagged * low, unflagged * silent.high)
    best = _recall(counted.flagged * high, unflagged * silent.low)
    ends = [rate if end is None else end for end in (worst, best)]
    return {**found, "rate": _text(rate), "interval": [_text(end) for end in ends]}


def _recall(caught: float, missed: float) -> float | None:
    return caught / (caught + missed) if caught + missed else None


def _counts() -> dict[str, Count]:
    """Of executions, and not of flags: the items of one list are no independent samples."""
    return {
        "flagged": Count("execution", distinct=True),
        "decided": Count("execution", distinct=True, filter=JUSTIFIED | FALSE_ALARM),
        "justified": Count("execution", distinct=True, filter=JUSTIFIED),
    }


def _decided(counts: Mapping[str, int]) -> Row:
    return {
        "flagged": counts["flagged"],
        "undecided": counts["flagged"] - counts["decided"],
        "precision": share(counts["justified"], counts["decided"]),
    }


def _by_feedback(asked: Window) -> Row:
    """Of completed executions without a flag whose answer somebody judged: the share that was wrong. Without spot checks, which
    write feedback too."""
    mine = Flag.objects.filter(execution=OuterRef("pk"))
    judged = asked.executions().filter(
        ~Exists(mine.escalating()),
        ~Exists(mine.filter(reason=Reason.SPOT_CHECK).exclude(resolution="")),
        status=Status.COMPLETED,
        judged_right__isnull=False,
    )
    found = judged.aggregate(n=Count("pk"), wrong=Count("pk", filter=Q(judged_right=False)))
    return share(found["wrong"], found["n"])


def _kind(version: Version) -> bool:
    """Whether it was simulated models that it was last used with."""
    used = Execution.objects.production().filter(version=version.pk).order_by("-created_at")
    for rows in (used, version.evaluations.order_by("-pk")):
        if (found := rows.values_list("simulated", flat=True).first()) is not None:
            return found
    return False


def _precision(tried: Sequence[Probe]) -> Row:
    flagged = [several for several in _by_case(tried) if _most({"flag"} if row.detectors else set() for row in several)]
    return share(sum(several[0].expects_flag for several in flagged), len(flagged))


def _by_case(tried: Sequence[Probe]) -> list[list[Probe]]:
    found: dict[UUID, list[Probe]] = defaultdict(list)
    for row in tried:
        found[row.case].append(row)
    return list(found.values())


def _most(repeats: Iterable[set]) -> set:
    """What more than half of them have."""
    several = list(repeats)
    return {one for one in set().union(*several) if 2 * sum(one in each for each in several) > len(several)}


def _due(row: Probe, step: str) -> bool | None:
    """Whether the step's own answer should have been flagged. What another answer has replaced nobody has judged."""
    if row.expects_flag:
        return True
    if not _is_own(row, step):
        return None
    right = row.steps[step].get("right")
    if right is None and not row.detectors:
        right = row.right
    return None if right is None else not right


def _is_own(row: Probe, step: str) -> bool:
    """Whether the step's first answer is the one that held."""
    found = row.steps[step]
    held = found["attempts"] == 1 and found["answered_by"] == Execution.Resolver.WORKFLOW
    return held and not any(each["step"] == step for each in row.detectors)


def _frontier_costs(evaluation: Evaluation) -> dict[str, int]:
    """Step → pico-dollars per case, where the frontier answered the same cases."""
    if evaluation.against != Evaluation.Against.FRONTIER:
        return {}
    steps = evaluation.figures["arms"][Result.Arm.REFERENCE]["steps"]
    costs = {step: found["cost_per_case"] for step, found in steps.items()}
    return {step: to_pico(Decimal(cost)) for step, cost in costs.items() if cost is not None}


def _text(value: float) -> str:
    return rate_text(Decimal(repr(value)))
