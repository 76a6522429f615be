"""How fast the published definition of a workflow is read by its name (goal 6), beside a bare view of the same framework."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.servers import free_port

from ..environments import ROOT, Environment
from ..peers.ours import DEFINITION, NAME, configured
from ..peers.protocol import Place
from ..processes import cpu_seconds, environment, running
from ..report import Table, median, percentile, ratio, spread
from ..servers import Servers
from ..visits import in_turn, prepared

CLIENTS = 8
THREADS = 8
START = 30.0  # seconds until a server answers
HEADER_END = b"\r\n\r\n"
OURS, BARE = "**this product**", "a bare view of Django REST framework"
HEAD = (
    "the published definition by its name",
    "requests/s",
    "to the bare view",
    "p50 ms",
    "p95 ms",
    "CPU ms per request",
)


@dataclass(frozen=True)
class Site:
    """A running server, and the request that is sent to it again and again."""

    pid: int
    port: int
    request: bytes


@dataclass(frozen=True)
class Readings:
    """Seconds that each request took, in how many seconds, at what CPU time of the server."""

    waited: list[float]
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return len(self.waited) / self.seconds


def measure(servers: Servers, ours: Environment, rounds: int, count: int) -> Table:
    place = prepared(servers, ours)
    with _product(servers, place) as product, _bare(servers, place) as bare:
        sites = {OURS: product, BARE: bare}
        for site in sites.values():
            _read(site, count // 4)
        found = in_turn([*sites], rounds, lambda name: _read(sites[name], count))
    said = f"{CLIENTS} clients, {count} requests in each of {rounds} rounds in turn, one process with {THREADS} threads (waitress)."
    table = Table("Reading a definition", said, HEAD)
    for name, readings in found.items():
        table.add(name, *_cells(readings, found[BARE]))
    return table


@contextmanager
def _product(servers: Servers, place: Place) -> Iterator[Site]:
    """The product's API, asked with a key."""
    variables = environment(**configured(place))
    make_key = [sys.executable, "manage.py", "create_api_key", "--project", "bench"]
    key = subprocess.run(make_key, cwd=ROOT, env=variables, capture_output=True, text=True, check=True).stdout.strip()
    with _site(servers, "config.wsgi", variables, f"/api/v1/workflows/{NAME}", f"Authorization: Bearer {key}") as site:
        yield site


@contextmanager
def _bare(servers: Servers, place: Place) -> Iterator[Site]:
    """The bare view, on a table with one definition among two thousand."""
    url, _ = servers.database("bench_bare")
    with servers.connect("bench_bare") as connection:
        connection.execute("create table if not exists bench_definition (name varchar(100) primary key, body jsonb)")
        fill = "insert into bench_definition select 'other-' || n, %(body)s::jsonb from generate_series(1, 2000) n"
        one = " union all select %(name)s, %(body)s::jsonb on conflict do nothing"
        connection.execute(fill + one, {"name": NAME, "body": json.dumps(DEFINITION)})
    variables = environment(**replace(place, database=url).environment())
    with _site(servers, "benchmarks.parts.bare_view", variables, f"/definitions/{NAME}") as site:
        yield site


@contextmanager
def _site(servers: Servers, module: str, variables: Mapping[str, str], path: str, *headers: str) -> Iterator[Site]:
    port = free_port()
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    listen = [f"--listen=127.0.0.1:{port}", f"--threads={THREADS}"]
    command = [sys.executable, "-m", "waitress", *listen, f"{module}:application"]
    with running(command, log=servers.folder / f"{module}.log", cwd=ROOT, env=variables) as process:
        site = Site(process.pid, port, "\r\n".join(lines).encode())
        _await(site)
        yield site


def _await(site: Site) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            return socket.create_connection(("127.0.0.1", site.port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _read(site: Site, requests: int) -> Readings:
    """Each client sends its next request when it has its answer."""
    before, started = cpu_seconds(site.pid), time.perf_counter()
    waited = asyncio.run(_all_clients(site, requests // CLIENTS))
    return Readings(waited, time.perf_counter() - started, cpu_seconds(site.pid) - before)


async def _all_clients(site: Site, requests: int) -> list[float]:
    return [
        one for client in await asyncio.gather(*[_client(site, requests) for _ in range(CLIENTS)]) for one in client
    ]


async def _client(site: Site, requests: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    waited = []
    for _ in range(requests):
        started = time.perf_counter()
        writer.write(site.request)
        head = await reader.readuntil(HEADER_END)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        waited.append(time.perf_counter() - started)
    writer.close()
    return waited


def _cells(readings: list[Readings], bare: list[Readings]) -> list[str]:
    rate = [one.per_second for one in readings]
    waited = [seconds * 1000 for one in readings for seconds in one.waited]
    cpu = [one.cpu / len(one.waited) * 1000 for one in readings]
    compared = "" if readings is bare else ratio(median(rate), median(one.per_second for one in bare))
    return [spread(rate, 0), compared, f"{percentile(waited, 50):.1f}", f"{percentile(waited, 95):.1f}", spread(cpu, 2)]
