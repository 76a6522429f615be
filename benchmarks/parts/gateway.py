"""What the gateway costs over the SDK alone (goal 5): plan, send, know who answered, price, build the ledger row; no commit.

python -m benchmarks.parts.gateway <rounds> <calls>      the measurement, in a process of its own; prints JSON
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..environments import Environment
from ..peers.ours import configured
from ..peers.protocol import Place
from ..peers.work import MAX_TOKENS, MODEL, TEXT
from ..report import Table, median, spread
from ..servers import Servers
from ..visits import alone, prepared

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from gateway.types import Request

GUIDANCE = "Answer in the envelope. Say what the workflow does not cover. " * 20
SCHEMA = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
HEAD = ("one call at a time, provider at 0 ms", "CPU ms per call", "over the SDK")


def measure(servers: Servers, ours: Environment, rounds: int, count: int) -> Table:
    place = prepared(servers, ours)
    found = alone(servers, __name__, rounds, count, {**configured(place), **place.environment()})
    said = f"The same request by both, {count} calls in each of {rounds} rounds in turn; median (range)."
    table = Table("The gateway over the SDK", said, HEAD)
    table.add("the SDK with the aiohttp transport", spread(found["sdk"], 2))
    table.add("**this product's gateway**", spread(found["gateway"], 2), f"{_over(found):+.2f}")
    return table


def _over(found: dict[str, list[float]]) -> float:
    return median(ours - bare for ours, bare in zip(found["gateway"], found["sdk"], strict=True))


def main(rounds: int, calls: int) -> None:
    import django

    django.setup()
    from anthropic import AsyncAnthropic, DefaultAioHttpClient

    from gateway.providers.registry import EVERYONES

    transport = DefaultAioHttpClient()
    sdk = AsyncAnthropic(api_key="none", base_url=Place.here().provider, max_retries=0, http_client=transport)
    loop = asyncio.new_event_loop()
    found = _in_turn({"sdk": _by_sdk(loop, sdk), "gateway": _by_gateway(loop)}, rounds, calls)
    for client in (sdk, EVERYONES["anthropic"].client):
        loop.run_until_complete(client.close())
    print(json.dumps(found))


def _in_turn(blocks: dict[str, Callable[[int], None]], rounds: int, calls: int) -> dict[str, list[float]]:
    """Milliseconds of CPU per call, for each round."""
    found: dict[str, list[float]] = {name: [] for name in blocks}
    for block in blocks.values():
        block(calls)
    for _ in range(rounds):
        for name, block in blocks.items():
            before = time.process_time()
            block(calls)
            found[name].append((time.process_time() - before) / calls * 1000)
    return found


def _request() -> "Request":
    from gateway.types import Block, Request

    system = (Block(GUIDANCE, cached=True), Block("Write a reply."))
    return Request(model=MODEL, system=system, user=TEXT, schema=SCHEMA, max_output_tokens=MAX_TOKENS)


def _by_sdk(loop: asyncio.AbstractEventLoop, client: "AsyncAnthropic") -> Callable[[int], None]:
    from gateway.providers.anthropic import to_message_request

    request = _request()

    def ask(calls: int) -> None:
        for _ in range(calls):
            message = loop.run_until_complete(client.messages.create(**to_message_request(request)))
            assert message.content[0].text

    return ask


def _by_gateway(loop: asyncio.AbstractEventLoop) -> Callable[[int], None]:
    from gateway import gateway
    from gateway.types import Purpose
    from projects.models import Project

    request = _request()
    cause = gateway.Cause(project=Project.objects.get(name="bench").pk, purpose=Purpose.STEP)

    def ask(calls: int) -> None:
        for _ in range(calls):
            intent = gateway.plan(f"anthropic:{MODEL}", request, cause)
            answer = gateway.settle(loop.run_until_complete(gateway.send(intent, request)))
            assert answer.completion, answer.error

    return ask


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
