"""Which step is worth moving: its saving, what speaks for it, and the order of several."""

from dataclasses import replace
from decimal import Decimal

import pytest

from analytics.advice.next_step import Kind, Level, Move, Repeats, Test, best, in_order
from analytics.advice.steps import repeats

DOWN = Move(
    workflow="refund",
    step="classify",
    kind=Kind.MOVE_DOWN,
    tier="frontier",
    model="anthropic:claude-opus-4-5",
    calls=100,
    paid=Decimal("1.00"),
    now=Decimal("1.00"),
    then=Decimal("0.20"),
    observed=10,
    to_tier="cheap",
    to_model="anthropic:claude-haiku-4-5",
)
COMPARED = Test(Level.AGREEMENT_TESTED, 95, 100, None, "GET evaluations/1")
PASSED = Test(Level.GATE_PASSED, 95, 100, True, "GET evaluations/2")
FAILED = Test(Level.AGREEMENT_TESTED, 50, 100, False, "GET evaluations/3")


def test_a_saving_is_of_a_month_at_the_present_rate():
    assert (DOWN.saving, DOWN.saving_per_month) == (Decimal("0.80"), Decimal("2.40"))


def test_a_few_days_say_nothing_of_a_month():
    assert (replace(DOWN, observed=6).saving, replace(DOWN, observed=6).saving_per_month) == (Decimal("0.80"), None)


@pytest.mark.parametrize(
    ("test", "level", "address", "reason"),
    [
        (None, "price_only", "POST workflows/refund/tier-searches", "Nothing was tested."),
        (
            COMPARED,
            "agreement_tested",
            "POST workflows/refund/evaluations",
            "It was compared on this model: 95 of 100 right or the same; the whole has no verdict.",
        ),
        (
            PASSED,
            "gate_passed",
            "POST workflows/refund/versions",
            "Exactly this has passed an evaluation: 95 of 100 right or the same.",
        ),
    ],
)
def test_what_speaks_for_it_says_what_to_do_next(test, level, address, reason):
    move = replace(DOWN, test=test)
    assert (move.level, move.do.address) == (level, address)
    assert move.reason == (
        "classify on anthropic:claude-haiku-4-5 (cheap) instead of anthropic:claude-opus-4-5 would cost less for the same "
        f"tokens. {reason}"
    )


def test_a_step_that_failed_its_test_is_not_advised_and_that_is_said():
    move = replace(DOWN, test=FAILED)
    assert (move.advised, move.do) == (False, None)
    assert move.reason.endswith("It failed its test, and is not advised: 50 of 100 right or the same.")
    assert best(in_order([move])) is None


def test_what_was_tested_goes_before_a_larger_saving_that_was_not():
    """Weighed: 0.80 × ½, 0.50 × ¾ and 0.45 × 1."""
    half = replace(DOWN, step="half")
    three_quarters = replace(DOWN, step="compared", then=Decimal("0.50"), test=COMPARED)
    whole = replace(DOWN, step="passed", then=Decimal("0.55"), test=PASSED)
    failed = replace(DOWN, step="failed", then=Decimal("0.01"), test=FAILED)
    unknown = replace(DOWN, step="unknown", then=None)
    ordered = in_order([unknown, failed, half, three_quarters, whole])
    assert [one.step for one in ordered] == ["passed", "half", "compared", "failed", "unknown"]
    assert best(ordered).step == "passed"


def test_what_saves_nothing_is_not_told():
    assert in_order([replace(DOWN, then=Decimal("1.00")), replace(DOWN, then=Decimal("1.01"))]) == []


def test_a_model_without_a_price_is_told_as_unknown():
    move = replace(DOWN, then=None)
    assert (move.saving, move.saving_per_month, move.advised) == (None, None, False)
    assert "is not known: a model has no price" in move.reason


def test_ten_are_told_at_most():
    assert len(in_order([replace(DOWN, step=f"step_{n}") for n in range(12)])) == 10


# Code.


@pytest.mark.parametrize(
    ("answers", "again", "same", "outputs", "expected"),
    [
        (50, 20, 20, 20, True),
        (49, 20, 20, 20, False),
        (50, 19, 19, 20, False),
        (50, 20, 19, 20, False),
        (50, 20, 20, 21, False),
    ],
)
def test_a_step_may_be_a_rule_where_its_answers_are_a_function_of_its_input(answers, again, same, outputs, expected):
    assert Repeats(answers, again, same, outputs).may_be_a_rule is expected


def test_repeats_are_counted_against_the_first_answer():
    answers = [
        ("a", {"kind": "x"}),
        ("b", {"kind": "y"}),
        ("a", {"kind": "x"}),
        ("a", {"kind": "z"}),
        ("", {"kind": "q"}),
    ]
    assert repeats(iter(answers)) == Repeats(answers=4, repeats=2, same=1, outputs=3)


def test_it_says_how_far_the_sample_goes():
    move = replace(DOWN, kind=Kind.MAKE_CODE, then=Decimal(0), repeats=Repeats(80, 30, 30, 3))
    assert move.reason == (
        "A candidate for code. The same input gave the same output in 30 of 30 repeats, 3 distinct outputs in 80 answers. "
        "Nothing was tested."
    )
    assert (move.level, move.do.address) == ("price_only", "POST workflows/refund/redesigns")
