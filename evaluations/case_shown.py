"""What cases look like in an answer, and how they are made to."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Count, Id, Json, Time, word_of
from wire.times import rfc3339

from . import models


class Case(Answer):
    id: Id
    workflow: str
    kind: word_of(models.Case.Kind)
    input: Json
    expects_flag: bool
    expected: Annotated[Json, Field(description="The whole answer; null where a flag is expected, or null is.")]
    steps: Annotated[dict[str, Json], Field(description="Step → the output that is expected of it.")]
    answers: Annotated[
        dict[str, Json], Field(description="Step → what its tool, review or workflow answers, instead of being called.")
    ]
    weight: Annotated[str, Field(pattern=r"^\d{1,5}(\.\d{1,3})?$")]
    tags: list[str]
    note: str | None
    state: word_of(models.Case.State)
    source: word_of(models.Case.Source)
    execution: Annotated[Id | None, Field(description="Of which execution it was made.")]
    content_hash: str
    created_by: str
    created_at: Time
    decided_by: Annotated[str | None, Field(description="Who confirmed or retired it last.")]
    decided_at: Time | None


class CaseKinds(Answer):
    covered: Count
    boundary: Count
    uncovered: Count


class CaseSet(Answer):
    """The confirmed cases, which count."""

    hash: Annotated[str, Field(description="Of their contents, in no order.")]
    confirmed: Count
    proposed: Count
    kinds: CaseKinds
    min_cases: Annotated[int, Field(ge=1, description="With so many a version needs a verdict to be published.")]


class ImportedCases(Answer):
    """In the order in which they were sent."""

    added: Count
    ids: list[Id]


def represent_case(case: models.Case) -> dict:
    return {
        "id": str(case.pk),
        "workflow": case.workflow.name,
        "kind": case.kind,
        "input": case.input,
        "expects_flag": case.expects_flag,
        "expected": case.expected,
        "steps": case.steps,
        "answers": case.answers,
        "weight": plain(case.weight),
        "tags": case.tags,
        "note": case.note or None,
        "state": case.state,
        "source": case.source,
        "execution": case.execution and str(case.execution),
        "content_hash": case.content_hash,
        "created_by": case.created_by,
        "created_at": rfc3339(case.created_at),
        "decided_by": case.decided_by or None,
        "decided_at": rfc3339(case.decided_at),
    }


def plain(weight: Decimal) -> str:
    """Without zeros at its end: `2.5`, `100`."""
    return f"{Decimal(weight).normalize():f}"
