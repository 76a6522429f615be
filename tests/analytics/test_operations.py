"""What operators watch, on a ledger by hand: two lanes, three models, a repair, a batch, and calls that caches hold or do not."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.extent import Extent
from analytics.operations.caches import judged
from analytics.operations.figures import operations
from analytics.operations.representation import represent_operations
from analytics.reading import ALL
from analytics.reconcile import checks
from analytics.rollups import fold
from executions.models import Execution, Flag, Status
from gateway.models import Call
from gateway.types import Outcome, Purpose, Usage
from tests.cast import REFUND, make_project
from wire.money import to_pico
from workflows import effort
from workflows.models import Examined

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    SHORT,
    build_call,
    make_call,
    make_execution,
    make_flag,
    make_measured_workflow,
)

pytestmark = pytest.mark.django_db

SONNET = REAL["standard"]
A_DAY, HOUR = timedelta(days=1), timedelta(hours=1)
READ = Usage(input=100, cache_read=2_000)  # 0.0009 USD on Sonnet 4.5, 0.0054 less than without a cache
WRITTEN = Usage(input=500, cache_write_5m=5_000, output=100)  # 0.03625 USD on Opus 4.5, 0.00625 more than without
NOTHING = {"p50": None, "p95": None}


@pytest.fixture
def workflow():
    workflow = make_measured_workflow()
    tomorrow = NOON + A_DAY
    first = make_execution(workflow)
    second = make_execution(workflow, tomorrow, created_at=tomorrow - timedelta(seconds=4))
    third = make_execution(workflow, lane="quality", created_at=NOON - timedelta(seconds=6))
    make_execution(workflow, status=Status.FAILED)
    make_flag(third, waiting=False, **decided(NOON + HOUR))
    cheap = {"lane": "fast", "tier": "cheap", "prefix_tokens": 1_870}
    make_call(first, HAIKU, latency_ms=800, **cheap)
    make_call(first, HAIKU, latency_ms=1_200, purpose=Purpose.REPAIR, **cheap)
    make_call(first, HAIKU, Usage(), latency_ms=50, outcome=Outcome.THROTTLED, **cheap)
    make_call(second, HAIKU, at=tomorrow, batch=True, latency_ms=5_000, **cheap)
    standard = {"step": "answer", "lane": "fast", "tier": "standard", "prefix_tokens": 2_000}
    make_call(second, SONNET, READ, at=tomorrow, latency_ms=300, **standard)
    frontier = {"lane": "quality", "tier": "frontier", "prefix_tokens": 5_000, "latency_ms": 2_500}
    make_call(third, OPUS, WRITTEN, **frontier)
    make_call(third, OPUS, WRITTEN, step="answer", **frontier)
    make_call(first, HAIKU, latency_ms=99_000, reported=True)
    make_call(make_execution(workflow, simulated=True), HAIKU, latency_ms=99_000)
    return workflow


def decided(at, resolution=Flag.Resolution.ANSWERED, by="user:rita"):
    return {"state": "resolved", "resolution": resolution, "resolved_by": by, "resolved_at": at}


def rows_of(workflow, by=None, project=None, only=ALL, **window):
    """As the API shows them, while all is pending, and from the cells alone; and both are the ledger's."""
    extent = Extent(project or workflow.project, workflow, simulated=False, **window)
    pending = represent_operations(extent, by, operations(extent, by, only))["rows"]
    while fold():
        pass
    assert represent_operations(extent, by, operations(extent, by, only))["rows"] == pending
    assert [found for check in checks(extent.project) for found in check()] == []
    return pending


