"""Executions that an agent ran itself, following a version of ours: what it tells of one is checked like an input and an answer of
our own, its calls are priced by our table, and all of it is counted apart. Nothing moves such an execution here."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from gateway import reported
from gateway.models import Call
from gateway.providers.registry import is_simulated
from gateway.reported import Told
from projects.keeping import redaction
from wire.ids import new_id
from wire.problems import Fault, Invalid, pointer
from wire.redaction import Policy
from workflows.compiled import compiled
from workflows.models import Publication, Version

from .feedback import ABSENT
from .models import NO_ESCALATION, Event, Execution, Flag, Report, Status

STATUSES = (Status.COMPLETED, Status.ESCALATED, Status.FAILED, Status.CANCELLED)
REASONS = [reason for reason in Flag.Reason.values if reason not in NO_ESCALATION]
OLDEST = timedelta(days=90)
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class ToldFlag:
    reason: str
    explanation: str
    step: str = ""


@dataclass(frozen=True)
class ToldExecution:
    """What an agent says. `unexpected`, `update`: in its own words; an update is what should change in the workflow."""

    input: object
    status: str
    executor: str
    followed: bool
    output: object = ABSENT
    unexpected: Sequence[str] = ()
    update: str | None = None
    calls: Sequence[Told] = ()
    flags: Sequence[ToldFlag] = ()
    metadata: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """Rows that nobody has saved yet."""

    execution: Execution
    report: Report
    calls: list[Call]
    flags: list[Flag]


def examined(version: Version, publication: Publication | None, told: ToldExecution, actor: str) -> Ready:
    """What is kept of it, without secrets. Raises `Invalid` with everything that is wrong with it, and `Conflict` for a workflow
    that is archived. Takes time, and holds no lock."""
    workflow = version.workflow
    workflow.must_be_in_use()
    policy = redaction(workflow.project_id)
    told = replace(told, calls=[replace(call, model=policy.text(call.model)) for call in told.calls])
    targets = _targets(version, told.calls)
    input, in_input = policy.counted(told.input)
    metadata, in_metadata = policy.counted(told.metadata)
    output = None if told.output is ABSENT else policy.value(told.output)
    faults = [*_faults(version, told, input, output), *_faults_of_flags(version, told.flags)]
    if faults := [*faults, *_faults_of_calls(version, told.calls, targets)]:
        raise Invalid.of(faults)
    execution = Execution(
        project=workflow.project,
        workflow=workflow,
        version=version,
        publication=publication,
        tier_map=publication.tier_map if publication else {},
        simulated=_is_simulated(version, publication, targets),
        purpose=Execution.Purpose.REPORTED,
        status=told.status,
        input=input,
        output=output,
        metadata=metadata,
        redacted=in_input + in_metadata,
        **_times(told.calls),
    )
    report = Report(
        execution=execution,
        executor=policy.text(told.executor),
        followed=told.followed,
        unexpected=[policy.text(text) for text in told.unexpected],
        update_suggested=told.update is not None,
        update=policy.text(told.update or ""),
        reported_by=actor,
    )
    return Ready(execution, report, _calls(execution, told.calls, targets), _flags(execution, told.flags, policy))


@transaction.atomic
def write(ready: Ready) -> str:
    """The execution's id."""
    execution = ready.execution
    execution.save(force_insert=True)
    ready.report.save(force_insert=True)
    Call.objects.bulk_create(ready.calls)
    Flag.objects.bulk_create(ready.flags)
    Event.objects.create(execution=execution, kind="reported", after=execution.status, actor=ready.report.reported_by)
    return str(execution.pk)


def _faults(version: Version, told: ToldExecution, input: object, output: object) -> Iterator[Fault]:
    built = compiled(version.pk)
    yield from (fault.under("/input") for fault in built.input_schema.faults(input))
    if told.status not in STATUSES:
        yield Fault("/status", f"A report says how an execution ended: {', '.join(STATUSES)}.")
    elif told.status != Status.COMPLETED and output is not None:
        yield Fault("/output", f"An execution that is {told.status} has no output.")
    elif told.status == Status.COMPLETED and told.output is ABSENT:
        yield Fault("/output", "A completed execution has an output.")
    elif told.status == Status.COMPLETED and built.output_schema:
        yield from (fault.under("/output") for fault in built.output_schema.faults(output))


def _faults_of_flags(version: Version, flags: Sequence[ToldFlag]) -> Iterator[Fault]:
    steps = compiled(version.pk).steps
    times = Counter((flag.reason, flag.step) for flag in flags)
    for number, flag in enumerate(flags):
        where = pointer("flags", number)
        if flag.reason not in REASONS:
            yield Fault(f"{where}/reason", f"A flag has one of these reasons: {', '.join(REASONS)}.")
        if flag.step and flag.step not in steps:
            yield Fault(f"{where}/step", f"This version has no such step; it has {', '.join(steps)}.")
        if times[flag.reason, flag.step] > 1:
            yield Fault(where, "One flag says all of one reason at one step.")


def _faults_of_calls(version: Version, calls: Sequence[Told], targets: Sequence[str | ValueError]) -> Iterator[Fault]:
    for fault in reported.faults_of(targets, version.workflow.project_id):
        yield fault.under("/model_calls")
    now = timezone.now()
    for number, told in enumerate(calls):
        if told.at > now + CLOCKS_DIFFER:
            yield Fault(pointer("model_calls", number, "at"), "This time has not come yet.")
        if told.began_at < now - OLDEST:
            yield Fault(pointer("model_calls", number, "at"), f"A call is reported within {OLDEST.days} days.")


def _targets(version: Version, calls: Sequence[Told]) -> list[str | ValueError]:
    naming = reported.Naming(version.workflow.project)

    def named(told: Told) -> str | ValueError:
        try:
            return naming.target(told)
        except ValueError as error:
            return error

    return [named(told) for told in calls]


def _is_simulated(version: Version, publication: Publication | None, targets: Sequence[str]) -> bool:
    """Its calls say so; where there is none, what the version would ask here."""
    project = version.workflow.project_id
    if not targets:
        tiers = publication.tier_map if publication else {}
        reachable = compiled(version.pk).definition.reachable_tiers or tiers
        targets = [tiers[tier] for tier in reachable if tier in tiers]
    return any(is_simulated(project, target) for target in targets)


def _times(calls: Sequence[Told]) -> dict[str, datetime | None]:
    """From the beginning of its first call to the end of its last."""
    now = timezone.now()
    return {
        "created_at": now,
        "started_at": min((told.began_at for told in calls), default=None),
        "finished_at": max((told.at for told in calls), default=now),
    }


def _calls(execution: Execution, calls: Sequence[Told], targets: Sequence[str]) -> list[Call]:
    about = {
        "project": execution.project_id,
        "workflow": execution.workflow_id,
        "version": execution.version_id,
        "publication": execution.publication_id,
        "execution": execution.pk,
    }
    pairs = enumerate(zip(calls, targets, strict=True), 1)
    return [reported.call(told, target, number, **about) for number, (told, target) in pairs]


def _flags(execution: Execution, flags: Sequence[ToldFlag], policy: Policy) -> list[Flag]:
    return [
        Flag(
            id=new_id(),
            execution=execution,
            workflow_id=execution.workflow_id,  # `bulk_create` goes past `save`, and the queue looks for it
            step=flag.step,
            reason=flag.reason,
            detector="report",
            explanation=policy.text(flag.explanation),
            waiting=False,
        )
        for flag in flags
    ]
