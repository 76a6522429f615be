"""What a publication closes: the flags that its version was made for. An execution that still stands still for them is run again as
a new one on that version; the old one ends `cancelled`, superseded by it: an execution never changes its version.

What cannot be run again goes on waiting, its flag goes on being undecided, and its history says why: nothing stands still without a
person who can end that.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from projects.keeping import redaction
from wire.problems import Conflict, Fault
from workflows.closing import Closed
from workflows.compiled import compiled
from workflows.definition import Definition
from workflows.models import Publication, Version, Workflow, signatures

from . import calling, control, lanes, queue
from .models import UNDECIDED, Event, Execution, Flag, Status, StepResult
from .tracking import DESIGNED

AT_ONCE = 50  # executions, with their inputs, in memory

CALLED = "It is a step of another execution, which goes on with the version that it was accepted with. Decide its flag."
DECIDED = "Another flag of it is undecided; it is run again once that is decided."
EFFECTS = (
    "It has called a tool with side effects, and a new execution would call that again. Decide its flag; or cancel it, and run it "
    "again where that does no harm."
)
MISFIT = "Its input does not fit the new version. Decide its flag, or cancel it."
PURGED = "Its texts were deleted: there is no input to run again."
MOVED = "Somebody else is at it at this moment."


def faults(workflow: Workflow, flags: Sequence[str]) -> list[Fault]:
    """What is wrong with these flags, as a list that a version of the workflow is to close."""
    ids = [_id(flag) for flag in flags]
    known = Flag.objects.filter(pk__in=[one for one in ids if one], execution__workflow=workflow)
    found = {pk: (state, reason) for pk, state, reason in known.values_list("pk", "state", "reason")}
    said = ((place, _wrong(*found.get(pk, ("", "")))) for place, pk in enumerate(ids))
    return [Fault(f"/{place}", sentence) for place, sentence in said if sentence]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _wrong(state: str, reason: str) -> str:
    if not state:
        return "There is no such flag of this workflow."
    if reason in DESIGNED:
        return f"The design itself sends {reason} to a person: there is no gap to close."
    return "" if state in UNDECIDED else f"This flag is {state}: there is nothing left to close."


def hold(version: Version) -> None:
    """Locks the executions of the flags, and what they called. Not those that are called themselves: they are not run again, and
    whoever holds them may hold their caller."""
    flags = Flag.objects.filter(pk__in=version.resolves, state__in=UNDECIDED, execution__caller=None)
    level = list(flags.values_list("execution", flat=True).distinct())
    while level:
        rows = Execution.objects.select_for_update(no_key=True).filter(pk__in=level)
        level = list(rows.order_by("pk").values_list("pk", flat=True))
        level = list(Execution.objects.filter(caller__in=level).values_list("pk", flat=True))


def close(publication: Publication, by: str) -> Closed:
    """Those that are still undecided: what somebody has decided otherwise is left alone."""
    return sum((_close(publication, batch, by) for batch in _batches(publication.version)), Closed())


def foretell(version: Version) -> Closed:
    tiers = version.tiers()
    plans = (_Plan.of(version, tiers, Execution.objects.filter(pk__in=batch)) for batch in _batches(version))
    return sum((plan.closed for plan in plans), Closed())


def take_up(execution: Execution, actor: str) -> bool:
    """Behind the decision of a flag, where the execution, which is locked, still stands for others: whether it is run again,
    because the version that is live was to close those."""
    live = execution.workflow.live
    if live is None or not live.version.resolves or execution.workflow.archived_at:
        return False
    try:
        with transaction.atomic():
            return bool(_close(live, [execution.pk], actor, tell=False).run_again)
    except Conflict:  # no model for a trial, say, since it was published
        return False


def _batches(version: Version) -> Iterator[list[UUID]]:
    flags = Flag.objects.filter(pk__in=version.resolves, state__in=UNDECIDED)
    ids = sorted(set(flags.values_list("execution", flat=True)))
    for begin in range(0, len(ids), AT_ONCE):
        yield ids[begin : begin + AT_ONCE]


def _close(publication: Publication, ids: Sequence[UUID], by: str, tell: bool = True) -> Closed:
    """Those of them that nobody else holds: what is to be closed is locked already, see `hold`."""
    free = Execution.objects.select_for_update(skip_locked=True, no_key=True).filter(pk__in=ids)
    plan = _Plan.of(publication.version, publication.tier_map, free)
    _run_again(publication, plan.again, by)
    now = timezone.now()
    resolved = {"state": Flag.State.RESOLVED, "resolution": Flag.Resolution.REDESIGN, "resolved_by": by}
    Flag.objects.filter(pk__in=[flag.pk for flag in plan.flags]).update(**resolved, resolved_at=now)
    closed = f"closed by {publication.version}"
    said = [_event(flag.execution_id, "flag resolved", by, f"{flag}: {closed}") for flag in plan.flags]
    said += [_event(pk, "not run again", by, why) for pk, why in plan.left.items() if tell]
    Event.objects.bulk_create(said)
    return plan.closed


def _event(execution_id: UUID, kind: str, actor: str, detail: str) -> Event:
    return Event(execution_id=execution_id, kind=kind, actor=actor, detail=detail)


@dataclass(frozen=True)
class _Again:
    """An execution that is run again, and its input as it is kept by now, with how many values were taken out."""

    execution: Execution
    kept: tuple[object, int]


@dataclass(frozen=True)
class _Plan:
    """What a version does to some executions. `flags`: those that it closes. `left`: why an execution goes on waiting."""

    flags: list[Flag]
    again: list[_Again]
    left: dict[UUID, str]

    @classmethod
    def of(cls, version: Version, tiers: Mapping[str, str], executions: QuerySet[Execution]) -> "_Plan":
        """Reads, and changes nothing. `tiers`: the models of the version."""
        rows = {one.pk: one for one in executions.order_by("pk")}
        listed = {UUID(flag) for flag in version.resolves}
        undecided = Flag.objects.filter(execution__in=rows, state__in=UNDECIDED).order_by("pk")
        closing, standing = [], defaultdict(list)
        for flag in undecided:
            if flag.waiting:
                standing[flag.execution_id].append(flag)
            elif flag.pk in listed:
                closing.append(flag)
        waiting = [rows[pk] for pk, flags in standing.items() if any(flag.pk in listed for flag in flags)]
        open_too = {one.pk for one in waiting if any(flag.pk not in listed for flag in standing[one.pk])}
        again, left = _sorted(version, tiers, waiting, open_too)
        closing += [flag for one in again for flag in standing[one.execution.pk]]
        return cls(closing, again, left)

    @property
    def closed(self) -> Closed:
        return Closed(len(self.flags), len(self.again), Counter(self.left.values()))


def _sorted(
    version: Version, tiers: Mapping[str, str], waiting: Sequence[Execution], open_too: Collection[UUID]
) -> tuple[list[_Again], dict[UUID, str]]:
    """Those that are run again, and why the others are not."""
    form, policy = compiled(version.pk), redaction(version.workflow.project_id)
    acted = _acted([one.pk for one in waiting], version)
    again, left = [], {}
    for one in waiting:
        why = _in_the_way(one, one.pk in open_too, one.pk in acted) or _without_models(one, form.definition, tiers)
        kept = policy.counted(one.input)
        if why or form.input_schema.faults(kept[0]):
            left[one.pk] = why or MISFIT
        else:
            again.append(_Again(one, kept))
    return again, left


def _in_the_way(execution: Execution, open_too: bool, acted: bool) -> str:
    ways = (
        (execution.caller_id, CALLED),
        (execution.status != Status.ESCALATED, MOVED),
        (execution.purged_at, PURGED),
        (open_too, DECIDED),
        (acted, EFFECTS),
    )
    return next((why for holds, why in ways if holds), "")


def _without_models(execution: Execution, definition: Definition, tiers: Mapping[str, str]) -> str:
    try:
        lanes.is_simulated(execution.project_id, definition, tiers, lanes.handed_on(execution.lane))
    except Conflict as problem:
        return problem.detail
    return ""


def _acted(ids: Sequence[UUID], version: Version) -> set[UUID]:
    """Those of them that may have done something outside that must not happen twice, themselves or in what they called: a tool with
    side effects has answered, or nobody knows whether it did. A tool that is not there any more is taken for one that had them."""
    under = calling.below(ids)
    above = {one: pk for pk, several in under.items() for one in (pk, *several)}
    doubted = Flag.objects.filter(execution__in=above, reason=Flag.Reason.IN_DOUBT).values_list("execution", flat=True)
    rows = StepResult.objects.filter(execution__in=above, kind="tool").exclude(status=StepResult.Status.SKIPPED)
    # An error is an answer: nothing took effect.
    steps = (
        rows.exclude(status=StepResult.Status.FLAGGED, output__isnull=True)
        .values_list("execution", "execution__version", "step")
        .distinct()
    )
    harmless, tools = _harmless(version), {}
    found = {above[pk] for pk in doubted}
    for pk, of_version, step in steps:
        if of_version not in tools:
            tools[of_version] = _tools(Version.objects.get(pk=of_version))
        if tools[of_version].get(step) not in harmless:
            found.add(above[pk])
    return found


def _harmless(version: Version) -> set[str]:
    return {name for name, tool in signatures(version.workflow.project).items() if not tool.side_effects}


def _tools(version: Version) -> Mapping[str, str]:
    return {step["id"]: step["tool"] for step in version.definition["steps"] if step["kind"] == "tool"}


def _run_again(publication: Publication, again: Sequence[_Again], actor: str) -> None:
    """A trial is tried again; whatever else runs on what is live."""
    groups = defaultdict(list)
    for one in again:
        groups[one.execution.purpose == Execution.Purpose.TRIAL, one.execution.lane].append(one)
    successors = {}
    for (is_trial, _), several in groups.items():
        target = None if is_trial else publication
        made = queue.submit_again(
            publication.version, target, [(one.execution, one.kept) for one in several], actor=actor
        )
        successors |= {old.execution.pk: new.pk for old, new in zip(several, made, strict=True)}
    control.supersede(successors, str(publication.version), actor)
