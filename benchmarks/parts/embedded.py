"""What the embedded default does (SQLite, an in-memory broker, one process), and what one execution costs there in statements.

python -m benchmarks.parts.embedded <rounds> <executions>      the measurement, in a process of its own; prints JSON
"""

import json
import os
import sys
from uuid import UUID

from ..environments import Environment
from ..peers.ours import OurClient, configured
from ..peers.protocol import Place, burst
from ..peers.work import TEXT
from ..processes import cpu_seconds
from ..report import Table, spread
from ..servers import Servers
from ..visits import PATIENCE, WARM_UP, alone

HEAD = ("one process, provider at 0 ms", "executions/s", "CPU ms per execution", "commits", "writes", "reads")


def measure(servers: Servers, ours: Environment, rounds: int, count: int) -> Table:
    place = Place(f"sqlite:///{servers.folder / 'embedded.sqlite3'}", "", servers.provider, in_flight=0)
    found = alone(servers, __name__, rounds, count, {**configured(place), **place.environment()})
    said = (
        f"{count} executions in each of {rounds} rounds; median (range). Statements are those of one execution alone."
    )
    table = Table("The embedded default", said, HEAD)
    statements = [str(found["statements"][kind]) for kind in ("commits", "writes", "reads")]
    table.add("**this product** on SQLite", spread(found["rates"], 0), spread(found["cpu"], 2), *statements)
    return table


def main(rounds: int, count: int) -> None:
    client = OurClient(Place.here())
    client.prepare()
    from executions.working import working

    found = {"rates": [], "cpu": [], "statements": _statements(client)}
    with working():
        burst(client, WARM_UP, PATIENCE)
        for _ in range(rounds):
            before = cpu_seconds(os.getpid())
            seconds = burst(client, count, PATIENCE)["seconds"]
            found["rates"].append(count / seconds)
            found["cpu"].append((cpu_seconds(os.getpid()) - before) / count * 1000)
    print(json.dumps(found))


def _statements(client: OurClient) -> dict[str, int]:
    """What one execution says to the database, from the start call to completed."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from executions import worker
    from executions.drivers import plain

    def execute(execution: UUID) -> None:
        plain.advance(execution, worker.current())

    execute(client.submit(TEXT))  # the first one compiles
    with CaptureQueriesContext(connection) as captured:
        execute(client.submit(TEXT))
    said = [query["sql"].split()[0] for query in captured.captured_queries]
    writes = sum(said.count(verb) for verb in ("INSERT", "UPDATE"))
    return {"commits": said.count("COMMIT"), "writes": writes, "reads": said.count("SELECT")}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
