"""Days, months, zones and prices that change: every row on the day on which it happened in UTC, at the price of that moment.

`SHORT` is 1,000 tokens in and 200 out: 0.002 USD on Haiku 4.5, 0.01 on Opus 4.5. What is proven elsewhere, and not once more here:

the edges of a window     test_costs.py (whole days), test_rates.py (of executions, and those that were escalated)
a call and its execution  test_costs.py (cost is of the day of the call, baseline of the day of completion)
a declared cost           test_baselines.py (in force when it completed)
"""

import os
import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock

from gateway import gateway
from gateway.models import OwnPrice
from gateway.types import Usage

from .auditing import audited, figures
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_doubted_call,
    make_execution,
    make_measured_workflow,
    state_baseline,
)

pytestmark = pytest.mark.django_db

AN_INSTANT, A_MILLISECOND, DAY = timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(days=1)
FAR_EAST, FAR_WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
O3 = "openai:o3"  # 10 and 40 USD a million tokens, since 2025-06-10 2 and 8
OPUS_46 = "anthropic:claude-opus-4-6"  # 5 and 25; until 2026-03-12 a prompt above 200,000 tokens 10 and 37.50
SONNET = "anthropic:claude-sonnet-4-5"  # 3 and 15; above 200,000 tokens 6 and 22.50
HAIKU_55 = "anthropic:claude-haiku-5-5"  # 0.10 and 0.50; above 100,000 tokens 0.50 and 2.50


@pytest.fixture
def workflow():
    return make_measured_workflow(at=LONG_AGO)


# --- days


@pytest.mark.parametrize(
    "midnight",
    [
        datetime(2026, 11, 17, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2028, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 0, tzinfo=UTC),  # clocks of Europe go forward an hour later
        datetime(2026, 11, 1, 0, tzinfo=UTC),  # and those of America back
    ],
)
def test_the_last_millisecond_of_a_day_and_the_first_of_the_next_are_apart(workflow, midnight):
    make_answer(make_execution(workflow, midnight - A_MILLISECOND, created_at=midnight - A_MILLISECOND))
    make_answer(make_execution(workflow, midnight - AN_INSTANT, created_at=midnight - AN_INSTANT))
    make_answer(make_execution(workflow, midnight, created_at=midnight), usage=Usage(input=3_000))
    named = ("executions", "finished", "completed", "total_cost", "if_all_frontier")
    day = midnight.date()
    assert figures(audited(workflow, since=day - DAY, until=day), *named) == [2, 2, 2, "0.004", "0.02"]
    assert figures(audited(workflow, since=day, until=day + DAY), *named) == [1, 1, 1, "0.003", "0.015"]


def test_a_february_with_a_leap_day_has_it_and_march_has_not(workflow):
    for moment in (
        datetime(2028, 1, 31, 23, 59, 59, 999999, UTC),
        datetime(2028, 2, 1, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2028, 2, 29, 23, 59, 59, 999999, UTC),
        datetime(2028, 3, 1, tzinfo=UTC),
    ):
        make_answer(make_execution(workflow, moment))
    months = [(date(2028, month, 1), date(2028, month + 1, 1)) for month in (1, 2, 3)]
    told = [audited(workflow, since=since, until=until) for since, until in months]
    assert [figures(one, "completed", "total_cost") for one in told] == [[1, "0.002"], [3, "0.006"], [1, "0.002"]]
    leap_day = audited(workflow, since=date(2028, 2, 29), until=date(2028, 3, 1))
    assert figures(leap_day, "completed", "since", "until") == [2, "2028-02-29", "2028-03-01"]


def test_the_months_of_a_year_add_up_to_it(workflow):
    """One execution on each month's last day, of 1,000 tokens more than the one before."""
    firsts = [date(2028, month, 1) for month in range(1, 13)] + [date(2029, 1, 1)]
    for number, following in enumerate(firsts[1:], 1):
        at = datetime.combine(following, datetime.min.time(), UTC) - AN_INSTANT
        make_answer(make_execution(workflow, at), usage=Usage(input=1_000 * number))
    months = [audited(workflow, since=firsts[n], until=firsts[n + 1])["savings"] for n in range(12)]
    assert months == [
        *("0.004", "0.008", "0.012", "0.016", "0.02", "0.024"),
        *("0.028", "0.032", "0.036", "0.04", "0.044", "0.048"),
    ]
    assert audited(workflow, since=firsts[0], until=firsts[12])["savings"] == "0.312"


# --- zones


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
def test_a_moment_written_in_another_zone_is_the_same_moment(workflow, zone):
    moment = datetime(2026, 11, 30, 23, 59, 59, 999999, UTC).astimezone(zone)
    make_answer(make_execution(workflow, moment, created_at=moment))
    november = audited(workflow, since=date(2026, 11, 1), until=date(2026, 12, 1))
    december = audited(workflow, since=date(2026, 12, 1))
    assert figures(november, "executions", "completed", "total_cost") == [1, 1, "0.002"]
    assert figures(december, "executions", "completed", "total_cost") == [0, 0, "0.00"]


