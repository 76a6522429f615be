"""Deciding a group once: its open flags are resolved each by itself, as one is by a reviewer, and what could not be is told with
the reason. And taking that back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from executions import resolution
from executions.models import Flag
from executions.resolution import Decision
from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from wire.problems import Conflict, Invalid, Problem

from .models import Group, GroupDecision

AT_ONCE = 200  # flags that one request decides: some seconds


@dataclass(frozen=True)
class Refused:
    flag: UUID
    detail: str

    @property
    def row(self) -> dict[str, str]:
        return {"flag": str(self.flag), "detail": self.detail}


@dataclass(frozen=True)
class Ready:
    """A decision that was examined on every flag of a group. `left`: open flags beyond those."""

    group: Group
    decision: Decision
    flags: Sequence[Flag]
    refused: Sequence[Refused]
    left: int
    begun_at: datetime = field(default_factory=timezone.now)


@dataclass(frozen=True)
class Reopened:
    flags: Sequence[UUID]
    refused: Sequence[Refused]


def resolve(group: Group, decision: Decision, upto: UUID | None = None) -> GroupDecision:
    """See `examine` and `decide`."""
    return decide(examine(group, decision, upto))


def examine(group: Group, decision: Decision, upto: UUID | None = None) -> Ready:
    """What can be wrong with the decision, for each flag; no lock is held here. `upto`: flags that joined later are left out.

    Raises `Conflict` where no flag is open, and `Invalid` where the decision fits none of them.
    """
    open_flags = group.open_flags().select_related("execution__workflow", "execution__version")
    if upto is not None:
        open_flags = open_flags.filter(pk__lte=upto)
    flags, total = list(open_flags[:AT_ONCE]), open_flags.count()
    if not flags:
        raise Conflict("No flag of this group is open: there is nothing to decide.")
    fit, refused, wrong = [], [], None
    for flag in flags:
        try:
            resolution.examine(flag, decision)
            fit.append(flag)
        except Problem as problem:
            wrong = wrong or problem
            refused.append(Refused(flag.pk, _said(problem)))
    if wrong and not fit:
        raise wrong
    return Ready(group, decision, fit, refused, max(0, total - len(flags)))


def decide(ready: Ready) -> GroupDecision:
    """Resolves what still is open, in one transaction. What somebody else decided meanwhile is among `refused`.

    The same decision of the same person goes on where it had not come to the end of a large group.
    """
    decided, refused = [], list(ready.refused)
    with transaction.atomic():
        # In the order of their executions, as any other decision on several of them: two never wait for each other.
        for flag in sorted(ready.flags, key=lambda flag: (flag.execution_id, flag.pk)):
            flag.refresh_from_db(fields=["state", "waiting"])  # the one before may have been of the same execution
            try:
                resolution.decide(flag, ready.decision)
                decided.append(str(flag.pk))
            except Problem as problem:
                refused.append(Refused(flag.pk, _said(problem)))
        return _written(ready, decided, refused)


def _written(ready: Ready, decided: list[str], refused: list[Refused]) -> GroupDecision:
    group, decision = ready.group, ready.decision
    row = _unfinished(group, decision) or GroupDecision(
        group=group, resolution=decision.resolution, decided_by=decision.actor, begun_at=ready.begun_at
    )
    policy = redaction(group.workflow.project_id)
    row.flags = [*row.flags, *decided]
    row.refused = policy.value([*row.refused, *(one.row for one in refused)])
    row.resolved, row.left, row.decided_at = len(row.flags), ready.left, timezone.now()
    row.save()
    if decided:
        told = {"resolution": decision.resolution, "resolved": len(decided), "refused": len(refused)}
        _audited(group, decision.actor, Verb.RESOLVED, **told)
    return row


def _unfinished(group: Group, decision: Decision) -> GroupDecision | None:
    row = group.decisions.select_for_update(no_key=True).order_by("pk").last()
    same = row and (row.resolution, row.decided_by) == (decision.resolution, decision.actor)
    return row if same and row.left and row.reopened_at is None else None


@transaction.atomic
def reopen(group: Group, actor: str) -> Reopened:
    """Takes back what was last decided of the group at once, as far as nothing was built on it. Raises `Conflict` where that is
    nothing, or was taken back."""
    row = last_decision(group)
    if row is None or row.reopened_at is not None:
        raise Conflict(
            "Nothing was decided of this group at once, or it was taken back: one flag is taken back by itself.",
        )
    taken, refused = [], []
    flags = Flag.objects.filter(pk__in=row.flags).select_related("execution__workflow", "execution__version")
    for flag in flags.order_by("execution", "pk"):
        try:
            _refuse_another_decision(flag, row)
            resolution.reopen(flag, actor)
            taken.append(flag.pk)
        except Problem as problem:
            refused.append(Refused(flag.pk, _said(problem)))
    if taken:
        GroupDecision.objects.filter(pk=row.pk).update(reopened_by=actor, reopened_at=timezone.now())
        _audited(group, actor, Verb.REOPENED, reopened=len(taken), refused=len(refused))
    return Reopened(taken, refused)


def last_decision(group: Group) -> GroupDecision | None:
    """The newest that held on any flag."""
    return group.decisions.filter(resolved__gt=0).order_by("pk").last()


def last_decisions(groups: Sequence[Group]) -> dict[UUID, GroupDecision]:
    """The same of many."""
    rows = GroupDecision.objects.filter(group__in=[group.pk for group in groups], resolved__gt=0).order_by("pk")
    return {row.group_id: row for row in rows.defer("flags", "refused")}


def _refuse_another_decision(flag: Flag, row: GroupDecision) -> None:
    """One that was taken back by itself and decided anew."""
    its_own = flag.resolved_at and row.begun_at <= flag.resolved_at <= row.decided_at
    if flag.resolved_at and not (its_own and flag.resolved_by == row.decided_by):
        raise Conflict("It was decided anew since, by itself: take it back by itself.")


def _audited(group: Group, actor: str, verb: Verb, **told: object) -> None:
    """Beside what is written down of each flag."""
    workflow = group.workflow
    audit.record(workflow.project_id, actor, verb, group, workflow=workflow.name, **told)


def _said(problem: Problem) -> str:
    if isinstance(problem, Invalid) and problem.faults:
        return " ".join(f"{fault.pointer}: {fault.detail}" for fault in problem.faults[:3])
    return problem.detail
