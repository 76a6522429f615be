"""The books after a fault: what the product recorded, read past it, against what the provider was paid for."""

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self
from uuid import UUID

import psycopg

from tests.chaos.house import House, Work

PICO = Decimal(10) ** 12


@dataclass
class Books:
    """What became of the work. `broken`: the promises that were not kept, in sentences."""

    executions: int = 0
    answers: int = 0  # that the provider was paid for
    recorded: int = 0  # of them, in the ledger
    in_doubt: int = 0
    discarded: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def unrecorded(self) -> int:
        return self.answers - self.recorded

    def expect(self, kept: bool, otherwise: str) -> None:
        if not kept:
            self.broken.append(otherwise)

    def __str__(self) -> str:
        return (
            f"{self.executions} executions, {self.answers} answers paid, {self.recorded} recorded, "
            f"{self.in_doubt} in doubt, {self.discarded} discarded"
        )


class Watch:
    """Looks again and again while the block lasts. `changed`: outputs that changed or went away; `deaths`: the most that
    were counted against one execution."""

    def __init__(self, house: House, work: Work) -> None:
        self.house, self.work = house, work
        self.changed: set[tuple] = set()
        self.deaths = 0
        self._seen: dict[tuple, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_again_and_again(self) -> None:
        while not self._over.wait(0.2):
            with suppress(psycopg.Error):  # the database is away: that is what some faults are about
                self.look()

    def look(self) -> None:
        done = "SELECT execution_id, step, id, md5(output::text) FROM executions_stepresult "
        done += "WHERE execution_id = ANY(%s::uuid[]) AND status = 'done'"
        now = {row[:3]: row[3] for row in self.house.rows(done, self.work.ids)}
        self.changed |= {step for step, output in self._seen.items() if now.get(step) != output}
        self._seen |= now
        self.deaths = max(self.deaths, self.house.deaths(self.work))


def audit(house: House, work: Work, status: str = "completed") -> Books:
    """Everything that must be true of the work whatever was done to it, once all of it has ended."""
    books = Books()
    _ends(house, work, books, status)
    _calls(house, work, books)
    _money(house, work, books)
    return books


def _ends(house: House, work: Work, books: Books, status: str) -> None:
    found = house.rows("SELECT status FROM executions_execution WHERE id = ANY(%s::uuid[])", work.ids)
    books.executions = len(found)
    books.expect(len(found) == len(work.ids), f"{len(work.ids) - len(found)} accepted executions are lost")
    others = Counter(state for (state,) in found if state != status)
    books.expect(not others, f"not {status}: {dict(others)}")


def _calls(house: House, work: Work, books: Books) -> None:
    """No step used two answers; and what was paid and not written down is in doubt, step by step."""
    rows = house.rows(
        "SELECT execution, step, outcome, corrects_id FROM gateway_call WHERE execution = ANY(%s::uuid[])", work.ids
    )
    used = Counter((execution, step) for execution, step, outcome, _ in rows if outcome == "ok")
    twice = [step for step, count in used.items() if count > 1]
    books.expect(not twice, f"{len(twice)} steps used two answers")
    doubted = Counter((execution, step) for execution, step, outcome, _ in rows if outcome == "in_doubt")
    answered = Counter((execution, step) for execution, step, outcome, _ in rows if outcome in ("ok", "discarded"))
    books.in_doubt = doubted.total()
    books.discarded = sum(outcome == "discarded" for _, _, outcome, _ in rows)
    books.recorded = answered.total()
    books.answers = len(house.provider.answers_about(work.tag))
    for execution, case in work.cases.items():
        for step, paid in house.provider.answers_to(case).items():
            unrecorded = paid - answered[UUID(execution), step]
            if unrecorded > doubted[UUID(execution), step]:
                books.broken.append(f"{case} {step}: {unrecorded} answers paid and neither recorded nor in doubt")
    open_intents = "SELECT count(*) FROM gateway_intent i WHERE execution = ANY(%s::uuid[]) "
    open_intents += "AND NOT EXISTS (SELECT 1 FROM gateway_call c WHERE c.intent_id = i.id)"
    left = house.rows(open_intents, work.ids)[0][0]
    books.expect(left == 0, f"{left} intents of ended executions have no call")


def _money(house: House, work: Work, books: Books) -> None:
    """Each recorded answer costs what the provider says, to the last digit; each one in doubt its upper bound; and the
    summary is the sum of the rows."""
    rows = house.rows(
        "SELECT p.provider_request_id, c.outcome, c.cost, d.cost, i.upper_bound FROM gateway_call c "
        "JOIN gateway_intent i ON i.id = c.intent_id LEFT JOIN gateway_payload p ON p.call_id = c.id "
        "LEFT JOIN gateway_call d ON d.id = c.corrects_id WHERE c.execution = ANY(%s::uuid[])",
        work.ids,
    )
    seen: Counter[str] = Counter()
    for told, outcome, cost, corrected, upper_bound in rows:
        if told:
            seen[told] += 1
            bill = house.provider.paid[told].cost
            if (cost + (corrected or 0)) / PICO != bill:
                books.broken.append(f"{told} cost {bill} and stands in the ledger at {cost / PICO}")
        elif outcome == "in_doubt" and cost != upper_bound:
            books.broken.append(f"a call in doubt stands at {cost}, its upper bound is {upper_bound}")
    books.expect(seen.total() == books.recorded, f"{books.recorded - seen.total()} answers have no text")
    books.expect(seen.total() == len(seen), "an answer stands in the ledger twice")
    for _ in range(20):  # others may still be executing
        shown, total = _shown(house, work.workflow), _total(house, work.workflow)
        if shown == total:
            return
        time.sleep(0.2)
    books.broken.append(f"the summary says {shown}, the ledger {total}")


def _shown(house: House, workflow: str) -> Decimal:
    costs = house.must(200, "GET", f"workflows/{workflow}/costs")
    return sum(Decimal(costs[name]) for name in ("execution_cost", "evaluation_cost", "in_doubt_cost"))


def _total(house: House, workflow: str) -> Decimal:
    whole = "SELECT coalesce(sum(c.cost), 0) FROM gateway_call c JOIN workflows_workflow w ON w.id = c.workflow "
    return house.rows(whole + "WHERE w.name = %s", workflow)[0][0] / PICO
