"""DBOS: durable workflows as decorated functions over PostgreSQL, started through a queue by its client."""
# /// script
# dependencies = ["anthropic[aiohttp]==2.12.0", "dbos==3.4.0", "psycopg[binary]==3.3.9"]
# ///

import threading
import time

import psycopg
from dbos import DBOS, DBOSClient

from .protocol import Client, Place, play
from .work import Answer, AsyncSteps, normalise

QUEUE, WORKFLOW = "executions", "common work"
START = 60.0  # seconds that the worker may take to register its queue
POLLING = 1.0  # seconds: its default


class DbosClient(Client):
    """Its enqueue by its own client; looks at the status by the table that its client reads, too."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._database = psycopg.connect(place.database, autocommit=True)
        self._client: DBOSClient | None = None

    def prepare(self) -> None:
        """Nothing: the worker makes its tables when it starts."""

    def submit(self, text: str) -> str:
        if self._client is None:
            self._await_queue()
            self._client = DBOSClient(system_database_url=self._place.database)
        return self._client.enqueue({"queue_name": QUEUE, "workflow_name": WORKFLOW}, text).workflow_id

    def unfinished(self) -> int:
        return self._one("select count(*) from dbos.workflow_status where status in ('ENQUEUED', 'PENDING')")

    def completed(self) -> int:
        if not self._one("select count(*) from pg_tables where tablename = 'workflow_status'"):
            return 0
        return self._one("select count(*) from dbos.workflow_status where status = 'SUCCESS'")

    def is_completed(self, execution: object) -> bool:
        return self._one("select status = 'SUCCESS' from dbos.workflow_status where workflow_uuid = %s", execution)

    def _one(self, query: str, *values: object) -> int:
        return self._database.execute(query, values).fetchone()[0]

    def _await_queue(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            try:
                if self._one("select count(*) from dbos.queues"):
                    return
            except psycopg.errors.UndefinedTable:
                pass
            time.sleep(0.1)
        raise TimeoutError("its worker registered no queue")


def work(place: Place) -> None:
    steps = AsyncSteps(place.provider)
    DBOS(config={"name": "bench", "system_database_url": place.database, "log_level": "ERROR"})

    @DBOS.step()
    async def normalised(text: str) -> str:
        return normalise(text)

    @DBOS.step()
    async def classified(text: str) -> Answer:
        return await steps.classify(text)

    @DBOS.step()
    async def drafted(text: str, category: str) -> Answer:
        return await steps.draft(text, category)

    @DBOS.workflow(name=WORKFLOW)
    async def common_work(text: str) -> Answer:
        plain = await normalised(text)
        found = await classified(plain)
        return await drafted(plain, found["category"])

    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=POLLING)
    threading.Event().wait()


if __name__ == "__main__":
    play(DbosClient, work)
