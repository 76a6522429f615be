"""How many executions one worker process completes in a second, and what CPU time each costs (goals 1, 2, 9)."""

from collections.abc import Sequence

from ..environments import OURS, Environment
from ..report import Table, median, ratio, spread
from ..servers import Servers
from ..visits import WARM_UP, Burst, Unfit, in_turn, visit

IN_FLIGHT = 16  # what one worker process may have in flight
HEAD = (
    "one worker process, provider at 0 ms",
    "executions/s",
    "ours to it",
    "CPU ms per execution",
    "ours to it",
    "worker",
    "database",
    "broker",
    "client",
    "paid calls",
)


def measure(servers: Servers, peers: Sequence[Environment], rounds: int, count: int) -> Table:
    def one(peer: Environment) -> Burst:
        with visit(servers, peer, in_flight=IN_FLIGHT) as work:
            return work.burst(count)

    found = in_turn(peers, rounds, one)
    said = (
        f"{count} executions started one call each by one client, from the first start to all completed; "
        f"{rounds} rounds in turn, each after {2 * WARM_UP} to warm up; median (range)."
    )
    table = Table("Durable throughput and CPU", said, HEAD)
    ours = next((bursts for peer, bursts in found.items() if peer.name == OURS), None)
    for peer, bursts in found.items():
        table.add(peer.label, *_cells(bursts, ours))
    return table


def _cells(bursts: list[Burst] | Unfit, ours: list[Burst] | Unfit | None) -> list[str]:
    if isinstance(bursts, Unfit):
        return [f"**not measured**: {bursts}"]
    rate = [burst.per_second for burst in bursts]
    cpu = [burst.milliseconds() for burst in bursts]
    rates, cpus = "", ""
    if isinstance(ours, list) and ours is not bursts:
        rates = ratio(median(burst.per_second for burst in ours), median(rate))
        cpus = ratio(median(burst.milliseconds() for burst in ours), median(cpu))
    parts = [f"{median(burst.milliseconds(of) for burst in bursts):.2f}" for of in bursts[0].cpu]
    calls = sum(burst.calls for burst in bursts) / sum(burst.count for burst in bursts)
    return [spread(rate, 0), rates, spread(cpu, 2), cpus, *parts, f"{calls:.3f}"]
