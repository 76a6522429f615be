"""Folding: a batch of pending rows is added to the daily cells and taken away, in one transaction.

So at every moment a figure is what the cells say and what the pending rows say, together (see `reading`). A crash between
two batches leaves just that; a crash inside one leaves it as it was.
"""

import time

from gateway.models import Call
from wire import crash

from . import standings
from .contributions import of_asked, of_calls
from .models import AskedCell, CallCell, Pending
from .snapshot import alone
from .store import put, put_histograms

BATCH = 2_000  # rows: a fifth of a second, which is how long a writer may have to wait for SQLite's lock
PATIENCE = 1.0  # seconds


def fold(seconds: float = PATIENCE) -> int:
    """Folds what is pending, for about so many seconds at most; how many rows it folded. Safe to call at any time, from
    any number of processes: one folds, the others leave at once."""
    until = time.monotonic() + seconds
    folded = 0
    while Pending.objects.exists():
        batch = fold_batch()
        folded += batch
        if batch < BATCH or time.monotonic() > until:
            break
    return folded


def fold_batch() -> int:
    """One transaction. 0: somebody else is folding."""
    with alone() as we_are:
        if not we_are:
            return 0
        # Its rows by name, not up to a number: a row with a smaller one may be committed any time now.
        batch = list(
            Pending.objects.order_by("pk").values_list("pk", "call", "corrects", "execution", "accepted")[:BATCH]
        )
        calls = Call.objects.filter(pk__among=[call for _, call, _, _, _ in batch if call])
        corrected = Call.objects.filter(pk__among=[call for _, _, call, _, _ in batch if call])
        executions = {execution for _, _, _, execution, _ in batch if execution}
        accepted = {execution for _, _, _, execution, new in batch if new}
        put(CallCell, of_calls(calls, corrected))
        put_histograms(AskedCell, of_asked(calls))
        standings.apply(standings.changes(executions, accepted))
        Pending.objects.filter(pk__among=[pk for pk, *_ in batch]).delete()
        crash.at("in-fold")
    return len(batch)
