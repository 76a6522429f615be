"""What callers do at once, or again, and what must come of it once."""

import json
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.books import Books, Watch
from tests.chaos.definitions import definition
from tests.chaos.house import House, wait_until
from tests.chaos.verdict import Seen, finish


def one_key(house: House, callers: int) -> Seen:
    """All with one Idempotency-Key, at two web processes."""
    house.dismiss()  # nobody executes it meanwhile, so the answers are the same to the letter
    house.web()
    key, case = house.tag(), f"{house.tag()}-0"
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(lambda n: house.accept(key, case, house.ports[n % 2]), range(callers)))
    books = Books()
    statuses = Counter(status for status, _, _ in answers)
    bodies = {json.dumps(body, sort_keys=True) for _, _, body in answers}
    made = house.rows("SELECT count(*) FROM executions_execution WHERE input::text LIKE %s", f'%case {case}"%')[0][0]
    other, _, _ = house.accept(key, f"{case}0")
    books.expect(statuses == {202: callers}, f"they were answered {dict(statuses)}")
    books.expect(len(bodies) == 1, f"they got {len(bodies)} different answers")
    books.expect(made == 1, f"{made} executions were made")
    books.expect(other == 422, f"the key with another request was answered {other}")
    figures = f"{made} execution, {len(bodies)} answer, {dict(statuses)}; another body: {other}"
    return Seen(f"{callers} callers with one key at two web processes", "P5", figures, books.broken)


def killed_before_the_answer(house: House) -> Seen:
    """kill -9 of the web process between its commit and its answer; the caller asks again, elsewhere."""
    fragile = house.web(CRASH_AT="after-accept")
    key, case = house.tag(), f"{house.tag()}-0"
    unheard, _, _ = house.accept(key, case, house.ports[-1])
    code = fragile.wait(10)
    house.ports.pop()
    made = house.rows("SELECT id::text FROM executions_execution WHERE input::text LIKE %s", f'%case {case}"%')
    again, _, body = house.accept(key, case)
    books = Books()
    books.expect((unheard, code) == (0, -signal.SIGKILL), f"it answered {unheard} and ended with {code}")
    books.expect(len(made) == 1, f"{len(made)} executions were committed")
    books.expect(
        (again, [(body.get("id"),)]) == (202, made), f"asked again, it is {again} {body}; committed was {made}"
    )
    figures = "no answer; asked again, it is the one that was committed"
    return Seen("kill -9 of a web process between commit and answer", "P5", figures, books.broken)


def one_number(house: House, callers: int) -> Seen:
    """All publish another definition under the same number."""
    house.must(201, "POST", "workflows", {"name": "race", "definition": definition(), "publish": True})

    def publish(n: int) -> int:
        body = {"version": "2.0.0", "definition": definition(f"Race{n}"), "publish": True}
        return house.ask("POST", "workflows/race/versions", body, port=house.ports[n % len(house.ports)])[0]

    with ThreadPoolExecutor(callers) as pool:
        statuses = Counter(pool.map(publish, range(callers)))
    books = Books()
    books.expect(statuses == {201: 1, 409: callers - 1}, f"they were answered {dict(statuses)}")
    return Seen(f"{callers} callers publish one number", "P8", f"answered {dict(statuses)}", books.broken)


def published_meanwhile(house: House, executions: int) -> Seen:
    """A new version goes live, and a worker dies, while executions of the old one are in flight."""
    number = f"1.{len(house.provider.paid)}.0"
    house.must(
        201,
        "POST",
        "workflows/work/versions",
        {"version": f"{number}-old", "definition": definition("Old"), "publish": True},
    )
    victim, _ = house.staff()
    old = house.submit(executions)
    with Watch(house, old) as watch:
        wait_until(lambda: len(house.provider.answers_about(old.tag)) >= 5, 30, "nothing is in flight")
        house.must(
            201,
            "POST",
            "workflows/work/versions",
            {"version": number, "definition": definition("New"), "publish": True},
        )
        new = house.submit(5)
        victim.kill()
        books, _ = finish(house, old, watch, time.monotonic())
        house.wait_for_end(new, 60)
    asked = [{paid.version for paid in house.provider.answers_about(work.tag)} for work in (old, new)]
    books.expect(asked == [{"Old"}, {"New"}], f"the old ones were asked as {asked[0]}, the new ones as {asked[1]}")
    refused = _refused_changes(house)
    books.expect(refused == 4, f"{refused} of 4 changes of a published version were refused")
    figures = f"{books}; all on their own version; {refused} of 4 changes refused"
    return Seen("a version is published while another one executes", "P7", figures, books.broken)


def _refused_changes(house: House) -> int:
    """What the database says to whoever would change what was published."""
    import psycopg

    statements = [
        *("UPDATE workflows_version SET definition = '{}'", "DELETE FROM workflows_version"),
        *("UPDATE workflows_publication SET tier_map = '{}'", "DELETE FROM workflows_publication"),
    ]
    refused = 0
    for statement in statements:
        try:
            house.rows(f"{statement} RETURNING id")
        except psycopg.errors.IntegrityConstraintViolation:
            refused += 1
    return refused
