"""Executions that execute others: what a `workflow` step calls, and how the caller learns that it has ended.

The called one is an execution like any other, accepted in the transaction in which its step begins. How it stands is told to its
caller in a transaction of its own, behind the one that ended it; what was not told the sweeper tells.
"""

import logging
from collections.abc import Iterable
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from projects.keeping import redaction
from projects.models import Project
from wire.problems import Problem
from workflows import calls
from workflows.compiled import compiled
from workflows.models import Publication

from . import queue
from .effects import Called, CallWorkflow, Ending, LookAt
from .models import FINAL, Execution, Flag, Status, deadline
from .run import Run

logger = logging.getLogger(__name__)

TOLD_AT_ONCE = 200
IN_MOTION = (Status.QUEUED, Status.RUNNING, Status.WAITING)


def answer(run: Run, effect: CallWorkflow | LookAt) -> Execution | str:
    """The execution that is called, unsaved, or why it cannot be; or one that was called."""
    if isinstance(effect, LookAt):
        return Execution.objects.get(pk=effect.execution)
    try:
        publication = pinned(run.execution.project, run.execution.publication, effect.workflow)
        given, redacted = redaction(run.execution.project_id).counted(effect.input)
        if faults := compiled(publication.version_id).input_schema.faults(given):
            return f"An argument of {effect.workflow} is wrong: {faults[0].pointer} {faults[0].detail}"[:500]
        kinds, own = calls.kinds(publication), run.compiled.definition.reachable_tiers
        if kinds and own and kinds != {run.execution.simulated}:
            return f"{effect.workflow} asks models of the other kind, simulated or real: both moneys are never added."
        return queue.called_by(run.execution, publication, given, redacted)
    except Problem as problem:
        return f"{effect.workflow} cannot be called: {problem.detail}"


def pinned(project: Project, publication: Publication | None, reference: str) -> Publication:
    """What the caller's publication calls by this name; a trial of a draft takes what is live. Raises `Conflict`."""
    if publication is None:
        return calls.callee(reference, project)
    return Publication.objects.select_related("version__workflow__project").get(pk=publication.calls[reference])


def settle(execution: Execution, ending: Ending) -> None:
    """Behind the end of an advance: tells its caller, or looks whether what it called has ended meanwhile."""
    if isinstance(ending, Called):
        tell(Execution.objects.untold().filter(caller=execution.pk).values_list("caller", flat=True)[:1])
    elif execution.caller_id is not None:
        tell([execution.caller_id])


def tell_the_rest() -> None:
    """Of the sweeper: callers that were not told, because they ran at that moment, or because whoever was to tell them died."""
    tell(Execution.objects.untold().order_by("caller").values_list("caller", flat=True).distinct()[:TOLD_AT_ONCE])


def tell(callers: Iterable[UUID]) -> None:
    """Sets those going again that have something to take. Where the database does not answer, the sweeper comes by again."""
    try:
        for caller in set(callers):
            _tell(caller)
    except (OperationalError, InterfaceError) as error:
        logger.warning("a caller could not be told: %s", error)
        connection.close_if_unusable_or_obsolete()


@transaction.atomic
def _tell(caller_id: UUID) -> None:
    """The caller's row first, as a cancellation does. One that runs looks for itself, and is told again when it stands."""
    rows = Execution.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=caller_id)
    caller = rows.values("status", "waiting_for").first()
    if caller is None or caller["status"] in (Status.QUEUED, Status.RUNNING):
        return
    called = Execution.objects.filter(caller=caller_id)
    untold = dict(called.untold().values_list("pk", "status"))
    # These and no others: one that ends from now on finds this row locked, and the sweeper tells of it. Behind it is looked
    # whether any moves, so that the last to end is never told as one that was thought to move.
    called.untold().filter(pk__in=list(untold)).update(caller_told=True)
    ended = any(status in FINAL for status in untold.values())
    moving = called.filter(status__in=IN_MOTION).exists()
    if moving or not _waits_for_them(caller_id, ended, **caller):
        return
    queue.requeue(caller_id, caller["status"], "workflow", deadline_at=deadline())


def _waits_for_them(caller_id: UUID, ended: bool, status: str, waiting_for: str) -> bool:
    """Where it waits for a person itself, it looks once that one has answered."""
    if status == Status.ESCALATED:
        flags = Flag.objects.standing().filter(execution=caller_id)
        return ended and not flags.exists()
    return status == Status.WAITING and waiting_for == "workflow"


def below(execution_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """What each of these called, and what that called: one query for each level."""
    found: dict[UUID, set[UUID]] = {one: set() for one in execution_ids}
    above = {one: {one} for one in found}  # an execution of this level → those of ours that it stands under
    while above:
        called = Execution.objects.filter(caller__in=list(above)).values_list("pk", "caller")
        above = {pk: above[caller] for pk, caller in called}
        for pk, ours in above.items():
            for one in ours:
                found[one].add(pk)
    return found
