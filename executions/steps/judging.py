"""A step that judges another (`repairs`): what fails its check is not its own output but that step's. That one is asked again,
and the steps from there to here run anew: once as a repair, once by the rungs of the escalation; then a person is asked."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workflows.definition import ModelStep, Step

from ..coverage import Finding
from ..models import StepResult
from ..run import Run


class SentBack(Exception):
    """Raised inside the engine: `judge` sends the step that it repairs back. `row`: its attempt that says so."""

    def __init__(self, judge: Step, row: StepResult) -> None:
        super().__init__(judge.id)
        self.judge, self.row = judge, row


REPAIRED, ESCALATED = 1, 2  # how often a judge has sent back, with what the step is then asked
MAX_REASON = 4_000  # characters


@dataclass(frozen=True)
class Verdict:
    """How often a step was sent back, what for the last time, and the answer that was."""

    times: int
    reason: str
    row: StepResult


def is_about_another(step: Step, finding: Finding) -> bool:
    """Whether what was found of its output is about the step that it judges."""
    return step.repairs is not None and finding.detector == "check"


def send_back(run: Run, judge: Step, row: StepResult, finding: Finding) -> None:
    """Raises `SentBack` where this finding is about the step that is judged, and that one can still be asked."""
    if is_about_another(judge, finding) and len(run.sent_back.get(judge.id, ())) < ESCALATED:
        row.status, row.explanation, row.has_output = StepResult.Status.SUPERSEDED, finding.explanation, True
        raise SentBack(judge, row)


def take_back(run: Run, sent: SentBack) -> set[str]:
    """Journals that everything from the judged step to its judge does not hold any more; their ids."""
    gone = set()
    for step in _from_there_to_here(run.compiled.definition.steps, sent.judge):
        gone.add(step.id)
        for row in run.forget(step):
            row.status = StepResult.Status.SUPERSEDED
            run.taken_back[row.place] = row
            if row not in run.journal.steps:
                run.journal.steps.append(row)
    run.sent_back.setdefault(sent.judge.id, []).append(sent.row)
    return gone


def verdict(run: Run, step: ModelStep) -> Verdict | None:
    """None where no judge sent this step back."""
    judge = next((one for one in run.compiled.definition.steps if one.repairs == step.id), None)
    sent = run.sent_back.get(judge.id) if judge else None
    if not sent:
        return None
    said = f"{sent[-1].explanation} The step {judge.id}: {json.dumps(sent[-1].output, ensure_ascii=False)}"
    return Verdict(len(sent), said[:MAX_REASON], run.taken_back[step.id, None])


def _from_there_to_here(steps: Iterable[Step], judge: Step) -> Iterator[Step]:
    inside = False
    for step in steps:
        inside = inside or step.id == judge.repairs
        if inside:
            yield step
        if step.id == judge.id:
            return
