"""The demo's content as rows, and its report as tables. What it shows of scripted models is a story, never evidence."""

import json
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from rich.console import Console
from rich.table import Table

from analytics.baselines import Method
from analytics.costs import is_simulated, summarise
from analytics.extent import Extent
from analytics.representation import represent_summary
from executions import estimates, queue
from executions.models import FINAL, Execution, Flag, Status
from projects import keys
from projects.models import Project, TierModel, Tool
from wire.money import to_pico, to_usd
from workflows.definition import Definition
from workflows.models import Budget, Examined, Publication, Workflow

_STYLE = {"title_justify": "left", "title_style": "bold"}
_FIGURES = [
    ("design (declared, paid once)", "design_cost"),
    ("execution", "execution_cost"),
    ("total", "total_cost"),
    ("if all frontier", "if_all_frontier"),
    ("savings", "savings"),
    ("savings, percent", "savings_percent"),
    ("executions that pay it back", "payback_executions"),
]
STANDING = (*FINAL, Status.ESCALATED)  # where nothing moves unless a person does something
CONTENT = Path(__file__).parent / "content"
NAME, BY = "support-ticket", "command:demo"
DECLARED_BASELINE = Decimal("0.84")  # USD for a ticket when every call went to the frontier
SCRIPTED = {
    "cheap": ("scripted", "claude-haiku-5-5"),
    "standard": ("scripted", "claude-sonnet-5-5"),
    "frontier": ("scripted", "claude-opus-5-5"),
}


def messages() -> list[dict]:
    with (CONTENT / "messages.toml").open("rb") as file:
        return tomllib.load(file)["message"]


def input_of(message: dict) -> dict:
    """What an execution gets of a message: never its comment, nor what is expected of it."""
    return {key: value for key, value in message.items() if key not in ("comment", "expect")}


@transaction.atomic
def establish(tiers: dict[str, tuple[str, str]]) -> Workflow:
    """A new project with the workflow stored and published: the ledger of an earlier run stays as it is."""
    project = keys.establish(_free_name(), BY)
    for tier, (provider, model) in tiers.items():
        TierModel.objects.filter(project=project, tier=tier).update(provider=provider, model=model)
    definition = json.loads((CONTENT / "definition.json").read_text())
    context = json.loads((CONTENT / "design_context.json").read_text())
    for tool in {step["tool"] for step in definition["steps"] if step["kind"] == "tool"}:
        Tool.objects.create(project=project, name=tool)
    workflow = Workflow.objects.begin(project, NAME, BY)
    version = workflow.draft(
        Examined.of(definition, project),
        "1.0.0",
        design_context=context,
        designed_by=context["designed_by"],
        intelligence_level=context["intelligence_level"],
        design_cost=to_pico(Decimal(context["design_cost"]["amount"])),
        created_by=BY,
    )
    version.publish(BY)
    workflow.state_baseline(
        BY,
        method=Method.DECLARED,
        model=project.tier_map()["frontier"],
        cost_per_execution=to_pico(DECLARED_BASELINE),
        valid_from=workflow.created_at,
        stated_by="demo: fourteen calls of the dearest model for each ticket",
    )
    workflow.refresh_from_db()
    return workflow


def _free_name() -> str:
    """demo, demo-2, demo-3, …"""
    names = set(Project.objects.filter(name__startswith="demo").values_list("name", flat=True))
    number = next(n for n in range(1, len(names) + 2) if _name(n) not in names)
    return _name(number)


def _name(number: int) -> str:
    return "demo" if number == 1 else f"demo-{number}"


def limit(workflow: Workflow, usd: Decimal) -> None:
    """What the demo may cost at most: a budget of its project, like any other."""
    Budget.objects.create(project=workflow.project, period=Budget.Period.TOTAL, cap=to_pico(usd), stated_by="demo")


def expected_cost(workflow: Workflow) -> Decimal:
    """USD for all messages. Every model of the workflow has to have a price."""
    inputs = [input_of(message) for message in messages()]
    return to_usd(estimates.estimate(workflow.live.version, workflow.live, inputs).expected)


