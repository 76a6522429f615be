"""Ids of the ledger that name nothing. They are plain columns, so that no layer points up; here it is proven that they hold."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from executions.models import Execution, Status, StepResult, Worker
from gateway.models import Call, Intent
from projects.models import Project
from workflows.models import Publication, Version, Workflow

from .models import Pending

NAMED = 20  # rows of one kind that are listed one by one


class Dangling(NamedTuple):
    table: str
    row: object
    column: str
    value: object


def dangling(project: Project) -> Iterator[Dangling]:
    """What names a row that is not there, or not this project's."""
    mine = {"project": project.pk}
    for model in (Call, Intent):
        rows = model.objects.filter(**mine)
        yield from _without(rows, "execution", Execution.objects.filter(**mine))
        yield from _without(rows, "workflow", Workflow.objects.filter(**mine))
        yield from _without(rows, "version", Version.objects.filter(workflow__project=project))
        yield from _without(rows, "publication", Publication.objects.filter(version__workflow__project=project))
    answers = StepResult.objects.filter(execution__project=project)
    yield from _without(answers, "call", Call.objects.filter(**mine))
    yield from _without(Pending.objects.filter(**mine), "call", Call.objects.filter(**mine))
    yield from _without(Pending.objects.filter(**mine), "execution", Execution.objects.filter(**mine))
    yield from _forgotten(project)


def _without(rows: QuerySet, column: str, there: QuerySet) -> Iterator[Dangling]:
    named = rows.filter(~Exists(there.filter(pk=OuterRef(column))), **{f"{column}__isnull": False})
    for row, value in named.values_list("pk", column)[:NAMED]:
        yield Dangling(rows.model._meta.db_table, row, column, value)


def _forgotten(project: Project) -> Iterator[Dangling]:
    """Intents without a call, though nobody is about to write one: their execution does not run, their worker is dead."""
    runs = Exists(Execution.objects.filter(pk=OuterRef("execution"), status=Status.RUNNING))
    works = Exists(Worker.objects.alive().filter(pk=OuterRef("worker")))
    forgotten = Intent.objects.filter(~Exists(Call.objects.filter(intent=OuterRef("pk"))), ~runs, ~works)
    for row in forgotten.filter(project=project.pk).values_list("pk", flat=True)[:NAMED]:
        yield Dangling(Intent._meta.db_table, row, "call", None)
