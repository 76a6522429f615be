"""The search for the cheapest model of each step that passes: one evaluation after another, all of them against the one arm of the
frontier alone that the first of them has; then all that was chosen together, and a draft of it.

Where it stands is in its evaluations. Every worker looks by, and goes on where another one ended.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from executions.estimates import Estimate
from executions.lanes import OF_STEP
from gateway.models import Call
from gateway.types import Purpose
from projects import audit
from projects.audit import Verb
from projects.targets import parse_target
from wire.problems import Conflict, Fault, Invalid, Problem, pointer
from workflows.definition import ModelStep
from workflows.models import Examined, Version

from . import asking, figures, running, tier_evidence
from .asking import Against, Asked
from .models import Case, Evaluation, Result, TierSearch, gate_of
from .tier_evidence import RANK, Assignment, Measured, Searched

SECONDS = 0.5  # that a round of the housekeeping gives it
MOST_EVALUATIONS = 60
MOST_WORDS = 20_000  # of a changelog
Status = TierSearch.Status


@dataclass(frozen=True)
class Wanted:
    """`candidates`: model step → models, each a tier or provider:model; a step that is not named is tried on all tiers of the
    project. `budget`: pico-dollars, of all its evaluations together."""

    version: Version
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    budget: int | None = None
    at_once: int = 16


def examine(wanted: Wanted, by: str) -> TierSearch:
    """A search that can begin, unsaved. Raises `Invalid` for what is wrong with what is wanted, and `Conflict` where there is
    nothing to search, or nothing to try it on."""
    version = wanted.version
    version.workflow.must_be_in_use()
    search = TierSearch(
        project=version.workflow.project,
        workflow=version.workflow,
        version=version,
        tier_map=version.tiers(),
        rules=gate_of(version.workflow).rules,
        at_once=wanted.at_once,
        budget=wanted.budget,
        created_by=by,
    )
    if not designed(search):
        raise Conflict(f"{version} has no model step: there is nothing to search.")
    if "frontier" not in search.tier_map:
        raise Conflict("The project maps no model to the tier frontier, so there is nothing to compare with.")
    search.candidates = _candidates(search, wanted.candidates)
    several = _ready(search)
    search.simulated = several[0].evaluation.simulated
    return search


@transaction.atomic
def begin(search: TierSearch) -> TierSearch:
    search.save(force_insert=True)
    told = {"version": search.version.number, "candidates": search.candidates}
    audit.record(search.project_id, search.created_by, Verb.CREATED, search, **told)
    return search


def estimate(search: TierSearch) -> Estimate:
    """Of its evaluations, and of the two behind them, of everything that is chosen and of the cheapest of everything, which are
    taken to cost as much as the first. With one step these are among the others."""
    found = [asking.estimate(one) for one in _ready(search)]
    if len(designed(search)) > 1:
        alone = asking.estimate(
            _examined(search, tier_evidence.as_designed(designed(search), search.tier_map), first=False)
        )
        found += [alone, alone]
    return asking.summed(found)


def advance_all() -> None:
    """A worker's duty."""
    until = time.monotonic() + SECONDS
    for search in TierSearch.objects.to_come().order_by("pk"):
        advance(search)
        if time.monotonic() > until:
            return


@transaction.atomic
def advance(search: TierSearch) -> None:
    """Begins its next evaluation where the last one is over, and ends it behind the last. Behind its row: of two workers one does
    it, and the other comes by again."""
    rows = TierSearch.objects.to_come().select_for_update(skip_locked=True, of=("self",))
    held = rows.select_related("version__workflow__project", "workflow__project").filter(pk=search.pk).first()
    if held is None:
        return
    evaluations = list(held.evaluations.order_by("pk"))
    states = {one.status for one in evaluations}
    if Evaluation.Status.CANCELLED in states:
        _end(held, Status.CANCELLED, said="One of its evaluations was cancelled.")
    elif states & {Evaluation.Status.RUNNING, Evaluation.Status.WAITING}:
        _move(held, Status.WAITING if Evaluation.Status.WAITING in states else Status.RUNNING)
    else:
        _go_on(held, evaluations)


