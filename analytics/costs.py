"""The cost summary of a workflow or a project: takes the figures of a source, day by day, and says what they come to.

A source is `cells.Cells`, which every report reads, or `ledger.Ledger`, which proves it. Money is whole pico-dollars
until it is a figure of a summary. The edges render what `summarise` returns.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Q, QuerySet

from gateway.providers import registry
from projects.models import Project
from shadows.models import Subject
from wire.money import to_usd
from workflows.models import Publication, Version, Workflow

from . import baselines
from .cells import Cells
from .extent import Extent
from .ledger import Ledger
from .measuring import Measured, Measuring
from .rates import Rates, Reported
from .reading import Reading
from .savings import Balance, paid_back_on
from .snapshot import snapshot

MAX_OVERRIDES = 20  # that a summary names


class Override(NamedTuple):
    """That somebody published a version without a verdict that passed, and why."""

    workflow: str
    version: str
    by: str
    reason: str


class Lacking(NamedTuple):
    """`unproven` of so many `workflows`: no verdict stands behind what is live, or nothing is live."""

    unproven: int
    workflows: int


@dataclass(frozen=True)
class Summary:
    """The figures of an extent. `balance` is of its days, `to_date` of everything until their end, `days` of each day until then
    on which anything was paid, designed or completed."""

    extent: Extent
    method: baselines.Method
    model: str | None
    balance: Balance
    to_date: Balance
    paid_back_on: date | None
    baseline_unpriced: int
    rates: Rates
    reported: Reported
    unproven: bool
    overridden: list[Override]
    cache_savings: Decimal | None
    batch_savings: Decimal | None
    days: dict[date, Balance]
    lacking: Lacking | None = None
    measured: Measured | None = None  # under that method


def summarise(
    extent: Extent,
    method: baselines.Method | None = None,
    source: type[Cells] | type[Ledger] = Cells,
    subject: Subject | None = None,
) -> Summary:
    """As of one moment. Without a method, the one in force for the workflow. `subject` is of the method measured."""
    with snapshot():
        return summarise_from(extent, method or baselines.method_of(extent.workflow), source(extent.to_date), subject)


def is_simulated(project: Project, workflow: Workflow | None) -> bool:
    """Which kind is meant where nobody says: the real one as soon as there is anything real, the other where that alone is there.
    Before there is anything, that of the project, and of the models of its tiers."""
    with snapshot():
        for extent in (Extent(project, workflow, simulated) for simulated in (False, True)):
            if Reading(extent).exists():
                return extent.simulated
        return is_simulated(project, None) if workflow else _plays(project)


def _plays(project: Project) -> bool:
    """Whether it has models that tell a story, and none that is real."""
    targets = project.tier_map().values()
    return bool(targets) and all(registry.is_simulated(project.pk, target) for target in targets)


def summarise_from(
    extent: Extent, method: baselines.Method, source: Cells | Ledger, subject: Subject | None = None
) -> Summary:
    """For whoever has a snapshot and a source of its own: of the extent to date, or of more days."""
    if method == baselines.Method.MEASURED:
        return _by_shadows(extent, source, Measuring(source, subject, extent))
    return _of_days(extent, method, source, source.all_frontier(method))


def _by_shadows(extent: Extent, source: Cells | Ledger, measuring: Measuring) -> Summary:
    """The figure of the window is that of the window's own shadows; how savings went is followed at the mean to date."""
    summary = _of_days(extent, baselines.Method.MEASURED, source, measuring.days())
    measured = measuring.measured(extent)
    to_date = measured.cost if extent.since is None else measuring.cost(extent.to_date)
    return replace(
        summary,
        model=measured.model,
        measured=measured,
        baseline_unpriced=measured.without,
        balance=replace(summary.balance, if_all_frontier=_usd(measured.cost)),
        to_date=replace(summary.to_date, if_all_frontier=_usd(to_date)),
    )


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else to_usd(pico)


def _of_days(extent: Extent, method: baselines.Method, source: Cells | Ledger, all_frontier: baselines.Days) -> Summary:
    days, lacking = _balances(extent.to_date, source, all_frontier), _lacking(extent)
    return Summary(
        extent=extent,
        method=method,
        model=baselines.stated_model(extent)
        or source.pinned_model(extent)
        or extent.project.tier_map().get("frontier"),
        balance=sum((balance for day, balance in days.items() if extent.covers(day)), Balance()),
        to_date=sum(days.values(), Balance()),
        paid_back_on=paid_back_on(days),
        baseline_unpriced=sum(one.unpriced for day, one in all_frontier.items() if extent.covers(day)),
        rates=source.rates(extent),
        reported=source.reported(extent),
        unproven=lacking.unproven > 0,
        overridden=_overridden(extent),
        cache_savings=source.cache_savings(extent),
        batch_savings=source.batch_savings(extent),
        days=days,
        lacking=lacking,
    )


def _balances(extent: Extent, source: Cells | Ledger, all_frontier: baselines.Days) -> dict[date, Balance]:
    """One balance for each UTC day on which anything was paid, designed or completed."""
    costs: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    unpriced: dict[date, int] = defaultdict(int)
    for day, account, pico, without_price in source.accounts():
        costs[day][account] += pico
        unpriced[day] += without_price
    for day, declared in declared_designs(extent):
        costs[day]["design_declared"] += declared
    completed = source.completed()
    return {
        day: Balance(
            **{account: to_usd(pico) for account, pico in costs[day].items()},
            if_all_frontier=all_frontier[day].usd,
            completed=completed.get(day, 0),
            unpriced_calls=unpriced[day],
        )
        for day in {*costs, *completed, *all_frontier}
        if extent.covers(day)
    }


def declared_designs(extent: Extent) -> list[tuple[date, int]]:
    """What people say that designing cost, by the day of the design. It stands in both kinds of summary, labelled
    *declared*: it is a statement, neither paid through the ledger nor simulated."""
    return [(day, version.design_cost) for version, day in declared_versions(extent)]


def declared_versions(extent: Extent) -> list[tuple[Version, date]]:
    """The versions themselves, each with the day of its design."""
    mine = Q(workflow=extent.workflow) if extent.workflow else Q(workflow__project=extent.project)
    versions = Version.objects.filter(mine, design_cost__isnull=False).select_related("workflow")
    versions = versions.only("number", "designed_at", "created_at", "design_cost", "workflow__name")
    dated = ((one, (one.designed_at or one.created_at).astimezone(UTC).date()) for one in versions)
    return [(version, day) for version, day in dated if extent.covers(day)]


def _lacking(extent: Extent) -> Lacking:
    """Of one workflow, or of those of a project that are not archived. Where nothing is live there is nothing to prove."""
    lives = _lives(extent) if extent.workflow else _lives(extent).filter(archived_at=None)
    without = Q(live__evidence=Publication.Evidence.NONE)
    return Lacking(*lives.aggregate(of=Count("pk", filter=without), all=Count("live")).values())


def _overridden(extent: Extent) -> list[Override]:
    """What is live although no verdict passed, by name."""
    rows = _lives(extent).filter(live__evidence=Publication.Evidence.OVERRIDDEN).order_by("name")
    said = rows.values_list("name", "live__version__number", "live__published_by", "live__reason")
    return [Override(*row) for row in said[:MAX_OVERRIDES]]


def _lives(extent: Extent) -> QuerySet[Workflow]:
    workflows = extent.project.workflows.all()
    return workflows.filter(pk=extent.workflow.pk) if extent.workflow else workflows
