"""The embedded default: a Celery worker and the sweeper as threads of one process, over SQLite and an in-memory broker.

A lock beside the database says which process that is. A second one may accept work; the first executes it.
"""

import fcntl
import logging
import os
import signal
import threading
import time
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
        controller = _controller()
        celery = threading.Thread(target=controller.start, name="celery worker", daemon=True)
        sweeper = threading.Thread(target=_keep, args=(stop, celery), name="sweeper", daemon=True)
        celery.start()
        sweeper.start()
        try:
            yield
        finally:
            stop.set()
            controller.stop()
            sweeper.join(timeout=5)
            worker.end()


def _controller() -> WorkController:
    return WorkController(
        app=current_app,
        pool_cls="threads",
        concurrency=settings.WORKER_THREADS,
        loglevel="WARNING",
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    )


def _keep(stop: threading.Event, celery: threading.Thread) -> None:
    """Heartbeat and sweep. An error is logged and the next round tried: this thread must not end before the process."""
    last_beat = 0.0
    while not stop.wait(SWEEP):
        try:
            close_old_connections()
            # By the clock and before the sweep: after a suspend the lease is renewed before anybody could look at it.
            if time.time() - last_beat >= worker.HEARTBEAT:
                worker.beat()
                last_beat = time.time()
            queue.sweep()
        except Exception:
            logger.exception("a sweep failed; the next one follows")
        if not celery.is_alive():
            logger.critical("the Celery worker has ended; without it nothing is executed, so this process ends, too")
            os.kill(os.getpid(), signal.SIGTERM)
            break
    connection.close()


@contextmanager
def _alone() -> Iterator[None]:
    database = Path(settings.DATABASES["default"]["NAME"])
    path = database.with_name(f"{database.name}.worker.lock")
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AnotherProcess(f"Another process executes for the database {database.name}.") from error
        yield
