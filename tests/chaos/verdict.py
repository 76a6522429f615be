"""What a fault did, as a row of the table, and what every fault has to leave behind."""

import time
from dataclasses import dataclass

from tests.chaos.books import Books, Watch, audit
from tests.chaos.house import House, Work

PATIENCE = 120.0  # seconds, where 51 are promised: a broken promise is told, not waited for


@dataclass(frozen=True)
class Seen:
    """One row of the table: what was done, what was promised, what came of it, and which promises were broken."""

    done: str
    promised: str
    figures: str
    broken: list[str]


def finish(house: House, work: Work, watch: Watch, fault: float) -> tuple[Books, float]:
    """Waits for the end, and reads the books; and how many seconds after the fault the last one ended."""
    house.wait_for_end(work, PATIENCE)
    took = time.monotonic() - fault
    books = audit(house, work)
    most = house.lease + 1 + 30  # the lease, a sweep, and what there is to do
    books.expect(took <= most, f"the last one ended {took:.0f} s after the fault; {most:.0f} were promised")
    watch.look()
    books.expect(not watch.changed, f"{len(watch.changed)} outputs changed or went away")
    return books, took


def bound(books: Books, kills: int, in_flight: int) -> None:
    """What is not known is no more than what was in flight: as much as a worker has room for, and the tenth that it keeps
    for projects with nothing in its hands."""
    most = kills * (in_flight + max(1, in_flight // 10))
    books.expect(books.unrecorded <= books.in_doubt, f"{books.unrecorded} answers are not recorded")
    books.expect(books.in_doubt <= most, f"{books.in_doubt} calls are in doubt; at most {most} were in flight")


def untouched(books: Books) -> None:
    """No worker was hurt: then nothing is in doubt, and nothing was paid twice."""
    twice = books.answers - 2 * books.executions
    books.expect(books.in_doubt == books.discarded == twice == 0, f"though no worker was hurt: {books}")
