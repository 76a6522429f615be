"""Cases that the work itself proposes: of a flag that a person answered, and of an answer that somebody said was wrong."""

from uuid import UUID

from wire.problems import Conflict, Invalid
from workflows.models import Workflow

from . import cases
from .models import Case


def take(
    workflow: int,
    execution: UUID,
    input: object,
    expected: object,
    answers: dict[str, object],
    by: str,
    source: str,
    **_: object,
) -> None:
    """Keeps it, proposed. What is there already, or breaks the version that cases follow by now, is no case: raises `Invalid` where
    somebody asked for one, and passes over it where nobody did."""
    of = Workflow.objects.select_related("project", "live__version").get(pk=workflow)
    told = {"answers": followed(of, answers), "proposed": True, "execution": execution}
    said = cases.NewCase(Case.Kind.COVERED, input, expected, **told)
    try:
        cases.add(of, said, by, source)
    except Conflict:
        return
    except Invalid as problem:
        if source == Case.Source.FLAG:
            raise Invalid.at("/make_case", f"This makes no case: {problem.detail}") from problem


def followed(workflow: Workflow, answers: dict[str, object]) -> dict[str, object]:
    """Those of steps that the version has which cases follow by now."""
    version = cases.version_to_follow(workflow)
    known = {step.id for step in version.parsed().steps if step.kind in cases.ANSWERED} if version else set()
    return {step: output for step, output in answers.items() if step in known}
