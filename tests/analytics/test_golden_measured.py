"""The baseline that shadows measured: completed × stratified mean of the shadows' cost, agreement with its Wilson interval, and
nothing under thirty of them; and the waterfall that it begins. Each figure worked out by hand.

Every execution is one call of 0.002 USD. Its shadow says what it cost, and whether the graders called the results the same.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.shadowed import Share
from executions.models import Execution, Status
from gateway.types import Purpose
from shadows.models import Shadow, Subject
from workflows.models import Examined

from .auditing import figures, reader_of
from .ledgers import NOON, OPUS, make_answer, make_call, make_execution, make_flag, make_measured_workflow
from .weeks import week_of_every_kind

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))
CENT = 10**10  # pico-dollars


@pytest.fixture
def workflow():
    return make_measured_workflow()


def completed(workflow, count: int, *, flagged: bool = False, at: datetime = NOON, **fields) -> list[Execution]:
    made = [make_execution(workflow, at, **fields) for _ in range(count)]
    for execution in made:
        make_answer(execution)
        if flagged:
            make_flag(execution, waiting=False)
    return made


def shadow(past: Execution, cost: int | None, *, same: bool | None = True, **fields) -> Shadow:
    """A shadow that came to an answer, of so many hundredths of a dollar."""
    given = {
        "project": past.project,
        "workflow": past.workflow,
        "version": past.version,
        "flagged": past.flags.exists(),
        "day": past.finished_at.date(),
        "subject": Subject.WORKFLOW,
        "model": OPUS,
        "simulated": past.simulated,
        "status": Shadow.Status.COMPLETED,
        "finished_at": past.finished_at,
    }
    return Shadow.objects.create(past=past, cost=cost and cost * CENT, same=same, **{**given, **fields})


def told(workflow, **query) -> dict:
    address = f"/api/v1/workflows/{workflow.name}/costs" if workflow else "/api/v1/costs"
    project = query.pop("project", None) or workflow.project
    answer = reader_of(project).get(address, {"baseline": "measured", "simulated": "false", **query})
    assert answer.status_code == 200, answer.json()
    return answer.json()


@pytest.fixture
def hundred(workflow):
    """90 executions without a flag, 24 of them shadowed for 0.02 each; 10 with one, 6 of them shadowed for 0.05."""
    plain, flagged = completed(workflow, 90), completed(workflow, 10, flagged=True)
    for past in plain[:24]:
        shadow(past, 2)
    for number, past in enumerate(flagged[:6]):
        shadow(past, 5, same=number >= 3)
    make_call(None, OPUS, purpose=Purpose.SHADOW, project=workflow.project_id, workflow=workflow.pk, baseline="")
    return workflow


def test_thirty_shadows_say_what_all_executions_would_have_cost(hundred):
    """90 · 0.02 + 10 · 0.05. The mean of all shadows, 0.026, would say 2.60: flagged ones are shadowed twice as often here."""
    summary = told(hundred, subject="workflow")
    named = ("completed", "execution_cost", "shadow_cost", "total_cost", "if_all_frontier", "savings")
    assert figures(summary, *named) == [100, "0.20", "0.01", "0.21", "2.30", "2.09"]
    assert figures(summary, "savings_percent", "roi_percent", "payback_executions") == ["90.87", "995.24", 1]
    baseline = summary["baseline"]
    assert figures(baseline, "method", "model", "subject", "n") == ["measured", OPUS, "workflow", 30]
    assert figures(baseline, "estimated", "unpriced") == [False, 0]


def test_twenty_nine_shadows_say_nothing(hundred):
    Shadow.objects.filter(flagged=True).first().delete()
    summary = told(hundred)
    assert figures(summary, "total_cost", "cost_per_completed", "complete") == ["0.21", "0.0021", True]
    unknown = ("if_all_frontier", "savings", "savings_percent", "roi_percent", "payback_executions", "paid_back_at")
    assert figures(summary, *unknown) == [None] * 6
    assert figures(summary["baseline"], "n", "interval") == [29, None]


def test_agreement_has_its_wilson_interval(hundred):
    """27 of 30: (54 + z² ± z · √(z² + 4 · 27 · 3 / 30)) / (2 · (30 + z²)), with z = 1.959964."""
    summary = told(hundred)
    assert summary["agreement"] == "0.9000"
    assert figures(summary["baseline"], "agreement", "agreement_interval") == ["0.9000", ["0.7438", "0.9654"]]


def test_what_no_grader_compared_is_in_the_cost_and_in_no_agreement(hundred):
    """Of 30 shadows, 20 are compared, and 17 of them are the same: 0.85, from 0.6396 to 0.9476, and too few to claim it."""
    nobody_compared = Shadow.objects.filter(flagged=False).order_by("pk").values("pk")[:10]
    Shadow.objects.filter(pk__in=list(nobody_compared.values_list("pk", flat=True))).update(same=None)
    summary = told(hundred)
    assert figures(summary, "if_all_frontier", "agreement") == ["2.30", None]
    assert summary["baseline"]["agreement_interval"] is None
    share = Share(17, 20)
    assert (share.rate, [round(end, 4) for end in share.interval]) == (Decimal("0.85"), [0.6396, 0.9476])
    assert not share.says


def test_equal_shadows_leave_no_doubt(hundred):
    """Each sample that the bootstrap draws within a stratum is the stratum: the interval has no width."""
    assert told(hundred)["baseline"]["interval"] == ["2.30", "2.30"]


def test_the_interval_holds_the_estimate_and_comes_out_the_same_again(workflow):
    """15 shadows of 0.01 and 15 of 0.03: 0.02 an execution. The mean of thirty draws lies within 0.0036 of it in 95 of 100."""
    for number, past in enumerate(completed(workflow, 30)):
        shadow(past, 1 if number % 2 else 3)
    summary = told(workflow)
    low, high = map(float, summary["baseline"]["interval"])
    assert summary["if_all_frontier"] == "0.60"
    assert 0.47 < low < 0.51 and 0.69 < high < 0.73
    assert told(workflow)["baseline"]["interval"] == summary["baseline"]["interval"]


def test_a_version_is_a_stratum_of_its_own(workflow):
    """10 executions at 0.10 and 40 at 0.01: 1.40. Fifteen shadows of each would say 2.75 without strata."""
    first = completed(workflow, 10)
    later = workflow.draft(Examined.of(workflow.versions.get().definition, workflow.project), "1.1.0", created_by="al")
    second = completed(workflow, 40, version=later)
    for past in first:
        shadow(past, 10)
    for past in second[:20]:
        shadow(past, 1)
    assert told(workflow)["if_all_frontier"] == "1.40"


def test_the_two_subjects_are_never_put_together(hundred):
    """30 of the workflow and 29 of its task; then 30 of the task, which is the dearer way: 100 · 0.10."""
    plain = list(Execution.objects.filter(flags=None)[:60])
    for past in plain[:29]:
        shadow(past, 10, subject=Subject.TASK)
    assert told(hundred, subject="workflow")["if_all_frontier"] == "2.30"
    assert told(hundred, subject="task")["if_all_frontier"] is None
    shadow(plain[29], 10, subject=Subject.TASK)
    task = told(hundred, subject="task")
    assert (task["if_all_frontier"], task["baseline"]["subject"], task["baseline"]["n"]) == ("10.00", "task", 30)
    assert told(hundred, subject="workflow")["if_all_frontier"] == "2.30"


@pytest.mark.parametrize(
    "other",
    [
        {"model": "anthropic:claude-opus-5-5"},
        {"subject": Subject.TASK},
        {"simulated": True},
        {"status": Shadow.Status.FAILED},
        {"status": Shadow.Status.SKIPPED, "cost": None},
        {"cost": None},
    ],
)
def test_what_does_not_count_makes_no_thirtieth(workflow, other):
    """Another model, another subject, simulated, no answer, or no price."""
    pasts = completed(workflow, 30)
    for past in pasts[1:]:
        shadow(past, 2)
    shadow(pasts[0], **{"cost": 2, **other})
    summary = told(workflow)
    assert (summary["if_all_frontier"], summary["baseline"]["n"]) == (None, 29)


def test_what_was_not_completed_or_was_wrong_counts_nothing(hundred):
    """The 20 that failed are paid, and all-frontier would have paid nothing for them: our waste is never the baseline's."""
    for _ in range(20):
        make_answer(make_execution(hundred, status=Status.FAILED), at=NOON)
    summary = told(hundred)
    assert figures(summary, "completed", "total_cost", "if_all_frontier", "savings") == [100, "0.25", "2.30", "2.05"]


