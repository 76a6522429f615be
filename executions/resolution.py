"""Resolving a flag: a person's decision, checked, written once, and the execution set going again."""

from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from wire.problems import Conflict, Fault, Invalid, Problem
from wire.redaction import Policy
from workflows import sandbox
from workflows.compiled import compiled
from workflows.definition import Step

from . import calling, closing, feedback, queue, states, store
from .feedback import ABSENT, Opinion, check_output
from .models import Event, Execution, Flag, Status, StepResult, deadline
from .proposing import propose
from .run import Item, Run
from .tracking import DESIGNED

DECISIONS = (
    Flag.Resolution.ANSWERED,
    Flag.Resolution.DISMISSED,
    Flag.Resolution.RETRY,
    Flag.Resolution.REDESIGN,
)
# What a decision makes of its flag; any other one resolves it.
STATES = {Flag.Resolution.DISMISSED: Flag.State.DISMISSED, Flag.Resolution.REDESIGN: Flag.State.IN_REDESIGN}

# Flags that are resolved in few ways, and what is said of any other.
ONLY = {
    Flag.Reason.REVIEW: (
        [(Flag.Resolution.ANSWERED, ["step_output"])],
        "A review is answered with a step_output, and with nothing else.",
    ),
    Flag.Reason.SPOT_CHECK: (
        [(Flag.Resolution.DISMISSED, []), (Flag.Resolution.ANSWERED, ["output"])],
        "A spot check is dismissed (the answer is right), or answered with the output that would have been right.",
    ),
}


@dataclass(frozen=True)
class Decision:
    """`output`: the whole answer. `step_output`: the flagged step's. Exactly one of them answers; a redesign may have an
    `output`, which answers the execution now. `make_case`: proposes the execution, with this `output`, as a case."""

    resolution: str
    actor: str
    output: object = ABSENT
    step_output: object = ABSENT
    note: str = ""
    make_case: bool = False

    def for_keeping(self, policy: Policy) -> "Decision":
        """The same without secrets. What a person answers is looked at, and kept, like any other answer."""
        given = {name: getattr(self, name) for name in ("output", "step_output")}
        clean = {name: policy.value(value) for name, value in given.items() if value is not ABSENT}
        return replace(self, **clean, note=policy.text(self.note))


def resolve(flag: Flag, decision: Decision) -> Flag:
    """Raises `Conflict` (resolved already, or nothing to go on with) or `Invalid` (an answer that breaks a schema)."""
    examine(flag, decision)
    decide(flag, decision)
    return flag


def decide(flag: Flag, decision: Decision) -> None:
    """Writes a decision that was examined, with all that it does, or nothing."""
    decision = decision.for_keeping(redaction(flag.execution.project_id))
    try:
        with transaction.atomic():
            _lock(flag, for_a_note=bool(decision.note))
            _settle(flag, decision)
            _follow(flag, decision)
            if decision.make_case and flag.reason != Flag.Reason.SPOT_CHECK:  # of that one it is feedback
                propose(flag.execution, decision.output, decision.actor, "flag")
    except Problem:
        flag.refresh_from_db()
        raise


def examine(flag: Flag, decision: Decision) -> None:
    """What can be wrong with the decision itself. A checked answer may need the sandbox, so no lock is held here."""
    decision = decision.for_keeping(redaction(flag.execution.project_id))
    given = [name for name in ("output", "step_output") if getattr(decision, name) is not ABSENT]
    if decision.resolution not in DECISIONS:
        known = ", ".join(DECISIONS)
        raise Invalid.at("/resolution", f"{decision.resolution[:40]!r} is not available; known are {known}.")
    _examine_form(flag, decision.resolution, given)
    if decision.make_case and given != ["output"]:
        raise Invalid.at(
            "/make_case", "A case needs the whole answer: make_case goes with output, and with nothing else."
        )
    if not given or flag.state != Flag.State.OPEN:
        return
    if given == ["step_output"]:
        if flag.waiting:
            _check_step_output(flag, decision.step_output)
    elif flag.waiting or flag.reason == Flag.Reason.SPOT_CHECK:
        check_output(flag.execution, decision.output)


