"""What is done to the database and the broker under the product, and what must be true afterwards."""

import signal
import time

from tests.chaos.books import Books, Watch, audit
from tests.chaos.broker import QUEUE, message, tell
from tests.chaos.house import Child, House, Work, wait_until
from tests.chaos.provider import USUAL_DELAY
from tests.chaos.verdict import PATIENCE, Seen, bound, finish, untouched

NOBODY = "00000000-0000-4000-8000-000000000000"
RUBBISH = (b"rubbish", b"", b"{}", b"[]", b"null", b'{"body": 1}', b"\xff\xfe", b'{"body": "e30=", "headers": 3}')


def broker_forgets(house: House, times: int, executions: int) -> Seen:
    """FLUSHALL in the middle of the work."""
    house.staff()
    work = house.submit(executions)
    with Watch(house, work) as watch:
        for _ in range(times):
            tell(house.broker.url, "FLUSHALL")
            time.sleep(0.3)
        books, took = finish(house, work, watch, time.monotonic())
    untouched(books)
    return Seen(f"FLUSHALL, {times} times", "P1", f"{books}; the end {took:.1f} s after it", books.broken)


def broker_dies(house: House, away: float, executions: int) -> Seen:
    """kill -9 of the broker; work is accepted and done without it, and the workers hear it again afterwards."""
    workers = house.staff()
    work = house.submit(executions)
    with Watch(house, work) as watch:
        house.broker.stop(signal.SIGKILL)
        began = time.monotonic()
        during = house.submit(5)
        accepted = time.monotonic() - began
        without = house.wait_for_end(during, PATIENCE)
        time.sleep(max(0.0, began + away - time.monotonic()))
        house.broker.start()
        books, _ = finish(house, work, watch, time.monotonic())
    books.broken += audit(house, during).broken
    untouched(books)
    books.expect(accepted < 5, f"without the broker a batch was accepted after {accepted:.1f} s only")
    _expect_ears(house, workers, books)
    figures = f"{books}; 5 more accepted in {accepted:.1f} s without it, done in {without:.1f} s; it is heard again"
    return Seen(f"kill -9 of the broker, back after {away:g} s", "P1", figures, books.broken)


def broker_freezes(house: House, executions: int) -> Seen:
    """SIGSTOP of the broker for two leases: it takes every connection and answers nothing, while waits come to their end."""
    workers = house.staff()
    house.provider.throttle(4, retry_after=3)
    work = house.submit(executions)
    with Watch(house, work) as watch:
        wait_until(lambda: _waiting(house, work) > 0, 30, "nothing waits")
        house.broker.process.send_signal(signal.SIGSTOP)
        try:
            during, accepted, silent = _while_it_is_frozen(house, workers)
            without = max(house.wait_for_end(each, PATIENCE) for each in during)
        finally:
            house.broker.process.send_signal(signal.SIGCONT)
        books, _ = finish(house, work, watch, time.monotonic())
    for each in during:
        books.broken += audit(house, each).broken
    untouched(books)
    taken = house.taken_over(work)
    books.expect(taken == 0, f"{taken} executions were taken from a worker that lived")
    books.expect(silent < house.lease, f"a worker was not heard for {silent:.1f} s")
    books.expect(
        max(accepted) < 5, f"with a broker that is frozen a batch was accepted after {max(accepted):.1f} s only"
    )
    _expect_ears(house, workers, books)
    times = ", ".join(f"{seconds:.1f}" for seconds in accepted)
    figures = f"{books}; three batches accepted in {times} s meanwhile, done {without:.1f} s later"
    return Seen("SIGSTOP of the broker for two leases, SIGCONT", "P1", f"{figures}; it is heard again", books.broken)


def _while_it_is_frozen(house: House, workers: list[Child]) -> tuple[list[Work], list[float], float]:
    """Three batches, how long the POST of each took, and for how long a worker was not heard, at most."""
    during, accepted, silent, end = [], [], 0.0, time.monotonic() + 2 * house.lease
    for _ in range(3):
        began = time.monotonic()
        during.append(house.submit(5))
        accepted.append(time.monotonic() - began)
    while time.monotonic() < end:
        silent = max(silent, _silence(house, workers))
        time.sleep(0.2)
    return during, accepted, silent


def _waiting(house: House, work: Work) -> int:
    waiting = "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[]) AND status = 'waiting'"
    return house.rows(waiting, work.ids)[0][0]


def _silence(house: House, workers: list[Child]) -> float:
    """For how many seconds one of them was not heard, at most."""
    silence = "SELECT max(extract(epoch FROM clock_timestamp() - seen_at))::float FROM executions_worker "
    return house.rows(silence + "WHERE name LIKE ANY(%s)", [f"%:{worker.pid}" for worker in workers])[0][0]


