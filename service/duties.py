"""What every worker does once a round beside executing; each is short, and does no harm when several do it at once."""

import time
from functools import wraps

from analytics import rollups
from executions import worker
from executions.working import Duty
from projects import idempotency


def rarely(seconds: float, duty: Duty) -> Duty:
    """The duty, once in so many seconds however often it is called; the first time at once."""
    last = float("-inf")

    @wraps(duty)
    def now_and_then() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            duty()

    return now_and_then


DUTIES: tuple[Duty, ...] = (
    rarely(2, rollups.fold),  # for a second at most, and by one process at a time
    rarely(5, idempotency.forget_the_old),  # at 1,000 keys each: ahead of 200 requests a second, for every worker
    rarely(3600, worker.forget_the_ended),
)
