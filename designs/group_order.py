"""Groups in the order in which they are worth deciding: how many flags wait in one, times what one of their executions costs,
times what it means that they wait. The lists of groups ask here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Q, QuerySet

from executions.flag_queue import SAMPLE, SAMPLE_KEPT, Cost, mean_costs
from executions.models import UNDECIDED, Flag
from workflows.models import Workflow

from .models import Group, Member

STANDING = 2  # what a flag weighs for which an execution stands still; any other weighs 1
MOST = 1_000  # groups of a list
SAMPLED = 200  # of them, those with the most flags; of the others the cost is not known


@dataclass(frozen=True)
class Weighed:
    """A group and its flags: `flags` are all there ever were, `standing` those of the undecided for which an execution stands
    still. `cost` is what one of their executions has cost so far."""

    group: Group
    flags: int
    open: int
    in_redesign: int
    standing: int
    cost: Cost | None = None

    @property
    def state(self) -> Group.State:
        if self.open:
            return Group.State.OPEN
        return Group.State.IN_REDESIGN if self.in_redesign else Group.State.CLOSED

    @property
    def undecided(self) -> int:
        return self.open + self.in_redesign

    @property
    def weight(self) -> int:
        return self.undecided + (STANDING - 1) * self.standing

    @property
    def impact(self) -> tuple[int, int]:
        """Where the cost is not known, the weight decides behind all that have one."""
        return self.weight * (self.cost.pico if self.cost else 0), self.weight

    @property
    def reason(self) -> str:
        """Why it stands where it does, in words."""
        if not self.undecided:
            return "Nothing of it is undecided."
        said = f"{_several(self.undecided, 'undecided flag')} × {self.cost.text if self.cost else 'an unknown cost'}"
        if not self.standing:
            return f"{said}; no execution stands still for them."
        return f"{said}; an execution stands still for {self.standing} of them, which count twice."


def listed(workflows: QuerySet[Workflow] | Sequence[Workflow], state: str = "") -> list[Weighed]:
    """The groups of these workflows in this state, the most worth deciding first; by default those that are not closed. Closed
    ones, the newest first."""
    if state == Group.State.CLOSED:
        found = Group.objects.filter(workflow__in=workflows).closed().order_by("-latest")[:MOST]
        return [Weighed(group, count, 0, 0, 0) for group, count in _with_counts(_read(found))]
    counted = _undecided(Member.objects.filter(group__workflow__in=workflows))
    rows = [row for row in counted if not state or _state(row) == state]
    rows.sort(key=lambda row: (-(row["undecided"] + row["standing"]), row["group"]))
    return sorted(_weighed(rows[:MOST]), key=_place)


def weighed(group: Group) -> Weighed:
    """One group."""
    rows = list(_undecided(Member.objects.filter(group=group)))
    return _weighed(rows)[0] if rows else Weighed(group, group.members.count(), 0, 0, 0)


def _place(one: Weighed) -> tuple:
    return (one.state != Group.State.OPEN, *(-part for part in one.impact), one.group.pk)


def _undecided(members: QuerySet[Member]) -> QuerySet:
    """By group: how many flags are undecided, open, and stood still for. Read from the flags that are undecided."""
    rows = members.filter(flag__state__in=UNDECIDED).order_by().values("group")
    return rows.annotate(
        undecided=Count("pk"),
        open=Count("pk", filter=Q(flag__state=Flag.State.OPEN)),
        standing=Count("pk", filter=Q(flag__waiting=True)),
    )


def _state(row: dict) -> Group.State:
    return Group.State.OPEN if row["open"] else Group.State.IN_REDESIGN


def _weighed(rows: Sequence[dict]) -> list[Weighed]:
    by_id = {row["group"]: row for row in rows}
    costs = _costs([row["group"] for row in rows[:SAMPLED]])
    found = []
    for group, count in _with_counts(_read(Group.objects.filter(pk__in=list(by_id)))):
        row = by_id[group.pk]
        resting = row["undecided"] - row["open"]
        found.append(Weighed(group, count, row["open"], resting, row["standing"], costs.get(group.pk)))
    return found


def _read(groups: QuerySet[Group]) -> QuerySet[Group]:
    return groups.select_related("workflow__project")


def _with_counts(groups: Iterable[Group]) -> list[tuple[Group, int]]:
    groups = list(groups)
    rows = Member.objects.filter(group__in=[group.pk for group in groups]).order_by().values_list("group")
    counts = dict(rows.annotate(count=Count("pk")))
    return [(group, counts.get(group.pk, 0)) for group in groups]


def _costs(groups: Sequence[UUID]) -> dict[UUID, Cost | None]:
    """What one execution of each has cost so far; remembered for a while, for it hardly changes."""
    known = cache.get_many([f"group-cost:{pk}" for pk in groups])
    found = {pk: known[f"group-cost:{pk}"] for pk in groups if f"group-cost:{pk}" in known}
    if missing := [pk for pk in groups if pk not in found]:
        sampled = mean_costs(_newest_executions(missing))
        cache.set_many({f"group-cost:{pk}": cost for pk, cost in sampled.items()}, SAMPLE_KEPT)
        found |= sampled
    return found


def _newest_executions(groups: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """One statement, which reads a few entries of the index for each group."""
    one = (
        "SELECT * FROM (SELECT %s AS place, flag.execution_id FROM designs_member AS member "  # noqa: S608
        "JOIN executions_flag AS flag ON flag.id = member.flag_id WHERE member.group_id = %s "
        f"ORDER BY member.flag_id DESC LIMIT {SAMPLE}) AS newest"
    )
    keys = groups if connection.vendor == "postgresql" else [pk.hex for pk in groups]
    found: dict[UUID, list[UUID]] = {pk: [] for pk in groups}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(keys)), [value for pair in enumerate(keys) for value in pair])
        for place, execution in cursor.fetchall():
            found[groups[place]].append(UUID(str(execution)))
    return found


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
