"""This process as a worker: its row, which is its lease, and the heartbeat that keeps it."""

import os
import socket
import threading
from uuid import UUID

from django.utils import timezone

from .models import Worker

HEARTBEAT = 5.0  # seconds; a lease lasts four of them

_lock = threading.Lock()
_current: UUID | None = None


def current() -> UUID:
    """The id of this process's row, made when it first works. A child process is a worker of its own."""
    global _current
    with _lock:
        if _current is None:
            name = f"{socket.gethostname()}:{os.getpid()}"
            _current = Worker.objects.create(name=name).pk
        return _current


def beat() -> None:
    Worker.objects.filter(pk=current(), ended_at=None).update(seen_at=timezone.now())


def end() -> None:
    """Gives everything back that this worker still holds: whoever sweeps next takes it over at once."""
    global _current
    with _lock:
        if _current is not None:
            Worker.objects.filter(pk=_current).update(ended_at=timezone.now())
            _current = None


def end_others() -> int:
    """For a process that knows that it is alone: all other workers are dead, whatever their heartbeat says."""
    return Worker.objects.exclude(pk=current()).filter(ended_at=None).update(ended_at=timezone.now())
