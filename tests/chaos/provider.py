"""The provider of the tests of faults: a Messages server with a bill of its own. It knows every answer that it was paid
for, of which case and step it was, and what it cost; so it knows better than the ledger."""

import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from tests.cast import envelope
from tests.messages_server import MessagesServer, Reply, message

# USD per million tokens of claude-haiku-5-5, as the public price list states them.
PRICES = {
    "input_tokens": Decimal("0.10"),
    "cache_read_input_tokens": Decimal("0.01"),
    "cache_creation_input_tokens": Decimal("0.125"),
    "output_tokens": Decimal("0.50"),
}


@dataclass(frozen=True)
class Paid:
    """One answer: of which case (`a-17`), at which step's instructions, and what its tokens cost in USD."""

    case: str
    instructions: str
    cost: Decimal
    at: float


class Provider:
    """`delay` is (least, most) seconds for one answer. `paid` is the bill: message id → what was paid."""

    def __init__(self, seed: int) -> None:
        self.delay = (0.05, 0.3)
        self.paid: dict[str, Paid] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.server = MessagesServer(self._answer)

    def answers_to(self, case: str) -> Counter[str]:
        """How many answers each step of this case has cost, by its instructions."""
        with self._lock:
            return Counter(paid.instructions for paid in self.paid.values() if paid.case == case)

    def count(self, tag: str) -> int:
        """Answers to the cases with this tag."""
        with self._lock:
            return sum(paid.case.startswith(f"{tag}-") for paid in self.paid.values())

    def _answer(self, request: dict) -> Reply:
        case = re.search(r"case (\w+-\d+)", request["messages"][0]["content"])[1]
        instructions = re.search(r"Instructions (\w+)", "".join(block["text"] for block in request["system"]))[1]
        with self._lock:
            usage = {kind: self._random.randrange(1, 5000) for kind in PRICES}
            told = f"msg_{len(self.paid) + 1}"
            cost = sum(tokens * PRICES[kind] for kind, tokens in usage.items()) / 1_000_000
            self.paid[told] = Paid(case, instructions, cost, time.monotonic())
            delay = self._random.uniform(*self.delay)
        said = message(envelope({"kind": "refund"}), model=request["model"], usage=usage)
        return Reply({**said, "id": told}, delay=delay)
