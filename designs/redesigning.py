"""A redesign: flags that show a gap go to the frontier with the rules concerned, and it answers with the smallest patch that closes
it, and its tests. The patch becomes a draft that lists what it resolves; a person publishes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from executions import resolution
from executions.models import UNDECIDED, Flag
from executions.resolution import Decision
from executions.tracking import DESIGNED
from gateway.providers.registry import is_simulated
from gateway.types import Request
from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from wire.money import to_pico
from wire.problems import Conflict, Fault, Invalid
from workflows.models import Version, Workflow

from . import answers, checking, costing, designing, evidence, group_order, grouping, limits, patch, projecting, prompts
from .answers import RedesignAnswer
from .checking import Checked
from .group_models import Group
from .models import Design, Round
from .patch import Change

BUDGET = to_pico(Decimal(1))  # where none is stated
MAX_ROUNDS = 10
MOST_FLAGS = 1000
HEAVIEST = 10  # groups, where none is named
MOST_A_DAY = 20  # of a workflow: what is flagged again and again is no gap of its rules


@dataclass(frozen=True)
class Asked:
    """Groups, and flags that stand alone; without any, the heaviest groups. `note`: what a person says to it."""

    workflow: Workflow
    groups: Sequence[Group] = ()
    flags: Sequence[Flag] = ()
    note: str = ""
    target: str = ""
    max_rounds: int = 3
    budget: int = BUDGET


@dataclass(frozen=True)
class Ready:
    """A redesign that can begin, not saved yet. `to_mark`: flags that nobody has decided yet."""

    design: Design
    to_mark: Sequence[Flag] = field(default=(), repr=False)


@dataclass(frozen=True)
class Found:
    said: RedesignAnswer
    checked: Checked | None


def examine(asked: Asked, by: str) -> Ready:
    """Raises `Invalid` for flags that no redesign can close, and `Conflict`."""
    workflow = asked.workflow
    workflow.must_be_in_use()
    base = base_of(workflow)
    groups = [(group, list(group.undecided_flags().select_related("execution"))) for group in _groups(asked)]
    flags = _flags([*(flag for _, several in groups for flag in several), *asked.flags])
    target = designing.target_of(workflow.project, asked.target)
    told = [_told(group, several) for group, several in groups if several]
    told += [_told_alone(flag) for flag in asked.flags]
    design = Design(
        project=workflow.project,
        workflow=workflow,
        kind=Design.Kind.REDESIGN,
        base=base,
        brief=redaction(workflow.project_id).value({"note": asked.note, "groups": told}),
        resolves=[str(flag.pk) for flag in flags],
        target=target,
        max_rounds=asked.max_rounds,
        budget=asked.budget,
        simulated=is_simulated(workflow.project_id, target),
        created_by=by,
    )
    costing.must_have_price(design)
    return Ready(design, [flag for flag in flags if flag.state == Flag.State.OPEN])


def _groups(asked: Asked) -> Sequence[Group]:
    """Those that are asked for; where nothing is, the heaviest."""
    if asked.groups or asked.flags:
        return asked.groups
    grouping.gather(asked.workflow)
    return [one.group for one in group_order.listed([asked.workflow])[:HEAVIEST]]


def base_of(workflow: Workflow) -> Version:
    """What is patched: what is live. Raises `Conflict` where nothing is."""
    if workflow.live is None:
        raise Conflict(
            f"Nothing of {workflow.name} is live, so there is nothing to patch; design it, and publish that."
        )
    return workflow.live.version


def _flags(several: Iterable[Flag]) -> list[Flag]:
    flags = list({flag.pk: flag for flag in several}.values())
    if not flags:
        raise Invalid.at("/groups", "None of these has a flag that a redesign could close: all are decided.")
    if len(flags) > MOST_FLAGS:
        raise Invalid.at("/groups", f"These are {len(flags)} flags; a redesign closes {MOST_FLAGS} at most.")
    for flag in flags:
        if flag.reason in DESIGNED:
            said = f"The design itself sends {flag.reason} to a person: there is no gap to close."
            raise Invalid.at("/flags", said)
        if flag.state not in UNDECIDED:
            raise Conflict(f"The flag {flag.pk} is {flag.state}.", flag=str(flag.pk), state=flag.state)
    return flags


def _told(group: Group, flags: Sequence[Flag]) -> dict[str, object]:
    return {
        "id": str(group.pk),
        "step": group.step,
        "reason": group.reason,
        "count": len(flags),
        "explanation": flags[0].explanation,
        "evidence": evidence.of(flags),
    }


def _told_alone(flag: Flag) -> dict[str, object]:
    head = {"id": str(flag.pk), "step": flag.step, "reason": flag.reason, "count": 1}
    return {**head, "explanation": flag.explanation, "evidence": evidence.of([flag])}


@transaction.atomic
def begin(ready: Ready) -> Design:
    """Writes it down. Flags that nobody has decided are decided with it: `redesign`. Raises `Conflict` where somebody was
    faster."""
    design = ready.design
    designing.must_be_alone(design.workflow)
    since = timezone.now() - timedelta(days=1)
    before = Design.objects.filter(workflow=design.workflow, kind=Design.Kind.REDESIGN, created_at__gte=since).count()
    if before >= MOST_A_DAY:
        said = f"{design.workflow.name} was redesigned {before} times within a day: what is flagged again and again needs a person."
        raise Conflict(said, redesigns=before)
    for flag in ready.to_mark:
        resolution.resolve(flag, Decision(Flag.Resolution.REDESIGN, design.created_by))
    design.save(force_insert=True)
    told = {
        "workflow": design.workflow.name,
        "model": design.target,
        "budget": design.budget,
        "flags": len(design.resolves),
    }
    audit.record(design.project_id, design.created_by, Verb.CREATED, design, **told)
    return design


def request(design: Design, before: Sequence[Round]) -> Request:
    model, tools = design.target.partition(":")[2], designing.told_tools(design.project)
    brief = design.brief
    return prompts.redesign_request(
        model, design.base.definition, brief["groups"], tools, designing.again(before), brief["note"]
    )


def look(design: Design, text: str, strict: bool) -> Found | list[Fault]:
    """What a patch is worth."""
    said = answers.read_redesign(text)
    if isinstance(said, list):
        return said
    if not said.changes:
        return Found(said, None)
    before = design.base.definition
    try:
        document = patch.apply(before, [Change(**one.model_dump()) for one in said.changes])
    except Invalid as problem:
        return list(problem.faults)
    if faults := limits.limits(before, document):
        return [fault.under("/definition") for fault in faults]
    checked = checking.check(design.workflow, document, said.cases, [], design.created_by, strict=False)
    return checked if isinstance(checked, list) else Found(said, checked)


def keep(design: Design, found: Found) -> Mapping[str, object]:
    """The draft, which lists what it resolves, and its cases; the columns of the design. Raises `Conflict` where something else is
    live by now: a patch fits what it was written for."""
    told = found.said.model_dump(mode="json", include={"changes", "questions"})
    if found.checked is None:
        return {
            "answer": told,
            "said": "Nothing should change, says the redesign. Its questions say what people have to decide.",
        }
    workflow = Workflow.objects.held(design.workflow_id)
    if workflow.live.version_id != design.base_id:
        said = (
            f"{workflow.live.version.number} went live meanwhile, and the patch is of {design.base.number}: begin anew."
        )
        raise Superseded(said)
    before, document = design.base.definition, found.checked.examined.document
    version = workflow.draft(
        found.checked.examined,
        designing.number_after(workflow, document),
        changelog=found.said.changelog,
        design_context={**design.base.design_context, "redesign": {**_context(design), **told}},
        designed_by=design.target,
        designed_at=timezone.now(),
        intelligence_level="frontier",
        created_by=design.created_by,
        resolves=_undecided(design),
    )
    kept = designing.keep_cases(workflow, found.checked.cases)
    figures = projecting.figures(design, version, [case.input for case in found.checked.cases])
    softens = [
        {"pointer": one.pointer, "detail": one.said}
        for one in limits.softens(before, document, designing.harmless(workflow.project))
    ]
    return {"answer": {**told, "softens": softens}, "figures": {**figures, "cases": kept}, "draft": version, "said": ""}


def _undecided(design: Design) -> list[str]:
    """What it is to close, without what people have decided otherwise meanwhile."""
    rows = Flag.objects.filter(pk__in=design.resolves, state__in=UNDECIDED).values_list("pk", flat=True)
    left = set(map(str, rows))
    return [pk for pk in design.resolves if pk in left]


class Superseded(Conflict):
    """What the patch is of is not live any more."""


def _context(design: Design) -> dict[str, object]:
    return {
        "design": str(design.pk),
        "of": design.base.number,
        "groups": [
            {key: group[key] for key in ("id", "step", "reason", "count", "explanation")}
            for group in design.brief["groups"]
        ],
        "note": design.brief["note"],
    }
