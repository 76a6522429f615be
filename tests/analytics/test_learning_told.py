"""Whether a workflow learns, in words: what is not known says why, and what to do."""

from decimal import Decimal

import pytest

from analytics.learning.by_version import Comparison, Escalated
from analytics.learning.design_costs import Designing, Spent
from analytics.learning.fixes import TimeToFix
from analytics.pages import learning_told as told

from .ledgers import NOON

NOTHING = Spent(0, 0, 0, unfinished=0, cost=0, unpriced=0)
ONE = Spent(1, 0, 0, unfinished=0, cost=10**12, unpriced=0)
UNPRICED = Spent(1, 0, 0, unfinished=0, cost=10**12, unpriced=2)
FREE = Spent(1, 0, 0, unfinished=0, cost=0, unpriced=0)
NINE_HUNDREDTHS = Spent(1, 1, 0, unfinished=0, cost=9 * 10**10, unpriced=0)
LITTLE = Spent(1, 0, 0, unfinished=0, cost=4 * 10**9, unpriced=0)


def version(number, flagged, finished):
    return Escalated(number, NOON, finished, flagged, moved=0)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((20, 40), (4, 40), "1.1.0 against 1.0.0: it escalates 40.0 points less, with 95% confidence 20.3 to 56.0."),
        ((4, 40), (20, 40), "1.1.0 against 1.0.0: it escalates 40.0 points more, with 95% confidence 20.3 to 56.0."),
        (
            (10, 30),
            (8, 30),
            "1.1.0 against 1.0.0: no difference is shown (-6.7 points, with 95% confidence between -28.5 and +16.0).",
        ),
        (
            (10, 30),
            (0, 29),
            "1.1.0 against 1.0.0: too few to say. It takes 30 finished executions of each; 1.0.0 has 30 and 1.1.0 has 29.",
        ),
    ],
)
def test_the_last_version_is_compared(before, after, said):
    found = Comparison(version("1.0.0", *before), version("1.1.0", *after))
    assert told.change(2, found) == said


def test_before_there_are_two_versions_it_says_what_to_do():
    assert told.change(0, None) == "No version was published in these days or before. Publish one, and execute it."
    assert told.change(1, None).startswith("One version was published: there is nothing to compare it with.")


@pytest.mark.parametrize(
    ("design", "redesign", "said"),
    [
        (ONE, NINE_HUNDREDTHS, "A redesign costs 0.09 of a design. About a tenth is what to expect of a patch."),
        (ONE, LITTLE, "A redesign costs 0.004 of a design. About a tenth is what to expect of a patch."),
        (ONE, NOTHING, "No redesign was completed in these days. Send a group of flags to redesign to begin one."),
        (
            ONE,
            UNPRICED,
            "Calls have no price, so the two cannot be compared. State the price of the model under own prices.",
        ),
        (FREE, ONE, "The designs cost nothing, so there is nothing to compare with."),
        (
            NOTHING,
            ONE,
            "No design of this workflow was completed through the service in these days, so there is nothing to compare with. What "
            "was declared is a statement, and no measure.",
        ),
    ],
)
def test_what_a_redesign_costs_is_said_or_why_that_is_not_known(design, redesign, said):
    assert told.share(Designing(design, redesign, (1, 10**12))) == said


def test_costs_are_said_or_why_they_are_not_known():
    assert told.per_completed(NINE_HUNDREDTHS, "redesign") == "0.090 USD"
    assert told.per_completed(NOTHING, "redesign") == "not known: no redesign was completed"
    assert told.per_completed(UNPRICED, "design") == "not known: 2 calls without a price"
    assert told.total(UNPRICED) == "not known"
    assert Designing(ONE, NINE_HUNDREDTHS, (0, 0)).share == Decimal("0.09")


def test_what_waits_is_said_with_how_long_the_oldest_has():
    times = TimeToFix(1, 90, 90, waiting=2, oldest=NOON)
    assert told.fixing(times) == "1 flag closed: half within 1 min, nineteen in twenty within 1 min."
    assert told.waiting(times, NOON.replace(day=19)) == (
        "2 flags wait for a version that closes them, the oldest for 3.0 days."
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_600, "1.0 h"), (172_800, "2.0 days")]
)
def test_how_long_something_takes(seconds, said):
    assert told.lasting(seconds) == said
