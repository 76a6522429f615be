"""The cost summary of a workflow or a project: collects what the ledger and the executions' history say, day by day.

SQL only adds whole pico-dollars and counts; prices are multiplied in Python. The edges render what `summarise` returns.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal

from django.db.models import Case, CharField, Count, Q, Sum, Value, When
from django.db.models.functions import TruncDate

from gateway.models import Call
from gateway.types import Purpose
from projects.models import Project
from wire.money import to_usd
from workflows.models import Publication, Version, Workflow

from . import baselines, discounts
from .extent import UNPRICED, Extent
from .rates import Rates, rates_of
from .savings import Balance, paid_back_on


@dataclass(frozen=True)
class Summary:
    """The figures of an extent. `balance` is of its days, `to_date` of everything until their end."""

    extent: Extent
    method: baselines.Method
    model: str | None
    balance: Balance
    to_date: Balance
    paid_back_on: date | None
    baseline_unpriced: int
    rates: Rates
    reported: int
    unproven: bool
    cache_savings: Decimal | None
    batch_savings: Decimal | None


def summarise(extent: Extent, method: baselines.Method | None = None) -> Summary:
    """Without a method, the one in force for the workflow."""
    method = method or baselines.method_of(extent.workflow)
    all_frontier = baselines.all_frontier(extent.to_date, method)
    days = _balances(extent.to_date, all_frontier)
    return Summary(
        extent=extent,
        method=method,
        model=baselines.model_of(extent),
        balance=sum((balance for day, balance in days.items() if extent.covers(day)), Balance()),
        to_date=sum(days.values(), Balance()),
        paid_back_on=paid_back_on(days),
        baseline_unpriced=sum(one.unpriced for day, one in all_frontier.items() if extent.covers(day)),
        rates=rates_of(extent),
        reported=extent.ledger().filter(extent.within("finished_at"), reported=True).count(),
        unproven=_is_unproven(extent),
        cache_savings=discounts.cache_savings(extent.calls()),
        batch_savings=discounts.batch_savings(extent.calls()),
    )


def is_simulated(project: Project, workflow: Workflow | None) -> bool:
    """Which kind is meant where nobody says: the real one as soon as there is anything real."""
    real = Extent(project, workflow, simulated=False)
    return not (real.executions().exists() or real.ledger().exists())


def _balances(extent: Extent, all_frontier: baselines.Days) -> dict[date, Balance]:
    """One balance for each UTC day on which anything was paid, designed or completed."""
    days: dict[date, Balance] = defaultdict(Balance)
    for day, account, cost, unpriced in _accounts(extent):
        days[day] += Balance(**{account: to_usd(cost or 0)}, unpriced_calls=unpriced)
    for day, declared in _declared_designs(extent):
        days[day] += Balance(design_declared=to_usd(declared))
    completed = extent.completed().annotate(day=TruncDate("finished_at", tzinfo=UTC))
    for day, count in completed.values("day").annotate(count=Count("pk")).values_list("day", "count"):
        days[day] += Balance(completed=count)
    for day, one in all_frontier.items():
        days[day] += Balance(if_all_frontier=one.usd)
    return days


def _accounts(extent: Extent) -> list[tuple[date, str, int | None, int]]:
    """(day, field of a balance, pico-dollars, unpriced calls).

    A call in doubt, whatever it was for, stands apart together with the row that corrects it: both add up to the truth.
    What a trial costs is money that tests a draft, so it is evaluation: as execution cost it would make the published
    version look dearer than it is, and it completes nothing that all-frontier would have had to pay.
    """
    account = Case(
        When(Q(cost_state=Call.CostState.UPPER_BOUND) | Q(corrects__isnull=False), then=Value("in_doubt_cost")),
        When(purpose__in=[Purpose.DESIGN, Purpose.REDESIGN], then=Value("design_measured")),
        When(purpose__in=[Purpose.EVALUATION, Purpose.JUDGE], then=Value("evaluation_cost")),
        When(purpose=Purpose.SHADOW, then=Value("shadow_cost")),
        When(execution__in=extent.trials().values("pk"), then=Value("evaluation_cost")),
        default=Value("execution_cost"),
        output_field=CharField(),
    )
    calls = extent.calls().annotate(day=TruncDate("finished_at", tzinfo=UTC), account=account)
    sums = calls.values("day", "account").annotate(total=Sum("cost"), unpriced=Count("pk", filter=UNPRICED))
    return list(sums.values_list("day", "account", "total", "unpriced"))


def _declared_designs(extent: Extent) -> list[tuple[date, int]]:
    """What people say that designing cost, by the day of the design. It stands in both kinds of summary, labelled
    *declared*: it is a statement, neither paid through the ledger nor simulated."""
    mine = Q(workflow=extent.workflow) if extent.workflow else Q(workflow__project=extent.project)
    versions = Version.objects.filter(mine, design_cost__isnull=False)
    designed = ((version.designed_at or version.created_at, version.design_cost) for version in versions)
    dated = ((moment.astimezone(UTC).date(), cost) for moment, cost in designed)
    return [(day, cost) for day, cost in dated if extent.covers(day)]


def _is_unproven(extent: Extent) -> bool:
    """No verdict stands behind what is live, or, for a project, behind one of its workflows."""
    workflows = extent.project.workflows.all()
    if extent.workflow:
        workflows = workflows.filter(pk=extent.workflow.pk)
    return workflows.filter(Q(live=None) | Q(live__evidence=Publication.Evidence.NONE)).exists()