@pytest.fixture(params=["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin"])
def a_server_elsewhere(request, monkeypatch):
    """Its operating system and Django's clock are both of that zone."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    with clock.override(request.param):
        yield
    monkeypatch.undo()
    assert os.environ.get("TZ") == before
    time.tzset()


@pytest.mark.usefixtures("a_server_elsewhere")
def test_a_server_in_another_zone_says_the_same(workflow):
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    make_answer(make_execution(workflow, midnight - AN_INSTANT))
    make_answer(make_execution(workflow, midnight), usage=Usage(input=3_000))
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-opus-4-20250514", at=midnight)
    november, december = audited(workflow, until=date(2026, 12, 1)), audited(workflow, since=date(2026, 12, 1))
    assert figures(november, "completed", "total_cost", "if_all_frontier") == [1, "0.002", "0.01"]
    assert figures(december, "completed", "total_cost", "if_all_frontier") == [1, "0.003", "0.045"]


# --- a call in doubt whose answer turns up in another window


def test_a_correction_stands_on_its_own_day_and_leaves_last_month_as_it_was_told(workflow):
    end = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    execution = make_execution(workflow, end)
    make_answer(execution)
    doubted = make_doubted_call(execution, upper_bound=7_000_000_000, at=end)
    november = {"until": date(2026, 12, 1)}
    told = audited(workflow, **november)
    assert figures(told, "in_doubt_cost", "total_cost", "savings") == ["0.007", "0.009", "0.001"]
    gateway.late(build_call(execution, HAIKU, SHORT, at=end + DAY), doubted).save(force_insert=True)
    assert audited(workflow, **november) == told
    december = audited(workflow, since=date(2026, 12, 1))
    assert figures(december, "in_doubt_cost", "total_cost", "savings") == ["-0.005", "-0.005", "0.005"]
    assert figures(audited(workflow), "in_doubt_cost", "total_cost", "savings") == ["0.002", "0.004", "0.006"]


# --- a price that changes


def test_a_listed_price_that_changes_in_mid_month(workflow):
    """An own call of 0.018 and one of 0.0036: never both at one price."""
    change = datetime(2025, 6, 10, tzinfo=UTC)
    for at in (change - AN_INSTANT, change):
        make_answer(make_execution(workflow, at), O3, at=at, baseline=O3)
    june = audited(workflow, since=date(2025, 6, 1), until=date(2025, 7, 1))
    assert figures(june, "total_cost", "if_all_frontier", "savings") == ["0.0216", "0.0216", "0.00"]
    assert audited(workflow, until=date(2025, 6, 10))["total_cost"] == "0.018"
    assert audited(workflow, since=date(2025, 6, 10))["total_cost"] == "0.0036"


def test_a_baseline_that_is_restated_later_follows_the_prices_of_then(workflow):
    change = datetime(2025, 6, 10, tzinfo=UTC)
    for at in (change - AN_INSTANT, change):
        make_answer(make_execution(workflow, at))
    assert audited(workflow)["if_all_frontier"] == "0.02"
    state_baseline(workflow, "repriced_warm", model=O3, at=LONG_AGO)
    assert audited(workflow)["if_all_frontier"] == "0.0216"
    assert audited(workflow, until=date(2025, 6, 10))["if_all_frontier"] == "0.018"


def test_the_price_is_of_the_call_and_the_day_of_the_completion(workflow):
    """Asked before the price fell, completed after it."""
    change = datetime(2025, 6, 10, tzinfo=UTC)
    make_answer(make_execution(workflow, change + timedelta(hours=1)), at=change - AN_INSTANT)
    state_baseline(workflow, "repriced_warm", model=O3, at=LONG_AGO)
    assert figures(audited(workflow, since=date(2025, 6, 10)), "total_cost", "if_all_frontier") == ["0.00", "0.018"]
    assert figures(audited(workflow, until=date(2025, 6, 10)), "total_cost", "if_all_frontier") == ["0.002", "0.00"]


def test_an_own_price_holds_from_its_first_instant_on(workflow):
    """Opus 4.5 at 5 and 25 until the 15th, at 1 and 5 from the 16th on, as the project has stated."""
    OwnPrice.objects.create(
        project=workflow.project,
        provider="anthropic",
        model="claude-opus-4-5",
        valid_from=date(2026, 11, 16),
        input=10**12,
        output=5 * 10**12,
    )
    midnight = datetime(2026, 11, 16, tzinfo=UTC)
    for at in (midnight - AN_INSTANT, midnight):
        make_answer(make_execution(workflow, at), OPUS)
    named = ("total_cost", "if_all_frontier", "savings")
    november = {"since": date(2026, 11, 1), "until": date(2026, 12, 1)}
    assert figures(audited(workflow, **november), *named) == ["0.012", "0.012", "0.00"]
    for at in (midnight - AN_INSTANT, midnight):
        make_answer(make_execution(workflow, at), HAIKU, baseline=HAIKU)
    state_baseline(workflow, "repriced_warm", model=OPUS, at=LONG_AGO)
    assert figures(audited(workflow, **november), *named) == ["0.016", "0.024", "0.008"]


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
def test_an_own_price_holds_by_the_day_in_utc_wherever_the_moment_was_written(workflow, zone):
    midnight = datetime(2026, 11, 16, tzinfo=UTC)
    dear = {"provider": "anthropic", "model": "claude-haiku-4-5", "valid_from": midnight.date()}
    OwnPrice.objects.create(project=workflow.project, **dear, input=10**13, output=0)
    for at, cost in ((midnight - AN_INSTANT, "0.002"), (midnight, "0.01")):
        make_answer(make_execution(workflow, at.astimezone(zone)))
        assert audited(workflow, since=at.date(), until=at.date() + DAY)["total_cost"] == cost


def test_a_tier_that_a_list_gives_up_in_mid_month(workflow):
    """200,001 tokens on Opus 4.6: 2.00001 before, 1.000005 since; restated for both."""
    change = datetime(2026, 3, 13, tzinfo=UTC)
    for at in (change - AN_INSTANT, change):
        make_answer(make_execution(workflow, at), usage=Usage(input=200_001))
    state_baseline(workflow, "repriced_cold", model=OPUS_46, at=LONG_AGO)
    march = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    assert audited(workflow, **march)["if_all_frontier"] == "3.000015"


# --- tiers


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        (HAIKU_55, Usage(input=100_000, output=1_000), "0.0105"),
        (HAIKU_55, Usage(input=100_001, output=1_000), "0.0525005"),
        (HAIKU_55, Usage(cache_read=100_000, input=1), "0.0050005"),  # what is read from a cache is prompt as well
        (SONNET, Usage(input=200_000, output=1_000), "0.615"),
        (SONNET, Usage(input=200_001, output=1_000), "1.222506"),
        (SONNET, Usage(input=1, cache_read=100_000, cache_write_5m=100_000), "0.810006"),
        (SONNET, Usage(input=100_001, output=150_000), "2.550003"),  # what is written counts for no tier
    ],
)
def test_a_prompt_above_its_threshold_is_dearer_from_its_first_token(workflow, model, usage, cost):
    make_answer(make_execution(workflow), model, usage, baseline=model)
    assert figures(audited(workflow), "total_cost", "if_all_frontier", "savings") == [cost, cost, "0.00"]


def test_two_short_prompts_are_not_one_long_one(workflow):
    """Two of 100,000 tokens are at the short price each, whether the baseline was kept or is restated."""
    for _ in range(2):
        make_answer(make_execution(workflow), usage=Usage(input=100_000), baseline=SONNET)
    assert audited(workflow)["if_all_frontier"] == "0.60"
    state_baseline(workflow, "repriced_warm", model=HAIKU_55, at=LONG_AGO)
    assert audited(workflow)["if_all_frontier"] == "0.02"


def test_a_restated_baseline_prices_short_and_long_prompts_of_one_day_apart(workflow):
    for tokens in (200_000, 200_001):
        make_answer(make_execution(workflow), usage=Usage(input=tokens))
    state_baseline(workflow, "repriced_warm", model=SONNET, at=LONG_AGO)
    assert audited(workflow)["if_all_frontier"] == "1.800006"


# --- a declared baseline


def test_a_declared_cost_that_changes_twice_in_a_day(workflow):
    """0.50 until noon, 0.80 until six, then 0.20: one execution in the last instant of each, and one in the first of the next."""
    six = NOON + timedelta(hours=6)
    for at, cost in ((LONG_AGO, "0.50"), (NOON, "0.80"), (six, "0.20")):
        state_baseline(workflow, "declared", cost=cost, at=at)
    for at in (NOON - AN_INSTANT, NOON, six - AN_INSTANT, six, NOON + DAY):
        make_execution(workflow, at)
    assert audited(workflow, until=date(2026, 11, 17))["if_all_frontier"] == "2.30"
    assert audited(workflow, since=date(2026, 11, 17))["if_all_frontier"] == "0.20"
    assert audited(workflow)["if_all_frontier"] == "2.50"


def test_the_day_it_paid_back_is_a_day_of_utc():
    """The debt of the 16th is paid in the first instant of the 17th, which is the 16th still for half of the world."""
    workflow = make_measured_workflow(design_cost="0.01", at=NOON)
    midnight = datetime(2026, 11, 17, tzinfo=UTC)
    make_answer(make_execution(workflow, midnight - AN_INSTANT))
    assert audited(workflow)["paid_back_at"] is None
    make_answer(make_execution(workflow, midnight.astimezone(FAR_WEST)))
    assert audited(workflow)["paid_back_at"] == "2026-11-17"
