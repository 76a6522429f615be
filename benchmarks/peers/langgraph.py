"""LangGraph: a state graph with the PostgreSQL checkpointer, each step durable before the next (`durability="sync"`).

Its library has no worker and no queue; here coroutines take work from a list in Valkey, the cheapest there is.
"""
# /// script
# dependencies = [
#   "anthropic[aiohttp]==2.12.0", "langgraph==1.2.22", "langgraph-checkpoint-postgres==3.2.0",
#   "psycopg[binary,pool]==3.3.9", "redis==8.1.0",
# ]
# ///

import asyncio
import json
from typing import TypedDict
from uuid import uuid4

import redis
import redis.asyncio
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from .protocol import Client, Place, play
from .work import Answer, AsyncSteps, normalise

QUEUE, DONE = "queue", "done"
CONNECTIONS = 20


class LangGraphClient(Client):
    def __init__(self, place: Place) -> None:
        self._place = place
        self._valkey = redis.Redis.from_url(place.broker, decode_responses=True)
        self._started = self.completed()

    def prepare(self) -> None:
        with PostgresSaver.from_conn_string(self._place.database) as saver:
            saver.setup()

    def submit(self, text: str) -> str:
        thread = str(uuid4())
        self._valkey.rpush(QUEUE, json.dumps({"thread": thread, "text": text}))
        self._started += 1
        return thread

    def unfinished(self) -> int:
        return self._started - self.completed()

    def completed(self) -> int:
        return self._valkey.scard(DONE)

    def is_completed(self, execution: object) -> bool:
        return bool(self._valkey.sismember(DONE, execution))


class State(TypedDict, total=False):
    text: str
    normalised: str
    classified: Answer
    drafted: Answer


def _graph(steps: AsyncSteps, saver: AsyncPostgresSaver) -> CompiledStateGraph:
    async def normalised(state: State) -> State:
        return {"normalised": normalise(state["text"])}

    async def classified(state: State) -> State:
        return {"classified": await steps.classify(state["normalised"])}

    async def drafted(state: State) -> State:
        return {"drafted": await steps.draft(state["normalised"], state["classified"]["category"])}

    graph = StateGraph(State)
    graph.add_node("normalise", normalised)
    graph.add_node("classify", classified)
    graph.add_node("draft", drafted)
    for before, after in ((START, "normalise"), ("normalise", "classify"), ("classify", "draft"), ("draft", END)):
        graph.add_edge(before, after)
    return graph.compile(checkpointer=saver)


async def _work(place: Place) -> None:
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(place.database, min_size=4, max_size=CONNECTIONS, kwargs=options, open=False)
    valkey = redis.asyncio.Redis.from_url(
        place.broker, decode_responses=True, max_connections=1000, socket_timeout=None
    )
    async with pool:
        graph = _graph(AsyncSteps(place.provider), AsyncPostgresSaver(pool))
        await asyncio.gather(*[_take_and_execute(valkey, graph) for _ in range(place.in_flight)])


async def _take_and_execute(valkey: redis.asyncio.Redis, graph: CompiledStateGraph) -> None:
    while True:
        _, message = await valkey.blpop(QUEUE, 0)
        asked = json.loads(message)
        thread = {"configurable": {"thread_id": asked["thread"]}}
        await graph.ainvoke({"text": asked["text"]}, thread, durability="sync")
        await valkey.sadd(DONE, asked["thread"])


def work(place: Place) -> None:
    asyncio.run(_work(place))


if __name__ == "__main__":
    play(LangGraphClient, work)
