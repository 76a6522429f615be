"""procrastinate: jobs in PostgreSQL. A step is a job that puts what it found into the next one's arguments, which is how
its results survive; the last one writes the output."""
# /// script
# dependencies = ["anthropic[aiohttp]==2.12.0", "procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9"]
# ///

import asyncio
from uuid import uuid4

import procrastinate
import psycopg
from psycopg.types.json import Jsonb

from .protocol import Client, Place, play
from .work import Answer, AsyncSteps, normalise

OUTPUT = "create table output (execution uuid primary key, result jsonb not null)"
CONNECTIONS = 16


class ProcrastinateClient(Client):
    def __init__(self, place: Place) -> None:
        self._database = psycopg.connect(place.database, autocommit=True)
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=place.database))
        self._app.open()

    def prepare(self) -> None:
        self._app.schema_manager.apply_schema()
        self._database.execute(OUTPUT)

    def submit(self, text: str) -> str:
        execution = str(uuid4())
        self._app.configure_task("normalise").defer(execution=execution, text=text)
        return execution

    def submit_all(self, texts: list[str]) -> None:
        jobs = [{"execution": str(uuid4()), "text": text} for text in texts]
        self._app.configure_task("normalise").batch_defer(*jobs)

    def unfinished(self) -> int:
        return self._one("select count(*) from procrastinate_jobs where status in ('todo', 'doing')")

    def completed(self) -> int:
        return self._one("select count(*) from output")

    def is_completed(self, execution: object) -> bool:
        return bool(self._one("select count(*) from output where execution = %s", execution))

    def _one(self, query: str, *values: object) -> int:
        return self._database.execute(query, values).fetchone()[0]


def _app(place: Place) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=place.database, max_size=CONNECTIONS)
    app = procrastinate.App(connector=connector)
    steps = AsyncSteps(place.provider)

    @app.task(name="normalise")
    async def normalised(execution: str, text: str) -> None:
        await classified.defer_async(execution=execution, text=normalise(text))

    @app.task(name="classify")
    async def classified(execution: str, text: str) -> None:
        found = await steps.classify(text)
        await drafted.defer_async(execution=execution, text=text, found=found)

    @app.task(name="draft")
    async def drafted(execution: str, text: str, found: Answer) -> None:
        answer = await steps.draft(text, found["category"])
        write = "insert into output values (%(execution)s, %(result)s)"
        await connector.execute_query_async(write, execution=execution, result=Jsonb(answer))

    return app


async def _work(place: Place) -> None:
    app = _app(place)
    async with app.open_async():
        await app.run_worker_async(concurrency=place.in_flight, delete_jobs="never")


def work(place: Place) -> None:
    asyncio.run(_work(place))


if __name__ == "__main__":
    play(ProcrastinateClient, work)
