"""A model step: ask, judge, repair once, climb the rungs of the escalation, and ask a person last."""

import json
from collections.abc import Generator
from dataclasses import dataclass, replace

from gateway import gateway
from gateway.gateway import Answer, Cause
from gateway.types import AccessDenied, Completion, Purpose, Request
from workflows import prompts
from workflows.definition import ModelStep
from workflows.sandbox import Failure

from .. import coverage, lanes, patience
from ..coverage import Finding, Observation
from ..effects import AskModel, Effect, Escalated, Stopped
from ..evaluating import complaints, rendered
from ..models import Execution, StepResult
from ..run import Run
from . import judging
from .judging import Verdict

FRONTIER = Execution.Resolver.FRONTIER


@dataclass(frozen=True)
class Trial:
    """One answer and what was found of it: `row` is its attempt, `finding` None where it is covered, `answer` None where it
    was not asked for just now."""

    row: StepResult
    finding: Finding | None
    answer: Answer | None = None


def perform(run: Run, step: ModelStep) -> Generator[Effect, object, None]:
    request = _request(run, step)
    if verdict := judging.verdict(run, step):
        trial = yield from _again(run, step, request, verdict)
    else:
        trial = yield from _first(run, step, request)
    if trial.finding:
        judging.send_back(run, step, trial.row, trial.finding)
        yield from _escalate(run, step, request, trial.row, trial.finding)


def _first(run: Run, step: ModelStep, request: Request) -> Generator[Effect, object, Trial]:
    """Asks, and once more where that can mend it. What a judge says is not mended by asking the judge."""
    trial = yield from _try(run, step, request, lanes.tier(run, step), Purpose.STEP)
    finding = trial.finding
    if finding is None or not finding.repairable or judging.is_about_another(step, finding):
        return trial
    trial.row.status, trial.row.explanation = StepResult.Status.REJECTED, finding.explanation
    note = prompts.repair_note(finding.explanation, trial.answer.completion.text, request.marker)
    return (yield from _try(run, step, request, lanes.tier(run, step), Purpose.REPAIR, note))


def _again(run: Run, step: ModelStep, request: Request, verdict: Verdict) -> Generator[Effect, object, Trial]:
    """A later step judged its answer and sent it back: once it is repaired, then it counts as a failed check."""
    if verdict.times == judging.REPAIRED:
        note = prompts.repair_note(verdict.reason, json.dumps(verdict.row.output, ensure_ascii=False), request.marker)
        return (yield from _try(run, step, request, lanes.tier(run, step), Purpose.REPAIR, note))
    return Trial(verdict.row, Finding("check_failed", "judge", verdict.reason, keeps=True))


def _escalate(
    run: Run, step: ModelStep, request: Request, flagged: StepResult, finding: Finding
) -> Generator[Effect, object, None]:
    """Asks the rungs in turn. The first good answer is the step's; the flag then asks for review and does not wait."""
    for rung in _rungs(run, finding):
        note = prompts.escalation_note(finding.reason, finding.explanation, request.marker)
        try:
            trial = yield from _try(run, step, request, rung, Purpose.ESCALATION, note)
        except Stopped as stopped:
            if isinstance(stopped.ending, Escalated):
                # The cap forbids to ask: its flag waits, and what was not covered is not lost behind it.
                run.flag(finding, flagged, waiting=False)
            raise
        if trial.finding is None:
            run.flag(finding, flagged, answered_by=FRONTIER)
            return
        said = f"{finding.explanation} The {rung} was asked too: {trial.finding.explanation}"
        finding = replace(finding, explanation=said)
    raise run.ask_person(finding, flagged)


def _rungs(run: Run, finding: Finding) -> list[str]:
    """The tiers to ask before a person: those of the edge case where the design names one, else those of the workflow."""
    definition = run.compiled.definition
    if finding.only_for_people:
        return []
    if finding.reason == "rule":
        case = next((case for case in definition.edge_cases if case.id == finding.edge_case), None)
        rungs = (case.to,) if case else ()
    else:
        rungs = definition.escalation.rungs
    return [rung for rung in rungs if rung != "human"]


def _request(run: Run, step: ModelStep) -> Request:
    marker = prompts.new_marker()
    user = rendered(run, step, marker)
    built = run.compiled.steps[step.id]
    return Request("", built.system, user, built.envelope, step.max_output_tokens, marker)


