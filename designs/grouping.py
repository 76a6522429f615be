"""Which group a flag belongs to: it joins the one of its kind whose first flag is most like it, or begins one. In the order of
their ids, so the same flags come to the same groups, whether they are taken up one by one or all at once.

Every worker does it beside executing; the lock of the workflow lets one at a time.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from executions.flag_queue import Alike as Kind
from executions.models import UNDECIDED, Flag
from wire.ids import first_id
from workflows.models import Workflow

from .models import Group, GroupDecision, Member
from .similarity import FIRST, THRESHOLD, Alike, Words, alike, explained, text_of, words_of

AT_ONCE = 2_000  # flags that one call takes up
BLOCK = 100  # in one transaction, which holds the lock of their workflow
MOST_COMPARED = 200  # groups of a kind, those that were met last: what no longer comes takes no more flags
SECONDS = 0.5  # that a round of the housekeeping gives it
LATE = timedelta(minutes=5)  # so long after its id was made a flag may be committed
WHOLE_EVERY = timedelta(minutes=10)  # a look at all that is open: what is older and has no group is rare


def taker() -> Callable[[], None]:
    """A worker's duty. It looks at what is new, by the index of ids, and now and then at all that is undecided."""
    seen: datetime | None = None  # all that was committed until then has a group
    whole: datetime | None = None

    def gather_flags() -> None:
        nonlocal seen, whole
        now = timezone.now()
        if whole is None or now - whole > WHOLE_EVERY:
            seen, whole = None, now
        if gather(since=seen and seen - LATE):
            return  # there may be more
        seen = now

    return gather_flags


def gather(workflow: Workflow | None = None, *, since: datetime | None = None, seconds: float = SECONDS) -> int:
    """Takes up flags that have no group yet, of this workflow or of all; how many. Safe to call twice and at once."""
    until, taken = time.monotonic() + seconds, 0
    found = _ungrouped() if workflow is None else _ungrouped().filter(workflow=workflow)
    if since is not None:
        found = found.filter(pk__gte=first_id(since))
    by_workflow: dict[int, list[UUID]] = {}
    for of, pk in found.order_by("pk").values_list("workflow", "pk")[:AT_ONCE]:
        by_workflow.setdefault(of, []).append(pk)
    for of, ids in by_workflow.items():
        for begin in range(0, len(ids), BLOCK):
            if time.monotonic() > until and taken:
                return taken
            taken += _take(of, ids[begin : begin + BLOCK])
    return taken


def _ungrouped():
    """Of what the design left open, and what is not decided; whose texts are gone is like nothing."""
    flags = Flag.objects.escalating().filter(state__in=UNDECIDED, workflow__isnull=False)
    return flags.filter(membership=None, execution__purged_at=None)


@transaction.atomic
def _take(workflow_id: int, ids: Sequence[UUID]) -> int:
    """0 where somebody else holds the workflow: they come in another round."""
    rows = Workflow.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=workflow_id)
    if not rows.values_list("pk", flat=True):
        return 0
    shelves: dict[Kind, Shelf] = {}
    flags = _ungrouped().filter(pk__in=ids).select_related("execution").order_by("pk")
    read = flags.only(*_OF_FLAG, "execution__input")
    members = []
    for flag in read.iterator(chunk_size=25):  # an input may have a megabyte
        kind = Kind.of(flag)
        if kind not in shelves:
            shelves[kind] = Shelf(kind)
        members.append(shelves[kind].put(flag))
    for shelf in shelves.values():
        shelf.save()
    Member.objects.bulk_create(members)
    return len(members)


_OF_FLAG = ("workflow", "step", "reason", "edge_case", "role", "explanation")


class Shelf:
    """The groups of one kind while flags are put to them."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        names = dict(zip(("workflow", *kind._fields[1:]), kind, strict=True))
        found = Group.objects.filter(**names, text__isnull=False).order_by("-latest")[:MOST_COMPARED]
        self.groups = [(group, words_of(group.text)) for group in found]
        self.new: list[Group] = []
        self.met: dict[UUID, Group] = {}

    def put(self, flag: Flag) -> Member:
        text = text_of(flag.explanation, flag.execution.input)
        words = words_of(text)
        group, why = self._nearest(words)
        if group is None:
            group, why = self._begun(flag, text, words), Alike(1.0, FIRST)
        elif flag.pk > group.latest:
            group.latest = flag.pk
            self.met[group.pk] = group
        self.groups.sort(key=lambda one: one[0].latest, reverse=True)
        del self.groups[MOST_COMPARED:]
        return Member(flag=flag, group=group, similarity=why.similarity, explanation=why.explanation)

    def save(self) -> None:
        Group.objects.bulk_create(self.new)
        begun = {group.pk for group in self.new}
        Group.objects.bulk_update([group for pk, group in self.met.items() if pk not in begun], ["latest"])

    def _nearest(self, words: Words) -> tuple[Group | None, Alike | None]:
        """Of two that are as alike the older one."""
        found = [(alike(theirs, words), group, theirs) for group, theirs in self.groups]
        near = [one for one in found if one[0] >= THRESHOLD]
        if not near:
            return None, None
        _, group, theirs = min(near, key=lambda one: (-one[0], one[1].pk))
        return group, explained(theirs, words)

    def _begun(self, flag: Flag, text: str, words: Words) -> Group:
        kind = self.kind
        group = Group(workflow_id=kind.workflow, first=flag, latest=flag.pk, text=text, created_at=flag.created_at)
        group.step, group.reason, group.edge_case, group.role = kind[1:]
        self.new.append(group)
        self.groups.append((group, words))
        return group


def forget(executions: Sequence[UUID], **kwargs: object) -> None:
    """Lets the words of these executions go, in the transaction that purges them. Where the first flag of a group is theirs,
    the oldest whose texts are kept stands for the group from now on. With the lock of the workflow: whoever gathers meanwhile
    has read them, and is waited for."""
    flags = Flag.objects.escalating().filter(execution__in=executions)
    workflows = Workflow.objects.filter(pk__in=set(flags.values_list("workflow", flat=True)))
    list(workflows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    members = Member.objects.filter(flag__execution__in=executions)
    groups = set(members.values_list("group", flat=True))
    members.update(explanation="")
    for group in Group.objects.filter(pk__in=groups, first__execution__in=executions, text__isnull=False):
        kept = group.flags().filter(execution__purged_at=None).exclude(execution__in=executions)
        heir = kept.select_related("execution").first()
        group.first = heir or group.first
        group.text = text_of(heir.explanation, heir.execution.input) if heir else None
        group.save(update_fields=["first", "text"])
    _silence(groups, {str(pk) for pk in flags.values_list("pk", flat=True)})


def _silence(groups: set[UUID], flags: set[str]) -> None:
    """Why a flag was refused may quote what was answered."""
    for decision in GroupDecision.objects.filter(group__in=groups).order_by("pk"):
        told = [{**one, "detail": ""} if one["flag"] in flags else one for one in decision.refused]
        if told != decision.refused:
            GroupDecision.objects.filter(pk=decision.pk).update(refused=told)
