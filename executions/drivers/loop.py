"""The driver of a worker: hundreds of executions in flight on one event loop. An execution that waits costs no thread;
its turns run in a small pool of threads, each with a database connection of its own."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

from gateway.event_loop import event_loop
from gateway.pressure import Gate

from .. import purses, queue, turns, worker
from ..effects import AskModel, CallTool, Pause
from ..purses import Purse
from ..turns import Held, Wait

logger = logging.getLogger(__name__)

IDLE = 0.5  # seconds after which a thread asks whether its connection still stands

_thread = threading.local()


class LoopDriver:
    """Takes what it is offered while it has room; what it refuses stays in the database, and it looks there again as soon
    as something ends. `offer`, `look` and `take_over` may be called from any thread."""

    def __init__(self, worker_id: UUID) -> None:
        self._worker_id = worker_id
        self._room = settings.IN_FLIGHT
        self._spare = max(1, self._room // 10)  # on top of it, for projects that have nothing in this worker's hands
        self._loop = event_loop()
        self._turns = ThreadPoolExecutor(settings.WORKER_THREADS, thread_name_prefix="turn")
        self._tasks: dict[UUID, asyncio.Task] = {}
        self._looking = self._look_again = self._more = False
        self._held_up: dict[int, set[Gate | Purse]] = {}  # streams whose executions were sent away → by whom
        self._projects: Counter[int] = Counter()  # how many each has in hands
        self._coming: Counter[int] = Counter()  # of a stream, in their first turn: they have not asked at a gate yet

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    def offer(self, execution_id: UUID) -> None:
        """A bell: this execution waits to be taken."""
        self._loop.call_soon_threadsafe(self._heard, execution_id)

    def look(self) -> None:
        """Looks for queued executions in the database: for bells that were lost."""
        purses.measure()
        self._loop.call_soon_threadsafe(self._look)

    def take_over(self) -> None:
        """Looks for what was dropped: by the dead, by who ended, and by this worker itself."""
        for execution_id in queue.dropped(self._worker_id, worker.in_hands()):
            self._loop.call_soon_threadsafe(self._take, execution_id)

    def stop(self, within: float) -> None:
        """Takes nothing more, lets calls in flight finish for so many seconds, and gives everything else back."""
        worker.leaving.set()
        end = time.monotonic() + within
        while self._tasks and time.monotonic() < end:
            time.sleep(0.02)
        for task in list(self._tasks.values()):
            self._loop.call_soon_threadsafe(task.cancel)
        if not self._tasks:
            self._disconnect()
        self._turns.shutdown(wait=not self._tasks, cancel_futures=True)

    def _disconnect(self) -> None:
        """Each thread closes its own connection: they wait for each other, so that none does it twice."""
        together = threading.Barrier(settings.WORKER_THREADS)

        def close() -> None:
            connections.close_all()
            together.wait(5)

        wait([self._turns.submit(close) for _ in range(settings.WORKER_THREADS)], timeout=5)

    def _heard(self, execution_id: UUID) -> None:
        """While a stream is held up, or the hands are full, a bell says only that something waits: it may be one of those to
        leave alone."""
        if self._held_up or len(self._tasks) >= self._room:
            self._more = True
            self._look_for_more()
        else:
            self._take(execution_id)

    def _take(self, execution_id: UUID, stream: int | None = None, spare: int = 0) -> None:
        if worker.leaving.is_set() or execution_id in self._tasks:
            return
        if len(self._tasks) >= self._room + spare:
            self._more = True
            return
        task = self._loop.create_task(self._advance(execution_id, stream))
        self._tasks[execution_id] = task
        task.add_done_callback(lambda _: self._ended(execution_id))

    def _ended(self, execution_id: UUID) -> None:
        self._tasks.pop(execution_id, None)
        if self._more:
            self._look_for_more()

    def _look_for_more(self) -> None:
        """Only where a tenth of the room is free: looking costs a query, however little it finds."""
        if self._room - len(self._tasks) >= self._spare:
            self._look()

    def _look(self) -> None:
        """One look at a time. Where there is no room, only for projects that have nothing in hands: what one of them waits for,
        a slow model or one that does not answer, holds up no other."""
        room, spare, without = self._room - len(self._tasks), 0, set()
        if room < self._spare:
            spare, without = self._spare, {project for project, number in self._projects.items() if number}
        if worker.leaving.is_set() or room + spare <= 0:
            return
        if self._looking:
            self._look_again = True
            return
        self._looking, self._look_again = True, False
        found = self._in_thread(queue.next_for, room + spare, self._most(), without)
        found.add_done_callback(lambda future: self._found(future, spare))

    def _found(self, future: asyncio.Future, spare: int) -> None:
        self._looking = False
        if error := future.exception():
            logger.warning("a look for work failed: %s", error)
            return
        found, self._more = future.result()
        for execution_id, stream in found.items():
            self._take(execution_id, stream, spare)
        if self._look_again:
            self._look_for_more()

    def _most(self) -> dict[int, int]:
        """How many to take at most of a stream that was held up: as many as its gates have room for. So a backlog behind a
        shut gate is not taken and given back again and again. Where the room is not limited any more, it is forgotten."""
        rooms = {stream: [gate.room() for gate in gates] for stream, gates in self._held_up.items()}
        most = {
            stream: max(0, min(limited) - self._coming[stream])
            for stream, several in rooms.items()
            if (limited := [room for room in several if room is not None])
        }
        self._held_up = {stream: gates for stream, gates in self._held_up.items() if stream in most}
        return most

    async def _advance(self, execution_id: UUID, stream: int | None) -> None:
        with worker.holding(execution_id) as free:
            if not free:
                return
            try:
                held, awaited = await self._first(execution_id, stream)
                if awaited:
                    await self._go_on(held, awaited)
                if held and held.sent_away:
                    self._held_up.setdefault(held.run.execution.stream, set()).add(held.sent_away)
            except Exception:
                # The database refused even the last word: it stays `running`, and is dropped once nobody holds it.
                logger.exception("execution %s is left as it stands", execution_id)

    async def _go_on(self, held: Held, awaited: Wait | None) -> None:
        project = held.run.execution.project_id
        self._projects[project] += 1
        try:
            while awaited:
                awaited = await self._in_thread(turns.turn, held, await self._waited(held, awaited))
        finally:
            self._projects[project] -= 1

    async def _first(self, execution_id: UUID, stream: int | None) -> tuple[Held | None, Wait | None]:
        self._coming[stream] += 1
        try:
            return await self._in_thread(self._first_turn, execution_id)
        finally:
            self._coming[stream] -= 1

    def _first_turn(self, execution_id: UUID) -> tuple[Held | None, Wait | None]:
        held = turns.claim(execution_id, self._worker_id)
        return held, turns.turn(held) if held else None

    async def _waited(self, held: Held, wait: Wait) -> object:
        match wait:
            case AskModel():
                return await turns.ask(held, wait)
            case CallTool():
                return await turns.call(held, wait)
            case Pause(seconds):
                return await asyncio.sleep(seconds)

    def _in_thread(self, function: Callable, *arguments: object) -> asyncio.Future:
        return self._loop.run_in_executor(self._turns, _connected, function, *arguments)


def _connected(function: Callable, *arguments: object) -> object:
    """In a thread of the pool. Each keeps its connection, and a restart of the database breaks all of them, which Django finds
    out only where it is asked: after a while without work, and before the next one takes the broken one up."""
    if time.monotonic() - getattr(_thread, "worked_at", 0.0) > IDLE and not connection.is_usable():
        connection.close()
    try:
        return function(*arguments)
    except (OperationalError, InterfaceError):
        connection.close()
        raise
    finally:
        _thread.worked_at = time.monotonic()
