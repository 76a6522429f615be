"""A design as lines in a terminal, and what the commands of designs have in common."""

from django.core.management.base import CommandError
from django.db.models import QuerySet

from evaluations.commands import SHOWN, Job
from gateway.types import Request
from projects.models import Project
from wire.money import pico_text
from workflows.models import Workflow

from . import costing, spending
from .models import Design
from .representation import represent_design


class DesignJob(Job):
    counted = "rounds"

    def rows(self, whose: Workflow | Project) -> QuerySet[Design]:
        return whose.designs

    def far(self, row: Design) -> tuple[int, int]:
        return row.rounds.exclude(finished_at=None).count(), row.max_rounds

    def represent(self, row: Design) -> dict:
        return represent_design(row)

    def show(self, row: Design) -> None:
        for line in lines(row):
            self.stdout.write(line)

    def judge(self, row: Design) -> None:
        if row.status == Design.Status.WAITING:
            raise CommandError(f"{row.said} PUT /api/v1/designs/{row.pk}/budget, or in the admin.")
        if row.status == Design.Status.FAILED:
            last = row.rounds.order_by("-number").first()
            faults = [f"  {one['pointer']} {one['detail']}" for one in last.faults[:SHOWN]] if last else []
            raise CommandError("\n".join([row.said, *faults]))
        if row.status == Design.Status.CANCELLED:
            raise CommandError("It was cancelled.")


def estimate(design: Design, request: Request) -> str:
    found = costing.expected(design, request)
    simulated = ", simulated" if design.simulated else ""
    cost, most = pico_text(found.expected), pico_text(found.upper)
    return f"{design.target} reads {found.tokens} tokens; expected cost {cost} USD, at most {most}{simulated}."


def lines(design: Design) -> list[str]:
    """What came of one that is completed."""
    kind = " (simulated)" if design.simulated else ""
    lines = [f"Spent {pico_text(spending.spent(design))} USD{kind} in {design.rounds.count()} rounds."]
    if fit := (design.answer or {}).get("fit"):
        lines += [f"Fit: {fit['verdict'].replace('_', ' ')}.", *(f"  {reason}" for reason in fit["reasons"])]
    if design.draft is None:
        return [*lines, design.said]
    lines.append(
        f"Draft {design.draft.number} of {design.workflow.name}, with {design.figures['cases']} proposed cases."
    )
    lines += [
        f"  {name}: {cost or 'unknown'} USD an execution" for name, cost in design.figures["per_execution"].items()
    ]
    if even := design.figures["break_even"]:
        lines.append(f"Paid for after {even} executions, as far as prompts can say.")
    lines += design.figures["doubts"]
    lines += [f"Asked of you: {one['question']} (Meanwhile: {one['assumed']})" for one in design.answer["questions"]]
    return lines
