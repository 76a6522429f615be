"""When to ask again after a call gave no answer: pure arithmetic. Whoever drives the executions asks it."""

from collections.abc import Callable

from .types import AccessDenied, NotTheProtocol, OutcomeUnknown, ProviderError, Rejected

SHORTEST, LONGEST = 1.0, 60.0
LONG_WAIT = 600.0  # a person has to mend it, or the outage is a long one
PATIENCE = 5  # attempts before an outage counts as long


def delay(attempt: int, error: ProviderError, random: Callable[[], float]) -> float | None:
    """Seconds until the next attempt; None: never. `attempt` counts the attempts made (from 1), `random` gives [0, 1).

    What the provider asks for (`retry_after`) is waited exactly. Otherwise full jitter: anything between 1 s and a
    bound that grows from 4 s over 16 s to 60 s. What may have been paid already is tried once more and not again.
    """
    if isinstance(error, Rejected):
        return None
    if isinstance(error, OutcomeUnknown | NotTheProtocol) and attempt > 1:
        return None
    if isinstance(error, AccessDenied):
        return max(LONG_WAIT, error.retry_after or 0.0)
    if error.retry_after:  # a zero would make a loop of it
        return error.retry_after
    if attempt >= PATIENCE:
        return LONG_WAIT
    bound = min(LONGEST, 4.0**attempt)
    return SHORTEST + random() * (bound - SHORTEST)
