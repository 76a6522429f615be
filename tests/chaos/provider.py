"""The provider of the tests of faults: a Messages server with a bill of its own. It knows every answer that it was paid
for, of which case and step it was, and what it cost; so it knows better than the ledger."""

import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.definitions import ANSWER
from tests.messages_server import MessagesServer, Reply, error, message

# USD per million tokens of claude-haiku-5-5, as the public price list states them.
PRICES = {
    "input_tokens": Decimal("0.10"),
    "cache_read_input_tokens": Decimal("0.01"),
    "cache_creation_input_tokens": Decimal("0.125"),
    "output_tokens": Decimal("0.50"),
}
USUAL_DELAY = (0.05, 0.3)  # seconds, least and most


@dataclass(frozen=True)
class Paid:
    """One answer: of which case (`t3-17`), step and version of the workflow, and what its tokens cost in USD."""

    case: str
    step: str
    version: str
    cost: Decimal


class Provider:
    """`delay` is the least and the most seconds for one answer. `paid` is the bill: message id → what was paid."""

    def __init__(self, seed: int) -> None:
        self.delay = USUAL_DELAY
        self.paid: dict[str, Paid] = {}
        self.patience: float | None = None  # seconds between a refusal and the next attempt, at least
        self._refusals, self._retry_after = 0, 0.0
        self._refused: dict[str, float] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.server = MessagesServer(self._answer)

    def answers_to(self, case: str) -> Counter[str]:
        """How many answers each step of this case has cost."""
        with self._lock:
            return Counter(paid.step for paid in self.paid.values() if paid.case == case)

    def answers_about(self, tag: str) -> list[Paid]:
        """The answers to all cases with this tag."""
        with self._lock:
            return [paid for paid in self.paid.values() if paid.case.startswith(f"{tag}-")]

    def throttle(self, times: int, retry_after: float) -> None:
        """Refuses the next calls, and looks how long each of them stays away."""
        self._refusals, self._retry_after, self.patience = times, retry_after, None

    def _answer(self, request: dict) -> Reply:
        case = re.search(r"case (\w+-\d+)", request["messages"][0]["content"])[1]
        system = "".join(block["text"] for block in request["system"])
        step, version = re.search(r"Instructions (\w+)-(\w+)", system).groups()
        with self._lock:
            if case in self._refused:
                waited = time.monotonic() - self._refused.pop(case)
                self.patience = min(waited, self.patience or waited)
            if self._refusals:
                self._refusals -= 1
                self._refused[case] = time.monotonic()
                return error(429, retry_after=self._retry_after)
            usage = {kind: self._random.randrange(1, 5000) for kind in PRICES}
            told = f"msg_{len(self.paid) + 1}"
            cost = sum(tokens * PRICES[kind] for kind, tokens in usage.items()) / 1_000_000
            self.paid[told] = Paid(case, step, version, cost)
            delay = self._random.uniform(*self.delay)
        said = message(ANSWER, model=request["model"], usage=usage)
        return Reply({**said, "id": told}, delay=delay)
