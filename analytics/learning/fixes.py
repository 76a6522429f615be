"""Flags that a publication closed, because its version lists them: what a redesign was to end, and whether it did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from designs.group_models import Group, Member
from executions.models import Execution, Flag
from workflows.models import Publication, Version

from ..extent import Extent
from ..latency import nearest_rank

MOST = 100  # versions with a list that are looked at: the newest


class Closing(NamedTuple):
    """A publication of a version that lists flags. `number`: of the version."""

    version: int
    number: str
    at: datetime


@dataclass(frozen=True)
class Fix:
    """A flag that a publication closed. `execution`: whose flag it is; `successor`: what that was run again as."""

    flag: UUID
    flagged_at: datetime
    execution: UUID
    successor: UUID | None
    closing: Closing

    @property
    def seconds(self) -> int:
        """From the flag to the publication."""
        return round((self.closing.at - self.flagged_at).total_seconds())


@dataclass(frozen=True)
class Recurrence:
    """A group that was flagged again after `closing`, the first publication that was to end it: so often, and when last."""

    group: Group
    closing: Closing
    flags: int
    latest_at: datetime


@dataclass(frozen=True)
class TimeToFix:
    """Of the flags that were closed, in seconds; and those that wait now for a version that closes them."""

    flags: int
    p50: int | None
    p95: int | None
    waiting: int
    oldest: datetime | None


def fixes(extent: Extent) -> list[Fix]:
    """Of flags of production, closed on any day."""
    listing = _listing(extent)
    told = {"state": Flag.State.RESOLVED, "resolution": Flag.Resolution.REDESIGN}
    flags = _production(extent).filter(pk__among=set(listing), **told).order_by("pk")
    found = []
    for flag, resolved_at, *columns in flags.values_list(
        "pk", "resolved_at", "created_at", "execution", "execution__superseded_by"
    ):
        if before := [closing for closing in listing[flag] if closing.at <= resolved_at]:
            found.append(Fix(flag, *columns, closing=before[-1]))
    return found


def _listing(extent: Extent) -> dict[UUID, list[Closing]]:
    """By flag: the publications of versions that list it, the oldest first."""
    versions = Version.objects.filter(workflow=extent.workflow, resolves__isnull=False).order_by("-pk")
    lists = {pk: (number, resolves) for pk, number, resolves in versions.values_list("pk", "number", "resolves")[:MOST]}
    published = Publication.objects.filter(version__in=list(lists)).order_by("published_at", "pk")
    found: dict[UUID, list[Closing]] = defaultdict(list)
    for version, at in published.values_list("version", "published_at"):
        number, resolves = lists[version]
        for flag in resolves or ():
            found[UUID(flag)].append(Closing(version, number, at))
    return found


def recurrences(extent: Extent, fixed: Iterable[Fix]) -> tuple[list[Recurrence], int]:
    """Groups of which a flag was closed in these days and that were flagged again since, until their end, the most flags first; and
    how many groups were closed.

    Only flags of the version that was to end it count, and of versions that were made after it: what still ran on an older one met
    no fix.
    """
    first = _first_closings([fix for fix in fixed if covers(extent, fix.closing.at)])
    groups = defaultdict(list)
    for group, closing in first.items():
        groups[closing].append(group)
    since = [
        Q(group__pk__among=several, flag__created_at__gt=closing.at, flag__execution__version__gte=closing.version)
        for closing, several in groups.items()
    ]
    return (_flagged_again(extent, first, reduce(or_, since)) if since else []), len(first)


def _first_closings(fixed: Sequence[Fix]) -> dict[UUID, Closing]:
    """By group."""
    by_flag = {fix.flag: fix for fix in fixed}
    found: dict[UUID, Closing] = {}
    for group, flag in Member.objects.filter(flag__pk__among=set(by_flag)).values_list("group", "flag"):
        closing = by_flag[flag].closing
        found[group] = min(found.get(group, closing), closing, key=lambda one: (one.at, one.version))
    return found


def _flagged_again(extent: Extent, first: dict[UUID, Closing], since: Q) -> list[Recurrence]:
    here = {"flag__execution__purpose": Execution.Purpose.PRODUCTION, "flag__execution__simulated": extent.simulated}
    members = Member.objects.filter(since, extent.before_end("flag__created_at"), **here).order_by()
    rows = list(members.values_list("group").annotate(flags=Count("pk"), latest_at=Max("flag__created_at")))
    groups = Group.objects.in_bulk([group for group, _, _ in rows])
    found = [Recurrence(groups[pk], first[pk], flags, latest_at) for pk, flags, latest_at in rows]
    return sorted(found, key=lambda one: (-one.flags, one.group.pk))


def time_to_fix(extent: Extent, fixed: Iterable[Fix]) -> TimeToFix:
    seconds = sorted(fix.seconds for fix in fixed if covers(extent, fix.closing.at))
    waiting = _production(extent).filter(state=Flag.State.IN_REDESIGN)
    now = waiting.aggregate(count=Count("pk"), oldest=Min("created_at"))
    return TimeToFix(len(seconds), nearest_rank(seconds, 50), nearest_rank(seconds, 95), now["count"], now["oldest"])


def covers(extent: Extent, moment: datetime) -> bool:
    return extent.covers(moment.astimezone(UTC).date())


def _production(extent: Extent) -> QuerySet[Flag]:
    here = {"execution__workflow": extent.workflow, "execution__purpose": Execution.Purpose.PRODUCTION}
    return Flag.objects.filter(**here, execution__simulated=extent.simulated)
