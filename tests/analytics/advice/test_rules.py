"""What figures come to: each finding says what it found, with the numbers, and turns where its figure crosses the limit."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from analytics.advice.rules import Agreement, Figures, Redesign, findings, fit
from analytics.savings import Balance

# An execution costs 1 cent, all-frontier 5: each saves 4, and 2 USD of design are paid by 50.
MONTH = Balance(execution_cost=Decimal(3), if_all_frontier=Decimal(15), completed=300)
WELL = Figures(
    workflow="refund",
    window=MONTH,
    to_date=replace(MONTH, design_declared=Decimal(2)),
    finished=300,
    escalated=15,
    escalation_cost=Decimal("0.75"),
    versions=1,
    days_live=30,
    cases=20,
    evidence="passed",
    agreements=(Agreement("workflow", 190, 200),),
)


def verdicts(figures):
    return {one.code: one.verdict.value for one in findings(figures)}


def found(code, **changed):
    (one,) = [one for one in findings(replace(WELL, **changed)) if one.code == code]
    return one


def fit_of(**changed):
    figures = replace(WELL, **changed)
    return fit(figures, findings(figures))[0].value


def not_paid(needed, done, **changed):
    """`needed` executions pay for it, at 4 cents each; `done` are completed, in a month."""
    window = Balance(execution_cost=Decimal(done) / 100, if_all_frontier=Decimal(done) * 5 / 100, completed=done)
    return {"window": window, "to_date": replace(window, design_declared=Decimal(needed) * 4 / 100), **changed}


def test_a_workflow_that_does_well_is_good_in_everything_and_great():
    assert verdicts(WELL) == {
        "too_rare_to_pay": "good",
        "changing_too_often": "good",
        "no_cases": "good",
        "escalates_too_much": "good",
        "saves": "good",
        "quality": "good",
        "good": "good",
    }
    assert fit_of() == "great"
    assert all(one.do is None for one in findings(WELL))


def test_nothing_is_known_of_one_that_was_never_executed():
    empty = Figures(workflow="refund", observed=1)
    assert verdicts(empty) == {
        "too_rare_to_pay": "unknown",
        "changing_too_often": "unknown",
        "no_cases": "bad",
        "escalates_too_much": "unknown",
        "saves": "unknown",
        "quality": "unknown",
    }
    assert fit(empty, findings(empty)) == ("unknown", ["What it saves is not known: nothing is completed."])


# Too rare to pay.


@pytest.mark.parametrize(
    ("needed", "verdict", "months"), [(130, "good", "12"), (131, "bad", "12.1"), (20, "good", "1"), (21, "good", "1.1")]
)
def test_what_takes_longer_than_a_year_to_pay_is_too_rare(needed, verdict, months):
    """Ten are completed: what was paid is paid."""
    one = found("too_rare_to_pay", **not_paid(needed, 10))
    assert (one.verdict, one.figures["months"]) == (verdict, Decimal(months))
    assert one.figures["executions_per_month"] == 10


def test_it_says_how_long_that_takes():
    one = found("too_rare_to_pay", **not_paid(250, 10))
    assert (
        one.reason
        == "At 10 executions a month, the 240 that it still takes to pay for it take 24 months, and 12 are the limit."
    )
    assert one.do.address == "GET workflows/refund/costs"


def test_what_has_paid_is_not_too_rare_however_rare_it_is():
    one = found("too_rare_to_pay", **not_paid(9, 10))
    assert (one.verdict, one.reason) == ("good", "It has paid for itself: 9 executions had to complete, and 10 did.")


@pytest.mark.parametrize(("days_live", "verdict"), [(180, "good"), (150, "bad")])
def test_it_has_to_pay_before_its_version_is_replaced(days_live, verdict):
    """Two versions in 180 days: one lasts three months. 30 more executions at 10 a month take three."""
    one = found("too_rare_to_pay", **not_paid(40, 10), versions=2, days_live=days_live)
    assert one.verdict == verdict
    assert one.figures["months_between_versions"] == Decimal(days_live) / 60


def test_a_fix_on_the_first_day_is_no_habit():
    one = found("too_rare_to_pay", **not_paid(40, 10), versions=2, days_live=8)
    assert (one.verdict, one.figures["months_between_versions"]) == ("good", None)


def test_what_is_not_executed_any_more_never_pays():
    one = found("too_rare_to_pay", **{**not_paid(110, 10), "window": Balance()})
    assert (one.verdict, one.reason) == (
        "bad",
        "At 0 executions a month, the 100 that it still takes to pay for it never come.",
    )


@pytest.mark.parametrize(("observed", "verdict"), [(6, "unknown"), (7, "bad")])
def test_the_first_days_say_nothing_of_a_month(observed, verdict):
    assert found("too_rare_to_pay", **not_paid(10_000, 10), observed=observed).verdict == verdict


def test_how_rare_it_may_be_is_not_known_where_an_execution_saves_nothing():
    window = replace(MONTH, if_all_frontier=Decimal(3))
    assert found("too_rare_to_pay", window=window, to_date=window).verdict == "unknown"


# Changing too often.


@pytest.mark.parametrize(("changes", "verdict"), [(0, "good"), (4, "good"), (5, "bad")])
def test_more_than_four_new_versions_a_month_are_too_many(changes, verdict):
    assert found("changing_too_often", changes=changes, versions=changes + 1).verdict == verdict


@pytest.mark.parametrize(
    ("observed", "changes", "verdict"), [(60, 8, "good"), (60, 9, "bad"), (2, 4, "good"), (2, 5, "bad")]
)
def test_a_window_is_counted_by_the_month_and_a_first_week_as_one(observed, changes, verdict):
    assert found("changing_too_often", observed=observed, changes=changes).verdict == verdict


@pytest.mark.parametrize(("before", "verdict"), [("-0.01", "bad"), ("0.00", "good"), (None, "good")])
def test_a_redesign_before_the_last_one_paid_is_too_early(before, verdict):
    redesign = Redesign(date(2026, 11, 20), None if before is None else Decimal(before))
    one = found("changing_too_often", redesign=redesign)
    assert one.verdict == verdict
    if verdict == "bad":
        said = "It was designed anew on 2026-11-20 when it had not paid for what came before: −0.0100 USD until then."
        assert one.reason == said
        assert one.do.address == "GET workflows/refund/groups"


# No cases.


@pytest.mark.parametrize(
    ("cases", "evidence", "verdict", "address"),
    [
        (20, "passed", "good", None),
        (19, "passed", "bad", "POST workflows/refund/cases"),
        (20, "none", "bad", "POST workflows/refund/evaluations"),
        (20, "overridden", "bad", "POST workflows/refund/evaluations"),
        (20, None, "unknown", None),
    ],
)
def test_what_nothing_proves_has_no_cases(cases, evidence, verdict, address):
    one = found("no_cases", cases=cases, evidence=evidence)
    assert (one.verdict, one.do and one.do.address) == (verdict, address)


def test_how_many_cases_are_enough_is_asked_of_its_gate():
    assert found("no_cases", cases=20, min_cases=21).verdict == "bad"


# Escalates too much.


@pytest.mark.parametrize(
    ("finished", "escalated", "verdict"),
    [
        (300, 46, "good"),  # 11.70% to 19.85%
        (300, 47, "unknown"),  # 11.99% to 20.21%
        (300, 73, "unknown"),  # 19.82% to 29.51%
        (300, 75, "bad"),  # 20.44% to 30.20%
        (29, 29, "unknown"),  # too few
        (30, 30, "bad"),
        (0, 0, "unknown"),
    ],
)
def test_it_is_good_or_bad_only_where_the_whole_interval_is(finished, escalated, verdict):
    figures = {"finished": finished, "escalated": escalated, "escalation_cost": Decimal(0)}
    assert found("escalates_too_much", **figures).verdict == verdict


def test_it_says_the_interval_and_the_limit():
    one = found("escalates_too_much", escalated=150, escalation_cost=Decimal(0))
    assert one.reason == "150 of 300 escalated, 50.0% (44.4–55.6): above 20.0%, the limit."
    assert one.do.address == "POST workflows/refund/redesigns"


def test_the_limit_is_lower_where_the_savings_are_eaten_before():
    """Without escalating, an execution costs (3 − 2.25) ÷ 300 = 0.25 cents, all-frontier 5; escalating one costs
    225 ÷ 6 = 37.5 cents: at 4.75 ÷ 37.5 = 12.67% nothing is saved."""
    one = found("escalates_too_much", escalated=6, escalation_cost=Decimal("2.25"))
    assert round(one.figures["break_even_share"], 4) == Decimal("0.1267")
    assert (one.verdict, one.figures["limit"]) == ("good", one.figures["break_even_share"])
    dear = replace(MONTH, execution_cost=Decimal(23))
    one = found("escalates_too_much", window=dear, escalated=60, escalation_cost=Decimal("22.5"))
    assert one.verdict == "bad"
    assert one.reason == "60 of 300 escalated, 20.0% (15.9–24.9): above 12.9%, where the savings are eaten."


# Saves.


def test_negative_savings_are_bad_and_shown():
    window = replace(MONTH, execution_cost=Decimal(18))
    one = found("saves", window=window, to_date=window)
    assert (one.verdict, one.figures["savings"]) == ("bad", Decimal(-3))
    assert (
        one.reason == "A completed execution costs 0.0100 USD more than all-frontier; since the beginning: −3.00 USD."
    )
    assert one.do.address == "GET workflows/refund/costs?group_by=step"


@pytest.mark.parametrize(("cost", "verdict"), [("14.99", "good"), ("15", "bad"), ("15.01", "bad")])
def test_what_an_execution_saves_now_decides(cost, verdict):
    assert found("saves", window=replace(MONTH, execution_cost=Decimal(cost)), to_date=MONTH).verdict == verdict


def test_one_that_has_not_paid_yet_is_neither():
    one = found("saves", **not_paid(400, 300))
    assert one.verdict == "unknown"
    assert one.reason == "It has not paid yet: −4.00 USD since the beginning; a completed execution saves 0.0400 USD."


def test_savings_are_not_known_where_a_call_has_no_price():
    one = found("saves", to_date=replace(MONTH, unpriced_calls=1))
    assert (one.verdict, one.figures["savings"]) == ("unknown", None)
    assert one.reason == "What it saves is not known: a call, or the baseline, has no price."


# Quality.


@pytest.mark.parametrize(
    ("same", "n", "verdict"),
    [
        (30, 30, "good"),  # 88.65% to 100%, and 88% are asked
        (29, 29, "unknown"),  # too few
        (186, 200, "good"),  # 88.59% to 95.78%
        (184, 200, "unknown"),  # 87.40% to 95.02%
        (160, 200, "bad"),  # 73.91% to 84.95%
    ],
)
def test_shadows_have_to_agree_as_often_as_the_gate_asks(same, n, verdict):
    assert found("quality", agreements=(Agreement("workflow", same, n),)).verdict == verdict


def test_the_two_subjects_of_shadows_are_held_apart():
    one = found("quality", agreements=(Agreement("workflow", 200, 200), Agreement("task", 100, 200)))
    assert one.verdict == "bad"
    assert (one.figures["workflow_same"], one.figures["task_same"]) == (200, 100)
    assert one.reason == (
        "200 of 200 shadows of the workflow agree, 100.0% (98.1–100.0), and its gate asks for 88.0%. "
        "100 of 200 shadows of the task agree, 50.0% (43.1–56.9), and its gate asks for 88.0%."
    )
    assert one.do.address == "GET workflows/refund/shadows"


def test_what_was_rejected_is_where_to_look_where_shadows_agree():
    one = found("quality", rejected=25, judged=25)
    assert (one.verdict, one.do.address) == ("bad", "GET executions?workflow=refund&feedback=rejected")


@pytest.mark.parametrize(
    ("rejected", "judged", "verdict"),
    [(0, 0, "unknown"), (0, 73, "good"), (0, 72, "unknown"), (25, 25, "bad"), (20, 20, "unknown")],
)
def test_feedback_that_rejects_more_than_five_in_a_hundred_is_bad(rejected, judged, verdict):
    """Of 300 completed ones and those that were rejected: 25 of 325 are 5.27% at least."""
    assert found("quality", agreements=(), rejected=rejected, judged=judged).verdict == verdict


# All together.


def test_one_that_is_bad_in_something_is_not_good():
    assert "good" not in verdicts(replace(WELL, cases=0))


def test_what_is_not_known_is_said_beside_what_is_good():
    one = found("good", agreements=())
    assert one.verdict == "good"
    assert one.reason == "It saves, and nothing speaks against it. Not known yet: quality."


def test_nothing_bad_is_not_good_before_it_saves():
    one = found("good", **not_paid(310, 300))
    assert one.verdict == "unknown"


@pytest.mark.parametrize(("elsewhere", "expected"), [(29, "great"), (30, "hybrid")])
def test_it_is_a_hybrid_where_every_tenth_is_answered_by_the_frontier_or_a_person(elsewhere, expected):
    assert fit_of(elsewhere=elsewhere) == expected


def test_what_is_too_rare_stays_on_the_frontier():
    assert fit_of(**not_paid(131, 10)) == "keep_on_frontier"
    assert fit_of(**not_paid(130, 10)) == "unknown"
    assert fit_of(**not_paid(521, 40)) == "keep_on_frontier"
    assert fit_of(**not_paid(520, 40)) == "great"


@pytest.mark.parametrize(("done", "expected"), [(29, "unknown"), (30, "great")])
def test_a_fit_is_said_of_thirty_executions(done, expected):
    assert fit_of(**not_paid(1, done)) == expected


def test_what_answers_wrongly_is_not_great_for_being_cheap():
    assert fit_of(rejected=300) == "keep_on_frontier"


def test_what_leaves_the_work_to_others_is_a_hybrid():
    assert fit_of(escalated=180) == "hybrid"


def test_what_nobody_has_proven_or_does_not_hold_still_is_not_great():
    assert fit_of(cases=0) == "unknown"
    assert fit_of(changes=5, versions=6, days_live=30) == "unknown"


def test_what_costs_more_than_all_frontier_stays_there():
    window = replace(MONTH, execution_cost=Decimal(16))
    assert fit_of(window=window) == "keep_on_frontier"
    assert fit_of(window=window, elsewhere=300) == "keep_on_frontier"


def test_without_a_price_nothing_is_advised():
    assert fit_of(to_date=replace(MONTH, unpriced_calls=1)) == "unknown"
    assert fit_of(window=replace(MONTH, if_all_frontier=None)) == "unknown"
