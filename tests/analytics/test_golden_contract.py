"""Every figure of the contract's section Costs, from one ledger that has a row of every kind; each literal worked out by hand.

Prices, in USD a million tokens: of Haiku 4.5 1 in, 5 out, 0.10 read, 1.25 and 2 written, half of all that in a batch; of Opus 4.5
five times as much.
"""

from datetime import date, timedelta

import pytest

from executions import feedback
from executions.feedback import Opinion
from executions.models import Execution, Status, StepResult
from gateway import gateway
from gateway.types import Outcome, Purpose, Usage

from .auditing import audited, figures
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    state_baseline,
    use,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TUESDAY, WEDNESDAY, THURSDAY = NOON + DAY, NOON + 2 * DAY, NOON + 3 * DAY

# Of the ledger below, whatever it is compared with.
OURS = {
    "workflow": "refund",
    "since": None,
    "until": None,
    "currency": "USD",
    "simulated": False,
    "complete": True,
    "unpriced_calls": 0,
    "reported": {"executions": 1, "calls": 1, "cost": "0.002", "unpriced_calls": 0},
    "unproven": True,
    "executions": 9,  # a trial is none, and what an agent reports or a simulation does is none of ours
    "finished": 8,  # the cancelled one is not
    "completed": 5,  # nor the failed, the escalated, and the one that feedback rejected
    "execution_cost": "0.0439",
    "design_cost": "0.05",
    "design": {"declared": "0.03", "measured": "0.02"},
    "evaluation_cost": "0.022",
    "shadow_cost": "0.01",
    "in_doubt_cost": "0.002",
    "total_cost": "0.1279",
    "cost_per_completed": "0.02558",
    "escalation_rate": "0.3750",  # 3 of 8
    "retry_rate": "0.0769",  # 1 repair to 13 step calls
    "cache_savings": "0.0026",  # 4,000 read · 0.90 − 2,000 written · 0.25 − 500 written · 1.00, a million
    "batch_savings": "0.001",
    "latency_ms": {"p50": 2000, "p95": 10_000},  # the rejected one, of a minute, is not among them
}

COMPARED = {
    # 0.0295 cached + 0.01 repaired + 0.015 the frontier's own + 0 a person + 0.01 batch
    "repriced_warm": {
        "if_all_frontier": "0.0645",
        "savings": "-0.0634",
        "savings_percent": "-98.29",
        "roi_percent": "-49.57",
        "payback_executions": 23,  # 0.082 / ((0.0645 − 0.0439 − 0.002) / 5) = 22.04
        "paid_back_at": None,
    },
    # 0.0425 instead of 0.0295
    "repriced_cold": {
        "if_all_frontier": "0.0775",
        "savings": "-0.0504",
        "savings_percent": "-65.03",
        "roi_percent": "-39.41",
        "payback_executions": 13,  # 0.082 / (0.0316 / 5) = 12.97
        "paid_back_at": None,
    },
    # 5 · 0.04
    "declared": {
        "if_all_frontier": "0.20",
        "savings": "0.0721",
        "savings_percent": "36.05",
        "roi_percent": "56.37",
        "payback_executions": 3,  # 0.082 / (0.1541 / 5) = 2.66
        "paid_back_at": "2026-11-17",  # Monday 0.08 − 0.0939 = −0.0139, Tuesday 0.08 − 0.027 more
    },
}


@pytest.fixture
def workflow():
    workflow = make_measured_workflow(design_cost="0.03")
    happened_on_monday(workflow)
    happened_on_tuesday(workflow)
    happened_on_wednesday(workflow)
    was_never_ours(workflow)
    return workflow


def happened_on_monday(workflow):
    """What came before the executions: 0.082. One with a cache: 0.0059. One cut short, broken, and repaired: 0.006."""
    about = {"project": workflow.project_id, "workflow": workflow.pk, "version": workflow.versions.get().pk, "step": ""}
    for purpose in (Purpose.DESIGN, Purpose.REDESIGN, Purpose.EVALUATION, Purpose.JUDGE, Purpose.SHADOW):
        make_call(None, OPUS, SHORT, purpose=purpose, baseline="", **about)
    make_answer(make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None))
    cached = make_execution(workflow)
    make_call(cached, HAIKU, Usage(), outcome=Outcome.THROTTLED, model_served="")
    make_answer(
        cached, usage=Usage(input=1_000, cache_read=4_000, cache_write_5m=2_000, cache_write_1h=500, output=200)
    )
    repaired = make_execution(workflow)
    make_call(repaired, HAIKU, outcome=Outcome.TRUNCATED)
    use(make_call(repaired, HAIKU), status=StepResult.Status.REJECTED).save()
    use(make_call(repaired, HAIKU, purpose=Purpose.REPAIR), attempt=2).save()