def submit(workflow: Workflow, message: dict) -> Execution:
    return queue.submit(workflow.live.version, workflow.live, input_of(message), actor="demo")


def executions(workflow: Workflow) -> QuerySet[Execution]:
    return Execution.objects.filter(workflow=workflow)


def parked(workflow: Workflow) -> QuerySet[Execution]:
    """Those that wait until a person raises the budget."""
    return executions(workflow).filter(status=Status.WAITING, waiting_for="budget", resume_at=None)


def steps_table(publication: Publication) -> Table:
    table = Table("step", "kind", "on", "task", title="Designed once", **_STYLE)
    for number, step in enumerate(Definition.model_validate(publication.version.definition).steps, 1):
        on = publication.tier_map[step.tier] if step.kind == "model" else getattr(step, "tool", "code")
        table.add_row(f"{number:2} {step.id}", step.kind, on, getattr(step, "task", None) or "")
    return table


def print_report(console: Console, workflow: Workflow) -> None:
    console.print(_counts(executions(workflow)), _flags(executions(workflow)))
    console.print(_money(workflow))
    base = f"http://{settings.HOST}:{settings.PORT}"
    for line in (
        f"\nThe project is [bold]{workflow.project}[/]. Look at it: start [bold]make run[/], then open",
        f"  admin  {base}/admin/ (make run prints its password, once)",
        f"  API    {base}/api/v1/workflows/{workflow.name}/costs",
        f"  a key  .venv/bin/python manage.py create_api_key --project {workflow.project}\n",
    ):
        console.print(line, soft_wrap=True)  # an address that is broken in two cannot be opened


def _counts(executions: QuerySet[Execution]) -> Table:
    table = Table("outcome", "executions", title="Executed", **_STYLE)
    statuses = Counter(executions.values_list("status", "resolved_by"))
    completed = sum(n for (status, _), n in statuses.items() if status == "completed")
    table.add_row("completed", str(completed))
    for who in ("workflow", "frontier", "human"):
        if n := statuses.get(("completed", who)):
            table.add_row(f"  by the {who}", str(n))
    table.add_row("escalated (wait for a person)", str(sum(n for (s, _), n in statuses.items() if s == "escalated")))
    if waiting := sum(n for (s, _), n in statuses.items() if s == "waiting"):
        table.add_row("waiting", str(waiting))
    table.add_row("failed", str(sum(n for (s, _), n in statuses.items() if s == "failed")))
    return table


def _flags(executions: QuerySet[Execution]) -> Table:
    table = Table("flag", "detector", "count", "for a person", title="Flags", **_STYLE)
    rows = Flag.objects.filter(execution__in=executions).values_list("reason", "detector", "waiting")
    kinds = Counter((reason, detector) for reason, detector, _ in rows)
    waiting = Counter((reason, detector) for reason, detector, waits in rows if waits)
    for kind, count in kinds.most_common():
        table.add_row(*kind, str(count), str(waiting[kind]))
    return table


def _money(workflow: Workflow) -> Table:
    """Two baselines side by side, each named: what a person declared, and the same tokens on the frontier model."""
    simulated = is_simulated(workflow.project, workflow)
    extent = Extent(workflow.project, workflow, simulated)
    summaries = [represent_summary(summarise(extent, method)) for method in (Method.DECLARED, Method.REPRICED_WARM)]
    label = "SIMULATED: a story, no evidence" if simulated else "unproven"
    table = Table("USD", "declared (0.84 each)", "repriced, warm cache", title=f"Costs ({label})", **_STYLE)
    for name, field in _FIGURES:
        table.add_row(name, *(_figure(summary[field]) for summary in summaries))
    return table


def _figure(value: object) -> str:
    """Rounded for reading; the API has it to the last digit."""
    return "–" if value is None else str(value) if isinstance(value, int) else f"{Decimal(value):,.2f}"
