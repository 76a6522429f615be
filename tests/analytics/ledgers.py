"""Ledgers to sum up: real rows, with the prices, costs and baselines that the gateway's price table gives them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import BigAutoField, Model

from analytics.baselines import Method
from analytics.costs import summarise
from analytics.extent import Extent
from analytics.ledger import Ledger
from analytics.representation import represent_summary
from analytics.rollups import fold
from executions.models import Event, Execution, Flag, Status, StepResult
from gateway import pricing
from gateway.models import Call
from gateway.types import Outcome, Purpose, Usage
from projects.models import Project
from tests.cast import REFUND, make_project
from wire.ids import new_id
from wire.money import to_pico
from workflows.models import Examined, Workflow

from .behind import assert_rows_make_it_up

OPUS = "anthropic:claude-opus-4-5"
HAIKU = "anthropic:claude-haiku-4-5"
REAL = {"cheap": HAIKU, "standard": "anthropic:claude-sonnet-4-5", "frontier": OPUS}

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
SHORT = Usage(input=1_000, output=200)  # 0.002 USD on Haiku 4.5, 0.01 on Opus 4.5


def make_measured_workflow(
    name: str = "refund", *, project: Project | None = None, design_cost: str | None = None, at: datetime = NOON
) -> Workflow:
    """A published workflow on real models; `design_cost` is declared, in USD."""
    project = project or make_project(tiers=REAL)
    workflow = Workflow.objects.create(project=project, name=name, created_at=at)
    declared = to_pico(Decimal(design_cost)) if design_cost else None
    version = workflow.draft(
        Examined.of(REFUND, project), "1.0.0", created_by="alice", design_cost=declared, designed_at=at
    )
    version.publish("alice")
    workflow.refresh_from_db()
    return workflow


def state_baseline(
    workflow: Workflow, method: str, *, model: str = "", cost: str | None = None, prompt: str = "", at: datetime
) -> None:
    cost_per_execution = to_pico(Decimal(cost)) if cost else None
    workflow.baselines.create(
        method=method,
        model=model,
        cost_per_execution=cost_per_execution,
        prompt=prompt,
        valid_from=at,
        stated_by="alice",
    )


def build_execution(workflow: Workflow, at: datetime = NOON, status: Status = Status.COMPLETED, **fields) -> Execution:
    """Unsaved; accepted two seconds before it ended at `at`."""
    version = fields.get("version") or workflow.versions.get()
    given = {
        "project": workflow.project,
        "workflow": workflow,
        "version": version,
        "publication": workflow.live,
        "tier_map": workflow.live.tier_map,
        "baseline_model": OPUS,
        "status": status,
        "input": {"message": "I want a refund"},
        "created_at": at - timedelta(seconds=2),
        "finished_at": at if status in (Status.COMPLETED, Status.FAILED) else None,
    }
    return Execution(**{**given, **fields})


def make_execution(workflow: Workflow, at: datetime = NOON, status: Status = Status.COMPLETED, **fields) -> Execution:
    execution = build_execution(workflow, at, status, **fields)
    execution.save(force_insert=True)
    Event.objects.create(execution=execution, kind="status", before=Status.RUNNING, after=status, actor="worker", at=at)
    return execution


def build_call(
    execution: Execution | None, model: str, usage: Usage, *, at: datetime = NOON, baseline: str = OPUS, **fields
) -> Call:
    """Unsaved; a step's call, priced as of `at`."""
    provider, _, name = model.partition(":")
    call = Call(
        **{"outcome": Outcome.OK, "purpose": Purpose.STEP, "attempt": 1, "simulated": False, "step": "classify"},
        **{"provider": provider, "model_planned": name, "model_served": name, "baseline_model": baseline},
        **{"intended_at": at, "finished_at": at},
    )
    if execution:
        call.project, call.workflow, call.version = execution.project_id, execution.workflow_id, execution.version_id
        call.publication, call.execution, call.simulated = execution.publication_id, execution.pk, execution.simulated
    for name, value in {**vars(usage), **fields}.items():
        setattr(call, name, value)
    _price(call, model, usage)
    return call


def make_call(execution: Execution | None, model: str, usage: Usage = SHORT, **fields) -> Call:
    call = build_call(execution, model, usage, **fields)
    call.save(force_insert=True)
    return call


def make_answer(execution: Execution, model: str = HAIKU, usage: Usage = SHORT, **fields) -> Call:
    """A call whose answer is the result of its step."""
    answered_by = fields.pop("answered_by", Execution.Resolver.WORKFLOW)
    call = make_call(execution, model, usage, **{"at": execution.finished_at or NOON, **fields})
    use(call, answered_by=answered_by).save()
    return call


