"""The loop of the story, step by step: the frontier designs, a person confirms, the gate proves, what was flagged is designed anew.
Each step begins something, or says how it stands; `manage.py demo` waits and tells."""

import json
from collections.abc import Sequence
from pathlib import Path

from django.db.models import Sum

from designs import brief, costing, designing, group_order, grouping, redesigning
from designs.costing import Expected
from designs.group_models import Group
from designs.models import Design
from evaluations import asking, cases, gate_rules
from evaluations.asking import Asked, Ready
from evaluations.models import Case, Evaluation
from gateway.models import Call
from projects.models import Project
from workflows.models import Budget, Publication, Version, Workflow

CONTENT = Path(__file__).parent / "content"
NAME, BY, PERSON = "support-ticket", "command:demo", "user:demo"
ROUNDS = 4
# What is right of a reply is what was done, for which desk: its wording is free, as a person would say of these cases.
RULES = {"min_cases": 10, "margin": "0.25", "graders": [{"grade": "fields", "fields": ["/action", "/category"]}]}
NOTE = "Such tickets are ours as well: sort them like any other, and answer in English, as S4 says."
LANGUAGE = "another language"  # what all flags of the gap have in common, in the words of the model that found it


def ready_to_design(project: Project) -> designing.Ready:
    said = json.loads((CONTENT / "brief.json").read_text())
    said["policies"] = [{"name": "support policy", "text": (CONTENT / "policy.md").read_text()}]
    asked = designing.Asked(project, NAME, brief.read(said), max_rounds=ROUNDS, budget=_left(project, designing.BUDGET))
    return designing.examine(asked, BY)


def cost_of_designing(ready: designing.Ready) -> Expected:
    return costing.expected(ready.design, designing.request(ready.design, []))


def design(ready: designing.Ready) -> Design:
    return designing.begin(ready)


def confirm_cases(workflow: Workflow) -> int:
    """What a person does in the admin, or through the API; how many were proposed."""
    proposed = list(workflow.cases.filter(state=Case.State.PROPOSED).order_by("pk"))
    for case in proposed:
        cases.confirm(case, PERSON)
    return len(proposed)


def state_gate(workflow: Workflow) -> None:
    gate_rules.state(workflow, RULES, PERSON)


def ready_to_evaluate(version: Version) -> Ready:
    budget = _left(version.workflow.project, None)
    return asking.examine(Asked(version, budget=budget), BY)


def evaluate(ready: Ready) -> Evaluation:
    return asking.begin(ready)


def publish(version: Version) -> Publication:
    return version.publish(PERSON)


def groups(workflow: Workflow) -> list[group_order.Weighed]:
    """The flags that nobody has decided, gathered, the most worth deciding first."""
    while grouping.gather(workflow):
        pass
    return group_order.listed([workflow])


def of_the_gap(several: Sequence[group_order.Weighed]) -> list[Group]:
    """Those that a person chooses: each is a language of its own, and the gap is one."""
    return [one.group for one in several if LANGUAGE in (one.group.text or "")]


def ready_to_redesign(workflow: Workflow, chosen: Sequence[Group]) -> redesigning.Ready:
    budget = _left(workflow.project, redesigning.BUDGET)
    asked = redesigning.Asked(workflow, groups=chosen, note=NOTE, budget=budget)
    return redesigning.examine(asked, BY)


def cost_of_redesigning(ready: redesigning.Ready) -> Expected:
    return costing.expected(ready.design, redesigning.request(ready.design, []))


def redesign(ready: redesigning.Ready) -> Design:
    return redesigning.begin(ready)


def _left(project: Project, at_most: int | None) -> int | None:
    """What the budget of a live demo leaves for the next part, in pico-dollars; `at_most` where there is none."""
    budget = Budget.objects.filter(project=project).first()
    if budget is None:
        return at_most
    spent = Call.objects.filter(project=project.pk).aggregate(sum=Sum("cost"))["sum"] or 0
    left = max(0, budget.cap - spent)
    return left if at_most is None else min(left, at_most)
