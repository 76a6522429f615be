"""Whether an answer was right, as its caller or a reviewer says: kept row by row, and the newest one holds."""

from dataclasses import dataclass, replace

from django.db import transaction

from projects.keeping import redaction
from wire.problems import Conflict, Invalid
from workflows.compiled import compiled

from .models import Event, Execution, Feedback, Status
from .proposing import propose

ABSENT = object()


@dataclass(frozen=True)
class Opinion:
    """`output`: what the answer should have been."""

    accepted: bool
    actor: str
    output: object = ABSENT
    note: str = ""


def examined(execution: Execution, opinion: Opinion) -> Opinion:
    """The opinion as it is kept, without secrets. Raises `Invalid`; what it asks may take time, so no lock is held here."""
    policy = redaction(execution.project_id)
    opinion = replace(opinion, note=policy.text(opinion.note))
    if opinion.output is ABSENT:
        return opinion
    if opinion.accepted:
        raise Invalid.at("/output", "An answer that was right has its output already: say it with accepted false.")
    output = policy.value(opinion.output)
    check_output(execution, output)
    return replace(opinion, output=output)


def check_output(execution: Execution, output: object) -> None:
    """Raises `Invalid` for a whole answer that breaks the version's `output_schema`."""
    schema = compiled(execution.version_id).output_schema
    if schema and (faults := schema.faults(output)):
        raise Invalid.of([fault.under("/output") for fault in faults])


@transaction.atomic
def give(execution: Execution, opinion: Opinion) -> None:
    """Writes an opinion that was examined. Raises `Conflict` for an execution that is not completed, and for a text about one
    whose texts were deleted.

    One after the other, behind the lock of the execution, which a purge takes too. What would have been right is proposed as a
    case.
    """
    locked = Execution.objects.select_for_update().values_list("status", "purged_at")
    status, purged_at = locked.get(pk=execution.pk)
    if status != Status.COMPLETED:
        raise Conflict(f"Only a completed execution has an answer to judge. It is {status}.", state=status)
    has_output = opinion.output is not ABSENT
    if purged_at and (has_output or opinion.note):
        said = "The texts of this execution were deleted, and these would be texts again: say accepted alone."
        raise Conflict(said, state=status)
    Feedback.objects.create(
        execution_id=execution.pk,
        accepted=opinion.accepted,
        output=opinion.output if has_output else None,
        has_output=has_output,
        note=opinion.note,
        given_by=opinion.actor,
    )
    Execution.objects.filter(pk=execution.pk).update(judged_right=opinion.accepted)
    word = "accepted" if opinion.accepted else "rejected"
    Event.objects.create(execution_id=execution.pk, kind="feedback", actor=opinion.actor, detail=word)
    if has_output and not opinion.accepted:
        propose(execution, opinion.output, opinion.actor, "feedback")
