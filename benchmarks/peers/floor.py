"""The floor: what asyncio, psycopg and the SDK cost when nothing else is there. A table of executions and one of steps,
LISTEN and NOTIFY, one commit for each step; no lease, no fence, no ledger, no versions.

It is no product: it loses an execution whose worker dies.
"""
# /// script
# dependencies = ["anthropic[aiohttp]==2.12.0", "psycopg[binary,pool]==3.3.9"]
# ///

import asyncio

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from .protocol import Client, Place, play
from .work import AsyncSteps, normalise

TABLES = """
create table execution (
    id bigserial primary key, status text not null default 'queued', input text not null, output jsonb,
    created_at timestamptz not null default clock_timestamp(), finished_at timestamptz
);
create index on execution (id) where status = 'queued';
create index at_work on execution (id) where status <> 'completed';
create table step (
    execution bigint references execution, number int, result jsonb not null, primary key (execution, number)
);
"""
CLAIM = """
update execution set status = 'running' where id = (
    select id from execution where status = 'queued' order by id for update skip locked limit 1
) returning id, input
"""
CHECKPOINT = "insert into step values (%s, %s, %s)"
COMPLETE = """
with last as (insert into step values (%(id)s, 3, %(drafted)s))
update execution set status = 'completed', output = %(drafted)s, finished_at = clock_timestamp() where id = %(id)s
"""
CONNECTIONS = 16


class FloorClient(Client):
    def __init__(self, place: Place) -> None:
        self._database = psycopg.connect(place.database, autocommit=True)

    def prepare(self) -> None:
        self._database.execute(TABLES)

    def submit(self, text: str) -> int:
        with self._database.transaction():
            row = self._database.execute("insert into execution (input) values (%s) returning id", [text]).fetchone()
            self._database.execute("notify accepted")
        return row[0]

    def submit_all(self, texts: list[str]) -> None:
        with self._database.transaction(), self._database.cursor() as cursor:
            cursor.executemany("insert into execution (input) values (%s)", [[text] for text in texts])
            cursor.execute("notify accepted")

    def unfinished(self) -> int:
        return self._one("select count(*) from execution where status <> 'completed'")

    def completed(self) -> int:
        return self._one("select count(*) from execution where status = 'completed'")

    def is_completed(self, execution: object) -> bool:
        return self._one("select status = 'completed' from execution where id = %s", execution)

    def _one(self, query: str, *values: object) -> int:
        return self._database.execute(query, values).fetchone()[0]


class FloorWorker:
    def __init__(self, place: Place, pool: AsyncConnectionPool) -> None:
        self._place, self._pool = place, pool
        self._steps = AsyncSteps(place.provider)
        self._accepted = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(self._listen(), *[self._take_and_execute() for _ in range(self._place.in_flight)])

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._place.database, autocommit=True) as connection:
            await connection.execute("listen accepted")
            self._accepted.set()  # what came before it listened
            async for _ in connection.notifies():
                self._accepted.set()

    async def _take_and_execute(self) -> None:
        while True:
            self._accepted.clear()
            async with self._pool.connection() as connection:
                claimed = await (await connection.execute(CLAIM)).fetchone()
            if claimed:
                await self._execute(*claimed)
            else:
                await self._accepted.wait()

    async def _execute(self, execution: int, text: str) -> None:
        normalised = normalise(text)
        await self._commit(CHECKPOINT, [execution, 1, Jsonb(normalised)])
        classified = await self._steps.classify(normalised)
        await self._commit(CHECKPOINT, [execution, 2, Jsonb(classified)])
        drafted = await self._steps.draft(normalised, classified["category"])
        await self._commit(COMPLETE, {"id": execution, "drafted": Jsonb(drafted)})

    async def _commit(self, statement: str, values: object) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement, values)


async def _work(place: Place) -> None:
    options = {"autocommit": True}
    async with AsyncConnectionPool(place.database, min_size=4, max_size=CONNECTIONS, kwargs=options) as pool:
        await FloorWorker(place, pool).run()


def work(place: Place) -> None:
    asyncio.run(_work(place))


if __name__ == "__main__":
    play(FloorClient, work)
