"""A design at work: round after round the frontier is asked, what it wrote is looked at, and what is wrong with it goes back, until
it holds, or the rounds or the budget are used up.

Where it stands is in its rows. Every worker does a little of it each round of its housekeeping, and goes on where another ended.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from executions import errands
from gateway.types import Request
from projects import audit
from projects.audit import Verb
from wire.problems import Conflict, Fault, Problem, Unavailable
from workflows.models import Workflow

from . import designing, redesigning, rounds
from .models import Design, Round

logger = logging.getLogger(__name__)

LOOKS_WITHIN = timedelta(seconds=60)  # so long nobody else looks at an answer
SECONDS = 0.5  # that a round of the housekeeping gives it
MAX_FAULTS = 30  # that go back: the rest is found in the next round


@dataclass(frozen=True)
class Kind:
    """What a design and a redesign differ in. `look`: what an answer is worth, a list of faults or something that `keep` makes a
    draft of, in a transaction, giving the columns of the design."""

    request: Callable[[Design, Sequence[Round]], Request]
    look: Callable[[Design, str, bool], Any]
    keep: Callable[[Design, Any], Mapping[str, object]]


KINDS = {
    Design.Kind.DESIGN: Kind(designing.request, designing.look, designing.keep),
    Design.Kind.REDESIGN: Kind(redesigning.request, redesigning.look, redesigning.keep),
}


def advance_all() -> None:
    """A worker's duty: again and again while something happens, for a short time; but for one look at an answer, which takes some
    seconds where the code of a draft is slow."""
    until = time.monotonic() + SECONDS
    errands.settle()
    rounds.end_doubts()
    rows = Design.objects.in_motion().select_related("workflow__project", "base").defer("examples")
    designs = list(rows)
    random.shuffle(designs)  # one whose requests are long does not come first each time
    while designs and time.monotonic() < until:
        designs = [one for one in designs if time.monotonic() < until and _advanced(one)]


def _advanced(design: Design) -> bool:
    """What is wrong with one holds up no other."""
    try:
        return advance(design)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("the design %s could not go on; the next round tries again", design.pk)
        return False


def advance(design: Design) -> bool:
    """Looks at what has come, or asks; whether it did anything. Safe to call twice, from anywhere."""
    errands.settle()
    design.refresh_from_db(fields=["status"])
    if design.status != Design.Status.RUNNING:
        return False
    several = list(design.rounds.order_by("number"))
    if not several:
        Round.objects.get_or_create(design=design, number=1)
        return True
    return not several[-1].finished_at and _goes_on(design, several[:-1], several[-1])


def _goes_on(design: Design, before: Sequence[Round], last: Round) -> bool:
    if last.intent:
        return not errands.is_on_its_way(last.intent) and rounds.end_doubt(last.pk)
    if _ends_archived(design):
        return True
    if last.answered_at:
        return _claimed(last) and _look(design, last)
    return rounds.is_time(last) and rounds.ask(design, last.pk, KINDS[design.kind].request(design, before))


def _ends_archived(design: Design) -> bool:
    """Whether its workflow was archived: then it ends, for what it would come to could not be kept."""
    if not Workflow.objects.filter(pk=design.workflow_id, archived_at__isnull=False).exists():
        return False
    said = f"{design.workflow.name} was archived meanwhile; take it back, and begin anew."
    Design.objects.filter(pk=design.pk).end(Design.Status.FAILED, said=said)
    return True


def _claimed(last: Round) -> bool:
    """Of several workers one looks, or the next one where that one has not come back."""
    free = Q(looked_at=None) | Q(looked_at__lt=timezone.now() - LOOKS_WITHIN)
    return bool(Round.objects.filter(free, pk=last.pk, finished_at=None).update(looked_at=timezone.now()))


def _look(design: Design, last: Round) -> bool:
    """Outside of any lock: who was thought lost may look too, and the first to write it down holds."""
    try:
        found = _found(design, last)
        if isinstance(found, list):
            _go_on(design, last, found)
        else:
            _keep(design, last, found)
    except Unavailable:  # the sandbox has no room: the next round looks again
        Round.objects.filter(pk=last.pk).update(looked_at=None)
    except _TakenUp:
        return False
    return True


def _found(design: Design, last: Round) -> Any:
    """What the answer is worth."""
    # What is merely doubtful is sent back once; if it stays, a person reads it.
    strict = last.number == 1 < design.max_rounds
    try:
        return _faults(last) or KINDS[design.kind].look(design, last.answer, strict)
    except (Unavailable, OperationalError, InterfaceError):
        raise
    except Problem as problem:
        return [Fault("", problem.detail), *problem.faults]
    except Exception:
        logger.exception("an answer of the design %s could not be looked at", design.pk)
        return [Fault("", "The service could not look at this answer. Write it anew, and more simply.")]


def _keep(design: Design, last: Round, found: Any) -> None:
    try:
        with transaction.atomic():
            _finish(last, [])
            _end(design, Design.Status.COMPLETED, **KINDS[design.kind].keep(design, found))
    except redesigning.Superseded as problem:
        with transaction.atomic():
            _finish(last, [Fault("", problem.detail)])
            _end(design, Design.Status.FAILED, said=problem.detail)
    except Conflict as problem:  # somebody was faster with a version of this number: another look gives the next one
        logger.info("the draft of %s was not kept: %s", design.pk, problem.detail)
        Round.objects.filter(pk=last.pk).update(looked_at=None)


class _TakenUp(Exception):
    """Another worker has written it down, or it was cancelled."""


def _faults(last: Round) -> list[Fault]:
    return [Fault(one["pointer"], one["detail"]) for one in last.faults]


@transaction.atomic
def _go_on(design: Design, last: Round, faults: list[Fault]) -> None:
    _finish(last, faults)
    if last.number < design.max_rounds:
        Round.objects.get_or_create(design=design, number=last.number + 1)
        return
    several = "in the only round" if last.number == 1 else f"in any of {last.number} rounds"
    said = (
        f"It came to nothing that holds {several}. What is wrong with the last answer stands with it. Say more in the task or the "
        "requirements, leave out what contradicts itself, or allow more rounds, and begin anew."
    )
    _end(design, Design.Status.FAILED, said=said)


def _finish(last: Round, faults: list[Fault]) -> None:
    told = [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults[:MAX_FAULTS]]
    if not Round.objects.filter(pk=last.pk, finished_at=None).update(faults=told, finished_at=timezone.now()):
        raise _TakenUp


def _end(design: Design, status: str, **columns: object) -> None:
    if not Design.objects.filter(pk=design.pk).end(status, **columns):
        raise _TakenUp


def cancel(design: Design, by: str) -> None:
    """Ends it. What is on its way is paid and written down, and comes to nothing. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        ended = {"status": Design.Status.CANCELLED, "finished_at": timezone.now(), "said": ""}
        if not Design.objects.to_come().filter(pk=design.pk).update(**ended):
            design.refresh_from_db(fields=["status"])
            raise Conflict(f"This {design.kind} is {design.status}.", state=design.status)
        audit.record(design.project_id, by, Verb.CHANGED, design, state="cancelled")


def raise_budget(design: Design, budget: int | None, by: str) -> None:
    """Pico-dollars; None: none. What waited for it goes on. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        anew = {"budget": budget, "status": Design.Status.RUNNING, "said": ""}
        if not Design.objects.to_come().filter(pk=design.pk).update(**anew):
            design.refresh_from_db(fields=["status"])
            said = f"This {design.kind} is {design.status}: it costs nothing any more."
            raise Conflict(said, state=design.status)
        audit.record(design.project_id, by, Verb.CHANGED, design, budget=budget)
