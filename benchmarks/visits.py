"""A visit: one peer's worker and client, started on the shared servers, warmed up, measured and ended again.

Peers are visited in turn, A B C A B C …, so that what the machine does meanwhile reaches all of them alike.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .environments import NAMES, ROOT, Environment
from .peers.protocol import Place
from .processes import cpu_seconds, environment, memory, running
from .servers import Servers

WARM_UP = 20  # executions, twice
START = 90.0  # seconds from the start of a worker to the end of its first warm-up
PATIENCE = 120.0  # seconds for what is measured
MARGIN = 20.0  # seconds more until the client itself is given up
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
LOOK = 0.1  # seconds between two looks at the worker while the client is busy

Contestant = TypeVar("Contestant")
Measured = TypeVar("Measured")


class Unfit(Exception):
    """A peer did not do what is measured; the message says what was seen, and stands in the peer's row."""


@dataclass(frozen=True)
class Burst:
    """So many executions started one after the other without waiting, and all completed. Times in seconds, memory in bytes."""

    count: int
    seconds: float
    submitting: float
    calls: int
    most_waiting: int
    memory: int
    cpu: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def milliseconds(self, *of: str) -> float:
        """CPU time per execution: of the processes that are named, or of all."""
        return sum(self.cpu[name] for name in of or self.cpu) / self.count * 1000


@dataclass(frozen=True)
class Visit:
    """A peer at work, and what it can be asked."""

    servers: Servers
    worker: subprocess.Popen
    client: subprocess.Popen

    def burst(self, count: int, *, timeout: float = PATIENCE, at_once: bool = False) -> Burst:
        """Starts them one call each, or `at_once`, which also watches the worker's memory. Raises `Unfit` where not all are
        completed in time, or not with two paid calls each."""
        seen = [0]
        look = (lambda: seen.append(self.memory())) if at_once else (lambda: None)
        calls, cpu = self.servers.count()["calls"], self._cpu()
        order = {"order": "burst", "count": count, "timeout": timeout, "at_once": at_once}
        answer = ask(self.client, order, timeout + MARGIN, look)
        spent = {name: now - cpu[name] for name, now in self._cpu().items()}
        provider = self.servers.count()
        if answer["completed"] != count:
            raise Unfit(f"{answer['completed']} of {count} were completed in {answer['seconds']:.0f} s")
        if provider["calls"] - calls != 2 * count:
            raise Unfit(f"{count} executions took {provider['calls'] - calls} paid calls")
        times = (answer["seconds"], answer["submitting"])
        return Burst(count, *times, provider["calls"] - calls, provider["most"], max(seen), spent)

    def one_by_one(self, count: int) -> list[float]:
        """Seconds from start to completed of so many, each alone. Raises `Unfit`."""
        order = {"order": "one by one", "count": count, "timeout": PATIENCE}
        waited = ask(self.client, order, PATIENCE + MARGIN)
        if len(waited) != count:
            raise Unfit(f"{len(waited)} of {count} were completed in {PATIENCE:.0f} s")
        return waited

    def memory(self) -> int:
        return memory(self.worker.pid)

    def _cpu(self) -> dict[str, float]:
        return {
            "worker": cpu_seconds(self.worker.pid),
            "database": cpu_seconds(self.servers.postgres.process.pid),
            "broker": cpu_seconds(self.servers.valkey.process.pid),
            "client": cpu_seconds(self.client.pid),
        }


@contextmanager
def visit(
    servers: Servers, peer: Environment, *, in_flight: int, delay: int = 0, database: str = ""
) -> Iterator[Visit]:
    """Starts a worker and a client, and warms them up. `delay` is the provider's, in milliseconds. Raises `Unfit`."""
    place, is_new = _place(servers, peer, in_flight, database)
    log = _log(servers, peer)
    log.write_bytes(b"")
    with _running(servers, peer, place, "submit", **PIPES) as client:
        if is_new:
            with _explained(log):
                ask(client, {"order": "prepare"}, START)
        servers.delay(delay)
        with _running(servers, peer, place, "work") as worker, _explained(log):
            found = Visit(servers, worker, client)
            found.burst(WARM_UP, timeout=START)
            found.burst(WARM_UP, timeout=START)
            servers.settle()
            servers.delay(delay)
            yield found


def prepared(servers: Servers, peer: Environment) -> Place:
    """Where a peer has its tables, for a part that asks it something else than to execute."""
    place, is_new = _place(servers, peer, in_flight=1)
    if is_new:
        with _running(servers, peer, place, "submit", **PIPES) as client:
            ask(client, {"order": "prepare"}, START)
    return place


def _place(servers: Servers, peer: Environment, in_flight: int, database: str = "") -> tuple[Place, bool]:
    """Its database and broker, and whether the database was made just now."""
    url, is_new = servers.database(database or f"bench_{peer.name}")
    return Place(url, servers.broker(NAMES.index(peer.name)), servers.provider, in_flight), is_new


def _running(
    servers: Servers, peer: Environment, place: Place, role: str, **popen: object
) -> AbstractContextManager[subprocess.Popen]:
    command = [peer.python, "-m", f"benchmarks.peers.{peer.name}", role]
    return running(command, log=_log(servers, peer), cwd=ROOT, env=environment(**place.environment()), **popen)


def _log(servers: Servers, peer: Environment) -> Path:
    return servers.folder / f"{peer.name}.log"


def alone(servers: Servers, module: str, rounds: int, count: int, variables: Mapping[str, str]) -> Any:
    """What a part's own process measures and prints as JSON, with the provider at 0 ms. Raises `Unfit`."""
    servers.delay(0)
    command = [sys.executable, "-m", module, str(rounds), str(count)]
    options = {"cwd": ROOT, "env": environment(**variables), "stdout": subprocess.PIPE, "timeout": PATIENCE}
    try:
        return json.loads(subprocess.run(command, check=True, **options).stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise Unfit(str(error)) from error


def in_turn(
    contestants: Sequence[Contestant], rounds: int, measure: Callable[[Contestant], Measured]
) -> dict[Contestant, list[Measured] | Unfit]:
    """Each one's measurements of all rounds; one that was unfit once is not visited again."""
    found: dict[Contestant, list[Measured] | Unfit] = {one: [] for one in contestants}
    for number in range(1, rounds + 1):
        for one, measured in found.items():
            if isinstance(measured, list):
                print(f"round {number} of {rounds}: {one}", file=sys.stderr, flush=True)
                try:
                    measured.append(measure(one))
                except Unfit as unfit:
                    found[one] = unfit
    return found


def ask(
    client: subprocess.Popen, order: dict[str, object], timeout: float, look: Callable[[], object] = lambda: None
) -> Any:
    """Gives the client an order and returns its answer. Raises `Unfit` where it ends, or is silent for too long."""
    deadline = time.monotonic() + timeout
    try:
        client.stdin.write(json.dumps(order).encode() + b"\n")
        client.stdin.flush()
    except BrokenPipeError:
        raise Unfit("its client ended") from None
    while not select.select([client.stdout], [], [], LOOK)[0]:
        if time.monotonic() > deadline:
            raise Unfit(f"its client was silent for {timeout:.0f} s")
        look()
    if answer := client.stdout.readline():
        return json.loads(answer)
    raise Unfit("its client ended")


@contextmanager
def _explained(log: Path) -> Iterator[None]:
    """Where a peer is unfit, the last line of its log says more."""
    try:
        yield
    except Unfit as unfit:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise Unfit(f"{unfit} ({lines[-1].strip()[:200]})" if lines else str(unfit)) from None
