"""What designing costs: before, from the size of what is asked; the truth stands in the ledger."""

from dataclasses import dataclass

from django.utils import timezone

from gateway import gateway, pricing
from gateway.gateway import Cause
from gateway.types import MAX_ANSWER, Purpose, Request, Usage
from wire.problems import Conflict

from .models import Design
from .rounds import MOST_PAID

BYTES_PER_TOKEN = 4
EXPECTED_ROUNDS = 2  # one to write, one to mend
USUAL_SHARE = 2  # half of the longest answer


@dataclass(frozen=True)
class Expected:
    """Pico-dollars. `upper`: what all rounds may cost at most, or the budget where that is less."""

    tokens: int
    expected: int
    upper: int


def must_have_price(design: Design) -> None:
    """Raises `Conflict`: without one no budget holds."""
    price = pricing.price(design.project_id, design.target, timezone.now(), 1)
    if price is None or None in (price.input, price.output):
        said = f"There is no price for {design.target}, so no budget could hold it: state one under prices, or name another model."
        raise Conflict(said)


def expected(design: Design, request: Request) -> Expected:
    tokens = -(-request.prompt_bytes // BYTES_PER_TOKEN)
    written = request.max_output_tokens // USUAL_SHARE
    first = _cost(design, tokens, written)
    more = _cost(design, tokens + written, written)  # what was answered goes back with what is wrong with it
    rounds = min(EXPECTED_ROUNDS, design.max_rounds)
    bound = gateway.plan(design.target, request, Cause(design.project_id, Purpose.DESIGN)).upper_bound
    longer = bound + _cost(design, MAX_ANSWER, 0)
    upper = MOST_PAID * (bound + (design.max_rounds - 1) * longer)
    if design.budget is not None:
        upper = min(upper, design.budget)
    return Expected(tokens, min(first + (rounds - 1) * more, upper), upper)


def _cost(design: Design, read: int, written: int) -> int:
    price = pricing.price(design.project_id, design.target, timezone.now(), read)
    return price.cost(Usage(input=read, output=written))
