"""What every peer has: a worker, a process of its own, and a client that starts executions and sees them completed.

    python -m benchmarks.peers.<name> work      the worker, until it is ended
    python -m benchmarks.peers.<name> submit    the client: one order per line on stdin, one answer per line on stdout

Both find their servers in the environment, see `Place`.
"""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass

from .work import TEXT

PREFIX = "BENCH_"
POLL_ALL = 0.02  # seconds between two looks at whether everything is completed
POLL_ONE = 0.001


@dataclass(frozen=True)
class Place:
    """Where a peer finds its database (URL), its broker (URL) and the provider, and how much it may have in flight."""

    database: str
    broker: str
    provider: str
    in_flight: int

    @classmethod
    def here(cls) -> "Place":
        found = {name: os.environ[PREFIX + name.upper()] for name in cls.__dataclass_fields__}
        return cls(**{**found, "in_flight": int(found["in_flight"])})

    def environment(self) -> dict[str, str]:
        return {PREFIX + name.upper(): str(value) for name, value in asdict(self).items()}


class Client(ABC):
    """A client of one peer. What it is asked between `submit` and the end costs as little as the peer allows."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes its tables: called once, in an empty database, before the worker starts."""

    @abstractmethod
    def submit(self, text: str) -> object:
        """Starts one execution; what comes back names it."""

    def submit_all(self, texts: list[str]) -> None:
        """Starts one execution of each; as one batch where the peer has such a thing."""
        for text in texts:
            self.submit(text)

    @abstractmethod
    def unfinished(self) -> int:
        """How many of the executions that it started are still at work."""

    @abstractmethod
    def completed(self) -> int:
        """How many executions were completed in this database, ever."""

    @abstractmethod
    def is_completed(self, execution: object) -> bool:
        """Whether this one is."""


def play(client: Callable[[Place], Client], work: Callable[[Place], None]) -> None:
    """The main program of a peer's file."""
    place = Place.here()
    if sys.argv[1:] == ["work"]:
        work(place)
    else:
        _obey(client(place))


def _obey(client: Client) -> None:
    """Until stdin ends. Libraries that print reach stderr: stdout belongs to the answers."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        order = json.loads(line)
        answer = ORDERS[order.pop("order")](client, **order)
        print(json.dumps(answer), file=answers, flush=True)


def _prepare(client: Client) -> None:
    client.prepare()


def burst(client: Client, count: int, timeout: float, at_once: bool = False) -> dict[str, float]:
    """Starts so many, one call each or all `at_once`, and waits for them: `seconds` in total, how many were `completed`."""
    texts = [TEXT] * count
    before = client.completed()
    started = time.perf_counter()
    if at_once:
        client.submit_all(texts)
    else:
        Client.submit_all(client, texts)
    submitted = time.perf_counter()
    while client.unfinished() and time.perf_counter() - started < timeout:
        time.sleep(POLL_ALL)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "submitting": submitted - started, "completed": client.completed() - before}


def _one_by_one(client: Client, count: int, timeout: float) -> list[float]:
    """So many, each started when nothing else is at work: seconds from the start call to completed seen."""
    waited = []
    deadline = time.perf_counter() + timeout
    for number in range(count):
        time.sleep((number * 0.137) % 0.3)  # not in step with anything that polls
        started = time.perf_counter()
        execution = client.submit(TEXT)
        while not client.is_completed(execution):
            if time.perf_counter() > deadline:
                return waited
            time.sleep(POLL_ONE)
        waited.append(time.perf_counter() - started)
    return waited


ORDERS: dict[str, Callable] = {"prepare": _prepare, "burst": burst, "one by one": _one_by_one}
