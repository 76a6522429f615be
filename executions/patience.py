"""What to do when a provider does not answer: a short pause, giving the execution back for later, or the end."""

import random

from gateway import retry
from gateway.gateway import Answer
from gateway.types import NotTheProtocol, Outcome, ProviderError

from .effects import Deferred, Failed, Pause, Stopped
from .run import Run

LONGEST_PAUSE = 2.0  # seconds that a worker's thread may stand still
TRIES_AT_ONCE = 3


def wait(run: Run, error: ProviderError, tries: int) -> Pause:
    """A pause before the next attempt. Raises `Stopped` where pausing is not the answer: a provider's outage delays an
    execution, it does not fail it; what is wrong for good does."""
    before = run.execution.deferrals * TRIES_AT_ONCE if error.retryable else 0
    seconds = retry.delay(tries + before, error, random.random)
    if seconds is None:
        if not error.retryable:
            raise Stopped(Failed(_code(error), error.detail))
        seconds = retry.LONG_WAIT
    if seconds > LONGEST_PAUSE or tries >= TRIES_AT_ONCE:
        raise Stopped(Deferred(max(seconds, 1.0), "provider", error.detail))
    return Pause(seconds)


def stop_at_mismatch(answer: Answer) -> None:
    """The model that was named is the model that answered, or the step fails: never retried, never taken."""
    if answer.call.outcome == Outcome.MODEL_MISMATCH:
        raise Stopped(Failed("model_mismatch", answer.call.error))


def _code(error: ProviderError) -> str:
    return "provider_protocol" if isinstance(error, NotTheProtocol) else "provider_rejected"