def _examine_form(flag: Flag, resolution: str, given: list[str]) -> None:
    """What a flag of this reason is resolved with."""
    if flag.reason in ONLY:
        ways, said = ONLY[flag.reason]
        if (resolution, given) not in ways:
            raise Invalid.at("/resolution", said)
    elif resolution == Flag.Resolution.REDESIGN and flag.reason in DESIGNED:
        raise Invalid.at("/resolution", f"The design itself sends {flag.reason} to a person: there is no gap to close.")
    elif resolution == Flag.Resolution.ANSWERED:
        if len(given) != 1:
            raise Invalid.at(
                "/output", "An answer is exactly one of output (the whole answer) and step_output (the step's)."
            )
    else:
        taken = ["output"] if resolution == Flag.Resolution.REDESIGN else []
        if extra := [name for name in given if name not in taken]:
            raise Invalid.at(f"/{extra[0]}", f"Only the resolution answered has {extra[0]}.")


def _follow(flag: Flag, decision: Decision) -> None:
    """What the decision does to the execution."""
    if flag.reason == Flag.Reason.SPOT_CHECK:
        accepted = decision.resolution == Flag.Resolution.DISMISSED
        feedback.give(flag.execution, Opinion(accepted, decision.actor, decision.output, decision.note))
    elif decision.resolution == Flag.Resolution.DISMISSED:
        if flag.waiting:
            _take_kept_output(flag)
            _go_on(flag, decision.actor)
    elif decision.resolution == Flag.Resolution.REDESIGN and decision.output is ABSENT:
        pass  # what stands still goes on standing, for the next version
    elif not flag.waiting:
        raise Conflict(
            "No execution stands still for this flag: it was answered already. Dismiss the flag to close it.",
            state="open",
        )
    elif decision.resolution == Flag.Resolution.RETRY:
        _go_on(flag, decision.actor)
    elif decision.output is not ABSENT:
        _complete(flag, decision)
    else:
        _step_done(flag, decision.step_output, answered_by=Execution.Resolver.HUMAN)
        _go_on(flag, decision.actor)


@transaction.atomic
def reopen(flag: Flag, actor: str) -> Flag:
    """Takes a resolution back while nothing was built on it: no execution stood still for the flag, or it still does, for this
    one or for other items of a list."""
    _lock(flag, for_a_note=False)
    flag.refresh_from_db(from_queryset=Flag.objects.select_for_update())
    _refuse_recorded(flag)
    if flag.state == Flag.State.OPEN:
        raise Conflict("This flag is open; there is nothing to take back.", state=flag.state)
    if flag.reason == Flag.Reason.SPOT_CHECK:
        said = "What was decided here stands as feedback on the execution; give other feedback, and that holds."
        raise Conflict(said, state=flag.state)
    if went_on_as := _goes_on_as(flag):
        said = f"The publication that closed this flag has run its execution again, as {went_on_as}: go on there."
        raise Conflict(said, state=flag.state, superseded_by=str(went_on_as))
    if not can_be_taken_back(flag):
        raise Conflict("The execution has gone on since; this resolution cannot be taken back.", state=flag.state)
    anew = {"state": Flag.State.OPEN, "resolution": "", "note": "", "resolved_by": "", "resolved_at": None}
    if flag.waiting:
        anew["answered_by"] = ""
    try:
        with transaction.atomic():
            Flag.objects.filter(pk=flag.pk).update(**anew)
    except IntegrityError as error:
        said = "The same was found again since, and that flag is open: decide there."
        raise Conflict(said, state=flag.state) from error
    if flag.waiting and flag.attempt is not None:
        done = StepResult.objects.at(flag.execution_id, flag.step, flag.iteration).filter(status=StepResult.Status.DONE)
        done.filter(attempt__gt=flag.attempt).update(status=StepResult.Status.SUPERSEDED)
    Event.objects.create(execution_id=flag.execution_id, kind="flag reopened", actor=actor, detail=str(flag))
    _audited(flag, actor, Verb.REOPENED)
    flag.refresh_from_db()
    return flag


def _refuse_recorded(flag: Flag) -> None:
    if flag.state == Flag.State.RECORDED:
        raise Conflict("This flag is of an evaluation: it is counted, and nobody has to decide it.", state=flag.state)


