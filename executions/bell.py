"""The doorbell: it tells the workers that something waits. What waits is a committed row, which the next look finds, so a bell
may be lost, and nobody waits long for a broker that does not answer."""

import logging
import threading
import time
from collections.abc import Sequence
from uuid import UUID

from celery import current_app

logger = logging.getLogger(__name__)

SLOW = 1.0  # seconds: a bell that takes longer tells as much about the broker as one that fails
SILENCE = 10.0  # seconds without a bell after such a one; then one tries for all
AT_ONCE = 20  # of many: a worker that is woken looks for more by itself

_lock = threading.Lock()
_silent_until: float | None = None  # None: the broker answers


def ring(execution_id: UUID) -> bool:
    """One wake-up, by name: the task is an edge, and stands above. Whether the broker took it, and took it soon."""
    if not _may_ring():
        return False
    began, why = time.monotonic(), "it takes too long"
    try:
        current_app.send_task("executions.advance", [str(execution_id)])
        well = time.monotonic() - began < SLOW
    except Exception as error:  # whatever the broker raises: the row is accepted, and that is what was promised
        well, why = False, type(error).__name__
    _learn(well, why)
    return well


def ring_for(execution_ids: Sequence[UUID]) -> None:
    """A few wake-ups for all of them; none behind one that was not heard."""
    for execution_id in execution_ids[:AT_ONCE]:
        if not ring(execution_id):
            return


def waiting() -> int:
    """How many wake-ups lie in the broker; raises what the broker raises where it is not well."""
    bells = current_app.amqp.queues[current_app.conf.task_default_queue]
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)
        # Declared as the workers declare it: RabbitMQ refuses whoever comes second with anything else.
        return bells(connection.channel()).queue_declare().message_count


def _may_ring() -> bool:
    global _silent_until
    with _lock:
        if _silent_until is None:
            return True
        now = time.monotonic()
        if now < _silent_until:
            return False
        _silent_until = now + SILENCE  # while this one tries
        return True


def _learn(well: bool, why: str) -> None:
    global _silent_until
    with _lock:
        was_well, _silent_until = _silent_until is None, None if well else time.monotonic() + SILENCE
    if was_well and not well:
        logger.warning("the broker does not answer (%s): no bells for a while, workers find the work all the same", why)
    if well and not was_well:
        logger.warning("the broker answers again")
