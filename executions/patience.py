"""What to do when a provider does not answer: a short pause, giving the execution back for later, or the end."""

import random

from gateway import retry
from gateway.gateway import Answer
from gateway.types import NotTheProtocol, Outcome, ProviderError

from .effects import Deferred, Failed, Pause, Stopped

LONGEST_PAUSE = 2.0  # seconds that a worker's thread may stand still


def wait(error: ProviderError, attempt: int) -> Pause:
    """A pause before the next attempt; `attempt` counts those that ended like this one since the last answer.

    Raises `Stopped` where pausing is not the answer: an outage delays an execution, what is wrong for good fails it.
    """
    seconds = retry.delay(attempt, error, random.random)
    if seconds is None:
        code = "provider_protocol" if isinstance(error, NotTheProtocol) else "provider_rejected"
        raise Stopped(Failed(code, error.detail))
    if seconds > LONGEST_PAUSE:
        raise Stopped(Deferred(seconds, "provider", error.detail))
    return Pause(seconds)


def stop_at_mismatch(answer: Answer) -> None:
    """The model that was named is the model that answered, or the step fails: never retried, never taken."""
    if answer.call.outcome == Outcome.MODEL_MISMATCH:
        raise Stopped(Failed("model_mismatch", answer.call.error))
