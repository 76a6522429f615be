"""What one worker process holds when the provider takes its time for each call (goal 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..environments import Environment
from ..report import Table, spread
from ..servers import Servers
from ..visits import Burst, Unfit, in_turn, visit

THREADS = 100  # where a thread waits for each: more of them were slower
HEAD = (
    "one worker process, a provider that waits",
    "wall s",
    "of it starting them",
    "most in flight",
    "memory MB, at most",
    "KB per execution in flight",
    "worker CPU ms",
)
MEGABYTE, KILOBYTE = 1_000_000, 1_000


@dataclass(frozen=True)
class Crowd:
    idle: int
    burst: Burst

    @property
    def kilobytes(self) -> float:
        """What the worker's memory grew by, for each that waited at the provider at the same moment."""
        return max(0, self.burst.memory - self.idle) / self.burst.most_waiting / KILOBYTE


def measure(servers: Servers, peers: Sequence[Environment], rounds: int, count: int, delay: int) -> Table:
    def one(peer: Environment) -> Crowd:
        in_flight = THREADS if peer.name == "django_celery" else count
        with visit(servers, peer, in_flight=in_flight, delay=delay) as work:
            return Crowd(work.memory(), work.burst(count, at_once=True))

    said = (
        f"{count} executions, started as one batch where the peer has one; two calls of {delay} ms each; "
        f"{rounds} rounds in turn, median (range); memory is the worker's PSS."
    )
    table = Table(f"{count} at once", said, HEAD)
    for peer, crowds in in_turn(peers, rounds, one).items():
        table.add(peer.label, *_cells(crowds))
    return table


def _cells(crowds: list[Crowd] | Unfit) -> list[str]:
    if isinstance(crowds, Unfit):
        return [f"**not measured**: {crowds}"]
    return [
        spread([crowd.burst.seconds for crowd in crowds], 2),
        spread([crowd.burst.submitting for crowd in crowds], 2),
        spread([crowd.burst.most_waiting for crowd in crowds], 0),
        spread([crowd.burst.memory / MEGABYTE for crowd in crowds], 0),
        spread([crowd.kilobytes for crowd in crowds], 0),
        spread([crowd.burst.milliseconds("worker") for crowd in crowds], 2),
    ]