def columns(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_the_whole_is_one_row(workflow):
    assert rows_of(workflow) == [
        {
            "executions": 4,
            "finished": 4,
            "completed": 3,
            "cost": "0.0784",
            "cost_per_completed": "0.026133333333",
            "human_minutes": None,
            "human_cost": None,
            "cost_per_completed_with_people": None,
            "latency_ms": {"p50": 4_000, "p95": 6_000},
            "call_latency_ms": {"p50": 1_200, "p95": 5_000},
            "calls": 7,
            "unpriced_calls": 0,
            "retry_rate": "0.1667",
            "escalation_rate": "0.2500",
            "tokens": {"input": 4_100, "output": 800, "cache_read": 2_000, "cache_write": 10_000},
            "cache": {
                "read_tokens": 2_000,
                "written_tokens": 10_000,
                "savings": "-0.0071",
                "model": HAIKU,
                "minimum_tokens": 4_096,
                "prefix_tokens": 1_870,
                "cacheable": False,
                "said": "not cacheable: 1,870 of 4,096 tokens",
            },
            "batch": {"calls": 1, "savings": "0.001"},
        }
    ]


def test_by_lane_an_execution_counts_in_the_one_it_finished_in(workflow):
    rows = rows_of(workflow, "lane")
    assert columns(rows, "lane", "executions", "finished", "completed", "cost", "cost_per_completed") == [
        ("fast", None, 3, 2, "0.0059", "0.00295"),
        ("quality", None, 1, 1, "0.0725", "0.0725"),
    ]
    assert columns(rows, "latency_ms", "call_latency_ms") == [
        ({"p50": 2_000, "p95": 4_000}, {"p50": 800, "p95": 5_000}),
        ({"p50": 6_000, "p95": 6_000}, {"p50": 2_500, "p95": 2_500}),
    ]
    assert columns(rows, "retry_rate", "escalation_rate") == [("0.2500", "0.0000"), ("0.0000", "1.0000")]


def test_by_model_each_says_what_its_caches_do(workflow):
    rows = rows_of(workflow, "model")
    assert columns(rows, "model", "calls", "cost", "cost_per_completed") == [
        (HAIKU, 4, "0.005", "0.001666666667"),
        (OPUS, 2, "0.0725", "0.024166666667"),
        (SONNET, 1, "0.0009", "0.0003"),
    ]
    caches = [row["cache"] for row in rows]
    assert columns(caches, "minimum_tokens", "prefix_tokens", "cacheable", "savings", "said") == [
        (4_096, 1_870, False, "0.00", "not cacheable: 1,870 of 4,096 tokens"),
        (
            *(4_096, 5_000, True, "-0.0125"),
            "cacheable, and not read: calls are further apart than the cache lives",
        ),
        (1_024, 2_000, True, "0.0054", "cacheable, and read"),
    ]
    assert (
        columns(rows, "executions", "finished", "completed", "latency_ms", "escalation_rate")
        == [(None, None, None, NOTHING, None)] * 3
    )


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ("step", [("refund", "answer", "0.03715", "0.012383333333"), ("refund", "classify", "0.04125", "0.01375")]),
        (
            "tier",
            [
                ("cheap", "0.005", "0.001666666667"),
                ("frontier", "0.0725", "0.024166666667"),
                ("standard", "0.0009", "0.0003"),
            ],
        ),
    ],
)
def test_what_calls_cost_per_completed_execution_adds_up_to_the_whole(workflow, by, found):
    names = ("workflow", "step") if by == "step" else ("tier",)
    rows = rows_of(workflow, by)
    assert columns(rows, *names, "cost", "cost_per_completed") == found
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal("0.0784")


def test_by_day_each_is_a_window_of_its_own(workflow):
    rows = rows_of(workflow, "day")
    assert columns(rows, "day", "executions", "finished", "completed", "cost", "latency_ms") == [
        ("2026-11-16", 3, 3, 2, "0.0765", {"p50": 2_000, "p95": 6_000}),
        ("2026-11-17", 1, 1, 1, "0.0019", {"p50": 4_000, "p95": 4_000}),
    ]
    for row in rows:
        since = date.fromisoformat(row.pop("day"))
        assert rows_of(workflow, since=since, until=since + A_DAY) == [row]


def test_what_stood_escalated_over_midnight_finished_on_that_day_whatever_came_later(workflow):
    execution = make_execution(workflow, NOON, status=Status.ESCALATED, created_at=NOON)
    make_flag(execution)
    for row in rows_of(workflow, "day")[:1]:
        assert (row["finished"], row["escalation_rate"]) == (4, "0.5000")
    assert columns(rows_of(workflow, "version"), "version", "finished", "escalation_rate") == [("1.0.0", 5, "0.4000")]


@pytest.mark.parametrize("by", ["version", "step", "tier", "model", "day"])
def test_of_one_lane_it_says_what_that_lane_says_of_itself(workflow, by):
    lanes = {row["lane"]: row for row in rows_of(workflow, "lane")}
    for lane in ("fast", "quality"):
        [mine] = rows_of(workflow, only={"lane": lane})
        assert mine == {name: value for name, value in lanes[lane].items() if name != "lane"}
        rows = rows_of(workflow, by, only={"lane": lane})
        assert sum(Decimal(row["cost"]) for row in rows) == Decimal(lanes[lane]["cost"])
        assert sum(row["calls"] for row in rows) == lanes[lane]["calls"]