def cancel(search: TierSearch, by: str) -> None:
    """Ends it, and the evaluation that is on its way; what was found stays. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        ended = {"status": Status.CANCELLED, "finished_at": timezone.now(), "said": "It was cancelled."}
        if not TierSearch.objects.to_come().filter(pk=search.pk).update(**ended):
            search.refresh_from_db(fields=["status"])
            raise Conflict(f"This tier search is {search.status}.", state=search.status)
        audit.record(search.project_id, by, Verb.CHANGED, search, state="cancelled")
    for evaluation in _moving(search):
        running.cancel(evaluation, by)


def raise_budget(search: TierSearch, budget: int | None, by: str) -> None:
    """Pico-dollars; None: none. What waited for it goes on. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        if not TierSearch.objects.to_come().filter(pk=search.pk).update(budget=budget, status=Status.RUNNING):
            search.refresh_from_db(fields=["status"])
            raise Conflict(f"This tier search is {search.status}: it costs nothing any more.", state=search.status)
        search.budget = budget
        audit.record(search.project_id, by, Verb.CHANGED, search, budget=budget)
        for evaluation in _moving(search):
            left = _left(search)
            running.raise_budget(evaluation, None if left is None else max(left, 0) + running.spent(evaluation), by)


def spent(search: TierSearch) -> int:
    """Pico-dollars so far."""
    return sum(running.spent(one) for one in search.evaluations.all())


def designed(search: TierSearch) -> dict[str, str]:
    """Model step → the tier that the version gives it."""
    return {step.id: step.tier for step in search.version.parsed().steps if isinstance(step, ModelStep)}


def assignment_of(evaluation: Evaluation, steps: Mapping[str, str]) -> Assignment:
    """`steps`: model step → its tier."""
    models = evaluation.tier_map
    return {step: models.get(f"{OF_STEP}{step}") or models[tier] for step, tier in steps.items()}


# What is tried.