def can_be_taken_back(flag: Flag) -> bool:
    """Whether nothing was built on its resolution: where an execution stood still for it, that has not moved since."""
    if flag.waiting:
        since = Event.objects.filter(execution=flag.execution_id, kind="status", at__gte=flag.resolved_at)
        return not since.exists()
    answered_now = flag.resolution == Flag.Resolution.REDESIGN and flag.answered_by == Execution.Resolver.HUMAN
    return not answered_now and flag.reason not in ONLY and not _goes_on_as(flag)


def _goes_on_as(flag: Flag) -> UUID | None:
    """The execution that its own was run again as, where a publication has closed it."""
    closed = flag.state == Flag.State.RESOLVED and flag.resolution == Flag.Resolution.REDESIGN
    return Execution.objects.values_list("superseded_by", flat=True).get(pk=flag.execution_id) if closed else None


def _lock(flag: Flag, *, for_a_note: bool) -> None:
    """The execution before its flags, as a cancellation and a worker do: in another order two of them would wait for each
    other. A purge takes this lock too: what it has emptied stays empty."""
    locked = Execution.objects.select_for_update().values_list("purged_at", flat=True)
    if locked.get(pk=flag.execution_id) and for_a_note:
        raise Conflict("The texts of this execution were deleted, and a note would be one again: decide without it.")


def _settle(flag: Flag, decision: Decision) -> None:
    """Closes the flag if it is still open: of two reviewers one wins, the other is told."""
    fields = {
        "state": STATES.get(decision.resolution, Flag.State.RESOLVED),
        "resolution": decision.resolution,
        "note": decision.note,
        "resolved_by": decision.actor,
        "resolved_at": timezone.now(),
    }
    if decision.output is not ABSENT or decision.step_output is not ABSENT:
        fields["answered_by"] = Execution.Resolver.HUMAN
    if not Flag.objects.filter(pk=flag.pk, state=Flag.State.OPEN).update(**fields):
        flag.refresh_from_db()
        _refuse_recorded(flag)
        first = {"resolution": flag.resolution, "resolved_by": flag.resolved_by, "note": flag.note}
        raise Conflict("This flag is resolved already.", state=flag.state, resolution=first)
    for name, value in fields.items():
        setattr(flag, name, value)
    detail = f"{flag}: {decision.resolution}"
    Event.objects.create(execution_id=flag.execution_id, kind="flag resolved", actor=decision.actor, detail=detail)
    _audited(flag, decision.actor, Verb.RESOLVED, resolution=decision.resolution)


def _audited(flag: Flag, actor: str, verb: Verb, **told: str) -> None:
    """Which flag of which execution, and what was decided; never what was answered."""
    execution = flag.execution
    told |= {"execution": str(execution.pk), "workflow": execution.workflow.name}
    audit.record(execution.project_id, actor, verb, flag, **told)


def _complete(flag: Flag, decision: Decision) -> None:
    moved = states.move(
        flag.execution_id,
        Status.ESCALATED,
        Status.COMPLETED,
        actor=decision.actor,
        output=decision.output,
        resolved_by=Execution.Resolver.HUMAN,
        finished_at=timezone.now(),
        caller_told=None,
    )
    if not moved:
        raise _not_escalated(flag)
    if flag.execution.caller_id is not None:
        transaction.on_commit(partial(calling.tell, [flag.execution.caller_id]))
    _waiting(flag).update(waiting=False)  # of other items: they ask for review, and nobody stands still for them
    if flag.state == Flag.State.IN_REDESIGN:
        flag.waiting = False  # nothing stands still for the next version
        flag.save(update_fields=["waiting"])


def _waiting(flag: Flag) -> QuerySet[Flag]:
    """For which others its execution stands still."""
    return Flag.objects.standing().filter(execution=flag.execution_id).exclude(pk=flag.pk)


