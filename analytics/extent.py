"""Whose figures, of which days and of which kind: the rows that every part of a cost summary starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from django.db.models import Exists, OuterRef, Q, QuerySet

from executions.models import Execution
from gateway.models import Call
from projects.models import Project
from workflows.models import Workflow

# Calls without a price, unless a later row says what they cost.
UNPRICED = Q(cost=None) & ~Exists(Call.objects.filter(corrects=OuterRef("pk")))


@dataclass(frozen=True)
class Extent:
    """Whole UTC days, `since` inclusive, `until` exclusive; None: from the beginning, up to now. Without a workflow,
    all of the project's. Simulated and real money are never added, so an extent is of one kind."""

    project: Project
    workflow: Workflow | None
    simulated: bool
    since: date | None = None
    until: date | None = None

    @property
    def to_date(self) -> Extent:
        """The same from the beginning: what was true at the end of these days."""
        return replace(self, since=None)

    def covers(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def within(self, field: str) -> Q:
        """Rows whose moment `field` lies in these days."""
        found = Q()
        if self.since is not None:
            found &= Q(**{f"{field}__gte": midnight(self.since)})
        return found & self.before_end(field)

    def before_end(self, field: str) -> Q:
        return Q() if self.until is None else Q(**{f"{field}__lt": midnight(self.until)})

    def days(self, field: str) -> Q:
        """Rows whose day `field`, a date, is one of these."""
        found = Q()
        if self.since is not None:
            found &= Q(**{f"{field}__gte": self.since})
        return found if self.until is None else found & Q(**{f"{field}__lt": self.until})

    def ledger(self) -> QuerySet[Call]:
        """Every call of this kind, of any day."""
        mine = Q(workflow=self.workflow.pk) if self.workflow else Q()
        return Call.objects.filter(mine, project=self.project.pk, simulated=self.simulated)

    def calls(self) -> QuerySet[Call]:
        """The calls that finished in these days. What an agent reports of its own calls is counted apart."""
        return self.ledger().filter(self.within("finished_at"), reported=False)

    def executions(self) -> QuerySet[Execution]:
        """Production executions of any day: only they count in executions, rates and savings."""
        mine = Q(workflow=self.workflow) if self.workflow else Q()
        return Execution.objects.production().filter(mine, project=self.project, simulated=self.simulated)

    def completed(self) -> QuerySet[Execution]:
        """Those that completed in these days, and whose answer nobody has rejected."""
        return self.executions().filter(self.within("finished_at"), status="completed").exclude(judged_right=False)

    def reported(self) -> QuerySet[Execution]:
        """Executions of agents, by the day they ended."""
        mine = Q(workflow=self.workflow) if self.workflow else Q()
        of_this_kind = {"project": self.project, "simulated": self.simulated}
        return Execution.objects.reported().filter(mine, self.within("finished_at"), **of_this_kind)

    def workflows(self) -> list[Workflow]:
        return [self.workflow] if self.workflow else list(self.project.workflows.all())

    def trials(self) -> QuerySet[Execution]:
        """And evaluations: what tries a version out."""
        return Execution.objects.tests().filter(project=self.project)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
