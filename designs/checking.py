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
from .rehearsal import Survey, differs

SECONDS = 5.0  # for the code on examples and cases: who looks has other duties too


@dataclass(frozen=True)
class Checked:
    """A definition that holds, and its cases, not kept yet. `rehearsed`: on how many examples code alone came to the answer that
    was right, and what could not be looked at."""

    examined: Examined
    cases: list[Case]
    rehearsed: dict[str, object]


def check(
    workflow: Workflow, examined: Examined, said: Sequence[DraftCase], examples: Sequence[dict], by: str, strict: bool
) -> Checked | list[Fault]:
    """`strict`: what is merely doubtful is sent back too. Raises `Unavailable` where the sandbox has no room."""
    doubts = [fault.under("/definition") for fault in examined.warnings] if strict else []
    form, proposed = compiled.build(examined.definition), [_new(case) for case in said]
    try:
        kept = cases.examined(workflow, proposed, by, Case.Source.DESIGN, cases.places(len(said)), form)
    except Invalid as problem:
        return [*problem.faults, *doubts]
    seen = rehearsal.survey(examined.definition, examples, proposed, seconds=SECONDS)
    wrong = [fault if fault.pointer.startswith("/cases") else fault.under("/definition") for fault in seen.faults]
    return [*wrong, *doubts] or Checked(examined, kept, _told(seen))


def _told(seen: Survey) -> dict[str, object]:
    found, result = seen.agreement, "The result"
    differing = [
        {"example": one.example, "pointer": one.at.pointer, "detail": differs(result, one.at)}
        for one in found.differing
    ]
    counts = {name: getattr(found, name) for name in ("compared", "reached", "equal", "flagged", "refused")}
    return {"said": seen.said, **counts, "differing": differing}


def taken(document: dict, project: Project) -> Examined | list[Fault]:
    """The definition, where the project could store it."""
    try:
        return Examined.of(document, project)
    except Invalid as problem:
        return [fault.under("/definition") for fault in problem.faults]


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
