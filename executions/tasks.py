"""Celery's edge: a wake-up with an id. The row is the truth; a task that comes twice, late or never does no harm."""

from collections.abc import Callable
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import InvalidTaskError
from kombu import Message

from wire import crash

from .drivers.loop import LoopDriver

driver: LoopDriver | None = None  # of this process, while it works


def at_once(task: Task, app: object, consumer: object, **options: object) -> Callable:
    """Celery's strategy for a bell: run where it is heard. It has no retries, results, events or limits that Celery would
    have to keep track of, and nobody waits for its acknowledgement: that took most of what hearing one costs."""

    def hear(message: Message, body: object, *callbacks: object) -> None:
        try:
            (execution_id,), _, _ = message.payload
            task.run(execution_id)
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidTaskError(f"no bell: {error}") from error

    return hear


@shared_task(name="executions.advance", Strategy="executions.tasks:at_once")
def advance(execution_id: str) -> None:
    crash.at("after-bell")
    if driver is not None:
        driver.offer(UUID(execution_id))
