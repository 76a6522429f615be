"""What can be asked, as values: each function says one request and how its answer is read, and sends nothing. The clients send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from .results import Costs, Execution, Flag, Json, Page, Version, Workflow

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[Any], T]
    body: Mapping[str, Json] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def create_workflow(name: str, definition: dict[str, Json] | str, **more: Json) -> Call[Version]:
    """`definition`: the object, or YAML, or Markdown alone. More: `publish`, `version`, `changelog`, `design_context`,
    `designed_by`, `designed_at`, `intelligence_level`, `design_cost`."""
    return Call("POST", "workflows", Version.of, _said({"name": name, "definition": definition, **more}))


def get_workflow(name: str) -> Call[Workflow]:
    return Call("GET", f"workflows/{_in_path(name)}", Workflow.of)


def list_workflows(*, cursor: str | None = None, limit: int | None = None) -> Call[Page[Workflow]]:
    return Call("GET", "workflows", Page.of(Workflow.of), query=_asked(cursor=cursor, limit=limit))


def add_version(
    name: str,
    definition: dict[str, Json] | str,
    *,
    bump: Literal["major", "minor", "patch"] | None = None,
    version: str | None = None,
    **more: Json,
) -> Call[Version]:
    """Either `bump` or `version`. More: as for `create_workflow`."""
    body = _said({"definition": definition, "bump": bump, "version": version, **more})
    return Call("POST", f"workflows/{_in_path(name)}/versions", Version.of, body)


def publish(name: str, version: str) -> Call[dict[str, Json]]:
    return Call("POST", f"workflows/{_in_path(name)}/versions/{_in_path(version)}/publication", dict, {})


def execute(
    name: str,
    input: Json,
    *,
    version: str | None = None,
    metadata: dict[str, Json] | None = None,
    wait: int = 60,
    idempotency_key: str | None = None,
) -> Call[Execution]:
    """The execution as it stands after at most `wait` seconds (0 to 60): ended, waiting for a person, or still at work."""
    headers = {"Prefer": f"wait={wait}"} if wait else {}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    body = {"input": input, **_said({"version": version, "metadata": metadata})}
    return Call("POST", f"workflows/{_in_path(name)}/executions", Execution.of, body, headers=headers)


def execute_many(name: str, inputs: list[Json], *, idempotency_key: str | None = None) -> Call[list[Execution]]:
    """Up to 1,000, all or none."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    path = f"workflows/{_in_path(name)}/executions/batch"
    return Call(
        "POST", path, lambda data: [Execution.of(row) for row in data["results"]], {"inputs": inputs}, headers=headers
    )


def report(
    name: str,
    input: Json,
    *,
    status: Literal["completed", "escalated", "failed", "cancelled"],
    executor: str,
    followed: bool,
    model_calls: Iterable[Mapping[str, Json]] = (),
    idempotency_key: str | None = None,
    **more: Json,
) -> Call[Execution]:
    """Tells of an execution that you ran yourself, following the workflow. `executor`: your model or agent. `model_calls`: each
    with `model`, `input`, `output` and `at` (a datetime or RFC 3339), perhaps `cache_read`, `cache_write` and `latency_ms`. More:
    `output` (of what completed), `flags`, `unexpected`, `update_suggested`, `version`, `metadata`."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    told = [{key: _moment(value) if key == "at" else value for key, value in call.items()} for call in model_calls]
    body = {"input": input, "status": status, "executor": executor, "followed": followed, "model_calls": told, **more}
    return Call("POST", f"workflows/{_in_path(name)}/executions/report", Execution.of, body, headers=headers)


def get_execution(id: str) -> Call[Execution]:
    return Call("GET", f"executions/{_in_path(id)}", Execution.of)


def list_executions(
    *,
    workflow: str | None = None,
    version: str | None = None,
    status: str | None = None,
    purpose: str | None = None,
    feedback: Literal["accepted", "rejected", "none"] | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Page[Execution]]:
    query = _asked(workflow=workflow, version=version, status=status, purpose=purpose, feedback=feedback)
    query |= _asked(cursor=cursor, limit=limit)
    return Call("GET", "executions", Page.of(Execution.of), query=query)


def cancel(id: str) -> Call[Execution]:
    return Call("POST", f"executions/{_in_path(id)}/cancellation", Execution.of, {})


def retry(id: str, *, version: str | None = None) -> Call[Execution]:
    return Call("POST", f"executions/{_in_path(id)}/retries", Execution.of, _said({"version": version}))


def feedback(id: str, accepted: bool, *, note: str = "", **answer: Json) -> Call[Execution]:
    """Whether the answer of a completed execution was right. A wrong one may come with the `output` that would have been."""
    body = {"accepted": accepted, "note": note, **answer}
    return Call("POST", f"executions/{_in_path(id)}/feedback", Execution.of, body)


def list_flags(
    *,
    state: str | None = None,
    waiting: bool | None = None,
    reason: str | None = None,
    workflow: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Page[Flag]]:
    waits = None if waiting is None else str(waiting).lower()
    query = _asked(state=state, waiting=waits, reason=reason, workflow=workflow, cursor=cursor, limit=limit)
    return Call("GET", "flags", Page.of(Flag.of), query=query)


def get_flag(id: str) -> Call[Flag]:
    return Call("GET", f"flags/{_in_path(id)}", Flag.of)


def resolve(id: str, resolution: str, *, note: str = "", **answer: Json) -> Call[Flag]:
    """`resolution`: answered (with `output` or `step_output`), dismissed, retry or redesign (maybe with `output`)."""
    body = {"resolution": resolution, "note": note, **answer}
    return Call("POST", f"flags/{_in_path(id)}/resolution", Flag.of, body)


def summary(
    workflow: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    baseline: str | None = None,
) -> Call[Costs]:
    """What a workflow, or the whole project, cost and saved. `since`, `until`: days, the second one exclusive."""
    path = f"workflows/{_in_path(workflow)}/costs" if workflow else "costs"
    return Call("GET", path, Costs.of, query=_asked(since=since, until=until, baseline=baseline))


def _in_path(text: str) -> str:
    return quote(text, safe="")


def _moment(value: Json) -> Json:
    """RFC 3339. Raises `ValueError` for a time without its offset: which moment it is, nobody else could know."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("A time needs its offset: datetime.now(UTC), say.")
    return value.isoformat()


def _asked(**given: object) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}


def _said(given: dict[str, Json]) -> dict[str, Json]:
    """Without what was not said; money as text, which is exact."""
    return {key: str(one) if isinstance(one, Decimal) else one for key, one in given.items() if one is not None}
