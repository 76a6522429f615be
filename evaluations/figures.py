"""What the results of an evaluation say: shares with their intervals, costs, pairs, and the verdict. Pure, but for `of`, which
reads the rows.

The unit is the case. With repeats it is right where more than half of them are: answers to one case are no independent samples.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from wire.money import rate_text, to_usd, usd_text

from . import judges, verdict
from .models import Case, Evaluation, Result
from .rubric import is_undecided
from .statistics import Interval, cohen_kappa, mcnemar, newcombe_paired, wilson

Row = dict[str, object]


@dataclass(frozen=True)
class Tried:
    """One result, and what of its case matters here. `right` None: it could not be tried."""

    case: UUID
    arm: str
    expects_flag: bool
    kind: str
    weight: Decimal
    right: bool | None
    flagged: bool
    completed: bool
    detectors: Sequence[Mapping[str, str]] = ()
    steps: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cost: int | None = 0
    latency_ms: int | None = None
    said: str = ""
    questions: Sequence[Mapping[str, object]] = ()
    judge_cost: int | None = 0


def of(evaluation: Evaluation) -> Row:
    """With every earlier try of exactly the same in its verdict, as repeats: else who tries often enough passes by chance."""
    rows = tried(evaluation.results)
    if evaluation.against == Evaluation.Against.NOTHING:
        return figures(rows, None, evaluation.rules)
    found, earlier = figures(rows, evaluation.against, evaluation.rules), _earlier(evaluation)
    if earlier:
        before = [row for one in earlier for row in tried(one.results)]
        pooled = figures([*before, *rows], evaluation.against, evaluation.rules)
        found |= {name: pooled[name] for name in ("pairs", "verdict")}
        found["verdict"]["notes"].append(f"Earlier evaluations of the same count as repeats: {len(earlier)}.")
    return found


def _earlier(evaluation: Evaluation) -> list[Evaluation]:
    """Completed ones of the same binding, against the same, in which everything could be tried."""
    same = Evaluation.objects.filter(
        workflow=evaluation.workflow_id,
        binding=evaluation.binding,
        against=evaluation.against,
        incumbent=evaluation.incumbent_id,
        status=Evaluation.Status.COMPLETED,
        search=None,
    )
    return [one for one in same.exclude(pk=evaluation.pk) if not one.results.filter(right=None).exists()]


def tried(results: QuerySet[Result]) -> list[Tried]:
    large = ("input", "expected", "steps", "answers")
    rows = results.select_related("case").defer(*(f"case__{name}" for name in large))
    return [_tried(result) for result in rows.order_by("pk")]


def figures(rows: Sequence[Tried], against: str | None, rules: Mapping[str, object]) -> Row:
    """`against` None: there is one arm, no pairs and no verdict."""
    arms = {arm: [row for row in rows if row.arm == arm] for arm in Result.Arm.values}
    candidate, reference = arms[Result.Arm.CANDIDATE], arms[Result.Arm.REFERENCE]
    found: Row = {
        "cases": len({row.case for row in rows}),
        "kinds": dict(Counter(kind for _, kind in {(row.case, row.kind) for row in rows})),
        "arms": {arm: _arm(several) for arm, several in arms.items() if several},
        "pairs": None,
        "verdict": None,
        "judge": _judge(rows),
    }
    if against:
        paired = pairs(candidate, reference)
        found["pairs"] = paired.shown()
        found["verdict"] = verdict.of(paired, _Kept.of(candidate), rules, against, _Kept.of(reference).not_tried)
    return found


@dataclass(frozen=True)
class Pairs:
    """Cases with an expected answer, by who was right."""

    both: int
    candidate_only: int
    reference_only: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.candidate_only + self.reference_only + self.neither

    @property
    def difference(self) -> Decimal | None:
        """Share of the candidate − share of the reference."""
        return Decimal(self.candidate_only - self.reference_only) / self.n if self.n else None

    def interval(self, confidence: float) -> Interval | None:
        return newcombe_paired(self.both, self.candidate_only, self.reference_only, self.neither, confidence)

    def shown(self) -> Row:
        test = mcnemar(self.candidate_only, self.reference_only)
        return {
            "n": self.n,
            "both": self.both,
            "candidate_only": self.candidate_only,
            "reference_only": self.reference_only,
            "neither": self.neither,
            "difference": rate_text(self.difference),
            "interval": _interval(self.interval(0.95)),
            "mcnemar": {"exact": _rate(test.exact), "mid_p": _rate(test.mid_p)},
        }


def pairs(candidate: Sequence[Tried], reference: Sequence[Tried]) -> Pairs:
    """Case by case; what could not be tried counts as not right."""
    ours, theirs = _by_case(candidate), _by_case(reference)
    asked = {row.case for row in candidate if not row.expects_flag}
    found = Counter((_is_right(ours[case]), _is_right(theirs[case])) for case in asked if case in theirs)
    return Pairs(found[True, True], found[True, False], found[False, True], found[False, False])


@dataclass(frozen=True)
class _Kept:
    """Counts of an arm, by case. `caught` of `uncovered`: flagged, of those that a flag was expected of. `false_alarms` of
    `n`: flagged, of those that were to be answered. `silent` of `unflagged`: wrong, of what completed without a flag."""

    n: int
    right: int
    uncovered: int
    caught: int
    false_alarms: int
    unflagged: int
    silent: int
    not_tried: Sequence[str]
    weight: Decimal
    weight_right: Decimal

    @classmethod
    def of(cls, rows: Sequence[Tried]) -> _Kept:
        cases = _by_case(rows).values()
        asked = [several for several in cases if not several[0].expects_flag]
        uncovered = [several for several in cases if several[0].expects_flag]
        unflagged = [several for several in cases if not _most(row.flagged for row in several) and several[0].completed]
        return cls(
            n=len(asked),
            right=sum(map(_is_right, asked)),
            uncovered=len(uncovered),
            caught=sum(map(_is_right, uncovered)),
            false_alarms=sum(_most(row.flagged for row in several) for several in asked),
            unflagged=len(unflagged),
            silent=sum(not _is_right(several) for several in unflagged),
            not_tried=[row.said for row in rows if row.right is None],
            weight=sum((several[0].weight for several in asked), Decimal(0)),
            weight_right=sum((several[0].weight for several in asked if _is_right(several)), Decimal(0)),
        )


def _arm(rows: Sequence[Tried]) -> Row:
    kept = _Kept.of(rows)
    return {
        "quality": share(kept.right, kept.n),
        "weighted": rate_text(kept.weight_right / kept.weight) if kept.weight else None,
        "escalation_recall": share(kept.caught, kept.uncovered),
        "false_escalation": share(kept.false_alarms, kept.n),
        "silent_failure": share(kept.silent, kept.unflagged),
        "not_tried": len(kept.not_tried),
        "unstable": _unstable(rows),
        "detectors": _detectors(rows),
        **_cost(rows, kept),
        "latency_ms": _latency([row.latency_ms for row in rows if row.latency_ms is not None]),
        "steps": _steps(rows),
    }


def share(part: int, n: int) -> Row:
    """Of a share: how many of how many, and its Wilson interval at 95%."""
    return {
        "n": n,
        "count": part,
        "rate": rate_text(Decimal(part) / n) if n else None,
        "interval": _interval(wilson(part, n)),
    }


def _cost(rows: Sequence[Tried], kept: _Kept) -> Row:
    costs = [row.cost for row in rows]
    total = None if None in costs else sum(costs)
    repeats = max(len(several) for several in _by_case(rows).values())
    return {
        "cost": usd(total),
        "cost_per_case": usd(total, len(rows)),
        "cost_per_right": usd(total, kept.right * repeats),
    }


def usd(total: int | None, among: int = 1) -> str | None:
    return None if total is None or not among else usd_text(to_usd(round(Decimal(total) / among)))


def _latency(values: Iterable[int]) -> Row:
    """Nearest rank."""
    ordered = sorted(values)
    return {
        name: ordered[-(-len(ordered) * p // 100) - 1] if ordered else None for name, p in (("p50", 50), ("p95", 95))
    }


def _steps(rows: Sequence[Tried]) -> Row:
    """Of each step: how often it was right, of the cases that say what is expected of it, what it asked and what that cost."""
    by_step: dict[str, list[Mapping]] = defaultdict(list)
    for row in rows:
        for step, found in row.steps.items():
            by_step[step].append(found)
    return {step: _step(several) for step, several in by_step.items()}


def _step(several: Sequence[Mapping]) -> Row:
    judged = [one["right"] for one in several if "right" in one]
    costs = [one.get("cost") for one in several]
    total = None if None in costs else sum(costs)
    return {
        "quality": share(sum(map(bool, judged)), len(judged)),
        "models": sorted({str(one["model"]) for one in several if one.get("model")}),
        "cost": usd(total),
        "cost_per_case": usd(total, len(several)),
        "latency_ms": _latency(one["latency_ms"] for one in several if one.get("latency_ms") is not None),
    }


def _detectors(rows: Sequence[Tried]) -> list[Row]:
    """Of each detector: how many results it flagged, and in how many of those a flag was expected."""
    flags: Counter[tuple[str, str]] = Counter()
    due: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for one in {(each["detector"], each["reason"]) for each in row.detectors}:
            flags[one] += 1
            due[one] += row.expects_flag
    return [
        {"detector": detector, "reason": reason, "flags": count, "precision": share(due[detector, reason], count)}
        for (detector, reason), count in sorted(flags.items(), key=lambda each: (-each[1], each[0]))
    ]


def _judge(rows: Sequence[Tried]) -> Row | None:
    """Of all arms; None where no judge was asked. `undecided`: what it was asked in both orders, and said another thing in each."""
    asked = [row for row in rows if row.questions]
    if not asked:
        return None
    opinions = [said for row in asked for said in judges.heard(row.questions).values()]
    heard = [said for said in opinions if all(one.prefers for one in said)]
    costs = [row.judge_cost for row in asked]
    return {
        "answers": len(asked),
        "calls": sum(question["calls"] for row in asked for question in row.questions),
        "undecided": share(sum(map(is_undecided, heard)), len(heard)),
        "not_heard": len(opinions) - len(heard),
        "cost": usd(None if None in costs else sum(costs)),
    }


def agreement(results: QuerySet[Result]) -> Row:
    """Of the answers that a judge was asked about as a whole and a person too: in how many both say the same."""
    said = results.filter(person_right__isnull=False, right__isnull=False)
    found = Counter(
        (right, person)
        for right, person, questions in said.values_list("right", "person_right", "questions")
        if any(question["step"] == judges.WHOLE for question in questions)
    )
    counts = [found[pair] for pair in ((True, True), (True, False), (False, True), (False, False))]
    kappa = cohen_kappa(*counts)
    return {"agreement": share(counts[0] + counts[3], sum(counts)), "kappa": None if kappa is None else _rate(kappa)}


def _unstable(rows: Sequence[Tried]) -> Row | None:
    """Cases whose repeats disagree; None without repeats."""
    cases = _by_case(rows).values()
    if not any(len(several) > 1 for several in cases):
        return None
    return share(sum(len({row.right for row in several}) > 1 for several in cases), len(cases))


def _by_case(rows: Iterable[Tried]) -> dict[UUID, list[Tried]]:
    found: dict[UUID, list[Tried]] = defaultdict(list)
    for row in rows:
        found[row.case].append(row)
    return found


def _is_right(several: Sequence[Tried]) -> bool:
    return _most(bool(row.right) for row in several)


def _most(values: Iterable[bool]) -> bool:
    found = list(values)
    return 2 * sum(found) > len(found)


def _interval(found: Interval | None) -> list[str] | None:
    return None if found is None else [_rate(found.low), _rate(found.high)]


def _rate(value: float) -> str:
    return rate_text(Decimal(repr(value)))


def _tried(result: Result) -> Tried:
    case: Case = result.case
    return Tried(
        case=case.pk,
        arm=result.arm,
        expects_flag=case.expects_flag,
        kind=case.kind,
        weight=Decimal(case.weight),
        right=result.right,
        flagged=result.flagged,
        completed=bool(result.resolved_by),
        detectors=result.detectors,
        steps=result.steps,
        cost=result.cost,
        latency_ms=result.latency_ms,
        said=result.said,
        questions=result.questions,
        judge_cost=result.judge_cost,
    )
