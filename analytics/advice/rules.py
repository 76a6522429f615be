"""What a workflow's figures say of whether it is worth having: findings, each with its reason, and the fit. Pure; every threshold
stands here with why it is what it is. `docs/advice.md` explains them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from analytics.savings import ZERO, Balance, ratio
from evaluations.statistics import Interval, wilson
from wire.money import fine

DAYS_OF_MONTH = 30
MIN_DAYS = 7  # of a workflow's life, before its rate says anything of a month: a week has each day of the week once
MAX_MONTHS = Decimal(12)  # models, prices and policies change within a year: what pays later is a bet on all of them
MAX_CHANGES = 4  # new versions in 30 days: more than one a week is a prototype, and each is proven anew
MAX_ESCALATED = Decimal(
    "0.20"
)  # every fifth task: whoever answers them does the work, and the design is missing something
MAX_REJECTED = Decimal("0.05")  # five answers in a hundred that are wrong look like right ones in a trace
ENOUGH = (
    30  # executions or shadows, before a share of them, or a fit, is said: as of versions, and of the method `measured`
)
HYBRID_SHARE = Decimal("0.10")  # every tenth answer: from there on what the frontier and people cost is planned for

UNSURE = ("no_cases", "changing_too_often")  # nobody knows yet whether it is right, or what it will be

NOTHING = Balance()


class Verdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Fit(StrEnum):
    GREAT = "great"
    HYBRID = "hybrid"
    KEEP_ON_FRONTIER = "keep_on_frontier"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Do:
    """What to do next; `address`: a method and a path below `/api/v1/`."""

    say: str
    address: str


@dataclass(frozen=True)
class Finding:
    """`figures`: what the reason says, by name: counts, money and rates as Decimal, intervals; None where it is not known."""

    code: str
    verdict: Verdict
    reason: str
    figures: dict[str, object]
    do: Do | None = None


@dataclass(frozen=True)
class Agreement:
    """Of shadows of one subject that a grader compared."""

    subject: str
    same: int
    n: int


@dataclass(frozen=True)
class Redesign:
    """The last one in the window. `before`: what the workflow had saved, in USD, before its day; None: not known."""

    day: date
    before: Decimal | None


@dataclass(frozen=True)
class Figures:
    """Of one workflow and one kind of money. `window`, `finished` and what follows are of the window, `to_date` is from the
    beginning.

    `observed`: days of the window on which the workflow was live. `elsewhere`: completed executions that the frontier or a person
    answered. `changes`: versions but for the first that went live for the first time; `versions`: those that ever did.
    `evidence`: of what is live, None where nothing is.
    """

    workflow: str
    observed: int = DAYS_OF_MONTH
    window: Balance = NOTHING
    to_date: Balance = NOTHING
    finished: int = 0
    escalated: int = 0
    elsewhere: int = 0
    escalation_cost: Decimal = ZERO
    rejected: int = 0
    judged: int = 0
    changes: int = 0
    versions: int = 0
    days_live: int = 0
    redesign: Redesign | None = None
    cases: int = 0
    min_cases: int = 20
    margin: Decimal = Decimal("0.12")
    evidence: str | None = None
    agreements: tuple[Agreement, ...] = field(default=())

    @property
    def per_month(self) -> Decimal | None:
        """Completed executions in 30 days at the present rate; None before there is one."""
        if self.observed < MIN_DAYS:
            return None
        return Decimal(self.window.completed * DAYS_OF_MONTH) / self.observed

    @property
    def months_between(self) -> Decimal | None:
        """How long a version lasts: the time since the first one went live ÷ how many did. None while there is one, and in the
        first month: a fix on the first day is no habit."""
        if self.versions < 2 or self.days_live < DAYS_OF_MONTH:
            return None
        return Decimal(self.days_live) / self.versions / DAYS_OF_MONTH

    @property
    def present(self) -> Balance:
        """What says how it is now: the window, or everything where nothing was completed in it."""
        return self.window if self.window.completed else self.to_date

    @property
    def gain(self) -> Decimal | None:
        """What a completed execution saves at present, in USD, before what it took to get there."""
        now = self.present
        if not now.complete or now.if_all_frontier is None or not now.completed:
            return None
        return (now.if_all_frontier - now.execution_cost - now.in_doubt_cost) / now.completed

    def do(self, say: str, method: str, path: str) -> Do:
        return Do(say, f"{method} workflows/{self.workflow}/{path}")


def findings(figures: Figures) -> list[Finding]:
    several = [one(figures) for one in (too_rare, changing, no_cases, escalates, saves, quality)]
    return [*several, *good(several)]


def too_rare(of: Figures) -> Finding:
    """Whether what it still takes to pay for it comes within a year, and before it is designed anew. What was paid is paid: only
    the executions that are left count."""
    needed, done, rate = of.to_date.payback_executions, of.to_date.completed, of.per_month
    between = of.months_between
    limit = min(MAX_MONTHS, between) if between is not None else MAX_MONTHS
    left = None if needed is None else max(needed - done, 0)
    months = None if left is None else ratio(left, rate or 0)
    told = {"payback_executions": needed, "completed": done, "executions_per_month": rate}
    told |= {"months": months, "months_between_versions": between, "limit_months": limit}

    def found(verdict: Verdict, reason: str, do: Do | None = None) -> Finding:
        return Finding("too_rare_to_pay", verdict, reason, told, do)

    if needed is None:
        return found(
            Verdict.UNKNOWN, "How many executions pay for it is not known: one saves nothing, or nobody knows how much."
        )
    if done >= needed:
        return found(
            Verdict.GOOD, f"It has paid for itself: {_several(needed, 'execution')} had to complete, and {done:,} did."
        )
    if rate is None:
        said = f"Days of it in the window: {of.observed}; from {MIN_DAYS} on its rate says something of a month."
        return found(Verdict.UNKNOWN, said)
    pace = f"At {_number(rate)} {'execution' if _number(rate) == '1' else 'executions'} a month, the {left} that it still takes to "
    pace += "pay for it"
    if months is not None and months <= limit:
        return found(Verdict.GOOD, f"{pace} take {_number(months)} months, within {_number(limit)}.")
    do = of.do("Leave a task that comes so rarely with the frontier, or give it more of them.", "GET", "costs")
    if months is None:
        return found(Verdict.BAD, f"{pace} never come.", do)
    sooner = limit < MAX_MONTHS
    why = f"after {_number(limit)} months a version is replaced" if sooner else f"{MAX_MONTHS} are the limit"
    return found(Verdict.BAD, f"{pace} take {_number(months)} months, and {why}.", do)


def changing(of: Figures) -> Finding:
    """A young workflow is counted as if it were there for a month: a fix on the first day is no habit."""
    rate = Decimal(of.changes * DAYS_OF_MONTH) / max(of.observed, DAYS_OF_MONTH)
    number = _number(rate)
    went_live = f"{number} new {'version' if number == '1' else 'versions'} a month went live"
    redesign = of.redesign
    told = {"new_versions": of.changes, "new_versions_per_month": rate, "limit": MAX_CHANGES}
    told |= {"redesigned_on": redesign and redesign.day, "savings_before": redesign and redesign.before}

    def found(verdict: Verdict, reason: str, do: Do | None = None) -> Finding:
        return Finding("changing_too_often", verdict, reason, told, do)

    if not of.versions:
        return found(Verdict.UNKNOWN, "No version of it was ever live.")
    do = of.do("Wait until it holds still, or close several groups of flags with one redesign.", "GET", "groups")
    if rate > MAX_CHANGES:
        return found(Verdict.BAD, f"{went_live}; {MAX_CHANGES} are the limit.", do)
    if redesign and redesign.before is not None and redesign.before < 0:
        said = (
            f"It was designed anew on {redesign.day} when it had not paid for what came before: {_usd(redesign.before)}"
        )
        return found(Verdict.BAD, f"{said} until then.", do)
    return found(Verdict.GOOD, f"{went_live}, of {MAX_CHANGES} at most.")


def no_cases(of: Figures) -> Finding:
    told = {"confirmed_cases": of.cases, "min_cases": of.min_cases, "evidence": of.evidence}

    def found(verdict: Verdict, reason: str, do: Do | None = None) -> Finding:
        return Finding("no_cases", verdict, reason, told, do)

    if of.cases < of.min_cases:
        has = f"It has {_several(of.cases, 'confirmed case')}, and its gate asks for {of.min_cases}"
        said = f"{has}: nothing shows that it is right."
        return found(Verdict.BAD, said, of.do("Add cases, and confirm those that are proposed.", "POST", "cases"))
    do = of.do("Evaluate what is live on them.", "POST", "evaluations")
    if of.evidence is None:
        return found(Verdict.UNKNOWN, f"It has {_several(of.cases, 'confirmed case')}, and nothing is live.")
    if of.evidence == "passed":
        return found(
            Verdict.GOOD, f"What is live has passed, and there {_are(of.cases)} {_several(of.cases, 'confirmed case')}."
        )
    why = "the gate was overridden for it" if of.evidence == "overridden" else "it went live without a verdict"
    return found(
        Verdict.BAD, f"It has {_several(of.cases, 'confirmed case')}, but what is live has not passed: {why}.", do
    )


def break_even_share(of: Figures) -> Decimal | None:
    """The share of executions that may escalate before nothing is saved: what one saves that does not, ÷ what escalating one costs.
    None where that is not known, or where escalating all of them would not eat it."""
    now = of.window
    if not now.complete or now.if_all_frontier is None or not (now.completed and of.finished and of.escalated):
        return None
    without = (now.execution_cost + now.in_doubt_cost - of.escalation_cost) / of.finished
    share = ratio(now.if_all_frontier / now.completed - without, of.escalation_cost / of.escalated)
    return None if share is None or share >= 1 else max(share, ZERO)


def escalates(of: Figures) -> Finding:
    """Bad or good only where the whole interval lies on that side of the limit."""
    interval, eaten = wilson(of.escalated, of.finished), break_even_share(of)
    limit = MAX_ESCALATED if eaten is None else min(MAX_ESCALATED, eaten)
    told = {"finished": of.finished, "escalated": of.escalated, "interval": interval}
    told |= {"escalation_rate": ratio(of.escalated, of.finished), "break_even_share": eaten, "limit": limit}

    def found(verdict: Verdict, reason: str, do: Do | None = None) -> Finding:
        return Finding("escalates_too_much", verdict, reason, told, do)

    if interval is None:
        return found(Verdict.UNKNOWN, "No execution has finished in these days.")
    said = f"{of.escalated} of {of.finished} escalated, {_share(ratio(of.escalated, of.finished), interval)}"
    why = "where the savings are eaten" if limit == eaten else "the limit"
    do = of.do("Close the largest groups of flags with a redesign.", "POST", "redesigns")
    if of.finished < ENOUGH:
        return found(Verdict.UNKNOWN, f"{said}; from {ENOUGH} finished executions on that says something.")
    if interval.low > limit:
        return found(Verdict.BAD, f"{said}: above {_share(limit)}, {why}.", do)
    if interval.high <= limit:
        return found(Verdict.GOOD, f"{said}: below {_share(limit)}, {why}.")
    return found(Verdict.UNKNOWN, f"{said}: too few to tell on which side of {_share(limit)}, {why}.")


def saves(of: Figures) -> Finding:
    """At present, and from the beginning. One that saves now and has not paid yet is neither."""
    savings, gain = of.to_date.savings, of.gain
    told = {"savings": savings, "gain_per_execution": gain, "payback_executions": of.to_date.payback_executions}

    def found(verdict: Verdict, reason: str, do: Do | None = None) -> Finding:
        return Finding("saves", verdict, reason, told, do)

    if savings is None or gain is None:
        why = "nothing is completed" if not of.to_date.completed else "a call, or the baseline, has no price"
        return found(Verdict.UNKNOWN, f"What it saves is not known: {why}.", of.do("See which.", "GET", "costs"))
    if gain <= 0:
        said = (
            f"A completed execution costs {_usd(-gain)} more than all-frontier; since the beginning: {_usd(savings)}."
        )
        return found(Verdict.BAD, said, of.do("See which steps cost it.", "GET", "costs?group_by=step"))
    each = f"a completed execution saves {_usd(gain)}"
    if savings < 0:
        return found(Verdict.UNKNOWN, f"It has not paid yet: {_usd(savings)} since the beginning; {each}.")
    return found(Verdict.GOOD, f"It has saved {_usd(savings)} since the beginning; {each}.")


def quality(of: Figures) -> Finding:
    """What shadows agree on, against what the gate's margin allows; and what feedback rejects.

    People judge what looks wrong first. So that it rejects too much is said by the rejected among all that completed, which is the
    least it can be; that it does not by the rejected among the judged, which is the most.
    """
    asked, completed = Decimal(1) - of.margin, of.window.completed + of.rejected
    compared = [one for one in of.agreements if one.n >= ENOUGH]
    intervals = {one.subject: wilson(one.same, one.n) for one in compared}
    least, most = wilson(of.rejected, completed), wilson(of.rejected, of.judged)
    told: dict[str, object] = {"asked_agreement": asked, "rejected": of.rejected, "judged": of.judged}
    told |= {"rejected_rate": ratio(of.rejected, completed), "limit_rejected": MAX_REJECTED}
    for one in of.agreements:
        told |= {f"{one.subject}_same": one.same, f"{one.subject}_compared": one.n}
        told |= {
            f"{one.subject}_agreement": ratio(one.same, one.n),
            f"{one.subject}_interval": intervals.get(one.subject),
        }
    lines = [
        f"{one.same} of {one.n} shadows of the {one.subject} agree, {_share(ratio(one.same, one.n), intervals[one.subject])}, "
        "and its gate asks for "
        f"{_share(asked)}."
        for one in compared
    ]
    if of.judged:
        lines.append(
            f"{of.rejected} of {_several(completed, 'completed execution')} {_were(of.rejected)} rejected by feedback, "
            f"{of.judged} {_were(of.judged)} judged."
        )
    disagrees = any(interval.high < asked for interval in intervals.values())
    if disagrees or (least and completed >= ENOUGH and least.low > MAX_REJECTED):
        do = Do(
            "Read what was rejected, and make cases of it.", f"GET executions?workflow={of.workflow}&feedback=rejected"
        )
        do = of.do("Read where they differ, and make cases of it.", "GET", "shadows") if disagrees else do
        return Finding("quality", Verdict.BAD, " ".join(lines), told, do)
    agrees = bool(intervals) and all(interval.low >= asked for interval in intervals.values())
    accepted = most is not None and most.high <= MAX_REJECTED
    if agrees or (accepted and not intervals):
        return Finding("quality", Verdict.GOOD, " ".join(lines), told)
    lines = lines or [f"Fewer than {ENOUGH} shadows were compared, and nobody judged an answer."]
    do = of.do("Let some executions be shadowed, or give feedback.", "PUT", "shadow-plan")
    return Finding("quality", Verdict.UNKNOWN, " ".join(lines), told, do)


def good(several: list[Finding]) -> list[Finding]:
    """There where nothing is bad; good where it is also known to save."""
    bad = [one.code for one in several if one.verdict == Verdict.BAD]
    if bad:
        return []
    open_ = [one.code for one in several if one.verdict == Verdict.UNKNOWN]
    told = {"bad": 0, "unknown": len(open_)}
    left = f" Not known yet: {', '.join(open_)}." if open_ else ""
    if "saves" in open_:
        return [Finding("good", Verdict.UNKNOWN, f"Nothing speaks against it so far.{left}", told)]
    return [Finding("good", Verdict.GOOD, f"It saves, and nothing speaks against it.{left}", told)]


def fit(of: Figures, several: list[Finding]) -> tuple[Fit, list[str]]:
    """With the reasons for it. What is too rare is so because there are few; anything else is said of enough."""
    by_code = {one.code: one for one in several}
    saves, rare = by_code["saves"].reason, by_code["too_rare_to_pay"]
    if of.gain is None or of.to_date.savings is None:
        return Fit.UNKNOWN, [saves]
    if rare.verdict == Verdict.BAD:
        return Fit.KEEP_ON_FRONTIER, [rare.reason]
    if of.to_date.completed < ENOUGH:
        completed = of.to_date.completed
        said = f"{_several(completed, 'execution')} {_are(completed)} completed; from {ENOUGH} on they say whether it fits."
        return Fit.UNKNOWN, [said, saves]
    if of.gain <= 0:
        return Fit.KEEP_ON_FRONTIER, [saves]
    return _fit_that_saves(of, by_code)


def _fit_that_saves(of: Figures, by_code: dict[str, Finding]) -> tuple[Fit, list[str]]:
    """Cheap is not enough: what answers wrongly, leaves the work to others, has no proof or does not hold still is not great."""
    saves = by_code["saves"].reason
    for code, instead in (("quality", Fit.KEEP_ON_FRONTIER), ("escalates_too_much", Fit.HYBRID)):
        if by_code[code].verdict == Verdict.BAD:
            return instead, [by_code[code].reason, saves]
    share, completed = ratio(of.elsewhere, of.window.completed), of.window.completed
    if share is not None and share >= HYBRID_SHARE:
        said = f"The frontier or a person answered {of.elsewhere} of {completed} completed executions, {_share(share)}"
        return Fit.HYBRID, [f"{said}: from {_share(HYBRID_SHARE)} on it is part of the plan.", saves]
    if unsure := [by_code[code].reason for code in UNSURE if by_code[code].verdict == Verdict.BAD]:
        return Fit.UNKNOWN, [*unsure, saves]
    return Fit.GREAT, [saves, by_code["too_rare_to_pay"].reason]


def _usd(amount: Decimal) -> str:
    """For a sentence: a figure of the answer is exact."""
    return fine(amount).replace("-", "−")


def _share(share: Decimal | float | None, interval: Interval | None = None) -> str:
    """`5.9% (3.9–8.8)`"""
    ends = f" ({100 * interval.low:.1f}–{100 * interval.high:.1f})" if interval else ""
    return f"{100 * Decimal(share or 0):.1f}%{ends}"


def _several(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _number(value: Decimal) -> str:
    """With one place at most; never so few that something is called nothing."""
    rounded = round(value, 1)
    if value and not rounded:
        return "less than 0.1"
    return str(int(rounded)) if rounded == math.floor(rounded) else str(rounded)