def happened_on_tuesday(workflow):
    """One that the frontier answered: 0.017. One that a person answered, one failed, one cancelled, one that waits, and one
    whose answer was wrong: 0.002 each."""
    asked = make_execution(workflow, TUESDAY, created_at=TUESDAY - timedelta(seconds=10))
    make_flag(asked, waiting=False)
    make_call(asked, HAIKU, at=TUESDAY)
    by_frontier = {"purpose": Purpose.ESCALATION, "answered_by": Execution.Resolver.FRONTIER}
    make_answer(asked, OPUS, Usage(input=2_000, output=200), **by_frontier)
    by_a_person = make_execution(workflow, TUESDAY, resolved_by=Execution.Resolver.HUMAN)
    make_flag(by_a_person, waiting=False)
    unsure = make_call(by_a_person, HAIKU, at=TUESDAY)
    use(unsure, status=StepResult.Status.FLAGGED).save()
    answer = use(unsure, attempt=2, answered_by=Execution.Resolver.HUMAN)
    answer.call = None
    answer.save()
    for status in (Status.FAILED, Status.CANCELLED):
        make_answer(make_execution(workflow, TUESDAY, status), at=TUESDAY)
    waits = make_execution(workflow, TUESDAY, Status.ESCALATED)
    make_flag(waits)
    make_call(waits, HAIKU, at=TUESDAY)
    wrong = make_execution(workflow, TUESDAY, created_at=TUESDAY - timedelta(minutes=1))
    make_answer(wrong)
    feedback.give(wrong, Opinion(False, "rita"))


def happened_on_wednesday(workflow):
    """One in a batch: 0.001, with a call that was discarded and one that matched: 0.002 each. One call in doubt: 0.007 at most,
    which turns out on Thursday to have been 0.002."""
    execution = make_execution(workflow, WEDNESDAY)
    make_answer(execution, batch=True)
    make_call(execution, HAIKU, at=WEDNESDAY, outcome=Outcome.DISCARDED)
    make_call(execution, HAIKU, at=WEDNESDAY, purpose=Purpose.MATCH)
    doubted = make_doubted_call(execution, upper_bound=7_000_000_000, at=WEDNESDAY)
    gateway.late(build_call(execution, HAIKU, SHORT, at=THURSDAY), doubted).save(force_insert=True)


def was_never_ours(workflow):
    """What an agent tells, and what was simulated: apart from all of the above, and from each other."""
    told = make_execution(workflow, purpose=Execution.Purpose.REPORTED)
    make_call(told, HAIKU, reported=True, baseline="")
    make_answer(make_execution(workflow, simulated=True), usage=Usage(input=3_000))


@pytest.mark.parametrize("method", ["repriced_warm", "repriced_cold", "declared"])
def test_every_figure_by_each_baseline(workflow, method):
    state_baseline(workflow, "declared", cost="0.04", at=NOON - DAY)
    summary = audited(workflow, method)
    assert {name: summary[name] for name in OURS} == OURS
    assert {name: summary[name] for name in COMPARED[method]} == COMPARED[method]
    baseline = {
        "method": method,
        "model": OPUS,
        "n": 5,
        "estimated": method != "declared",
        "unpriced": 0,
        "agreement": None,
        "interval": None,
    }
    assert {name: summary["baseline"][name] for name in baseline} == baseline
    assert summary["agreement"] is None


def test_what_was_simulated_beside_it(workflow):
    summary = audited(workflow, simulated=True)
    named = ("simulated", "executions", "completed", "execution_cost", "if_all_frontier", "evaluation_cost")
    assert figures(summary, *named) == [True, 1, 1, "0.003", "0.015", "0.00"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, 17, ["0.0119", "0.00", "0.0939", "0.0395", "-0.0544", 2]),
        (17, 18, ["0.027", "0.00", "0.027", "0.015", "-0.012", 2]),
        (18, 19, ["0.005", "0.007", "0.012", "0.01", "-0.002", 1]),
        (19, 20, ["0.00", "-0.005", "-0.005", "0.00", "0.005", 0]),
        (20, None, ["0.00", "0.00", "0.00", "0.00", "0.00", 0]),
    ],
)
def test_its_days_add_up_to_it(workflow, since, until, expected):
    """A doubt stands at its upper bound until its answer turns up: the day of that gives back what was too much."""
    window = {"since": since and date(2026, 11, since), "until": until and date(2026, 11, until)}
    summary = audited(workflow, **window)
    named = ("execution_cost", "in_doubt_cost", "total_cost", "if_all_frontier", "savings", "completed")
    assert figures(summary, *named) == expected


def test_the_project_says_what_its_one_workflow_says(workflow):
    summary = audited(None, "repriced_warm", project=workflow.project)
    ours = {name: value for name, value in OURS.items() if name != "workflow"}
    assert {name: summary[name] for name in ours} == ours
    assert {name: summary[name] for name in COMPARED["repriced_warm"]} == COMPARED["repriced_warm"]
