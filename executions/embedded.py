"""The embedded default: a Celery worker and the sweeper as threads of one process, over SQLite and an in-memory broker.

A lock beside the database says which process that is. A second one may accept work; the first executes it.
"""

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from celery.worker import WorkController
from django.conf import settings
from django.db import close_old_connections, connection

from . import queue, worker

logger = logging.getLogger(__name__)

SWEEP = 1.0  # seconds


class AnotherProcess(Exception):
    """Another process holds the embedded worker of this database."""


@contextmanager
def embedded_worker() -> Iterator[None]:
    """Executes while the block runs. Raises `AnotherProcess` where one does already.

    At the start everything that a predecessor held is taken over at once: the lock proves that it is gone.
    """
    with _alone():
        worker.end_others()
        stop = threading.Event()
        threads = [threading.Thread(target=_keep, args=(stop,), name="sweeper", daemon=True)]
        controller = WorkController(
            app=current_app, pool_cls="threads", concurrency=settings.WORKER_THREADS, loglevel="WARNING", without_mingle=True,
            without_gossip=True, without_heartbeat=True, quiet=True,
        )  # fmt: skip
        threads.append(threading.Thread(target=controller.start, name="celery worker", daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            controller.stop()
            threads[0].join(timeout=5)
            worker.end()


def _keep(stop: threading.Event) -> None:
    """Heartbeat and sweep. An error is logged and the next round tried: this thread must not end before the process."""
    rounds = 0
    while True:
        try:
            close_old_connections()
            if rounds % round(worker.HEARTBEAT / SWEEP) == 0:
                worker.beat()
            queue.sweep()
        except Exception:
            logger.exception("a sweep failed; the next one follows")
        rounds += 1
        if stop.wait(SWEEP):
            connection.close()
            return


@contextmanager
def _alone() -> Iterator[None]:
    path = Path(str(settings.DATABASES["default"]["NAME"]) + ".worker.lock")
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AnotherProcess(f"Another process executes for the database {path.stem}.") from error
        yield
