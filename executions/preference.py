"""`Prefer: wait=N` (RFC 7240): answering when the execution has ended instead of at once, for few callers at a time."""

import re
import threading
import time
from uuid import UUID

from django.conf import settings

from wire.problems import Malformed

from .models import Execution

LONGEST = 60  # seconds
FIRST_LOOK, LAST_LOOK = 0.005, 0.1  # seconds between two looks at the row: soon at first, and ever less often

# A thread that waits serves nobody else: at most half of them may, the others answer at once.
_seats = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


def seconds_preferred(header: str | None) -> int | None:
    """`"wait=10"` → 10. Other preferences are not ours to judge. Raises `Malformed` for a wait that cannot be."""
    for preference in (header or "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            found = re.fullmatch(r"[0-9]{1,6}", value.strip().strip('"'))
            if found is None or int(found[0]) > LONGEST:
                raise Malformed(f"Prefer: wait=N takes whole seconds, at most {LONGEST}.")
            return int(found[0])
    return None


def wait_for(execution_id: UUID, seconds: int) -> bool:
    """Whether the execution ended, or stands still for a person, within so many seconds. False at once without a seat."""
    if not _seats.acquire(blocking=False):
        return False
    try:
        end, pause = time.monotonic() + seconds, FIRST_LOOK
        while not Execution.objects.standing().filter(pk=execution_id).exists():
            if time.monotonic() >= end:
                return False
            time.sleep(pause)
            pause = min(pause * 1.3, LAST_LOOK)
        return True
    finally:
        _seats.release()
