"""What is told, as JSON: ids, names and states, and where the rest can be read. No text that an execution was given, or that a
model, a tool or a person has said: whoever is told reads those with a key, and they go when their project says so.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from executions.effects import CALLED
from executions.models import Event, Execution, Flag, Status
from wire.times import rfc3339

from .models import TEST, Endpoint, Type

TYPES = {
    Status.COMPLETED: Type.COMPLETED,
    Status.FAILED: Type.FAILED,
    Status.CANCELLED: Type.CANCELLED,
    Status.ESCALATED: Type.WAITING,
}
# Where only what is reserved for calls in flight is in the way, an execution goes on in seconds, and nobody has to know.
PARKED_FOR = timedelta(minutes=1)


def type_of(event: Event) -> Type | None:
    """What an event of the history is to whoever is told; None: nothing."""
    if event.kind != "status":
        return None
    if event.after == Status.ESCALATED and event.code == CALLED:
        return None  # the flag is another execution's, which tells of it
    if event.after == Status.WAITING:
        return {"budget": Type.PARKED, "review": Type.WAITING}.get(event.code)
    return TYPES.get(event.after)


def tells_of_a_flag(event: Event) -> bool:
    return type_of(event) == Type.WAITING


def of_event(event: Event, execution: Execution, flags: Sequence[Flag] = ()) -> str | None:
    """The body. `flags`: those of the execution, the newest first. None where there is nothing to tell any more."""
    type = type_of(event)
    if type == Type.PARKED and not _stays_parked(event, execution):
        return None
    data = {
        "execution": str(execution.pk),
        "workflow": execution.workflow.name,
        "version": execution.version.number,
        "purpose": execution.purpose,
        "simulated": execution.simulated,
        "status": event.after,
    }
    match type:
        case Type.WAITING:
            more = _flag(flags)
        case Type.PARKED:
            more = {"waiting_for": "budget", "resume_at": rfc3339(execution.resume_at)}
        case Type.FAILED:
            more = {"error": event.code or None}
        case Type.COMPLETED:
            more = {"resolved_by": execution.resolved_by or None}
        case Type.CANCELLED:
            more = {"superseded_by": execution.superseded_by and str(execution.superseded_by)}
        case _:
            more = {}
    about = f"flags/{more['flag']}" if more.get("flag") else f"executions/{execution.pk}"
    return body(type, event.at, {**data, **more, "url": address(about)})


def _stays_parked(event: Event, execution: Execution) -> bool:
    if (execution.status, execution.waiting_for) != (Status.WAITING, "budget"):
        return False
    return execution.resume_at is None or execution.resume_at - event.at > PARKED_FOR


def _flag(flags: Sequence[Flag]) -> dict[str, Any]:
    flag = next((one for one in flags if one.stands_still), flags[0] if flags else None)
    if flag is None:
        return {"flag": None}
    return {"flag": str(flag.pk), "reason": flag.reason, "detector": flag.detector, "step": flag.step or None}


def of_group(workflow: str, oldest: Flag, count: int, hours: int, now: datetime) -> str:
    """The body of a group of flags that waits for too long."""
    filters = f"flags?waiting=true&workflow={workflow}&reason={oldest.reason}"
    data = {
        "workflow": workflow,
        "step": oldest.step or None,
        "reason": oldest.reason,
        "flags": count,
        "oldest_flag": str(oldest.pk),
        "oldest_at": rfc3339(oldest.created_at),
        "hours": hours,
        "url": address(filters),
    }
    return body(Type.OVERDUE, now, data)


def of_test(endpoint: Endpoint, now: datetime) -> str:
    return body(TEST, now, {"endpoint": str(endpoint.pk), "url": address(f"endpoints/{endpoint.pk}")})


def body(type: str, at: datetime, data: dict[str, Any]) -> str:
    said = {"type": str(type), "timestamp": rfc3339(at), "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def address(path: str) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/{path}"
