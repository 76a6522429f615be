"""This process as a worker: a Celery consumer that hears the bells, the loop that executes, the heartbeat, and the housekeeping
that sweeps and looks for work whose bell was lost. Beside `make run` or alone, it is the same."""

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from celery import current_app
from celery.worker import WorkController
from celery.worker import state as celery_state
from django.conf import settings
from django.db import close_old_connections, connection

from . import calling, queue, shares, tasks, worker
from .drivers.loop import LoopDriver

logger = logging.getLogger(__name__)

ROUND = 1.0  # seconds between two rounds of the housekeeping, and between two looks at the clock of the heartbeat

Duty = Callable[[], object]  # done once a round, bounded in time; what it raises is logged
Parting = Callable[[float], object]  # done once at the end, in so many seconds at most


class AnotherProcess(Exception):
    """Another process holds the embedded worker of this database."""


@contextmanager
def working(duties: Sequence[Duty] = (), partings: Sequence[Parting] = ()) -> Iterator[None]:
    """Executes while the block runs; behind it `partings` let what the duties have begun come to an end. Raises `AnotherProcess`
    where the database is the embedded one and somebody executes on it already."""
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            stack.enter_context(_alone())
            worker.end_others()  # the lock proves that they are gone: what they held is taken over at once
        _done(shares.refresh)  # before the first call
        tasks.driver = driver = LoopDriver(worker.current())
        stop, heart = threading.Event(), Heartbeat()
        hearing = threading.Thread(target=_hear, name="bells", daemon=True)
        keeping = threading.Thread(target=_keep, args=(stop, driver, heart, duties), name="housekeeping", daemon=True)
        for each in (heart, hearing, keeping):
            each.start()
        try:
            yield
        finally:
            worker.leaving.set()
            celery_state.should_stop = (
                0  # the consumer ends itself, in its own thread: stopping it from here races with it
            )
            end = time.monotonic() + settings.STOP_WITHIN
            driver.stop(settings.STOP_WITHIN)
            for parting in partings:
                _done(partial(parting, max(0.0, end - time.monotonic())))
            stop.set()
            for each in (keeping, hearing, heart):
                each.join(timeout=5)
            worker.end()
            tasks.driver, celery_state.should_stop = None, None
            worker.leaving.clear()


class Heartbeat:
    """Renews this worker's lease, in a thread of its own and on a connection of its own: what else a worker does may take
    longer than a lease."""

    def __init__(self) -> None:
        self._last, self._judges_from = 0.0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Ends it, and waits for its last beat."""
        self._stop.set()
        self._thread.join(timeout)

    def may_judge(self) -> bool:
        """Whether workers that were not heard may be called dead. Not while this one cannot be heard itself: after a suspend its
        own lease is renewed first."""
        return 0 <= time.time() - self._last <= 2 * worker.HEARTBEAT and time.monotonic() >= self._judges_from

    def _run(self) -> None:
        while not self._stop.is_set():
            close_old_connections()
            self._beat()
            self._stop.wait(ROUND)
        connection.close()

    def _beat(self) -> None:
        now = time.time()  # by the clock, which goes on while this machine sleeps
        if not worker.must_beat(self._last, now) or not _done(worker.beat):
            return
        if self._last and now - self._last > 2 * worker.HEARTBEAT:
            # The database was away, so nobody could beat: the others have to be heard before they are called dead.
            self._judges_from = time.monotonic() + worker.HEARTBEAT
        self._last = now


def _hear() -> None:
    """A message that is none ends Celery's consumer: a new one begins behind it, and meanwhile work is found by looking."""
    while not worker.leaving.is_set():
        _done(_consume)
        worker.leaving.wait(ROUND)


def _consume() -> None:
    """A bell only hands an id to the loop, so one thread hears them all."""
    bells = WorkController(
        app=current_app,
        pool_cls="solo",
        loglevel="WARNING",
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    )
    bells.start()


def _keep(stop: threading.Event, driver: LoopDriver, heart: Heartbeat, duties: Sequence[Duty]) -> None:
    """An error is logged and the next round tried: this thread must not end before the process."""
    while not stop.wait(ROUND):
        close_old_connections()
        if not worker.leaving.is_set():
            judging = (queue.bury, driver.take_over) if heart.may_judge() else ()
            for duty in (shares.refresh, *judging, queue.sweep, calling.tell_the_rest, driver.look, *duties):
                _done(duty)
    connection.close()


def _done(duty: Duty) -> bool:
    try:
        duty()
    except Exception:
        logger.exception("%s failed; the next round follows", getattr(duty, "__qualname__", duty))
        return False
    return True


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
