"""`make chaos`: every fault in its long form, about ten minutes; `SEED=` repeats a run. Prints what was done, what was
promised and what came of it, and ends with 1 where a promise was broken."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.chaos import callers, servers, workers
from tests.chaos.house import House
from tests.chaos.verdict import Seen

Fault = Callable[[House], Seen]


def main() -> int:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    began, broken = time.monotonic(), 0
    print(f"SEED={seed} repeats this run.", flush=True)
    with House(seed) as house:
        for fault in _plan():
            broken += _run(house, fault)
    print(f"{broken} broken promises in {(time.monotonic() - began) / 60:.1f} minutes (SEED={seed}).")
    return 1 if broken else 0


def _plan() -> Iterator[Fault]:
    for point in workers.POINTS:
        # In the sweeper dies who buries another: that other one has to die first.
        points = ("after-send", point) if point == "in-sweeper" else (point,)
        yield partial(workers.crash_points, points=points, executions=50)
    yield partial(workers.random_kills, kills=20, workers=4, executions=600)
    yield partial(workers.killed_under_callers, kills=5, callers=30, each=10)
    yield partial(workers.killed_under_an_evaluation, kills=5, cases=300)
    yield partial(workers.frozen, calls=20)
    yield partial(workers.told_to_end, calls=20, within=5)
    yield partial(workers.poisoned, innocents=30)
    yield partial(workers.clocks, executions=25)
    yield partial(servers.broker_forgets, times=3, executions=100)
    yield partial(servers.broker_dies, away=10.0, executions=100)
    yield partial(servers.broker_freezes, executions=100)
    yield partial(servers.rubbish, executions=50)
    yield partial(servers.database_dies, times=5, away=3.0, executions=200)
    yield partial(servers.database_dies, times=1, away=30.0, executions=50)
    yield partial(servers.database_restarts, times=3)
    yield partial(callers.published_meanwhile, executions=200)
    yield partial(callers.one_key, callers=50)
    yield callers.killed_before_the_answer
    yield partial(callers.one_number, callers=20)


def _run(house: House, fault: Fault) -> int:
    """How many promises it broke; not coming to its end is one."""
    began = time.monotonic()
    try:
        seen = fault(house)
    except Exception as error:
        name = fault.func.__name__ if isinstance(fault, partial) else fault.__name__
        seen = Seen(name, "", "it did not come to its end", [f"{type(error).__name__}: {error}"])
        house.dismiss()
    kept = "BROKEN" if seen.broken else "kept"
    print(
        f"{kept:6} {seen.promised:8} {seen.done} ({time.monotonic() - began:.0f} s)\n       {seen.figures}", flush=True
    )
    for sentence in seen.broken:
        print(f"       - {sentence}", flush=True)
    if seen.broken:
        print(house.complaints(), flush=True)
    return len(seen.broken)


if __name__ == "__main__":
    sys.exit(main())