def make_doubted_call(execution: Execution, upper_bound: int | None, at: datetime = NOON) -> Call:
    """A call whose worker died: it counts at its upper bound, in pico-dollars."""
    state = Call.CostState.UNPRICED if upper_bound is None else Call.CostState.UPPER_BOUND
    fields = {"outcome": Outcome.IN_DOUBT, "at": at, "model_served": ""}
    call = build_call(execution, HAIKU, Usage(), baseline="", **fields)
    call.cost, call.cost_state = upper_bound, state
    call.save(force_insert=True)
    return call


def use(call: Call, **fields) -> StepResult:
    """The checkpoint that this call's answer made; unsaved."""
    done = {"kind": "model", "status": StepResult.Status.DONE, "output": {"kind": "refund"}}
    return StepResult(execution_id=call.execution, step=call.step, call=call.pk, **{**done, **fields})


def make_executions(workflow: Workflow, count: int, model: str, usage: Usage, *, steps: int = 1, **fields) -> None:
    """`count` completed executions of `steps` equal used answers each. Equal calls have equal prices, found once."""
    call = build_call(build_execution(workflow), model, usage, **fields)
    executions = [build_execution(workflow, call.finished_at) for _ in range(count)]
    Execution.objects.bulk_create(executions)
    rows = [(new_id(), execution.pk, f"step_{number}") for execution in executions for number in range(steps)]
    _insert_copies(call, ("id", "execution", "step"), rows)
    _insert_copies(use(call), ("call", "execution_id", "step"), rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # a database in use does so by itself


def _insert_copies(row: Model, names: tuple[str, ...], values: list[tuple]) -> None:
    """Copies of one row that differ in these fields: a hundred thousand in seconds, not in half a minute."""
    fields = [field for field in row._meta.concrete_fields if not isinstance(field, BigAutoField)]
    same = {field.attname: field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields}
    differ = {field.attname: field for field in fields if field.attname in names}
    copies = [
        [differ[name].get_db_prep_save(one, connection) for name, one in zip(names, each, strict=True)]
        for each in values
    ]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    into = f"INSERT INTO {row._meta.db_table} ({columns})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # one statement, which the server multiplies
            types = {field.attname: field.db_type(connection) for field in fields}
            said = ", ".join(name if name in names else f"%s::{types[name]}" for name in same)
            lists = ", ".join(f"%s::{types[name]}[]" for name in names)
            given = [value for name, value in same.items() if name not in names]
            statement = f"{into} SELECT {said} FROM unnest({lists}) AS copies ({', '.join(names)})"
            cursor.execute(statement, [*given, *(list(each) for each in zip(*copies, strict=True))])
        else:
            marks = ", ".join(["%s"] * len(fields))
            rows = ({**same, **dict(zip(names, each, strict=True))} for each in copies)
            cursor.executemany(f"{into} VALUES ({marks})", [tuple(one.values()) for one in rows])


def make_flag(execution: Execution, **fields) -> Flag:
    said = {"reason": "uncovered", "detector": "self_report", "explanation": "Nothing says so.", "waiting": True}
    return Flag.objects.create(execution=execution, step="classify", **{**said, **fields})


def summary_of(
    workflow: Workflow | None, baseline: str | None = None, *, project: Project | None = None, **extent
) -> dict:
    """The summary as the API shows it, of real money unless the test says otherwise. It is asked three times: of what is
    pending, of what is folded, and of the ledger itself, and says the same."""
    about = Extent(project or workflow.project, workflow, **{"simulated": False, **extent})
    method = Method(baseline) if baseline else None
    pending = represent_summary(summarise(about, method))
    while fold():
        pass
    assert_rows_make_it_up(about, method)
    assert represent_summary(summarise(about, method)) == pending
    assert represent_summary(summarise(about, method, Ledger)) == pending
    return pending


def _price(call: Call, model: str, usage: Usage) -> None:
    price = pricing.price(call.project or 0, model, call.finished_at, usage.prompt, call.batch)
    call.cost = price.cost(usage) if price else None
    call.cost_state = Call.CostState.UNPRICED if call.cost is None else Call.CostState.PRICED
    if price:
        for kind in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
            setattr(call, f"price_{kind}", pricing.to_stored(getattr(price, kind)))
    if call.baseline_model:
        against = pricing.price(call.project or 0, call.baseline_model, call.finished_at, usage.prompt)
        call.baseline_warm = against.reprice_warm(usage) if against else None
        call.baseline_cold = against.reprice_cold(usage) if against else None
