"""Celery's edge: a wake-up with an id. The row is the truth; a task that comes twice, late or never does no harm."""

from uuid import UUID

from celery import shared_task

from . import driver, worker


@shared_task(name="executions.advance")
def advance(execution_id: str) -> None:
    driver.advance(UUID(execution_id), worker.current())
