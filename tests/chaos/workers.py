"""What is done to workers in the middle of their work, and what must be true afterwards. Each fault takes the house and
says what it saw; a test runs it small, `make chaos` runs it large."""

import signal
import time
from collections.abc import Sequence

from tests.chaos.books import Watch, audit
from tests.chaos.house import Child, House, wait_until
from tests.chaos.provider import USUAL_DELAY
from tests.chaos.verdict import PATIENCE, Seen, bound, finish

# Where a worker can be made to crash; a web process has one point more, `after-accept`.
POINTS = (
    *("after-bell", "after-claim", "after-intent", "after-send", "after-response", "after-commit"),
    *("in-fold", "in-sweeper"),
)


def crash_points(house: House, points: Sequence[str], executions: int) -> Seen:
    """One worker for each point, which ends itself there; whoever is left finishes the work."""
    in_flight = 5
    # Whoever dies while it buries a worker must be the only one to find that worker dead.
    alone = "in-sweeper" in points
    times = [_nth(house, point, executions // len(points)) for point in points]
    asked = [{"CRASH_AT": f"{point}:{n}", "IN_FLIGHT": in_flight} for point, n in zip(points, times, strict=True)]
    house.dismiss()
    started = house.workers(*asked, *([] if alone else [{}]))
    work = house.submit(executions)
    with Watch(house, work) as watch:
        for point, worker in zip(points, started, strict=False):
            code = _until_it_crashes(house, worker, watch)
            assert code == -signal.SIGKILL, f"the worker that was to crash {point} ended with {code}"
        work = watch.work
        fault = time.monotonic()
        if alone:
            house.workers({})
        books, took = finish(house, work, watch, fault)
    bound(books, kills=len(points), in_flight=in_flight)
    return Seen(f"kill -9 {', '.join(points)}", "P1 P2 P3", f"{books}; the end {took:.1f} s after it", books.broken)


def random_kills(house: House, kills: int, workers: int, executions: int) -> Seen:
    """kill -9 of any that is at work, at any time; a supervisor starts it again."""
    in_flight = 10
    house.dismiss()
    alive = house.workers(*[{"IN_FLIGHT": in_flight}] * workers)
    house.provider.delay = (0.2, 1.0)
    work = house.submit(executions)
    with Watch(house, work) as watch:
        for _ in range(kills):
            enough = len(house.provider.answers_about(work.tag)) + 5
            wait_until(lambda n=enough: len(house.provider.answers_about(work.tag)) >= n, 60, "nothing goes on")
            time.sleep(house.random.uniform(0.2, 1.5))
            ready = [worker for worker in alive if worker.at_work]
            older = ready[: max(1, len(ready) // 2)]  # they have calls in flight
            victim = house.random.choice(older)
            victim.kill()
            alive.remove(victim)
            alive.append(house.worker(IN_FLIGHT=in_flight))
        left = house.unfinished(work)
        books, took = finish(house, work, watch, time.monotonic())
    house.provider.delay = USUAL_DELAY
    bound(books, kills, in_flight)
    books.expect(left > 0, "everything had ended before the last one was killed")
    done = f"kill -9 of one of {workers} workers at any time, {kills} times"
    return Seen(done, "P1 P2 P3", f"{books}; the end {took:.1f} s after the last", books.broken)


def killed_under_callers(house: House, kills: int, callers: int, each: int) -> Seen:
    """kill -9 of workers, at any time, that execute what others called: none is called twice, and every caller ends."""
    in_flight = 10
    house.dismiss()
    alive = house.workers(*[{"IN_FLIGHT": in_flight}] * 2)
    house.provider.delay = (0.2, 1.0)
    work = house.call(callers, each)
    with Watch(house, work) as watch:
        for kill in range(kills):
            enough = (kill + 1) * 2 * callers * each // (kills + 2)
            wait_until(lambda n=enough: len(house.provider.answers_about(work.tag)) >= n, 60, "nothing goes on")
            alive.pop(0).kill()
            alive.append(house.worker(IN_FLIGHT=in_flight))
        left = house.unfinished(work)
        _, took = finish(house, work, watch, time.monotonic())
    house.provider.delay = USUAL_DELAY
    called = house.called(work)
    books = audit(house, called)
    bound(books, kills, in_flight)
    books.expect(len(called.ids) == len(set(called.cases.values())) == callers * each, "not each was called once")
    books.expect(left > 0, "everything had ended before the last one was killed")
    done = f"kill -9 of one of 2 workers while {callers} executions call {each} each, {kills} times"
    return Seen(done, "P1 P2 P3", f"{books}; the end {took:.1f} s after the last", books.broken)


def killed_under_an_evaluation(house: House, kills: int, cases: int) -> Seen:
    """kill -9 of workers, at any time, that begin, execute and judge the cases of an evaluation: none is tried twice, and it ends
    with all of them."""
    in_flight = 10
    house.dismiss()
    alive = house.workers(*[{"IN_FLIGHT": in_flight}] * 2)
    house.provider.delay = (0.2, 1.0)
    tag, evaluation = house.evaluate(cases)
    for kill in range(kills):
        enough = (kill + 1) * 2 * cases // (kills + 2)
        wait_until(lambda n=enough: len(house.provider.answers_about(tag)) >= n, 60, "nothing goes on")
        alive.pop(0).kill()
        alive.append(house.worker(IN_FLIGHT=in_flight))
    left = house.evaluation(evaluation)["status"] == "running"
    fault = time.monotonic()
    wait_until(lambda: house.evaluation(evaluation)["status"] != "running", PATIENCE, "the evaluation does not end")
    took = time.monotonic() - fault
    house.provider.delay = USUAL_DELAY
    tried, figures = house.tried(tag, evaluation), house.evaluation(evaluation)["figures"]
    books = audit(house, tried)
    bound(books, kills, in_flight)
    books.expect(len(tried.ids) == len(set(tried.cases.values())) == cases, "not each case was tried once")
    books.expect(figures["arms"]["candidate"]["quality"]["count"] == cases, "not each case was judged right")
    books.expect(left, "everything had ended before the last one was killed")
    done = f"kill -9 of one of 2 workers while an evaluation tries {cases} cases, {kills} times"
    return Seen(done, "P1 P2 P3", f"{books}; the end {took:.1f} s after the last", books.broken)


def frozen(house: House, calls: int) -> Seen:
    """SIGSTOP of a worker whose calls are in flight, for longer than its lease; then it wakes up with its answers."""
    house.dismiss()
    (sleeper,) = house.workers({"IN_FLIGHT": calls})
    house.provider.delay = (2.0, 2.5)
    work = house.submit(calls)
    with Watch(house, work) as watch:
        wait_until(lambda: len(house.provider.answers_about(work.tag)) == calls, 30, "the calls have not left")
        sleeper.send(signal.SIGSTOP)
        house.provider.delay = USUAL_DELAY
        house.workers({})
        wait_until(lambda: house.taken_over(work) == calls, house.lease + 30, "they were not taken over")
        sleeper.send(signal.SIGCONT)
        late = "SELECT count(*) FROM gateway_call WHERE outcome = 'discarded' AND execution = ANY(%s::uuid[])"
        wait_until(lambda: house.rows(late, work.ids)[0][0] == calls, 30, "the late answers are not in the ledger")
        books, _ = finish(house, work, watch, time.monotonic())
    books.expect(books.discarded == calls, f"{books.discarded} of {calls} late answers were discarded")
    books.expect(books.in_doubt == calls, f"{books.in_doubt} of {calls} calls were in doubt")
    books.expect(books.unrecorded == 0, f"{books.unrecorded} late answers are not in the ledger")
    figures = f"{books}: {books.discarded} of {calls} late commits refused, each with its cost"
    return Seen("SIGSTOP in mid-call beyond the lease, SIGCONT", "P4", figures, books.broken)


def told_to_end(house: House, calls: int, within: int) -> Seen:
    """SIGTERM while calls are in flight, some of which take longer than the worker may, and tools that do not answer."""
    house.dismiss()
    (leaver,) = house.workers({"IN_FLIGHT": calls + 2, "STOP_WITHIN": within})
    stuck = house.submit(2, "sleep")
    wait_until(lambda: house.steps(stuck, "first") == 2, 30, "the tools are not called")
    house.provider.delay = (0.1, within + 4.0)
    work = house.submit(calls)
    with Watch(house, work) as watch:
        wait_until(lambda: len(house.provider.answers_about(work.tag)) >= calls, 30, "the calls have not left")
        house.provider.delay = (0.5, 0.8)  # long enough for a death to be seen
        house.workers({})
        began = time.monotonic()
        leaver.send(signal.SIGTERM)
        code, left = leaver.wait(PATIENCE), time.monotonic() - began
        books, took = finish(house, work, watch, time.monotonic())
        wait_until(lambda: house.taken_over(stuck) == 2, house.lease, "what hangs in tools is not taken over")
    books.expect(code == 0, f"it ended with {code}")
    books.expect(left <= within + 2, f"it took {left:.1f} s to end; {within} + 2 were promised")
    deaths = max(watch.deaths, house.deaths(stuck))
    books.expect(deaths == 0, f"{deaths} deaths of one execution were counted")
    died = house.taken_over(work, "died") + house.taken_over(stuck, "died")
    books.expect(died == 0, f"{died} executions were taken from the dead instead of given back")
    bound(books, 1, calls)
    house.provider.delay = USUAL_DELAY
    figures = f"{books}; it left after {left:.1f} s, the end {took:.1f} s later, {deaths} deaths counted"
    return Seen(f"SIGTERM with {calls} calls and 2 stuck tools in flight", "P1 P15", figures, books.broken)


def poisoned(house: House, innocents: int) -> Seen:
    """A step that ends its worker, among others that wait for their models; a supervisor starts it again."""
    in_flight = innocents + 1
    house.dismiss()
    (worker,) = house.workers({"IN_FLIGHT": in_flight})
    house.provider.delay = (0.3, 0.5)
    (guilty,) = (work := house.submit(1, "poison", "poison")).ids
    others = house.submit(innocents)
    failed = "SELECT status = 'failed', deaths, error::text FROM executions_execution WHERE id = %s"
    deaths, end = 0, time.monotonic() + PATIENCE
    with Watch(house, others) as watch:
        while not house.rows(failed, guilty)[0][0] and time.monotonic() < end:
            if not worker.lives:
                deaths += 1
                (worker,) = house.workers({"IN_FLIGHT": in_flight})
            time.sleep(0.05)
        books, took = finish(house, others, watch, time.monotonic())
    house.provider.delay = USUAL_DELAY
    ended, counted, error = house.rows(failed, guilty)[0]
    books.expect(ended and "poisoned" in error, f"the guilty one has ended: {ended}, with {error}")
    books.expect(deaths == counted == 3, f"it ended {deaths} workers and {counted} were counted")
    books.broken += audit(house, work, "failed").broken
    figures = f"{deaths} workers ended, then failed as poisoned; the others: {books}, {took:.1f} s later"
    return Seen(f"a step that ends its worker, among {innocents} others", "P11", figures, books.broken)


def clocks(house: House, executions: int) -> Seen:
    """Workers an hour ahead and an hour behind; one of them is killed; and a provider asks for patience."""
    house.dismiss()
    house.provider.throttle(4, retry_after=3)
    work = house.submit(executions)  # before anybody works: a worker's first second is the one to look at
    ahead, behind = house.workers({"hours": 1}, {"hours": -1})
    with Watch(house, work) as watch:
        time.sleep(house.lease * 1.5)
        early = house.taken_over(work)
        more = house.submit(executions)
        wait_until(lambda: house.provider.answers_about(more.tag), 30, "nothing goes on")
        ahead.kill()
        books, _ = finish(house, work, watch, time.monotonic())
        house.wait_for_end(more, PATIENCE)
        later = audit(house, more)
    books.broken += later.broken
    books.expect(early == 0, f"{early} executions were stolen from a living worker")
    books.expect(behind.lives, "the worker whose clock is behind ended")
    soonest = house.provider.patience
    books.expect(soonest is None or soonest >= 2.9, f"asked again after {soonest} s; the provider said 3")
    figures = f"{books}; {early} early steals; asked again after {soonest} s"
    return Seen("clocks an hour ahead and behind", "P18", figures, books.broken)


def _until_it_crashes(house: House, worker: Child, watch: Watch) -> int:
    """Its exit code. More work comes until it has come to its point."""
    end = time.monotonic() + PATIENCE
    while worker.lives and time.monotonic() < end:
        watch.work = house.more(watch.work, 1)
        time.sleep(0.5)
    if worker.lives:
        raise TimeoutError("a worker does not come to the point at which it is to crash")
    return worker.wait(1)


def _nth(house: House, point: str, executions: int) -> int:
    """Each worker is sure to pass its point so often; some points are passed by one worker among all."""
    return 1 if point in ("in-sweeper", "in-fold", "after-bell") else house.random.randint(1, max(1, executions // 15))