def test_the_versions_add_up_to_the_whole(workflow):
    second = make_second(workflow)
    execution = make_execution(workflow, version=second, created_at=NOON - timedelta(seconds=9))
    make_flag(execution, waiting=False)
    make_call(execution, HAIKU, tier="cheap", lane="fast")
    make_execution(workflow, version=second, status=Status.ESCALATED, created_at=NOON)
    [first] = rows_of(workflow, only={"version": workflow.live.version_id})
    [other] = rows_of(workflow, only={"version": second.pk})
    [whole] = rows_of(workflow)
    assert columns([first, other, whole], "executions", "finished", "completed", "cost", "escalation_rate") == [
        (4, 4, 3, "0.0784", "0.2500"),
        (2, 2, 1, "0.002", "0.5000"),
        (6, 6, 4, "0.0804", "0.3333"),
    ]
    assert columns([first, other], "latency_ms") == [({"p50": 4_000, "p95": 6_000},), ({"p50": 9_000, "p95": 9_000},)]
    assert columns(rows_of(workflow, "day", only={"version": second.pk}), "day", "finished", "escalation_rate") == [
        ("2026-11-16", 2, "0.5000")
    ]
    assert rows_of(workflow, "tier", only={"version": second.pk, "lane": "quality"}) == []


def test_of_a_version_that_nobody_executed_nothing_is_known(workflow):
    [row] = rows_of(workflow, only={"version": make_second(workflow).pk})
    assert (row["executions"], row["finished"], row["cost"], row["latency_ms"]) == (0, 0, "0.00", NOTHING)


def test_a_decision_counts_in_the_lane_of_its_execution(workflow):
    state(workflow, "2.50", "40.00", workflow.created_at)
    found = [rows_of(workflow, only={"lane": lane})[0]["human_minutes"] for lane in ("fast", "quality")]
    assert found == ["0.00", "2.50"]


def make_second(workflow):
    return workflow.draft(Examined.of({**REFUND, "purpose": "Again."}, workflow.project), "1.1.0", created_by="alice")


def test_a_project_tells_its_workflows_apart_or_adds_them_up(workflow):
    other = make_measured_workflow("reply", project=workflow.project)
    make_call(make_execution(other, created_at=NOON - timedelta(seconds=1)), HAIKU, tier="cheap", lane="fast")
    make_call(None, OPUS, project=workflow.project_id, purpose=Purpose.DESIGN, step="")
    rows = rows_of(None, "workflow", project=workflow.project)
    assert columns(rows, "workflow", "completed", "cost", "latency_ms") == [
        ("refund", 3, "0.0784", {"p50": 4_000, "p95": 6_000}),
        ("reply", 1, "0.002", {"p50": 1_000, "p95": 1_000}),
        (None, 0, "0.01", NOTHING),
    ]
    [whole] = rows_of(None, project=workflow.project)
    assert (whole["completed"], whole["cost"], whole["latency_ms"]) == (4, "0.0904", {"p50": 2_000, "p95": 6_000})
    lanes = rows_of(None, "lane", project=workflow.project)
    assert columns(lanes, "lane", "completed", "cost") == [
        (None, 0, "0.01"),
        ("fast", 3, "0.0079"),
        ("quality", 1, "0.0725"),
    ]


def test_a_call_without_a_price_leaves_the_cost_of_a_completed_execution_unknown(workflow):
    make_call(make_execution(workflow), "anthropic:claude-nobody-1", tier="cheap")
    [whole] = rows_of(workflow)
    assert (whole["unpriced_calls"], whole["cost"], whole["cost_per_completed"]) == (1, "0.0784", None)


def test_a_trial_costs_and_is_no_retry(workflow):
    trial = make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None)
    make_call(trial, HAIKU, purpose=Purpose.REPAIR)
    [whole] = rows_of(workflow)
    assert (whole["cost"], whole["retry_rate"], whole["executions"]) == ("0.0804", "0.1667", 4)


def test_a_lane_that_was_chosen_after_a_failure_takes_the_execution_along(workflow):
    execution = make_execution(workflow, status=Status.FAILED, lane="")
    assert columns(rows_of(workflow, "lane"), "lane", "finished") == [(None, 1), ("fast", 3), ("quality", 1)]
    Execution.objects.filter(pk=execution.pk).update(lane="quality", status=Status.COMPLETED)
    assert columns(rows_of(workflow, "lane"), "lane", "finished") == [("fast", 3), ("quality", 2)]


def test_of_nothing_nothing_is_known():
    workflow = make_measured_workflow()
    [whole] = rows_of(workflow)
    assert (whole["cost"], whole["cost_per_completed"], whole["retry_rate"]) == ("0.00", None, None)
    assert whole["cache"] == {
        **{"read_tokens": 0, "written_tokens": 0, "savings": "0.00", "model": None, "minimum_tokens": None},
        **{"prefix_tokens": None, "cacheable": None, "said": None},
    }
    assert rows_of(workflow, "model") == []


# People.