def rubbish(house: House, executions: int) -> Seen:
    """Every bell twenty times, bells of executions that do not exist, and messages that are none."""
    workers = house.staff()
    work = house.submit(executions)
    with Watch(house, work) as watch:
        bells = [message("executions.advance", [execution]) for execution in [*work.ids, NOBODY, "no uuid"]]
        wrong = [message("executions.advance", arguments) for arguments in ([], ["a", "b"], [{"a": 1}], [None], "text")]
        for one in [*bells * 20, *wrong, message("no.such.task", []), *RUBBISH]:
            tell(house.broker.url, "LPUSH", QUEUE, one)
        books, _ = finish(house, work, watch, time.monotonic())
    untouched(books)
    _expect_ears(house, workers, books)
    figures = f"{books}; every worker lives and hears"
    return Seen("every bell 20 times, unknown ids, rubbish", "P1 P2", figures, books.broken)


def database_dies(house: House, times: int, away: float, executions: int) -> Seen:
    """SIGQUIT of PostgreSQL while paid answers come back, and while somebody posts until he is heard."""
    house.staff()
    house.provider.delay = (0.2, min(away, 4.0))
    work = house.submit(executions)
    wrong, slowest = [], 0.0
    with Watch(house, work) as watch:
        for number in range(times):
            wait_until(lambda: _in_flight(house, work) >= 5, 30, "no call is in flight")
            house.database.stop(signal.SIGQUIT)
            wrong += _answers_while_away(house, f"{work.tag}{number}", away)
            house.database.start()
            slowest = max(slowest, _seconds_until_accepted(house, f"{work.tag}{number}"))
        books, took = finish(house, work, watch, time.monotonic())
    house.provider.delay = USUAL_DELAY
    books.broken += wrong
    if away < house.lease / 2:
        untouched(books)
    bound(books, kills=2 * times, in_flight=10)
    books.expect(books.discarded == 0, f"{books.discarded} executions were taken from a worker that lived")
    posted = house.rows("SELECT count(*) FROM executions_execution WHERE input::text LIKE %s", f"%case {work.tag}0-%")
    books.expect(posted[0][0] == 1, f"a POST that was sent until it was heard made {posted[0][0]} executions")
    books.expect(slowest <= 5, f"the API accepted again {slowest:.1f} s after the database was back; 5 were promised")
    figures = f"{books}; the API was back within {slowest:.1f} s, the end {took:.1f} s after the last"
    return Seen(f"PostgreSQL stopped at once for {away:g} s, {times} times", "P1 P2 P16", figures, books.broken)


def database_restarts(house: House, times: int) -> Seen:
    """A stop and a start of PostgreSQL while nobody has work, and no bell rings for what comes after it: it has to be found."""
    workers = house.staff()
    busy = house.submit(40)
    house.wait_for_end(busy, PATIENCE)  # every thread has its connection
    house.broker.stop(signal.SIGKILL)
    books, slowest = audit(house, busy), 0.0
    for _ in range(times):
        time.sleep(1.5)
        house.database.stop()
        house.database.start()
        alone = house.submit(1)
        house.wait_for_end(alone, PATIENCE)
        books.broken += audit(house, alone).broken
        found = "SELECT extract(epoch FROM started_at - created_at)::float FROM executions_execution WHERE id = %s"
        slowest = max(slowest, house.rows(found, alone.ids[0])[0][0])
    house.broker.start()
    books.expect(slowest < 3, f"idle workers found what was accepted after {slowest:.1f} s only")
    _expect_ears(house, workers, books)
    figures = f"what was accepted without a bell was begun within {slowest:.1f} s"
    return Seen(f"PostgreSQL restarted under idle workers, {times} times", "P1", figures, books.broken)


def _answers_while_away(house: House, key: str, seconds: float) -> list[str]:
    """What was wrong with the API's answers: each is a 503 that says when to come again."""
    wrong, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        status, headers, body = house.accept(key, f"{key}-0")
        if (status, headers.get("Retry-After"), body.get("status")) != (503, "5", 503):
            wrong.append(f"without its database the API answered {status}: {body}")
        time.sleep(0.2)
    return wrong


def _seconds_until_accepted(house: House, key: str) -> float:
    began = time.monotonic()
    wait_until(lambda: house.accept(key, f"{key}-0")[0] == 202, 60, "the API does not accept")
    return time.monotonic() - began


def _in_flight(house: House, work: Work) -> int:
    flying = "SELECT count(*) FROM gateway_intent i WHERE execution = ANY(%s::uuid[]) "
    flying += "AND NOT EXISTS (SELECT 1 FROM gateway_call c WHERE c.intent_id = i.id)"
    return house.rows(flying, work.ids)[0][0]


def _expect_ears(house: House, workers: list[Child], books: Books) -> None:
    """Everybody lives, and takes the bells from the broker."""
    books.expect(all(worker.lives for worker in workers), "a worker ended")
    tell(house.broker.url, "LPUSH", QUEUE, *[message("executions.advance", [NOBODY])] * 20)
    end = time.monotonic() + 10
    while tell(house.broker.url, "LLEN", QUEUE) and time.monotonic() < end:
        time.sleep(0.05)
    books.expect(tell(house.broker.url, "LLEN", QUEUE) == 0, "nobody hears the bells")