def _check_step_output(flag: Flag, output: object) -> None:
    """A person's answer follows the same schema and checks as a model's."""
    if not flag.step:
        raise Invalid.at("/step_output", "This flag is not about a step; answer with output.")
    built = compiled(flag.execution.version_id)
    schema, step = built.steps[flag.step].schema, built.steps[flag.step].step
    if step.for_each is not None and flag.iteration is None:
        raise Invalid.at(
            "/step_output", "This flag is about a list as a whole, and not about one item: answer with output."
        )
    if schema and (faults := schema.faults(output)):
        raise Invalid.of([fault.under("/step_output") for fault in faults])
    if failed := _failed_checks(flag, step, output):
        raise Invalid.of([Fault("/step_output", message) for message in failed])


def _failed_checks(flag: Flag, step: Step, output: object) -> list[str]:
    checks = step.checks
    if not checks:
        return []
    run = store.load(flag.execution_id)
    expressions = [sandbox.truth_of(check.check) for check in checks]
    zone = run.compiled.definition.timezone
    if flag.iteration is not None:
        item = _item(run, step, flag.iteration)
        if item is ABSENT:
            return [
                f"`for_each` of the step {step.id} gives no item {flag.iteration} any more: its checks cannot be asked."
            ]
        run.item = Item(flag.iteration, item)
    values = sandbox.evaluate(expressions, run.names(output=output), run.now, zone)
    broken = [value.detail for value in values if isinstance(value, sandbox.Failure)]
    return broken or [check.complaint for check, value in zip(checks, values, strict=True) if not value]


def item_of(flag: Flag, step: Step) -> object:
    """What of its list the flag is about; `ABSENT` where it is about no item, or the list cannot be made any more."""
    if flag.iteration is None or step.for_each is None:
        return ABSENT
    return _item(store.load(flag.execution_id), step, flag.iteration)


def _item(run: Run, step: Step, index: int) -> object:
    [items] = sandbox.evaluate([step.for_each], run.names(), run.now, run.compiled.definition.timezone)
    return items[index] if isinstance(items, list) and index < len(items) else ABSENT


def _take_kept_output(flag: Flag) -> None:
    attempts = StepResult.objects.at(flag.execution_id, flag.step, flag.iteration)
    row = attempts.filter(attempt=flag.attempt, has_output=True).first() if flag.step else None
    if row is None:
        raise Conflict("Nothing to go on with: answer it, or cancel the execution.", state="open")
    _step_done(flag, row.output, answered_by=row.answered_by, like=row)


def _step_done(flag: Flag, output: object, *, answered_by: str, like: StepResult | None = None) -> None:
    """The step's result, as a further attempt: what was flagged stays as it was."""
    rows = StepResult.objects.at(flag.execution_id, flag.step, flag.iteration)
    if flag.reason == Flag.Reason.REVIEW:
        done = {"status": StepResult.Status.DONE, "output": output, "has_output": True, "answered_by": answered_by}
        rows.filter(attempt=flag.attempt).update(**done, finished_at=timezone.now())
        return
    flagged = like or rows.get(attempt=flag.attempt)
    StepResult.objects.create(
        execution_id=flag.execution_id,
        step=flag.step,
        iteration=flag.iteration,
        attempt=rows.count() + 1,
        kind=flagged.kind,
        status=StepResult.Status.DONE,
        output=output,
        answered_by=answered_by,
        confidence=like.confidence if like else None,
        rationale=like.rationale if like else "",
        tier=like.tier if like else "",
        model=like.model if like else "",
        call=like.call if like else None,
    )


def _go_on(flag: Flag, actor: str) -> None:
    """Once nothing else has to be decided: of a list several items may wait."""
    if _waiting(flag).exists() and Execution.objects.filter(pk=flag.execution_id, status=Status.ESCALATED).exists():
        closing.take_up(Execution.objects.select_related("workflow__live__version").get(pk=flag.execution_id), actor)
        return
    stands = Status.WAITING if flag.reason == Flag.Reason.REVIEW else Status.ESCALATED
    if not queue.requeue(flag.execution_id, stands, actor, deadline_at=deadline()):
        raise _not_escalated(flag)


def _not_escalated(flag: Flag) -> Conflict:
    status = Execution.objects.values_list("status", flat=True).get(pk=flag.execution_id)
    return Conflict(f"The execution is {status}; it no longer waits for an answer.", state=status)
