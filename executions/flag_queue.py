"""The open flags in the order in which people should see them: what stands still first, the oldest before the others; then by
impact, which is how many are alike times what one of them costs. The page of the queue asks here.

A queue of a hundred thousand is counted in one index (`flag_alike`), by kind and not by flag; no execution is read for it.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Q, Sum

from gateway.models import Call
from wire.money import to_usd

from .models import Flag

Key = TypeVar("Key", bound=Hashable)

SAMPLE = 10  # executions, the newest of a kind, whose mean stands for what one of them costs
SAMPLED_KINDS = 200  # at once, the most frequent; of the others the cost is not known
SAMPLE_KEPT = 300  # seconds


class Alike(NamedTuple):
    """What makes two flags alike."""

    workflow: int
    step: str
    reason: str
    edge_case: str
    role: str

    @classmethod
    def of(cls, flag: Flag) -> "Alike":
        return cls(flag.workflow_id, flag.step, flag.reason, flag.edge_case, flag.role)


class Cost(NamedTuple):
    """In pico-dollars: the mean of those that have one, of one kind of money."""

    pico: int
    simulated: bool

    @property
    def text(self) -> str:
        """With two digits that say something: `0.012 USD each`."""
        places = max(2, 1 - to_usd(self.pico).adjusted()) if self.pico else 2
        return f"{to_usd(self.pico):.{places}f} USD each{', simulated' if self.simulated else ''}"


@dataclass(frozen=True)
class Kind:
    """The open flags that are alike: how many wait, how many do not, and what one of their executions has cost."""

    alike: Alike
    waiting: int
    resting: int
    cost: Cost | None = None

    @property
    def count(self) -> int:
        return self.waiting + self.resting

    @property
    def impact(self) -> tuple[int, int]:
        """Where the cost is not known, the count decides behind all that have one."""
        return self.count * (self.cost.pico if self.cost else 0), self.count


@dataclass(frozen=True)
class Filters:
    """`waiting` None: both."""

    workflows: frozenset[int] | None = None
    reason: str = ""
    waiting: bool | None = None

    def holds(self, alike: Alike) -> bool:
        return (self.workflows is None or alike.workflow in self.workflows) and self.reason in ("", alike.reason)


def open_kinds(projects: Iterable[int] | None) -> list[Kind]:
    """What is open in these projects, None: in all; with what it costs."""
    flags = Flag.objects.filter(state=Flag.State.OPEN, workflow__isnull=False)
    if projects is not None:
        flags = flags.filter(workflow__project__in=projects)
    counted = flags.order_by().values_list(*Alike._fields).annotate(waiting=Count("pk", filter=Q(waiting=True)))
    found = [(Alike(*key), waiting, count) for *key, waiting, count in counted.annotate(count=Count("pk"))]
    found.sort(key=lambda each: -each[2])
    costs = _costs([alike for alike, _, _ in found[:SAMPLED_KINDS]])
    return [Kind(alike, waiting, count - waiting, costs.get(alike)) for alike, waiting, count in found]


def _costs(kinds: Sequence[Alike]) -> dict[Alike, Cost | None]:
    """What one of each has cost so far; remembered for a while, for it hardly changes."""
    keys = {f"flag-cost:{hash(alike)}": alike for alike in kinds}
    known = cache.get_many(list(keys))
    found = {keys[key]: cost for key, (alike, cost) in known.items() if alike == keys[key]}
    if missing := [alike for alike in kinds if alike not in found]:
        sampled = _sampled(missing)
        cache.set_many({f"flag-cost:{hash(each)}": (each, sampled[each]) for each in missing}, SAMPLE_KEPT)
        found |= sampled
    return found


def _sampled(kinds: Sequence[Alike]) -> dict[Alike, Cost | None]:
    return mean_costs(_newest_executions(kinds))


def mean_costs(executions: Mapping[Key, Collection[UUID]]) -> dict[Key, Cost | None]:
    """What one of each of these has cost; in one statement."""
    ids = {each for several in executions.values() for each in several}
    calls = Call.objects.filter(execution__in=ids).order_by().values_list("execution")
    costs = {
        execution: Cost(pico, simulated)
        for execution, pico, simulated, all_calls, priced in calls.annotate(
            pico=Sum("cost"), kind=Count("pk", filter=Q(simulated=True)), calls=Count("pk"), priced=Count("cost")
        ).values_list("execution", "pico", "kind", "calls", "priced")
        if all_calls == priced
    }
    return {key: _mean([costs[each] for each in several if each in costs]) for key, several in executions.items()}


def _mean(costs: Sequence[Cost]) -> Cost | None:
    """Of real money where there is some; the two are never added."""
    real = [cost for cost in costs if not cost.simulated]
    counted = real or costs
    return Cost(sum(cost.pico for cost in counted) // len(counted), not real) if counted else None


def _newest_executions(kinds: Sequence[Alike]) -> dict[Alike, list[UUID]]:
    """One statement, which reads a few entries of the index for each kind."""
    columns = "workflow_id = %s AND step = %s AND reason = %s AND edge_case = %s AND role = %s"
    one = (
        f"SELECT * FROM (SELECT %s AS kind, execution_id FROM executions_flag WHERE state = 'open' AND {columns} "  # noqa: S608
        f"ORDER BY waiting DESC, id DESC LIMIT {SAMPLE}) AS newest"
    )
    values = [value for number, alike in enumerate(kinds) for value in (number, *alike)]
    found: dict[Alike, list[UUID]] = {alike: [] for alike in kinds}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(kinds)), values)
        for number, execution in cursor.fetchall():
            found[kinds[number]].append(UUID(str(execution)))
    return found


@dataclass
class Line:
    """The flags of these kinds in their order, a page at a time. `Filters` say which; a flag that was shown says where to go on,
    decided or not."""

    kinds: Sequence[Kind]
    filters: Filters = field(default_factory=Filters)

    @cached_property
    def wanted(self) -> list[Kind]:
        """What the filters leave, the heaviest first."""
        found = [kind for kind in self.kinds if self.filters.holds(kind.alike)]
        return sorted(found, key=lambda kind: (*(-part for part in kind.impact), kind.alike))

    @property
    def count(self) -> int:
        return self.waiting + self.resting

    @cached_property
    def waiting(self) -> int:
        return sum(kind.waiting for kind in self.wanted) if self.filters.waiting is not False else 0

    @cached_property
    def resting(self) -> int:
        return sum(kind.resting for kind in self.wanted) if self.filters.waiting is not True else 0

    def page(self, size: int, behind: Flag | None = None, *, itself: bool = False) -> list[UUID]:
        """The ids of the next so many; behind this flag, or from `itself` on."""
        found: list[UUID] = []
        at_rest = behind is not None and not behind.waiting
        if self.waiting and not at_rest:
            found = self._standing(size, behind, itself)
        if self.resting and len(found) < size:
            found += self._resting(size - len(found), behind if at_rest else None, itself)
        return found

    def _standing(self, size: int, behind: Flag | None, itself: bool) -> list[UUID]:
        flags = Flag.objects.filter(state=Flag.State.OPEN, waiting=True).filter(self._among())
        if behind:
            flags = flags.filter(pk__gte=behind.pk) if itself else flags.filter(pk__gt=behind.pk)
        return list(flags.order_by("pk").values_list("pk", flat=True)[:size])

    def _among(self) -> Q:
        """The kinds that wait, said as short as the index likes it: by workflow and reason, without what asks another role."""
        kinds = [kind.alike for kind in self.wanted if kind.waiting]
        among = Q(workflow__in={alike.workflow for alike in kinds})
        if self.filters.reason:
            among &= Q(reason=self.filters.reason)
        asked = defaultdict(set)
        for alike in kinds:
            if alike.role:
                asked[alike.role].add(alike.workflow)
        roles = Q(role="")
        for role, workflows in asked.items():
            roles |= Q(role=role, workflow__in=workflows)
        return among & roles

    def _resting(self, size: int, behind: Flag | None, itself: bool) -> list[UUID]:
        """Kind after kind, until there are enough: their counts say how many have to be asked."""
        kinds = [kind for kind in self.wanted if kind.resting]
        places = {kind.alike: number for number, kind in enumerate(kinds)}
        begins = places.get(Alike.of(behind), 0) if behind else 0
        after = behind.pk if behind and Alike.of(behind) in places else None
        asked, room = [], size
        for kind in kinds[begins:]:
            asked.append(kind.alike)
            room -= kind.resting if kind.alike != (behind and Alike.of(behind)) else 0
            if room <= 0:
                break
        return self._walk(asked, size, after, itself) if asked else []

    def _walk(self, kinds: Sequence[Alike], size: int, after: UUID | None, itself: bool) -> list[UUID]:
        """The first of each kind, in one statement; the first kind goes on behind a flag."""
        columns = "workflow_id = %s AND step = %s AND reason = %s AND edge_case = %s AND role = %s AND NOT waiting"
        parts, values = [], []
        for number, alike in enumerate(kinds):
            follows = f" AND id {'>=' if itself else '>'} %s" if after and number == 0 else ""
            parts.append(
                f"SELECT * FROM (SELECT %s AS place, id FROM executions_flag WHERE state = 'open' AND {columns}{follows} "  # noqa: S608
                "ORDER BY id LIMIT %s) AS heads"
            )
            key = [after if connection.vendor == "postgresql" else after.hex] if follows else []
            values += [number, *alike, *key, size]
        with connection.cursor() as cursor:
            cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY place, id", values)
            return [UUID(str(pk)) for _, pk in cursor.fetchall()][:size]
