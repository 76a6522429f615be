"""Ledger against provider: by day, model and kind of tokens, and by the cost of a day. Said is what each side has; what can
explain a difference is listed beside it, as facts.

It reads the ledger's rows themselves, never a sum of ours: real calls, whoever's purpose they served, and not what agents
report of their own.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta

from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from gateway.models import Call
from gateway.providers.registry import provider_of
from gateway.served import is_same_model
from gateway.types import Outcome
from projects.models import Project
from wire.money import PICO
from wire.problems import Malformed

from ..exact import Total
from ..extent import UNPRICED, midnight
from ..snapshot import snapshot
from .models import UsageImport, UsageRow
from .shapes import KINDS, counted

CENT = PICO // 100
DAY = timedelta(days=1)
MOST_DAYS = 92  # that are read at once where somebody waits for it
LATEST = 31  # days, where nobody says which
NOTHING = dict.fromkeys(KINDS, 0)
WRITES = ("cache_write_5m", "cache_write_1h")
# Calls that may have been paid, nobody knows how much: they have no tokens, and no later row says what they were.
IN_DOUBT = Q(correction=None) & (
    Q(cost_state=Call.CostState.UPPER_BOUND) | Q(cost=None, outcome__in=[Outcome.IN_DOUBT, Outcome.PROTOCOL])
)


@dataclass(frozen=True)
class Line:
    """Tokens of a model on a day; None: this side has none. `tolerance` is of each kind."""

    day: date
    model: str
    ledger: dict[str, int] | None
    provider: dict[str, int] | None
    tolerance: int = 0

    @property
    def difference(self) -> dict[str, int]:
        """What the ledger has more."""
        ledger, provider = self.ledger or NOTHING, self.provider or NOTHING
        return {kind: ledger[kind] - provider[kind] for kind in KINDS}

    @property
    def matches(self) -> bool:
        return all(abs(one) <= self.tolerance for one in self.difference.values())

    @property
    def state(self) -> str:
        if self.matches:
            return "matches"
        if self.ledger is None:
            return "provider_only"
        return "ledger_only" if self.provider is None else "differs"


@dataclass(frozen=True)
class CostLine:
    """Pico-dollars of a day. `unpriced`: calls that the ledger has no price of. `other`: what the provider wants for what
    are no tokens; it is not in `provider`. Providers round what they state: a difference below a cent is none."""

    day: date
    ledger: int
    unpriced: int
    provider: int
    other: int

    @property
    def difference(self) -> int:
        return self.ledger - self.provider

    @property
    def matches(self) -> bool:
        return abs(self.difference) < CENT

    @property
    def state(self) -> str:
        return "matches" if self.matches else "differs"


@dataclass(frozen=True)
class Doubted:
    """Calls in doubt, in neither side's tokens for certain. `bound`: pico-dollars at most; None where one has no price."""

    day: date
    model: str
    calls: int
    bound: int | None


@dataclass(frozen=True)
class Comparison:
    """`days`: those of which the provider's figures are here. `over_midnight`: calls that began on the day before the one
    they ended on, by that day: the provider may count them on the other one."""

    project: Project
    provider: str
    days: list[date]
    lines: list[Line] = field(default_factory=list)
    costs: list[CostLine] = field(default_factory=list)
    doubted: list[Doubted] = field(default_factory=list)
    over_midnight: dict[date, int] = field(default_factory=dict)
    token_days: list[date] = field(default_factory=list)  # of which tokens are here; costs are of those of `costs`

    @property
    def differing(self) -> list[Line]:
        return [line for line in self.lines if not line.matches]

    @property
    def differing_costs(self) -> list[CostLine]:
        return [line for line in self.costs if not line.matches]

    @property
    def agrees(self) -> bool:
        return not self.differing and not self.differing_costs

    @property
    def agreed_until(self) -> date | None:
        """The last day up to which every day, from the first one on, is here and agrees."""
        wrong = {line.day for line in (*self.differing, *self.differing_costs)}
        until = None
        for day in self.days:
            if day in wrong or (until and day != until + DAY):
                break
            until = day
        return until

    @property
    def totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """Of the ledger, and of the provider."""
        sides = ([line.ledger for line in self.lines], [line.provider for line in self.lines])
        ledger, provider = ({kind: sum(one[kind] for one in side if one) for kind in KINDS} for side in sides)
        return ledger, provider


def compare(
    project: Project,
    provider: str,
    since: date | None = None,
    until: date | None = None,
    tolerance: int = 0,
    most: int | None = None,
) -> Comparison:
    """Of the imported days from `since` until before `until`, None: all there are. Raises `Malformed` where these are more
    than `most`."""
    with snapshot():
        said = {kind: counting(project, provider, kind, since, until) for kind in UsageImport.Kind}
        days = sorted({day for one in said.values() for day in one})
        if not days:
            return Comparison(project, provider, [])
        if most and len(days) > most:
            raise Malformed(f"At most {most} days are compared at once: say since and until.")
        calls = _calls(project, provider, days[0], days[-1])
        tokens, costs = (said[kind] for kind in (UsageImport.Kind.TOKENS, UsageImport.Kind.COSTS))
        return Comparison(
            project,
            provider,
            days,
            lines=list(_lines(project, provider, _tokens(calls, tokens), _rows(tokens), tolerance)),
            costs=list(_costs(calls, costs)),
            doubted=[one for one in _doubted(calls) if one.day in days],
            over_midnight={day: count for day, count in _over_midnight(calls) if day in days},
            token_days=sorted(tokens),
        )


