"""When to ask again after a call gave no answer: pure arithmetic. Whoever drives the executions asks it."""

from collections.abc import Callable

from .types import AccessDenied, NotTheProtocol, OutcomeUnknown, ProviderError, Rejected, Throttled

SHORTEST, LONGEST = 1.0, 60.0
LONG_WAIT = 600.0  # a person has to mend it, or the outage is a long one
RAREST = 6 * 3600.0
PATIENCE = 5  # attempts before an outage counts as long


def delay(attempt: int, error: ProviderError, random: Callable[[], float]) -> float | None:
    """Seconds until the next attempt; None: never. `attempt` counts the attempts that ended like this one (from 1) since
    the last answer, `random` gives [0, 1).

    What the provider asks for (`retry_after`) is waited exactly while the outage is young. Otherwise full jitter: anything
    between 1 s and a bound that grows from 4 s over 16 s to 60 s. What may have been paid already is tried once more soon,
    and then ever more rarely: 10 minutes, 20, 40, …
    """
    match error:
        case Rejected():
            return None
        case NotTheProtocol():
            return _jitter(attempt, random) if attempt == 1 else None
        case OutcomeUnknown():
            return _jitter(attempt, random) if attempt == 1 else min(LONG_WAIT * 2 ** min(attempt - 2, 10), RAREST)
        case AccessDenied() | Throttled(soon=False):
            return max(LONG_WAIT, error.retry_after or 0.0)
    if attempt >= PATIENCE:
        return max(LONG_WAIT, error.retry_after or 0.0)
    return error.retry_after or _jitter(attempt, random)  # a zero would make a loop of it


def _jitter(attempt: int, random: Callable[[], float]) -> float:
    bound = min(LONGEST, 4.0**attempt)
    return SHORTEST + random() * (bound - SHORTEST)
