"""Something of everything that the savings pages speak about, small: a workflow with a history, one without a price, one that
was never executed; a project of simulated money, and one without workflows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from analytics.rollups import fold
from executions.models import Execution, Status, StepResult
from gateway.models import Call
from gateway.types import Purpose, Usage
from projects.models import Project
from shadows.models import Plan
from tests.analytics.ledgers import (
    HAIKU,
    OPUS,
    REAL,
    build_call,
    build_execution,
    make_answer,
    make_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    use,
)
from tests.analytics.shadowings import make_shadow
from tests.cast import REFUND, make_project
from wire.money import to_pico
from workflows.models import Examined, Publication, Version, Workflow

_, CLASSIFY = REFUND["steps"]
ASKED = {key: value for key, value in CLASSIFY.items() if key != "checks"}
STEPS = {"classify": "cheap", "extract_the_customer_and_order": "cheap", "draft_reply": "standard"}
TICKET = {
    **REFUND,
    "title": "Support ticket",
    "steps": [REFUND["steps"][0], *({**ASKED, "id": step, "tier": tier} for step, tier in STEPS.items())],
}
FRESH, CACHED = Usage(input=1_200, output=180), Usage(input=400, cache_read=4_200, output=180)
DAYS = 40  # the workflow has been there so long
VERSIONS = {"1.0.0": 40, "1.1.0": 25, "1.2.0": 10}  # published so many days ago
A_DAY = 3  # executions


@dataclass(frozen=True)
class Shop:
    shop: Project
    lab: Project
    empty: Project
    ticket: Workflow


def make_shop() -> Shop:
    now = timezone.now().replace(microsecond=0)
    shop, lab, empty = make_project("shop", REAL), make_project("lab", REAL), make_project("empty", REAL)
    ticket = _with_a_history(shop, now)
    _without_a_price(shop, now - timedelta(days=2))
    make_measured_workflow("returns", project=shop, at=now - timedelta(days=1))
    triage = make_measured_workflow("triage", project=lab, design_cost="0.01", at=now - timedelta(days=9))
    for day in range(1, 9):
        make_answer(make_execution(triage, now - timedelta(days=day), simulated=True))
    while fold():
        pass
    return Shop(shop, lab, empty, ticket)


def _with_a_history(project: Project, now: datetime) -> Workflow:
    begun = now - timedelta(days=DAYS)
    workflow = Workflow.objects.create(project=project, name="support-ticket", created_at=begun)
    published = {}
    for number, ago in VERSIONS.items():
        at = now - timedelta(days=ago)
        published[ago] = _publish(workflow, number, at)
    workflow.state_baseline("rosa", method="measured", model=OPUS, cost_per_execution=None, prompt="", valid_from=begun)
    Plan.objects.create(
        workflow=workflow, share=Decimal("0.25"), monthly_budget=to_pico(Decimal(20)), stated_by="rosa", enabled=True
    )
    _execute(workflow, [(now - timedelta(days=ago), published[_latest(ago)]) for ago in range(DAYS - 1, 0, -1)])
    return workflow


def _latest(ago: int) -> int:
    """Of the versions that were published so many days ago."""
    return min(one for one in VERSIONS.values() if one > ago)


def _publish(workflow: Workflow, number: str, at: datetime) -> Publication:
    first = number == "1.0.0"
    definition = {**TICKET, "purpose": f"{TICKET['purpose']} ({number})"}
    declared = to_pico(Decimal("0.20")) if first else None
    version = workflow.draft(
        Examined.of(definition, workflow.project), number, created_by="alice", design_cost=declared, designed_at=at
    )
    version.publish("alice")
    workflow.refresh_from_db()
    for purpose, model, usage in (
        (Purpose.DESIGN if first else Purpose.REDESIGN, OPUS, Usage(input=9_000, output=3_000)),
        (Purpose.EVALUATION, HAIKU, Usage(input=2_000, output=300)),
    ):
        _paid_once(version, purpose, model, usage, at)
    return workflow.live


def _paid_once(version: Version, purpose: str, model: str, usage: Usage, at: datetime) -> None:
    whose = {"project": version.workflow.project_id, "workflow": version.workflow_id, "version": version.pk}
    build_call(None, model, usage, at=at, purpose=purpose, step="", baseline="", **whose).save(force_insert=True)


def _execute(workflow: Workflow, days: list[tuple[datetime, Publication]]) -> None:
    """Three a day: the tenth of each ten takes the quality lane, the seventh is flagged and answered by the frontier."""
    executions, calls, uses, flagged, shadowed = [], [], [], [], []
    for number, (day, live) in enumerate(one for one in days for _ in range(A_DAY)):
        execution = _one(live, day + timedelta(minutes=number % A_DAY), number)
        executions.append(execution)
        if execution.status != Status.COMPLETED:
            continue
        of_steps = [_answered(execution, step, number) for step in STEPS]
        calls += of_steps
        uses += [use(call, answered_by=_by(execution)) for call in of_steps]
        if number % 8 == 0:
            calls.append(_answered(execution, "classify", number, purpose=Purpose.REPAIR))
        flagged += [execution] if number % 10 == 7 else []
        shadowed += [execution] if number % 3 == 1 else []
    Execution.objects.bulk_create(executions)
    Call.objects.bulk_create(calls)
    StepResult.objects.bulk_create(uses)
    for execution in flagged:
        make_flag(execution, waiting=False, state="resolved")
    for number, execution in enumerate(shadowed):
        same = number % 9 != 4
        made = {"same": same, "steps": {step: {"same": same, "said": ""} for step in STEPS}}
        make_shadow(execution, "0.045", said="" if same else "kind is other, and was refund.", **made)
        _paid_once(execution.version, Purpose.SHADOW, OPUS, FRESH, execution.finished_at)


def _one(live: Publication, at: datetime, number: int) -> Execution:
    status = Status.FAILED if number % 40 == 39 else Status.COMPLETED
    took = timedelta(milliseconds=1_400 + 137 * (number % 11))
    said = {"version": live.version, "publication": live, "created_at": at - took, "lane": "fast"}
    if number % 10 == 9:
        said["lane"] = "quality"
    if number % 10 == 7:
        said["resolved_by"] = Execution.Resolver.FRONTIER
    return build_execution(live.version.workflow, at, status, **said)


def _by(execution: Execution) -> str:
    return execution.resolved_by or Execution.Resolver.WORKFLOW


def _answered(execution: Execution, step: str, number: int, **fields: object) -> Call:
    tier = "frontier" if execution.lane == "quality" or _by(execution) == "frontier" else STEPS[step]
    said = {"step": step, "tier": tier, "lane": execution.lane, "at": execution.finished_at}
    usage = CACHED if number % 3 else FRESH
    return build_call(execution, REAL[tier], usage, latency_ms=500 + 90 * (number % 7), **{**said, **fields})


def _without_a_price(project: Project, at: datetime) -> None:
    workflow = make_measured_workflow("invoice-check", project=project, design_cost="2.50", at=at - timedelta(days=1))
    for hour in range(6):
        make_answer(make_execution(workflow, at + timedelta(hours=hour)))
    make_call(make_execution(workflow, at), "anthropic:claude-nobody-knows")