def latest(project: Project, provider: str | None, since: date | None, until: date | None) -> list[Comparison]:
    """Of each provider of which something was imported, or of this one, the days from `since` until before `until`; by
    default the 31 that end with the last imported one. Raises `Malformed` for more than 92."""
    imports = UsageImport.objects.filter(project=project)
    if provider:
        imports = imports.filter(provider=provider)
    found = []
    for name, last_day in imports.values_list("provider").annotate(last=Max("last_day")).order_by("provider"):
        end = until or last_day + DAY
        start = since or end - timedelta(days=min(LATEST, (end - date.min).days))
        found.append(compare(project, name, start, end, most=MOST_DAYS))
    return found


def counting(
    project: Project, provider: str, kind: str, since: date | None, until: date | None
) -> dict[date, UsageImport]:
    """Of each day the import that counts: the last one that speaks of it."""
    imports = UsageImport.objects.filter(project=project, provider=provider, kind=kind)
    if since:
        imports = imports.filter(last_day__gte=since)
    if until:
        imports = imports.filter(first_day__lt=until)
    found: dict[date, UsageImport] = {}
    for one in imports.order_by("imported_at", "pk"):
        days = map(date.fromisoformat, one.days)
        found |= {day: one for day in days if (not since or since <= day) and (not until or day < until)}
    return found


def _rows(latest: dict[date, UsageImport]) -> list[UsageRow]:
    if not latest:
        return []
    imports = {one.pk for one in latest.values()}
    rows = UsageRow.objects.filter(usage_import__in=imports, day__range=(min(latest), max(latest)))
    return [row for row in rows if row.day in latest and latest[row.day].pk == row.usage_import_id]


def _calls(project: Project, provider: str, first: date, last: date) -> QuerySet[Call]:
    calls = Call.objects.filter(project=project.pk, provider=provider, simulated=False, reported=False)
    within = calls.filter(finished_at__gte=midnight(first), finished_at__lt=midnight(last + DAY))
    return within.annotate(day=TruncDate("finished_at", tzinfo=UTC)).order_by()


def _tokens(calls: QuerySet[Call], days: dict[date, UsageImport]) -> dict[tuple[date, str], dict[str, int]]:
    """Of the ledger, by day and by the model that answered."""
    sums = {f"sum_{kind}": Total(kind) for kind in ("input", "cache_read", *WRITES, "output")}
    found: dict[tuple[date, str], dict[str, int]] = defaultdict(NOTHING.copy)
    for row in calls.values("day", "model_planned", "model_served").annotate(**sums):
        said = found[row["day"], row["model_served"] or row["model_planned"]]
        for kind in ("input", "cache_read", "output"):
            said[kind] += row[f"sum_{kind}"]
        said["cache_write"] += sum(row[f"sum_{kind}"] for kind in WRITES)
    return {(day, model): said for (day, model), said in found.items() if day in days and any(said.values())}


def _lines(
    project: Project,
    provider: str,
    ledger: dict[tuple[date, str], dict[str, int]],
    rows: list[UsageRow],
    tolerance: int,
) -> list[Line]:
    theirs: dict[tuple[date, str], dict[str, int]] = defaultdict(NOTHING.copy)
    for row in rows:
        for kind, count in counted(row).items():
            if count:
                theirs[row.day, row.model][kind] += count
    names = _names(project, provider, {model for _, model in ledger}, {model for _, model in theirs})
    ours: dict[tuple[date, str], dict[str, int]] = defaultdict(NOTHING.copy)
    for (day, model), said in ledger.items():
        total = ours[day, names[model]]
        for kind in KINDS:
            total[kind] += said[kind]
    return [Line(*key, ours.get(key), theirs.get(key), tolerance) for key in sorted({*ours, *theirs})]


def _names(project: Project, provider: str, ours: set[str], theirs: set[str]) -> dict[str, str]:
    """Each model of the ledger → what the provider calls it. By the rule that says who answered a call; where that fits
    several, none of them is meant for certain, and it keeps its name."""
    known = provider_of(project.pk, provider)

    def same(one: str, other: str) -> bool:
        return is_same_model(one, other, known.price_list, known.aliases)

    names = {}
    for model in ours:
        fit = [model] if model in theirs else [one for one in theirs if same(model, one) or same(one, model)]
        names[model] = fit[0] if len(fit) == 1 else model
    return names


def _costs(calls: QuerySet[Call], latest: dict[date, UsageImport]) -> list[CostLine]:
    """A call in doubt counts nothing here, and its correction what it cost."""
    paid = calls.exclude(IN_DOUBT).exclude(cost_state=Call.CostState.UPPER_BOUND)
    paid = paid.annotate(paid=F("cost") + Coalesce(F("corrects__cost"), 0))
    sums = paid.values("day").annotate(total=Total("paid"), unpriced=Count("pk", filter=UNPRICED))
    ours = {row["day"]: (row["total"], row["unpriced"]) for row in sums}
    theirs = {day: [0, 0] for day in latest}
    for row in _rows(latest):
        theirs[row.day][0] += row.cost
        theirs[row.day][1] += row.other_cost
    return [CostLine(day, *ours.get(day, (0, 0)), *theirs[day]) for day in sorted(theirs)]


def _doubted(calls: QuerySet[Call]) -> list[Doubted]:
    rows = calls.filter(IN_DOUBT).values("day", "model_planned")
    sums = rows.annotate(made=Count("pk"), bounded=Count("cost"), bound=Total("cost")).order_by("day", "model_planned")
    return [
        Doubted(row["day"], row["model_planned"], row["made"], row["bound"] if row["made"] == row["bounded"] else None)
        for row in sums
    ]


def _over_midnight(calls: QuerySet[Call]) -> list[tuple[date, int]]:
    begun = calls.annotate(begun=TruncDate("intended_at", tzinfo=UTC)).exclude(begun=F("day"))
    return list(begun.values("day").annotate(made=Count("pk")).order_by("day").values_list("day", "made"))