def state(workflow, minutes, per_hour, since):
    cost = None if per_hour is None else to_pico(Decimal(per_hour))
    effort.state(workflow, Decimal(minutes), cost, since, "user:alice")


def test_a_decision_takes_the_minutes_in_force_then(workflow):
    state(workflow, "2.50", "40.00", workflow.created_at)
    state(workflow, "6", "60.00", NOON + A_DAY)
    again = Execution.objects.filter(lane="quality").get()
    make_flag(again, waiting=False, reason="review", **decided(NOON + A_DAY + HOUR, Flag.Resolution.DISMISSED))
    make_flag(again, waiting=False, reason="rule", **decided(NOON, Flag.Resolution.OVERDUE, "sweeper"))
    make_flag(again, waiting=False, reason="in_doubt")
    [whole] = rows_of(workflow)
    # 2.5 minutes at 40 an hour, and 6 at 60.
    assert (whole["human_minutes"], whole["human_cost"]) == ("8.50", "7.666666666667")
    assert whole["cost_per_completed_with_people"] == "2.581688888889"
    assert columns(rows_of(workflow, "day"), "human_minutes", "human_cost") == [
        ("2.50", "1.666666666667"),
        ("6.00", "6.00"),
    ]
    assert columns(rows_of(workflow, "lane"), "lane", "human_minutes") == [("fast", "0.00"), ("quality", "8.50")]
    assert columns(rows_of(workflow, "tier"), "human_minutes", "human_cost") == [(None, None)] * 3


def test_minutes_without_a_cost_of_an_hour_are_minutes(workflow):
    state(workflow, "2.50", None, workflow.created_at)
    [whole] = rows_of(workflow)
    assert (whole["human_minutes"], whole["human_cost"], whole["cost_per_completed_with_people"]) == (
        "2.50",
        None,
        None,
    )


def test_where_a_workflow_says_nothing_its_project_does_not_know_either(workflow):
    state(workflow, "2.50", "40.00", workflow.created_at)
    other = make_measured_workflow("reply", project=workflow.project)
    make_flag(make_execution(other), waiting=False, **decided(NOON + HOUR))
    [whole] = rows_of(None, project=workflow.project)
    assert whole["human_minutes"] is None
    rows = rows_of(None, "workflow", project=workflow.project)
    assert columns(rows, "workflow", "human_minutes") == [("refund", "2.50"), ("reply", None)]


def test_a_statement_that_is_not_in_force_yet_says_nothing_of_earlier_decisions(workflow):
    state(workflow, "2.50", "40.00", NOON + A_DAY)
    assert rows_of(workflow)[0]["human_minutes"] is None


# What is said of caches.


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ((4_096, 1_870, 9, 0, 0), (False, "not cacheable: 1,870 of 4,096 tokens")),
        ((4_096, 4_095, 9, 0, 0), (False, "not cacheable: 4,095 of 4,096 tokens")),
        ((4_096, 4_096, 9, 0, 0), (True, "cacheable, and not read: no write was reported")),
        ((4_096, 4_096, 9, 0, 5), (True, "cacheable, and not read: calls are further apart than the cache lives")),
        ((4_096, 4_096, 1, 0, 5), (True, "cacheable, and not read: there was one call")),
        ((4_096, 4_096, 9, 5, 5), (True, "cacheable, and read")),
        ((4_096, 12, 9, 5, 5), (True, "cached in part: half of the calls have at most 12 of 4,096 tokens")),
        ((None, 12, 9, 0, 0), (None, "no minimum is known of this model")),
        ((None, 12, 9, 0, 7), (True, "no minimum is known of this model")),
    ],
)
def test_a_sentence_says_whether_a_cache_can_hold_it(told, found):
    assert judged(*told) == found


def test_the_median_prefix_is_of_the_model_that_is_asked_most():
    workflow = make_measured_workflow(project=make_project(tiers=REAL))
    execution = make_execution(workflow)
    for tokens in (100, 700, 1_500):
        make_call(execution, SONNET, prefix_tokens=tokens)
    make_call(execution, HAIKU, prefix_tokens=9_000)
    assert rows_of(workflow)[0]["cache"]["said"] == "not cacheable: 700 of 1,024 tokens"


def test_a_correction_is_no_further_latency():
    workflow = make_measured_workflow()
    execution = make_execution(workflow)
    doubted = make_call(execution, HAIKU, outcome=Outcome.IN_DOUBT, latency_ms=9_000)
    build_call(execution, HAIKU, SHORT, corrects=doubted, latency_ms=700).save(force_insert=True)
    make_call(execution, HAIKU, latency_ms=400)
    assert rows_of(workflow)[0]["call_latency_ms"] == {"p50": 400, "p95": 400}
    assert Call.objects.count() == 3