def test_a_window_has_its_own_shadows(workflow):
    """Monday 30 at 0.02, Tuesday 20 of which ten are shadowed: too few to say anything of Tuesday alone."""
    for past in completed(workflow, 30):
        shadow(past, 2)
    for past in completed(workflow, 20, at=NOON + DAY)[:10]:
        shadow(past, 6)
    assert told(workflow, until=TUESDAY)["if_all_frontier"] == "0.60"
    assert told(workflow, since=TUESDAY)["if_all_frontier"] is None
    assert told(workflow)["if_all_frontier"] == "1.50"  # 50 · (30 · 0.02 + 10 · 0.06) / 40


def test_savings_can_be_negative_by_what_was_measured(hundred):
    """The frontier did it for 0.001 each where we paid 0.0021."""
    Shadow.objects.update(cost=CENT // 10)
    summary = told(hundred)
    assert figures(summary, "if_all_frontier", "savings", "savings_percent") == ["0.10", "-0.11", "-110.00"]
    assert summary["payback_executions"] is None


def test_a_project_knows_it_only_where_each_of_its_workflows_does(hundred):
    assert told(None, project=hundred.project)["if_all_frontier"] == "2.30"
    completed(make_measured_workflow("triage", project=hundred.project), 1)
    assert told(None, project=hundred.project)["if_all_frontier"] is None


# --- the waterfall: from what all-frontier would have cost to what was paid


def falls(workflow, **query) -> tuple[dict, dict]:
    """The answer, and its parts by name."""
    answer = reader_of(workflow.project).get(
        f"/api/v1/workflows/{workflow.name}/waterfall", {"simulated": "false", **query}
    )
    assert answer.status_code == 200, answer.json()
    found = answer.json()
    return found, {one["part"]: one["amount"] for one in found["parts"]}


EATEN = {
    "unused_calls": "-0.02",  # 0.0439 − the 0.0239 of the answers that were used
    "in_doubt": "-0.002",
    "design": "-0.05",
    "evaluation": "-0.022",
    "shadow": "-0.01",
}


@pytest.mark.parametrize(
    ("method", "start", "cache"),
    [
        ("repriced_warm", "0.0645", "-0.0104"),  # ours saved 0.0026, the frontier's would have saved 0.013
        ("repriced_cold", "0.0775", "0.0026"),  # ours saved 0.0026, and the frontier has none
    ],
)
def test_the_waterfall_of_a_week_leaves_nothing_over(method, start, cache):
    """Tier: (0.0425 − 0.0085) + 2 · (0.01 − 0.002), all without a cache. Batch: 0.002 − 0.001."""
    found, parts = falls(week_of_every_kind(), baseline=method)
    assert list(parts.items()) == [
        ("fewer_calls", None),
        ("code", None),
        ("tier", "0.05"),
        ("cache", cache),
        ("batch", "0.001"),
        *EATEN.items(),
    ]
    assert figures(found, "if_all_frontier", "total_cost", "complete") == [start, "0.1279", True]
    assert sum(Decimal(amount or 0) for amount in parts.values()) == Decimal(start) - Decimal("0.1279")


def test_fewer_calls_is_what_was_measured_beyond_the_same_calls(hundred):
    """2.30 measured, 1.00 for the same calls on the frontier, 0.20 for ours, and 0.01 for the shadows."""
    found, parts = falls(hundred, baseline="measured")
    assert {name: amount for name, amount in parts.items() if amount != "0.00"} == {
        "fewer_calls": "1.30",
        "tier": "0.80",
        "shadow": "-0.01",
    }
    assert figures(found, "if_all_frontier", "total_cost", "complete") == ["2.30", "0.21", True]


def test_a_frontier_that_needs_less_than_our_calls_has_a_negative_lever(hundred):
    """Measured 0.10 where the same calls come to 1.00: it did without most of them."""
    Shadow.objects.update(cost=CENT // 10)
    found, parts = falls(hundred, baseline="measured")
    assert figures(parts, "fewer_calls", "tier", "shadow") == ["-0.90", "0.80", "-0.01"]
    assert figures(found, "if_all_frontier", "total_cost") == ["0.10", "0.21"]


def test_under_thirty_shadows_the_first_lever_is_not_known(hundred):
    Shadow.objects.filter(flagged=True).first().delete()
    found, parts = falls(hundred, baseline="measured")
    assert figures(found, "if_all_frontier", "complete") == [None, False]
    assert figures(parts, "fewer_calls", "tier") == [None, "0.80"]
