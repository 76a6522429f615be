"""Spot checks: of the executions that complete without a flag, a share stands before a reviewer all the same. Only so is it known
how many answers are wrong that nothing has noticed.

Which ones, the hash of their ids says: anybody can work it out again, and nobody chooses. The draw asks the database nothing, but
for one that is drawn and was in somebody's hands before.
"""

from decimal import Decimal
from functools import partial
from hashlib import sha256
from uuid import UUID

from .coverage import Finding
from .effects import Completed, Ending
from .models import Execution, Flag
from .run import Run
from .store import patiently

DRAWN = Finding("spot_check", "sample", "Drawn at random from the executions without a flag: is the answer right?")


def draw(run: Run, ending: Ending) -> None:
    """Journals the flag where this completion is drawn: it is written together with the answer."""
    execution = run.execution
    counts = isinstance(ending, Completed) and execution.purpose == Execution.Purpose.PRODUCTION
    if counts and is_drawn(execution.pk, run.spot_check_share) and not _is_flagged(run):
        run.flag(DRAWN, waiting=False)


def is_drawn(execution_id: UUID, share: Decimal) -> bool:
    """Whether the first eight bytes of SHA-256 over `spot-check:` and the id, as a part of all that they could be, lie below
    the share."""
    first = sha256(f"spot-check:{execution_id}".encode()).digest()[:8]
    return int.from_bytes(first) < share * 2**64


def _is_flagged(run: Run) -> bool:
    """In this advance, or in one before it."""
    if run.flagged or run.execution.token == 1:
        return run.flagged
    flags = Flag.objects.escalating().filter(execution=run.execution.pk)
    return patiently(partial(flags.exists))
