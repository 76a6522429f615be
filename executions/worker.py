"""This process as a worker: its row, which is its lease, the heartbeat that keeps it, and what it has in its hands."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from .models import Execution, Status, Worker

HEARTBEAT = 5.0  # seconds; a lease lasts four of them
REMEMBERED = timedelta(days=7)
FORGOTTEN_AT_ONCE = 1000

leaving = threading.Event()  # set: nothing more is taken, and what is in hands is given back at its next wait

_lock = threading.Lock()
_current: UUID | None = None
_in_hands: set[UUID] = set()


def name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def current() -> UUID:
    """The id of this process's row, made when it first works."""
    global _current
    with _lock:
        if _current is None:
            # It lives from now on by the clock of all.
            _current = Worker.objects.create(name=name(), room=settings.IN_FLIGHT, seen_at=Now()).pk
        return _current


def beat() -> None:
    """Renews the lease. One that was thought dead, after a suspend, lives again: what was taken from it meanwhile has a
    newer token."""
    Worker.objects.filter(pk=current()).update(seen_at=Now(), ended_at=None)


def must_beat(last: float, now: float) -> bool:
    """Whether the last beat is too long ago, or lies in the future: the clock was set back."""
    return not 0 <= now - last < HEARTBEAT


def end() -> None:
    """Gives everything back that this worker still holds, as nobody's death: whoever looks next takes it over at once."""
    global _current
    with _lock:
        if _current is not None:
            Execution.objects.filter(worker=_current, status=Status.RUNNING).update(worker=None)
            Worker.objects.filter(pk=_current).update(ended_at=timezone.now())
            _current = None


def end_others() -> None:
    """For a process that knows that it is alone: all other workers are dead, whatever their heartbeat says."""
    Worker.objects.exclude(pk=current()).filter(ended_at=None).update(ended_at=timezone.now())


def forget_the_ended() -> None:
    """Deletes the rows of workers that ended long ago. Nothing leans on them: what they held was taken over in seconds."""
    old = Worker.objects.filter(ended_at__lt=timezone.now() - REMEMBERED).values_list("pk", flat=True)
    Worker.objects.filter(pk__in=list(old[:FORGOTTEN_AT_ONCE])).delete()


@contextmanager
def holding(execution_id: UUID) -> Iterator[bool]:
    """Whether this thread may work on the execution: no other thread of the process does. While the block lasts none may.

    So whatever the table says this worker holds, and nobody has in hands, was dropped, and may be taken up again.
    """
    with _lock:
        free = execution_id not in _in_hands
        _in_hands.add(execution_id)
    try:
        yield free
    finally:
        if free:
            with _lock:
                _in_hands.discard(execution_id)


def in_hands() -> set[UUID]:
    with _lock:
        return set(_in_hands)
