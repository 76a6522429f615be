"""What every worker does once a round beside executing; each is short, and does no harm when several do it at once."""

import logging
import time
from functools import wraps
from urllib.parse import urlsplit

from analytics import rollups
from designs import forgetting as designs_forgetting
from designs import grouping, redesigning
from designs import running as designing
from evaluations import running, tier_search
from executions import errands, retention, worker
from executions.working import Duty, Parting
from gateway import pressure
from notifications import delivering, history, outbox, reminding
from projects import idempotency
from reports import sending
from shadows import drawing as shadows_drawing
from shadows import running as shadowing

logger = logging.getLogger(__name__)

_left_alone: set[tuple[str, str, str]] = set()  # providers, models and endpoints whose gate was not open when last told


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


def tell_gates() -> None:
    """Which models are left alone, and which are asked again. A gate is this process's own, so only its log can tell."""
    for gate in pressure.state():
        one, is_open = (gate.provider, gate.model, gate.endpoint), gate.state == "open"
        name = f"{gate.provider}:{gate.model}"
        if host := urlsplit(gate.endpoint.partition(" ")[0]).netloc:  # two projects may call two endpoints by one name
            name = f"{name} at {host}"
        if is_open and one in _left_alone:
            _left_alone.discard(one)
            logger.warning("%s is asked again by this worker", name)
        elif not is_open and one not in _left_alone:
            _left_alone.add(one)
            said = "%s is left alone by this worker: %d calls in flight, %d in line"
            logger.warning(said, name, gate.in_flight, gate.waiting)


PARTINGS: tuple[Parting, ...] = (errands.part,)
DUTIES: tuple[Duty, ...] = (
    running.advance_all,  # a look at an index of what runs; half a second of it at most
    rarely(1, tier_search.advance_all),  # a look at an index, until an evaluation of one is over
    rarely(
        5, shadows_drawing.draw_all
    ),  # a look at a small table of plans, and at what has completed since the last one
    rarely(1, shadowing.advance_all),  # a look at an index of those that are to come; half a second of it at most
    designing.advance_all,  # looks at two small indexes: of designs that run, and of rounds on their way
    rarely(2, redesigning.let_go),  # a look at an index of those that ended; fifty flags of each at most
    rarely(60, designs_forgetting.forget_the_old),
    rarely(5, grouping.taker()),  # a look at the ids of the last minutes; half a second of what has no group yet
    rarely(2, rollups.fold),  # for a second at most, and by one process at a time
    rarely(5, idempotency.forget_the_old),  # at 1,000 keys each: ahead of 200 requests a second, for every worker
    rarely(5, retention.purge_the_old),  # for half a second: hundreds of executions, ahead of what a worker accepts
    rarely(10, retention.forget_answers),
    rarely(3600, worker.forget_the_ended),
    rarely(10, tell_gates),
    history.collect,  # one look at a table of one row, where nobody wants to be told; by one process at a time
    delivering.deliver,  # begins some; who waits for the receivers is not this thread
    rarely(10, reminding.remind),
    rarely(10, delivering.give_up),
    rarely(10, outbox.forget_the_old_ones),
    rarely(20, sending.send_due),  # a look at an index, until a summary is due
)
