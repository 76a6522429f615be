"""How long one execution takes when nothing else is at work: from the start call to completed seen (goal 3)."""

from collections.abc import Sequence

from ..environments import Environment
from ..report import Table, percentile
from ..servers import Servers
from ..visits import Unfit, in_turn, visit
from .throughput import IN_FLIGHT

HEAD = ("provider at 0 ms, nothing else at work", "p50 ms", "p95 ms", "shortest", "longest", "samples")


def measure(servers: Servers, peers: Sequence[Environment], rounds: int, count: int) -> Table:
    def one(peer: Environment) -> list[float]:
        with visit(servers, peer, in_flight=IN_FLIGHT) as work:
            return work.one_by_one(count)

    said = (
        f"{count} executions one by one, at moments in step with nothing; the client looks every millisecond "
        f"whether it is completed; {rounds} rounds in turn."
    )
    table = Table("Idle latency", said, HEAD)
    for peer, waited in in_turn(peers, rounds, one).items():
        table.add(peer.label, *_cells(waited))
    return table


def _cells(rounds: list[list[float]] | Unfit) -> list[str]:
    if isinstance(rounds, Unfit):
        return [f"**not measured**: {rounds}"]
    waited = [seconds * 1000 for one in rounds for seconds in one]
    figures = percentile(waited, 50), percentile(waited, 95), min(waited), max(waited)
    return [*[f"{figure:.1f}" for figure in figures], str(len(waited))]
