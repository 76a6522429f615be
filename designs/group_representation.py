"""Groups of flags as the API shows them."""

from collections.abc import Sequence

from executions.representation import represent_flag
from wire.money import pico_text
from wire.times import rfc3339

from .group_order import Weighed
from .group_resolution import Reopened
from .models import GroupDecision, Member


def represent_group(one: Weighed, decision: GroupDecision | None) -> dict:
    group = one.group
    return {
        "id": str(group.pk),
        "workflow": group.workflow.name,
        "step": group.step or None,
        "reason": group.reason,
        "edge_case": group.edge_case or None,
        "to": group.role or None,
        "text": group.text,
        "first": group.first_id and str(group.first_id),
        "state": one.state.value,
        "flags": one.flags,
        "open": one.open,
        "in_redesign": one.in_redesign,
        "waiting": one.standing,
        "cost": one.cost and pico_text(one.cost.pico),
        "simulated": one.cost and one.cost.simulated,
        "place": one.reason,
        "decision": decision and _represent_decision(decision),
        "created_at": rfc3339(group.created_at),
    }


def _represent_decision(decision: GroupDecision) -> dict:
    return {
        "resolution": decision.resolution,
        "resolved": decision.resolved,
        "by": decision.decided_by,
        "at": rfc3339(decision.decided_at),
        "reopened_at": rfc3339(decision.reopened_at),
    }


def represent_members(members: Sequence[Member]) -> list[dict]:
    return [
        {**represent_flag(one.flag), "similarity": one.similarity, "why": one.explanation or None} for one in members
    ]


def represent_resolved(decision: GroupDecision) -> dict:
    refused = [{**one, "detail": one["detail"] or None} for one in decision.refused]
    return {
        "resolution": decision.resolution,
        "resolved": decision.flags,
        "refused": refused,
        "left": decision.left,
    }


def represent_reopened(found: Reopened) -> dict:
    return {"reopened": [str(pk) for pk in found.flags], "refused": [one.row for one in found.refused]}