def _try(
    run: Run, step: ModelStep, request: Request, tier: str, purpose: Purpose, note: str = ""
) -> Generator[Effect, object, Trial]:
    """Asks one model once and judges the answer; a covered one is the step's result. `note` stands behind the prompt."""
    recalled = run.recall(step)
    asked = replace(request, user=request.user + note)
    row, answer = recalled or (yield from _answered(run, step, asked, tier, purpose))
    envelope, broken = coverage.read(answer.completion, run.compiled.escalating)
    finding = yield from _judge(run, step, request, answer.completion, envelope, broken)
    if finding is None:
        run.settle(row, envelope.output)
        row.has_output = True
    else:
        row.output = envelope.output if envelope else None
        row.status, row.has_output = StepResult.Status.FLAGGED, finding.keeps
    return Trial(row, finding, answer)


def _answered(
    run: Run, step: ModelStep, request: Request, tier: str, purpose: Purpose
) -> Generator[Effect, object, tuple[StepResult, Answer]]:
    """A new answer and its attempt; they are written together."""
    target = run.execution.tier_map[tier] if purpose is Purpose.ESCALATION else lanes.target(run, step, tier)
    answer = yield from _ask(run, step, replace(request, model=target.partition(":")[2]), tier, target, purpose)
    envelope, _ = coverage.read(answer.completion, run.compiled.escalating)
    row = run.attempt(
        step,
        StepResult.Status.FLAGGED,
        tier=tier,
        model=answer.completion.model_served,
        call=answer.call.pk,
        answered_by=FRONTIER if purpose is Purpose.ESCALATION else Execution.Resolver.WORKFLOW,
        confidence=envelope.confidence if envelope else None,
        rationale=envelope.rationale if envelope else "",
        started_at=answer.call.intended_at,
        finished_at=answer.call.finished_at,
    )
    return row, answer


def _judge(
    run: Run,
    step: ModelStep,
    request: Request,
    completion: Completion,
    envelope: coverage.Envelope | None,
    broken: str,
) -> Generator[Effect, object, Finding | None]:
    """`request` is the step's own, without the note of a repair or an escalation: that quotes an answer."""
    built, faults, failed, leak = run.compiled.steps[step.id], [], [], ""
    if envelope and envelope.status == "ok":
        faults = built.schema.faults(envelope.output)
        # A check may read what the schema promises: it is not asked about an output that breaks its schema.
        failed = [] if faults else (yield from complaints(run, step.checks, envelope.output))
        leak = built.told.leak(envelope.output, envelope.rationale, request.user, request.marker)
    if isinstance(failed, Failure):
        return Finding("code_error", "sandbox", f"A check of the step {step.id} failed: {failed.detail}")
    cases = run.compiled.edge_cases
    return coverage.find(
        Observation(completion, envelope, broken, faults, failed, leak, step.min_confidence, edge_cases=cases)
    )


def _ask(
    run: Run, step: ModelStep, request: Request, tier: str, target: str, purpose: Purpose
) -> Generator[Effect, object, Answer]:
    """One answer, over the provider's hiccups: each attempt has its own intent and its own row in the ledger."""
    while True:
        try:
            intent = gateway.plan(target, request, _cause(run, step, tier, purpose))
        except AccessDenied as denied:
            yield patience.wait(denied, attempt=1)
            continue
        _refuse_overspending(run, step, intent.upper_bound)
        answer = yield AskModel(intent, request)
        run.paid(answer)
        patience.stop_at_mismatch(answer)
        if answer.completion:
            return answer
        yield patience.wait(answer.error, run.failures[run.place(step), answer.call.outcome])


def _cause(run: Run, step: ModelStep, tier: str, purpose: Purpose) -> Cause:
    execution = run.execution
    return Cause(
        project=execution.project_id,
        purpose=Purpose.SHADOW if execution.purpose == Execution.Purpose.SHADOW else purpose,
        attempt=run.asked.get(run.place(step), 0) + 1,
        workflow=execution.workflow_id,
        version=execution.version_id,
        publication=execution.publication_id,
        execution=execution.pk,
        step=step.id,
        iteration=run.iteration,
        tier=tier,
        lane=execution.lane,
        baseline=execution.baseline_model,
        prompt_format=prompts.PROMPT_FORMAT,
        worker=execution.worker_id,
    )


def _refuse_overspending(run: Run, step: ModelStep, upper_bound: int | None) -> None:
    if upper_bound is not None and run.spent + upper_bound > run.cap:
        row = run.attempt(step, StepResult.Status.FLAGGED, has_output=False)
        said = "The next call could take this execution over its cost cap. Raise the project's cap and retry, or answer it."
        raise run.ask_person(Finding("budget", "cap", said), row)
