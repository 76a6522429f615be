"""A test hook: with `CRASH_AT=<point>[:n]` this process ends by its own SIGKILL when it comes to the point for the n-th time.

Nothing is cleaned up, as when the power goes. Without it, which is always outside the tests of faults, a point is one
comparison.
"""

import os
import signal
from itertools import count

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

POINTS = (
    "after-accept",  # an Idempotency-Key is committed with what it made, and nobody was answered
    "after-bell",  # a wake-up is taken from the broker, and nobody looked for its execution
    "after-claim",  # an execution is this worker's, and nothing of it is done
    "after-intent",  # what a call is to be is committed, and the call has not left
    "after-send",  # the provider has the call and begins to answer
    "after-response",  # the answer is here, and nobody wrote it down
    "after-commit",  # a checkpoint, or the end of an execution, is committed
    "in-sweeper",  # a dead worker is buried, and nothing of what it held is settled or taken over
    "in-fold",  # pending rows are in their cells and taken away, and nothing of it is committed
)

_point, _, _nth = settings.CRASH_AT.partition(":")
if _point not in ("", *POINTS) or not (_nth or "1").isdigit():
    raise ImproperlyConfigured(
        f"CRASH_AT={settings.CRASH_AT!r}: write one of {', '.join(POINTS)}, or one of them and :n."
    )
_times = count(1)


def at(point: str) -> None:
    if point == _point and next(_times) == int(_nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
