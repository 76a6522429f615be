"""Whether what the frontier wrote holds: format, schemas, names, tools and types as for any definition; the code of it on the
examples and on its own cases. What is wrong is said by its place, for whoever writes it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluations import cases
from evaluations.cases import NewCase
from evaluations.models import Case
from projects.models import Project
from wire.problems import Fault, Invalid
from workflows import compiled
from workflows.models import Examined, Workflow

from . import rehearsal
from .answers import DraftCase


@dataclass(frozen=True)
class Checked:
    """A definition that holds, and its cases, not kept yet. `agreement`: on how many examples code alone gives the answer that was
    right; None where a model is needed."""

    examined: Examined
    cases: list[Case]
    agreement: dict[str, object] | None


def check(
    workflow: Workflow, document: dict, said: Sequence[DraftCase], examples: Sequence[dict], by: str, strict: bool
) -> Checked | list[Fault]:
    """`strict`: what is merely doubtful is sent back too."""
    examined = _examined(document, workflow.project)
    if isinstance(examined, list):
        return examined
    doubts = [fault.under("/definition") for fault in examined.warnings] if strict else []
    form = compiled.build(examined.definition)
    where = cases.places(len(said))
    try:
        kept = cases.examined(workflow, map(_new, said), by, Case.Source.DESIGN, where, form)
    except Invalid as problem:
        return [*problem.faults, *doubts]
    wrong = [
        fault.under("/definition") if fault.pointer.startswith("/steps") else fault
        for fault in _rehearsed(form, examples, said)
    ]
    if wrong or doubts:
        return [*wrong, *doubts]
    return Checked(examined, kept, rehearsal.agreement(examined.definition, examples))


def _examined(document: dict, project: Project) -> Examined | list[Fault]:
    try:
        return Examined.of(document, project)
    except Invalid as problem:
        return [fault.under("/definition") for fault in problem.faults]


def _rehearsed(form: compiled.Compiled, examples: Sequence[dict], said: Sequence[DraftCase]) -> list[Fault]:
    return rehearsal.faults_on(form.definition, examples, said)


def _new(case: DraftCase) -> NewCase:
    """A person confirms it, or does not."""
    return NewCase(
        kind=case.kind,
        input=case.input,
        expected=case.expected if case.has_expected else cases.ABSENT,
        expects_flag=case.expects_flag,
        steps=case.steps,
        answers=case.answers,
        tags=case.tags,
        note=case.note,
        proposed=True,
    )
