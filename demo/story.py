"""The demo's content as rows, and its report as tables. What it shows of scripted models is a story, never evidence."""

import tomllib
from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from rich.console import Console
from rich.table import Column, Table

from analytics.baselines import Method
from analytics.costs import is_simulated, summarise
from analytics.extent import Extent
from analytics.representation import represent_summary
from designs import spending
from designs.group_models import Group
from designs.group_order import Weighed
from designs.models import Design
from executions import estimates, queue
from executions.models import FINAL, Execution, Flag, Status
from projects import keys
from projects.models import Project, TierModel, Tool
from wire.money import to_pico, to_usd
from workflows.definition import Definition
from workflows.models import Budget, Version, Workflow

from .loop import BY, CONTENT

_STYLE = {"title_justify": "left", "title_style": "bold"}
_FIGURES = [
    ("evaluation, paid once", "evaluation_cost"),
    ("execution", "execution_cost"),
    ("total", "total_cost"),
    ("if all frontier", "if_all_frontier"),
    ("savings", "savings"),
    ("savings, percent", "savings_percent"),
    ("executions that pay it back", "payback_executions"),
]
BY_MODEL = "The model says that this is not covered: "
SAID, MORE_GROUPS = 60, 3  # characters; rows
STANDING = (*FINAL, Status.ESCALATED)  # where nothing moves unless a person does something
TOOLS = ("support.customer", "support.activity", "support.deliver")
DECLARED_BASELINE = Decimal("0.84")  # USD for a ticket when every call went to the frontier
SCRIPTED = {
    "cheap": ("scripted", "claude-haiku-5-5"),
    "standard": ("scripted", "claude-sonnet-5-5"),
    "frontier": ("scripted", "claude-opus-5-5"),
}


def messages(name: str = "messages") -> list[dict]:
    """`later`: what comes in the week after."""
    with (CONTENT / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)["message"]


def input_of(message: dict) -> dict:
    """What an execution gets of a message: never its comment, nor what is expected of it."""
    return {key: value for key, value in message.items() if key not in ("comment", "expect")}


@transaction.atomic
def establish(tiers: dict[str, tuple[str, str]]) -> Project:
    """A new project with the tools of the support desk: the ledger of an earlier run stays as it is."""
    project = keys.establish(_free_name(), BY)
    for tier, (provider, model) in tiers.items():
        TierModel.objects.filter(project=project, tier=tier).update(provider=provider, model=model)
    for tool in TOOLS:
        Tool.objects.create(project=project, name=tool)
    return project


def state_baseline(workflow: Workflow) -> None:
    workflow.state_baseline(
        BY,
        method=Method.DECLARED,
        model=workflow.project.tier_map()["frontier"],
        cost_per_execution=to_pico(DECLARED_BASELINE),
        valid_from=workflow.created_at,
        stated_by="demo: fourteen calls of the dearest model for each ticket",
    )


def _free_name() -> str:
    """demo, demo-2, demo-3, …"""
    names = set(Project.objects.filter(name__startswith="demo").values_list("name", flat=True))
    number = next(n for n in range(1, len(names) + 2) if _name(n) not in names)
    return _name(number)


def _name(number: int) -> str:
    return "demo" if number == 1 else f"demo-{number}"


def limit(project: Project, usd: Decimal) -> None:
    """What the demo may cost at most: a budget of its project, like any other."""
    Budget.objects.create(project=project, period=Budget.Period.TOTAL, cap=to_pico(usd), stated_by="demo")


def expected_cost(version: Version, several: list[dict]) -> int | None:
    """Pico-dollars for these messages; None where a model of the workflow has no price."""
    return estimates.estimate(version, None, [input_of(message) for message in several]).expected


def submit(workflow: Workflow, message: dict) -> Execution:
    """On what is live."""
    return queue.submit(workflow.live.version, workflow.live, input_of(message), actor="demo")


def executions(workflow: Workflow) -> QuerySet[Execution]:
    """Of messages: those of an evaluation are none."""
    return Execution.objects.filter(workflow=workflow, purpose=Execution.Purpose.PRODUCTION)


def parked(executions: QuerySet[Execution]) -> QuerySet[Execution]:
    """Those that wait until a person raises the budget."""
    return executions.filter(status=Status.WAITING, waiting_for="budget", resume_at=None)


def steps_table(version: Version) -> Table:
    table = Table("step", "kind", "on", "task", title="Designed once", **_STYLE)
    tier_map = version.tiers()
    for number, step in enumerate(Definition.model_validate(version.definition).steps, 1):
        on = tier_map[step.tier] if step.kind == "model" else getattr(step, "tool", "code")
        table.add_row(f"{number:2} {step.id}", step.kind, on, getattr(step, "task", None) or "")
    return table


def groups_table(several: Sequence[Weighed], chosen: Collection[Group]) -> Table:
    """`chosen`: those that are redesigned."""
    table = Table(
        Column("group of flags", no_wrap=True, max_width=46),
        "flags",
        "waiting",
        "redesign",
        title="Flagged alike",
        **_STYLE,
    )
    shown = [one for one in several if one.group in chosen] + [one for one in several if one.group not in chosen]
    for one in shown[: len(chosen) + MORE_GROUPS]:
        said = f"{_subject(one.group)}: {(one.group.text or '').removeprefix(BY_MODEL)}"
        table.add_row(said[:SAID], str(one.undecided), str(one.standing), "yes" if one.group in chosen else "")
    if left := len(shown) - len(chosen) - MORE_GROUPS:
        table.add_row(f"and {left} more", "", "", "")
    return table


def _subject(group: Group) -> str:
    """Of the first ticket of the group."""
    return (group.first.execution.input or {}).get("subject", "(none)")


def outcome_tables(workflow: Workflow) -> list[Table]:
    return [_counts(executions(workflow)), _flags(executions(workflow))]


def flagged(several: Collection[Execution]) -> int:
    """How many of these have a flag."""
    ids = [one.pk for one in several]
    return Flag.objects.filter(execution__in=ids).values("execution").distinct().count()


def print_report(console: Console, workflow: Workflow) -> None:
    console.print(_money(workflow))
    base = f"http://{settings.HOST}:{settings.PORT}"
    for line in (
        f"\nThe project is [bold]{workflow.project}[/]. Look at it: start [bold]make run[/], then open",
        f"  admin    {base}/admin/ (make run prints its password, once)",
        f"  savings  {base}{reverse('reports:workflow', args=[workflow.project.name, workflow.name])}",
        f"  API      {base}/api/v1/workflows/{workflow.name}/costs",
        f"  a key    .venv/bin/python manage.py create_api_key --project {workflow.project}\n",
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
    label = "unproven" if summaries[0]["unproven"] else "real money"
    label = "SIMULATED: a story, no evidence" if simulated else label
    table = Table("USD", "declared (0.84 each)", "repriced, warm cache", title=f"Costs ({label})", **_STYLE)
    for kind in Design.Kind.values:
        spent = to_usd(sum(spending.spent(one) for one in workflow.designs.filter(kind=kind)))
        table.add_row(f"{kind}, paid once", *[_figure(spent)] * len(summaries))
    for name, field in _FIGURES:
        table.add_row(name, *(_figure(summary[field]) for summary in summaries))
    return table


def _figure(value: object) -> str:
    """Rounded for reading; the API has it to the last digit."""
    return "–" if value is None else str(value) if isinstance(value, int) else f"{Decimal(value):,.2f}"
