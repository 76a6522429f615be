"""Tables of rows: executions, the ledger, flags, evaluations and shadows. No text that an execution was given, or that a model, a
tool or a person has said of one: those are read one by one, and go when their project says so."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from analytics.extent import Extent
from evaluations.models import Evaluation
from executions.models import Execution, Flag
from executions.representation import cost_of, tokens_of
from gateway.models import Call
from shadows.models import Shadow
from wire.money import pico_text
from wire.times import rfc3339
from workflows.models import Version, Workflow

from .tables import Row, Wanted, listing

PRICES = ("price_input", "price_cache_read", "price_cache_write_5m", "price_cache_write_1h", "price_output")
MONEY = {*PRICES, "cost", "baseline_cold", "baseline_warm"}
LEDGER = (
    *(
        "id",
        "finished_at",
        "workflow",
        "version",
        "execution",
        "step",
        "iteration",
        "purpose",
        "tier",
        "lane",
        "attempt",
    ),
    *("provider", "model_planned", "model_served", "baseline_model", "simulated", "batch", "reported", "outcome"),
    *("intent", "corrects", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"),
    *("prefix_tokens", *PRICES, "price_source", "price_version", "cost", "cost_state", "baseline_cold"),
    *("baseline_warm", "prompt_format", "prefix_hash", "request_hash", "intended_at", "latency_ms"),
)
EXECUTION = (
    *(
        "id",
        "workflow",
        "version",
        "status",
        "waiting_for",
        "resolved_by",
        "purpose",
        "lane",
        "simulated",
        "judged_right",
    ),
    *("cost", "calls", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "latency_ms"),
    *("baseline_model", "error", "caller", "rerun_of", "superseded_by", "created_at", "started_at", "finished_at"),
    "purged_at",
)
FLAG = (
    *(
        "id",
        "execution",
        "workflow",
        "version",
        "step",
        "iteration",
        "attempt",
        "reason",
        "detector",
        "edge_case",
        "role",
    ),
    *("waiting", "answered_by", "state", "resolution", "resolved_by", "created_at", "resolved_at"),
)
EVALUATION = (
    *("id", "workflow", "version", "against", "status", "passed", "simulated", "total", "repeats", "budget", "binding"),
    *("cases_hash", "created_by", "created_at", "finished_at"),
)
SHADOW = (
    *("id", "workflow", "version", "past", "execution", "subject", "model", "flagged", "day", "simulated", "status"),
    *("same", "cost", "created_at", "finished_at"),
)


def plain(value: Any) -> Any:
    """A column's value as it stands in a file; an empty text is none."""
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "tzinfo"):
        return rfc3339(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return None if value == "" else value


def _of(row: Model, columns: Iterable[str], **instead: object) -> Row:
    """The row's own columns, but for those that are said otherwise."""
    return {name: instead[name] if name in instead else plain(getattr(row, name)) for name in columns}


class _Names:
    """What people call the workflows and versions of a block of rows: two queries."""

    def __init__(self, workflows: Iterable[int | None], versions: Iterable[int | None]) -> None:
        self.workflows = dict(Workflow.objects.filter(pk__in={*workflows} - {None}).values_list("pk", "name"))
        self.versions = dict(Version.objects.filter(pk__in={*versions} - {None}).values_list("pk", "number"))

    def of(self, workflow: int | None, version: int | None) -> dict[str, str | None]:
        return {"workflow": self.workflows.get(workflow), "version": self.versions.get(version)}


def _within(extent: Extent, field: str, prefix: str = "") -> Q:
    """Rows of the extent, by a moment and by what leads to their project and workflow."""
    mine = Q(**{f"{prefix}project": extent.project, f"{prefix}simulated": extent.simulated})
    if extent.workflow:
        mine &= Q(**{f"{prefix}workflow": extent.workflow})
    return mine & extent.within(field)


def calls(wanted: Wanted) -> QuerySet[Call]:
    """Every row of the ledger that finished in these days, reported ones and corrections too."""
    return wanted.extent.ledger().filter(wanted.extent.within("finished_at")).defer("error")


def represent_calls(block: list[Call], extent: Extent) -> list[Row]:
    names = _Names({call.workflow for call in block}, {call.version for call in block})
    return [_call(call, names) for call in block]


def _call(call: Call, names: _Names) -> Row:
    money = {name: pico_text(getattr(call, name)) for name in MONEY}
    about = names.of(call.workflow, call.version)
    ids = {"intent": plain(call.intent_id), "corrects": plain(call.corrects_id)}
    return _of(call, LEDGER, **money, **about, **ids)


def executions(wanted: Wanted) -> QuerySet[Execution]:
    """Those that were accepted in these days, whatever they were for."""
    rows = Execution.objects.filter(_within(wanted.extent, "created_at"))
    return rows.defer("input", "output", "metadata", "tier_map")


def represent_executions(block: list[Execution], extent: Extent) -> list[Row]:
    """With what their own calls cost; those of executions that they called stand in their own rows."""
    names = _Names({row.workflow_id for row in block}, {row.version_id for row in block})
    own: dict[UUID, list[Call]] = defaultdict(list)
    figures = ("execution", "cost", "input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    for call in Call.objects.filter(execution__among=[row.pk for row in block]).only(*figures).order_by():
        own[call.execution].append(call)
    return [_execution(row, own[row.pk], names) for row in block]


def _execution(row: Execution, mine: list[Call], names: _Names) -> Row:
    tokens, took = tokens_of(mine), row.finished_at and row.finished_at - (_began(row) or row.finished_at)
    return _of(
        row,
        EXECUTION,
        **names.of(row.workflow_id, row.version_id),
        cost=cost_of(mine),
        calls=len(mine),
        **{f"{kind}_tokens": count for kind, count in tokens.items()},
        latency_ms=None if took is None else round(took.total_seconds() * 1000),
        error=(row.error or {}).get("code"),
        caller=plain(row.caller_id),
        rerun_of=plain(row.rerun_of_id),
    )


def _began(row: Execution) -> Any:
    return row.started_at if row.purpose == Execution.Purpose.REPORTED else row.created_at


def flags(wanted: Wanted) -> QuerySet[Flag]:
    """Those that were raised in these days."""
    rows = Flag.objects.filter(_within(wanted.extent, "created_at", "execution__"))
    return rows.select_related("execution__workflow", "execution__version").only(
        *(name for name in FLAG if name not in ("workflow", "version", "execution")),
        *("workflow_id", "execution__workflow__name", "execution__version__number"),
    )


def represent_flags(block: list[Flag], extent: Extent) -> list[Row]:
    return [
        _of(
            flag,
            FLAG,
            execution=str(flag.execution_id),
            workflow=flag.execution.workflow.name,
            version=flag.execution.version.number,
        )
        for flag in block
    ]


def of_model(model: type[Model], columns: tuple[str, ...], *deferred: str) -> tuple[Callable, Callable]:
    """How the rows of a model are selected and represented whose columns are the table's: with `project`, `workflow`, `version`,
    `simulated` and `created_at`, by which it stands in its days."""

    def select(wanted: Wanted) -> QuerySet:
        rows = model.objects.filter(_within(wanted.extent, "created_at"))
        return rows.defer(*deferred)

    return select, partial(_represent, columns)


def _represent(columns: tuple[str, ...], block: list[Model], extent: Extent) -> list[Row]:
    names = _Names({row.workflow_id for row in block}, {row.version_id for row in block})
    related = [name for name in ("past", "execution") if name in columns]
    return [
        _of(
            row,
            columns,
            **names.of(row.workflow_id, row.version_id),
            **{name: plain(getattr(row, f"{name}_id")) for name in related},
            **{name: pico_text(getattr(row, name)) for name in ("cost", "budget") if name in columns},
        )
        for row in block
    ]


listing("calls", LEDGER, calls, represent_calls)
listing("executions", EXECUTION, executions, represent_executions)
listing("flags", FLAG, flags, represent_flags)
listing("evaluations", EVALUATION, *of_model(Evaluation, EVALUATION, "rules", "figures", "tier_map"))
listing("shadows", SHADOW, *of_model(Shadow, SHADOW, "prompt", "output", "said", "steps"))
