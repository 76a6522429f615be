"""When a call is tried again, as a table."""

import pytest

from gateway.retry import delay
from gateway.types import AccessDenied, NotSent, NotTheProtocol, OutcomeUnknown, Rejected, Throttled

LOWEST, MIDDLE = (lambda: 0.0), (lambda: 0.5)


@pytest.mark.parametrize(
    ("attempt", "error", "random", "expected"),
    [
        (1, Throttled("busy"), LOWEST, 1.0),
        (1, Throttled("busy"), MIDDLE, 2.5),
        (2, Throttled("busy"), MIDDLE, 8.5),
        (4, Throttled("busy"), MIDDLE, 30.5),
        (5, Throttled("busy"), MIDDLE, 600.0),
        (1_000_000, Throttled("busy"), MIDDLE, 600.0),
        (3, NotSent("refused"), MIDDLE, 30.5),
        (1, Throttled("busy", retry_after=17.5), MIDDLE, 17.5),
        (4, Throttled("busy", retry_after=17.5), MIDDLE, 17.5),
        (5, Throttled("busy", retry_after=17.5), MIDDLE, 600.0),
        (9, Throttled("busy", retry_after=7_200.0), MIDDLE, 7_200.0),
        (1, Throttled("busy", retry_after=0.0), MIDDLE, 2.5),
        (1, Throttled("broken", soon=False), MIDDLE, 600.0),
        (1, Throttled("broken", retry_after=7_200.0, soon=False), MIDDLE, 7_200.0),
        (1, Rejected("wrong"), MIDDLE, None),
        (1, OutcomeUnknown("lost"), MIDDLE, 2.5),
        (2, OutcomeUnknown("lost"), MIDDLE, 600.0),
        (3, OutcomeUnknown("lost"), MIDDLE, 1_200.0),
        (1_000_000, OutcomeUnknown("lost"), MIDDLE, 21_600.0),
        (1, NotTheProtocol("a page"), MIDDLE, 2.5),
        (2, NotTheProtocol("a page"), MIDDLE, None),
        (1, AccessDenied("no key"), MIDDLE, 600.0),
        (50, AccessDenied("no key"), LOWEST, 600.0),
        (1, AccessDenied("spent", retry_after=7_200.0), MIDDLE, 7_200.0),
        (1, AccessDenied("spent", retry_after=5.0), MIDDLE, 600.0),
    ],
)
def test_it_says_when_to_ask_again(attempt, error, random, expected):
    assert delay(attempt, error, random) == expected


def test_the_jitter_stays_between_a_second_and_a_minute():
    waits = [delay(attempt, Throttled("busy"), lambda: 0.999999) for attempt in (1, 2, 3, 4)]
    assert [round(wait, 2) for wait in waits] == [4.0, 16.0, 60.0, 60.0]