def _candidates(search: TierSearch, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    known, steps, faults, found = search.project.known_providers(), designed(search), [], {}
    every = [search.tier_map[tier] for tier in RANK if tier in search.tier_map]
    for step in wanted.keys() - steps.keys():
        said = f"There is no model step {step[:60]!r}; known: {', '.join(sorted(steps))}."
        faults.append(Fault(pointer("candidates", step), said))
    for step in steps:
        models = [search.tier_map.get(one, one) for one in wanted.get(step, every)]
        for n, model in enumerate(models):
            try:
                parse_target(model, known)
            except ValueError as error:
                faults.append(Fault(pointer("candidates", step, n), str(error)))
        found[step] = list(dict.fromkeys(models))
    if faults:
        raise Invalid.of(faults)
    return found


def assignments(search: TierSearch) -> list[Assignment]:
    several = tier_evidence.to_measure(designed(search), search.candidates, search.tier_map)
    if not several:
        raise Conflict(
            "Every candidate is the frontier's model, and so is what is designed: there is nothing to search."
        )
    if len(several) > MOST_EVALUATIONS:
        said = f"These are {len(several)} evaluations; a search has at most {MOST_EVALUATIONS}: name fewer models."
        raise Invalid.at("/candidates", said)
    return several


def _ready(search: TierSearch) -> list[asking.Ready]:
    return [_examined(search, one, first=n == 0) for n, one in enumerate(assignments(search))]


def _examined(
    search: TierSearch, assignment: Assignment, *, first: bool, cases: Sequence[Case] = (), budget: int | None = None
) -> asking.Ready:
    """The first one has the arm of the frontier, for all of them."""
    as_designed = assignment == tier_evidence.as_designed(designed(search), search.tier_map)
    asked = Asked(
        search.version,
        models={} if as_designed else assignment,
        tiers=search.tier_map,
        against=Against.FRONTIER if first else Against.NOTHING,
        at_once=search.at_once,
        budget=budget,
        cases=cases,
        rules=search.rules,
    )
    return asking.examine(asked, search.created_by)


# Going on.


def _go_on(search: TierSearch, evaluations: Sequence[Evaluation]) -> None:
    searched = _searched(search, evaluations) if evaluations else None
    if searched and (broken := [row.said for row in searched.reference.rows if row.right is None]):
        said = f"The frontier itself could not be tried in {len(broken)} cases, so nothing can be compared: {broken[0]}"
        _end(search, Status.COMPLETED, said=said)
        return
    following = _following(search, searched)
    if following is None:
        _conclude(search, searched)
        return
    left = _left(search)
    if left is not None and left <= 0:
        _move(search, Status.WAITING)
        return
    try:
        _begin(search, following, evaluations, left)
    except Problem as problem:
        _end(search, Status.CANCELLED, said=f"It cannot go on: {problem.detail}")


def _following(search: TierSearch, searched: Searched | None) -> Assignment | None:
    """What is to be measured next; None where everything is."""
    if searched is None:
        return assignments(search)[0]
    to_come = (one for one in assignments(search) if searched.at(one) is None)
    if (single := next(to_come, None)) is not None:
        return single
    both = (tier_evidence.chosen(searched), tier_evidence.all_cheap(searched))
    return next((one for one in both if searched.at(one) is None), None)


def _begin(search: TierSearch, assignment: Assignment, evaluations: Sequence[Evaluation], budget: int | None) -> None:
    """Over the cases of the first one, whatever was confirmed or retired since."""
    cases: Sequence[Case] = ()
    if evaluations:
        cases = list(Case.objects.filter(pk__in=evaluations[0].results.values("case")).order_by("pk"))
    with transaction.atomic():
        ready = _examined(search, assignment, first=not evaluations, cases=cases, budget=budget)
        ready.evaluation.search = search
        asking.begin(ready)
    _move(search, Status.RUNNING)


def _searched(search: TierSearch, evaluations: Sequence[Evaluation]) -> Searched:
    steps = designed(search)
    first = evaluations[0].results
    alone = tier_evidence.frontier(steps, search.tier_map)
    return Searched(
        designed=steps,
        candidates=search.candidates,
        tiers=search.tier_map,
        rules=search.rules,
        reference=_measured(alone, evaluations[0], first.filter(arm=Result.Arm.REFERENCE)),
        measured=[
            _measured(assignment_of(one, steps), one, one.results.filter(arm=Result.Arm.CANDIDATE))
            for one in evaluations
        ],
    )


def _measured(assignment: Assignment, evaluation: Evaluation, results: QuerySet[Result]) -> Measured:
    asked = Call.objects.filter(execution__in=results.values("execution"), purpose=Purpose.ESCALATION.value)
    costs = list(asked.values_list("cost", flat=True))
    return Measured(assignment, str(evaluation.pk), figures.tried(results), None if None in costs else sum(costs))


def _left(search: TierSearch) -> int | None:
    return None if search.budget is None else search.budget - spent(search)


def _moving(search: TierSearch) -> QuerySet[Evaluation]:
    return search.evaluations.filter(status__in=(Evaluation.Status.RUNNING, Evaluation.Status.WAITING))


# The end.


def _conclude(search: TierSearch, searched: Searched) -> None:
    chosen = tier_evidence.chosen(searched)
    whole = searched.at(chosen)
    verdict = searched.compared(whole)["verdict"]
    passed = whole is searched.reference or verdict["passed"]
    found = tier_evidence.evidence(searched)
    said = [one["said"] for one in found["steps"].values()]
    search.chosen, search.evidence, search.passed = chosen, found, passed
    if not passed:
        reasons = " ".join(verdict["reasons"])
        said.append(f"Together they do not pass against the frontier, so there is no draft: {reasons}")
    else:
        said.append(_draft(search, chosen, found))
    _end(search, Status.COMPLETED, said=" ".join(said))


def _draft(search: TierSearch, chosen: Assignment, found: dict) -> str:
    """Makes it where there is one to make; says what came of that."""
    steps = designed(search)
    if chosen == tier_evidence.as_designed(steps, search.tier_map):
        return f"{search.version} has these models already, so there is no draft."
    mapped = search.project.tier_map()
    tiers = {step: _tier(model, tier, mapped) for step, model in chosen.items() for tier in (steps[step],)}
    if homeless := sorted({chosen[step] for step, tier in tiers.items() if tier is None}):
        return (
            f"There is no draft: no tier of the project is mapped to {', '.join(homeless)}. Map one to it, in the admin, and "
            "search again."
        )
    definition = search.version.definition
    changed = [{**step, "tier": tiers[step["id"]]} if step["id"] in tiers else step for step in definition["steps"]]
    context = {**search.version.design_context, "tier_search": {"id": str(search.pk), "chosen": chosen, **found}}
    words = [f"Tiers by search, from {search.version.number}.", *tier_evidence.table(found)]
    try:
        search.draft = search.workflow.draft(
            Examined.of({**definition, "steps": changed}, search.project),
            search.workflow.number_after("minor"),
            changelog="\n".join(words)[:MOST_WORDS],
            design_context=context,
            created_by=search.created_by,
        )
    except Problem as problem:
        return f"There is no draft: {problem.detail}"
    return f"The draft {search.draft.number} has them; evaluate it to publish it."


def _tier(model: str, now: str, mapped: Mapping[str, str]) -> str | None:
    """The tier of a model: the one that the step has, where that is it, else the lowest."""
    return next((tier for tier in (now, *RANK) if mapped.get(tier) == model), None)


def _end(search: TierSearch, status: str, *, said: str) -> None:
    search.status, search.said, search.finished_at = status, said, timezone.now()
    search.save(update_fields=["status", "said", "finished_at", "chosen", "evidence", "passed", "draft"])


def _move(search: TierSearch, status: str) -> None:
    if search.status != status:
        TierSearch.objects.filter(pk=search.pk).update(status=status)
