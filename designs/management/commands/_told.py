"""What the commands of designs have in common: waiting, and saying what came."""

import json

from django.core.management.base import CommandError, OutputWrapper

from designs import costing, spending
from designs.models import Design
from designs.representation import represent_design
from evaluations.management.commands._asked import wait
from gateway.types import Request
from wire.money import pico_text
from wire.problems import Problem

SHOWN = 20  # faults


def estimate(design: Design, request: Request) -> str:
    found = costing.expected(design, request)
    simulated = ", simulated" if design.simulated else ""
    cost, most = pico_text(found.expected), pico_text(found.upper)
    return f"{design.target} reads {found.tokens} tokens; expected cost {cost} USD, at most {most}{simulated}."


def follow(design: Design, stderr: OutputWrapper) -> None:
    """Until it has ended, or waits for its budget."""
    wait(design, "rounds", lambda: (design.rounds.exclude(finished_at=None).count(), design.max_rounds), stderr)


def tell(design: Design, out: OutputWrapper, *, as_json: bool) -> None:
    """What came of it. Raises `CommandError` where that is no draft and no advice."""
    if as_json:
        out.write(json.dumps(represent_design(design)))
    elif design.status == Design.Status.COMPLETED:
        for line in _lines(design):
            out.write(line)
    if design.status == Design.Status.WAITING:
        raise CommandError(f"{design.said} PUT /api/v1/designs/{design.pk}/budget, or in the admin.")
    if design.status == Design.Status.FAILED:
        last = design.rounds.order_by("-number").first()
        faults = [f"  {one['pointer']} {one['detail']}" for one in last.faults[:SHOWN]] if last else []
        raise CommandError("\n".join([design.said, *faults]))
    if design.status == Design.Status.CANCELLED:
        raise CommandError("It was cancelled.")


def _lines(design: Design) -> list[str]:
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


def complaint(problem: Problem) -> CommandError:
    lines = [f"  {fault.pointer} {fault.detail}" for fault in problem.faults[:SHOWN]]
    return CommandError("\n".join([problem.detail, *lines]))
