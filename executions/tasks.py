"""Celery's edge: a wake-up with an id. The row is the truth; a task that comes twice, late or never does no harm."""

from uuid import UUID

from celery import shared_task

from wire import crash

from .drivers.loop import LoopDriver

driver: LoopDriver | None = None  # of this process, while it works


@shared_task(name="executions.advance")
def advance(execution_id: str) -> None:
    crash.at("after-bell")
    if driver is not None:
        driver.offer(UUID(execution_id))
