"""`python benchmarks/run.py throughput --peers ours,dbos,floor --rounds 5 --executions 300`: measures one part, or all.

Prints Markdown tables with medians, ranges and versions. It writes nothing into the checkout but `var/bench/`, where peers are
installed. The servers are its own: started on free ports, and stopped at the end.
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the checkout instead of this folder

from benchmarks.environments import NAMES, OUR_API, OURS, Environment, NotInstalled, environment, install  # noqa: E402
from benchmarks.parts import at_once, embedded, gateway, history, idle, reading, throughput  # noqa: E402
from benchmarks.report import Table  # noqa: E402
from benchmarks.servers import Servers, servers  # noqa: E402
from benchmarks.visits import Unfit  # noqa: E402

PEERS = tuple(name for name in NAMES if name != OUR_API)


@dataclass(frozen=True)
class Part:
    """A question, and how many rounds and executions (calls, requests) answer it: in earnest, and in short.

    `peers` it is asked of unless the command line says; none: it is about this product and what it stands on.
    """

    measure: Callable[..., Table]
    long: tuple[int, int]
    short: tuple[int, int]
    peers: tuple[str, ...] = ()


PARTS = {
    "throughput": Part(throughput.measure, (5, 300), (2, 150), PEERS),
    "idle": Part(idle.measure, (3, 30), (1, 20), NAMES),
    "at-once": Part(at_once.measure, (3, 300), (1, 300), PEERS),
    "gateway": Part(gateway.measure, (5, 500), (3, 200)),
    "reading": Part(reading.measure, (5, 4000), (2, 2000)),
    "history": Part(history.measure, (5, 300), (2, 150)),
    "embedded": Part(embedded.measure, (5, 200), (2, 100)),
}
PAST, SHORT_PAST = 1_000_000, 20_000  # executions in the history


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    asked = _arguments()
    started = time.monotonic()
    if asked.part == "install":
        _found(asked.peers or NAMES, install)
    else:
        _measure(asked)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "all", "install"], help="what is measured; `install` gets the peers")
    parser.add_argument("--peers", type=_names, help=f"of {','.join(NAMES)}; all, unless given")
    parser.add_argument("--rounds", type=int, help="how often each one is measured")
    parser.add_argument("--executions", type=int, help="in each round; of `gateway` calls, of `reading` requests")
    parser.add_argument("--past", type=int, help=f"executions in the history ({PAST:,})")
    parser.add_argument("--delay", type=int, default=500, help="ms that the provider takes in `at-once` (500)")
    parser.add_argument("--short", action="store_true", help="few rounds: to see that it runs, not to quote")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"there is no peer {', '.join(sorted(unknown))}")
    return names


def _measure(asked: argparse.Namespace) -> None:
    with servers() as found:
        print(f"{found.versions()}, {_machine()}.\n", flush=True)
        for name in PARTS if asked.part == "all" else [asked.part]:
            try:
                print(_table(name, asked, found), flush=True)
            except Unfit as unfit:
                print(f"**Not measured:** {name}: {unfit}\n", flush=True)


def _table(name: str, asked: argparse.Namespace, found: Servers) -> Table:
    part = PARTS[name]
    rounds, count = part.short if asked.short else part.long
    sizes = {"rounds": asked.rounds or rounds, "count": asked.executions or count}
    if name == "history":
        sizes["past"] = asked.past or (SHORT_PAST if asked.short else PAST)
    if name == "at-once":
        sizes["delay"] = asked.delay
    if part.peers:
        return part.measure(found, _found(asked.peers or part.peers, environment), **sizes)
    return part.measure(found, environment(OURS), **sizes)


def _found(names: Sequence[str], find: Callable[[str], Environment]) -> list[Environment]:
    """Those that are there; the others are named."""
    peers = []
    for name in names:
        try:
            peers.append(find(name))
        except NotInstalled as missing:
            print(f"**Not measured:** {missing}\n", flush=True)
    return peers


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {memory:.0f} GiB"


if __name__ == "__main__":
    main()
