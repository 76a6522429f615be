"""When it paid itself back, or will, in one sentence."""

from datetime import date

import pytest

from analytics.projection.arithmetic import Outlook, Pace, Why
from analytics.projection.projecting import Prospect
from reports.savings.payback import payback

PACE = Pace(28, completed=40, running=0, testing=0, if_all_frontier=0)
DAY = date(2027, 1, 4)


@pytest.mark.parametrize(
    ("paid_back_on", "outlook", "sentence"),
    [
        (DAY, Outlook(True, 0), "Designing it, and all else, was paid back on 4 January 2027."),
        (None, Outlook(True, 0), "Designing it, and all else, is paid back."),
        (
            None,
            Outlook(False, 1_200, DAY),
            "It is not paid back yet: after 1,200 more executions, at the pace of the last 28 days, on 4 January 2027.",
        ),
        (
            None,
            Outlook(False, 3, why=Why.TOO_FEW),
            "It is not paid back yet: it takes 3 more executions. Too few completed lately to name a day.",
        ),
        (
            DAY,
            Outlook(False, 3, why=Why.TOO_FEW),
            "It had paid itself back on 4 January 2027, and has not again since: it takes 3 more executions. Too few completed "
            "lately to name a day.",
        ),
        (
            DAY,
            Outlook(False, why=Why.SAVES_NOTHING),
            "It had paid itself back on 4 January 2027, and has not again since. An execution costs no less than all-frontier "
            "would, so it does not pay itself back.",
        ),
        (DAY, Outlook(None, why=Why.UNPRICED), "Calls have no price, so nobody can say when it pays itself back."),
        (
            None,
            Outlook(False, why=Why.SAVES_NOTHING),
            "An execution costs no less than all-frontier would, so it does not pay itself back.",
        ),
        (None, Outlook(None, why=Why.UNPRICED), "Calls have no price, so nobody can say when it pays itself back."),
    ],
)
def test_it_says_when(paid_back_on, outlook, sentence):
    assert payback(Prospect(outlook, PACE, paid_back_on)) == sentence


@pytest.mark.parametrize("why", list(Why))
def test_there_is_a_sentence_for_every_reason(why):
    assert payback(Prospect(Outlook(False, 7, why=why), PACE))
