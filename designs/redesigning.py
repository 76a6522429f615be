"""A redesign: flags that show a gap go to the frontier with the rules concerned, and it answers with the smallest patch that closes
it, and its tests. The patch becomes a draft that lists what it resolves; a person publishes it.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from executions import resolution
from executions.models import UNDECIDED, Execution, Flag
from executions.resolution import Decision
from executions.tracking import DESIGNED
from gateway.providers.registry import is_simulated
from gateway.types import Request
from projects import audit
from projects.audit import SERVICE, Verb
from projects.keeping import redaction
from wire.money import to_pico
from wire.problems import Conflict, Fault, Invalid
from workflows.models import Examined, Version, Workflow

from . import answers, checking, costing, designing, evidence, group_order, grouping, limits, patch, projecting, prompts
from .answers import RedesignAnswer
from .checking import Checked
from .group_models import Group
from .models import Design, Round
from .patch import Change

logger = logging.getLogger(__name__)

BUDGET = to_pico(Decimal(1))  # where none is stated
MOST_FLAGS = 1000
LET_GO, DESIGNS_AT_ONCE = 50, 5  # flags of one redesign, and redesigns, in one go
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
    groups = _taken(asked)
    flags = _flags(workflow, [*asked.flags, *(flag for _, several in groups for flag in several)])
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
        marked=[str(flag.pk) for flag in flags if flag.state == Flag.State.OPEN],
        target=target,
        max_rounds=asked.max_rounds,
        budget=asked.budget,
        simulated=is_simulated(workflow.project_id, target),
        created_by=by,
    )
    costing.must_have_price(design)
    return Ready(design, [flag for flag in flags if flag.state == Flag.State.OPEN])


def _groups(asked: Asked) -> Sequence[Group]:
    """Those that are asked for; where nothing is, the heaviest of which a flag is open: what is in redesign may wait in a draft."""
    if asked.groups or asked.flags:
        return asked.groups
    grouping.gather(asked.workflow)
    return [one.group for one in group_order.listed([asked.workflow], Group.State.OPEN)[:HEAVIEST]]


def _taken(asked: Asked) -> list[tuple[Group, list[Flag]]]:
    """Of each group its oldest flags, as many as a redesign can close."""
    room, found = MOST_FLAGS - len(asked.flags), []
    for group in _groups(asked):
        several = list(group.undecided_flags().only("id", "execution_id", "state", "reason", "explanation")[:room])
        room -= len(several)
        found.append((group, several))
    return found


def base_of(workflow: Workflow) -> Version:
    """What is patched: what is live. Raises `Conflict` where nothing is."""
    if workflow.live is None:
        raise Conflict(
            f"Nothing of {workflow.name} is live, so there is nothing to patch; design it, and publish that."
        )
    return workflow.live.version


def _flags(workflow: Workflow, several: Iterable[Flag]) -> list[Flag]:
    flags = list({flag.pk: flag for flag in several}.values())
    if not flags:
        designing.refuse_another(workflow)  # perhaps it has them all
        raise Invalid.at("/groups", "None of these has a flag that a redesign could close: all are decided.")
    for flag in flags:
        if flag.reason in DESIGNED:
            said = f"The design itself sends {flag.reason} to a person: there is no gap to close."
            raise Invalid.at("/flags", said)
        if flag.state not in UNDECIDED:
            raise Conflict(f"The flag {flag.pk} is {flag.state}.", flag=str(flag.pk), state=flag.state)
    return flags


def _told(group: Group, flags: Sequence[Flag]) -> dict[str, object]:
    weighed = group_order.weighed(group)
    return {
        "id": str(group.pk),
        "step": group.step,
        "reason": group.reason,
        "edge_case": group.edge_case,
        "count": weighed.undecided,
        "cost": weighed.cost.text if weighed.cost else None,
        "explanation": flags[0].explanation,
        "evidence": evidence.of(group.undecided_flags()),
        "flags": [str(flag.pk) for flag in flags],
    }


def _told_alone(flag: Flag) -> dict[str, object]:
    head = {"id": str(flag.pk), "step": flag.step, "reason": flag.reason, "edge_case": flag.edge_case, "count": 1}
    shown = evidence.of(Flag.objects.filter(pk=flag.pk))
    return {**head, "cost": None, "explanation": flag.explanation, "evidence": shown, "flags": [str(flag.pk)]}


@transaction.atomic
def begin(ready: Ready) -> Design:
    """Writes it down. Flags that nobody has decided are decided with it: `redesign`. Raises `Conflict` where somebody was
    faster."""
    design = ready.design
    # As a publication does it, and whoever decides a flag: its execution before the workflow.
    executions = Execution.objects.filter(pk__in={flag.execution_id for flag in ready.to_mark})
    list(executions.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    designing.must_be_alone(design.workflow)
    since = timezone.now() - timedelta(days=1)
    before = Design.objects.filter(workflow=design.workflow, kind=Design.Kind.REDESIGN, created_at__gte=since).count()
    if before >= MOST_A_DAY:
        said = f"{design.workflow.name} was redesigned {before} times within a day: what is flagged again and again needs a person."
        raise Conflict(said, redesigns=before)
    for flag in sorted(ready.to_mark, key=lambda flag: flag.execution_id):
        resolution.resolve(flag, Decision(Flag.Resolution.REDESIGN, design.created_by))
    design.holds_flags = bool(design.marked)
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
    groups = [{key: value for key, value in group.items() if key != "flags"} for group in design.brief["groups"]]
    return prompts.redesign_request(
        model, design.base.definition, groups, tools, designing.again(before), design.brief["note"]
    )


def look(design: Design, text: str, strict: bool) -> Found | list[Fault]:
    """What a patch is worth."""
    said = answers.read_redesign(text)
    if isinstance(said, list):
        return said
    if unmet := _unmet(design, said):
        return unmet
    if not said.changes:
        return Found(said, None)
    examined = _patched(design, said)
    if isinstance(examined, list):
        return examined
    checked = checking.check(design.workflow, examined, said.cases, [], design.created_by, strict=False)
    return checked if isinstance(checked, list) else Found(said, checked)


def _patched(design: Design, said: RedesignAnswer) -> Examined | list[Fault]:
    before = design.base.definition
    try:
        document = patch.apply(before, [Change(**one.model_dump()) for one in said.changes])
    except Invalid as problem:
        return list(problem.faults)
    examined = checking.taken(document, design.project)
    if isinstance(examined, list):
        return examined
    faults = limits.limits(before, document, designing.harmless(design.project))
    return [fault.under("/definition") for fault in faults] or examined


def _unmet(design: Design, said: RedesignAnswer) -> list[Fault]:
    """Groups of which nobody can say whether a change is for them or a question. Where there are only changes they are for all."""
    if not said.changes or not said.questions:
        return []
    told = [one.why for one in said.changes] + [one.question for one in said.questions]
    unmet = [group["id"] for group in design.brief["groups"] if not any(group["id"] in one for one in told)]
    return [Fault("/changes", f"The group {pk} is named in the `why` of no change and in no question.") for pk in unmet]


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
    closed = _closed(design, found.said)
    version = workflow.draft(
        found.checked.examined,
        designing.number_after(workflow, document),
        changelog=found.said.changelog,
        design_context={**design.base.design_context, "redesign": {**_context(design), **told}},
        designed_by=design.target,
        designed_at=timezone.now(),
        intelligence_level="frontier",
        created_by=design.created_by,
        resolves=closed,
    )
    kept = designing.keep_cases(workflow, found.checked.cases)
    figures = projecting.figures(design, version, [case.input for case in found.checked.cases])
    softens = [
        {"pointer": one.pointer, "detail": one.said}
        for one in limits.softens(before, document, designing.harmless(workflow.project))
    ]
    return {"answer": {**told, "softens": softens}, "figures": {**figures, "cases": kept}, "draft": version, "said": ""}


def _closed(design: Design, said: RedesignAnswer) -> list[str]:
    """The flags of the groups that a change is for, without what people have decided otherwise meanwhile. A group that is met by a
    question alone goes on being flagged, so its flags stay with people."""
    groups = design.brief["groups"]
    if said.questions:
        groups = [group for group in groups if any(group["id"] in one.why for one in said.changes)]
    ids = [pk for group in groups for pk in group["flags"]]
    rows = Flag.objects.filter(pk__in=ids, state__in=UNDECIDED).values_list("pk", flat=True)
    left = set(map(str, rows))
    return [pk for pk in dict.fromkeys(ids) if pk in left]


def let_go() -> None:
    """A worker's duty: flags that went into a redesign which has ended without closing them are to be decided by people again."""
    ended = Design.objects.filter(holds_flags=True, finished_at__isnull=False).select_related("draft").defer("examples")
    for design in ended.order_by("finished_at")[:DESIGNS_AT_ONCE]:
        try:
            _let_go(design)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("the flags of the redesign %s could not be let go; the next round tries again", design.pk)


@transaction.atomic
def _let_go(design: Design) -> None:
    """Some of them; behind the last it holds none."""
    kept = set(design.draft.resolves or []) if design.draft else set()
    held = Design.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=design.pk).first()
    if held is None:
        return
    wanted = [pk for pk in held.marked if pk not in kept]
    for flag in Flag.objects.filter(pk__in=wanted[:LET_GO], state=Flag.State.IN_REDESIGN).select_related("execution"):
        try:
            resolution.reopen(flag, SERVICE)
        except Conflict:  # its execution has gone on, or it was found again
            continue
    left = wanted[LET_GO:]
    Design.objects.filter(pk=design.pk).update(marked=left, holds_flags=bool(left))


class Superseded(Conflict):
    """What the patch is of is not live any more."""


def _context(design: Design) -> dict[str, object]:
    return {
        "design": str(design.pk),
        "of": design.base.number,
        "groups": [{key: group[key] for key in ("id", "step", "reason", "count")} for group in design.brief["groups"]],
        "note": design.brief["note"],
    }
