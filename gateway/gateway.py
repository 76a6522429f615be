"""The way to a model and back: plan the call (an `Intent`), send it, know who answered, price it
(a `Call`).

The caller commits: the intent before the call leaves, the call together with what it led to.
"""

import logging
import re
import time
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from projects.keeping import keeping, redaction
from wire.logs import about

from . import pricing
from .models import Call, Intent, Payload
from .prices import Price
from .providers.registry import provider_met, provider_of
from .served import is_same_model
from .types import (
    ANSWERED,
    MAX_ANSWER,
    Completion,
    Outcome,
    OutcomeUnknown,
    ProviderError,
    Purpose,
    Request,
    Stop,
    Usage,
)

logger = logging.getLogger(__name__)

LARGEST_PROMPT = 4_000_000  # tokens: above every context window there is
SLACK = 10_000  # tokens that a provider may count beyond the maximum it was told, such as thinking

_STOPPED = re.compile(
    r"It stopped for '(.*?)', which is no end\.", re.DOTALL
)  # of an answer that came, with `Stop.OTHER`
OUTCOME_OF_STOP = {Stop.MAX_TOKENS: Outcome.TRUNCATED, Stop.REFUSAL: Outcome.REFUSED}


@dataclass(frozen=True)
class Cause:
    """Why a call is made: plain ids of what lies above, given by the caller. `baseline` is `provider:model`."""

    project: int
    purpose: Purpose
    attempt: int = 1
    workflow: int | None = None
    version: int | None = None
    publication: int | None = None
    execution: object = None
    step: str = ""
    iteration: int | None = None
    tier: str = ""
    lane: str = ""
    baseline: str = ""
    prompt_format: int | None = None
    worker: object = None


@dataclass(frozen=True)
class Reply:
    """What came back, as it came: either a completion or an error."""

    intent: Intent
    request: Request
    completion: Completion | None
    error: ProviderError | None
    at: datetime
    latency_ms: int


@dataclass(frozen=True)
class Answer:
    """What came of a call: its ledger row (not yet saved), its texts, and either a completion or an error."""

    call: Call
    payload: Payload
    completion: Completion | None
    error: ProviderError | None = None


def plan(target: str, request: Request, cause: Cause) -> Intent:
    """The intent of asking `target` (`provider:model`); unsaved. Its upper bound is what the call can cost at most. Raises
    `AccessDenied` where the project has no such provider any more: then nobody is asked, and nothing stands in the ledger."""
    provider = provider_of(cause.project, target.partition(":")[0]).client
    return Intent(
        project=cause.project,
        workflow=cause.workflow,
        version=cause.version,
        publication=cause.publication,
        execution=cause.execution,
        step=cause.step,
        iteration=cause.iteration,
        purpose=cause.purpose.value,
        tier=cause.tier,
        lane=cause.lane,
        attempt=cause.attempt,
        provider=target.partition(":")[0],
        model_planned=request.model,
        baseline_model=cause.baseline,
        simulated=provider.simulated,
        prompt_format=cause.prompt_format,
        prefix_hash=request.prefix_hash,
        request_hash=request.fingerprint,
        upper_bound=_upper_bound(cause.project, target, request),
        worker=cause.worker,
    )


async def send(intent: Intent, request: Request) -> Reply:
    """Asks the provider, on the event loop and outside any transaction. Never raises for what the provider does."""
    started = time.monotonic()
    completion, error = None, None
    try:
        completion = await provider_met(intent.project, intent.provider).client.complete(request)
    except ProviderError as raised:
        error = raised
    except Exception as raised:
        # A fault of ours or of a library's: whether the call left is not known, so it counts as if it had.
        with about(execution=intent.execution, step=intent.step, provider=intent.provider):
            logger.exception("the provider %s broke", intent.provider)
        error = OutcomeUnknown(f"The provider's client broke: {type(raised).__name__}.")
    return Reply(intent, request, completion, error, timezone.now(), round((time.monotonic() - started) * 1000))


def settle(reply: Reply) -> Answer:
    """Takes secrets out of what came, knows who answered, and prices it. Reads prices, so it belongs into a thread that may
    wait for the database."""
    intent, request, completion = reply.intent, reply.request, _without_secrets(reply)
    call = _call(intent, reply.at, reply.latency_ms)
    if completion is None:
        _settle_failure(call, intent, reply.error)
    else:
        _settle_completion(call, intent, request, completion)
    return Answer(call, _payload(call, request, completion), completion, reply.error)


def _without_secrets(reply: Reply) -> Completion | None:
    """The completion as it may be kept and read: nothing of ours sees the other. An error's words likewise. An answer that is
    too long to be read is kept so long that it stays too long."""
    policy = redaction(reply.intent.project)
    if reply.error is not None:
        reply.error.detail = policy.text(reply.error.detail)
    if reply.completion is None:
        return None
    text, word = policy.document(reply.completion.text), policy.text(reply.completion.stopped_for)
    return replace(reply.completion, text=text[: MAX_ANSWER + 1], stopped_for=word)


def in_doubt(intent: Intent, why: str = "The worker ended while this call was in flight.") -> Call:
    """The row for an intent of which nobody knows what came: perhaps paid, so it counts at its upper bound."""
    call = _call(intent, timezone.now(), latency_ms=0)
    _settle_failure(call, intent, OutcomeUnknown(why))
    return call


def unsettled(intent: Intent, request: Request) -> Answer:
    """A call in doubt with the text that was asked, for a worker that lives and could not settle its reply. Reads no price."""
    call = in_doubt(intent, "What came of this call could not be recorded.")
    return Answer(call, _payload(call, request, None), None, OutcomeUnknown(call.error))


def recalled(payload: Payload) -> Answer:
    """The answer of a recorded call, from its row and its text: what resumes an execution without asking again."""
    call = payload.call
    stop = {outcome: stop for stop, outcome in OUTCOME_OF_STOP.items()}.get(Outcome(call.outcome), Stop.END)
    if odd := _STOPPED.match(call.error):
        stop = Stop.OTHER
    word = odd[1] if odd else ""
    return Answer(call, payload, Completion(payload.response, call.model_served, call.usage, stop, stopped_for=word))


def late(call: Call, doubted: Call | None) -> Call:
    """The row of a call whose worker had lost its lease: paid, and not used. Where it stands in doubt already, this row
    brings the sum to the truth: both add up to what it cost. A row of its own: the database may have to be told again."""
    call = copy(call)
    if call.outcome in ANSWERED:
        call.outcome = Outcome.DISCARDED
    if doubted is not None:
        call.corrects = doubted
        if call.cost is not None and doubted.cost is not None:
            call.cost -= doubted.cost
    return call


def _call(intent: Intent, at: datetime, latency_ms: int) -> Call:
    shared = {name: getattr(intent, name) for name in Intent.SHARED}
    return Call(intent=intent, **shared, finished_at=at, latency_ms=latency_ms)


def _settle_completion(call: Call, intent: Intent, request: Request, completion: Completion) -> None:
    """Fills in who answered, the tokens, the price in force and the cost, rounded once."""
    usage, priced_as = completion.usage, intent.model_planned
    call.model_served, call.outcome = completion.model_served, OUTCOME_OF_STOP.get(completion.stop, Outcome.OK)
    if completion.stop is Stop.OTHER:
        call.error = f"It stopped for '{completion.stopped_for}', which is no end."
    known = provider_of(intent.project, intent.provider)
    if not is_same_model(intent.model_planned, completion.model_served, known.price_list, known.aliases):
        call.outcome, priced_as = Outcome.MODEL_MISMATCH, _dearer(intent, completion)
        call.error = f"Asked {intent.model_planned}, answered by {completion.model_served}."[:500]
    if _is_impossible(request, usage):
        said = f"It states {usage.prompt} tokens read and {usage.output} written, which cannot be: not believed."
        call.error = f"{call.error} {said}".strip()[:500]
        _set_upper_bound(call, intent)
        return
    for kind in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"):
        setattr(call, kind, getattr(usage, kind))
    call.prefix_tokens = _prefix_tokens(request, usage)
    at = call.finished_at
    set_price(call, pricing.price(intent.project, f"{intent.provider}:{priced_as}", at, usage.prompt), usage)
    _set_baseline(call, usage)


def _settle_failure(call: Call, intent: Intent, error: ProviderError) -> None:
    """A call without a completion: free where nothing was paid, at its upper bound where something may have been."""
    call.outcome = error.outcome
    call.error = error.detail[:500]
    if error.outcome in (Outcome.IN_DOUBT, Outcome.PROTOCOL):
        _set_upper_bound(call, intent)
    else:
        call.cost, call.cost_state = 0, Call.CostState.PRICED


def _is_impossible(request: Request, usage: Usage) -> bool:
    """A prompt fits a context window, and an answer ends at its maximum: what states more (with room for how a provider
    counts) is not a usage. It would be money that nobody paid, and on the baseline's side a saving that nobody made."""
    return usage.prompt > LARGEST_PROMPT or usage.output > 2 * request.max_output_tokens + SLACK


def _set_upper_bound(call: Call, intent: Intent) -> None:
    call.cost = intent.upper_bound
    call.cost_state = Call.CostState.UNPRICED if intent.upper_bound is None else Call.CostState.UPPER_BOUND


def set_price(call: Call, price: Price | None, usage: Usage) -> None:
    call.cost = price.cost(usage) if price else None
    call.cost_state = Call.CostState.UNPRICED if call.cost is None else Call.CostState.PRICED
    if price is None:
        return
    for kind in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
        setattr(call, f"price_{kind}", pricing.to_stored(getattr(price, kind)))
    call.price_source, call.price_version = price.source, price.version


def _set_baseline(call: Call, usage: Usage) -> None:
    """What the same tokens cost on the baseline's model at this moment: kept, because prices change."""
    if not call.baseline_model:
        return
    price = pricing.price(call.project, call.baseline_model, call.finished_at, usage.prompt)
    if price is not None:
        call.baseline_warm, call.baseline_cold = price.reprice_warm(usage), price.reprice_cold(usage)


def _dearer(intent: Intent, completion: Completion) -> str:
    """Which of planned and served model the call is priced as: the dearer one where both have a price, else the planned."""

    def cost(model: str) -> int | None:
        at, prompt = timezone.now(), completion.usage.prompt
        price = pricing.price(intent.project, f"{intent.provider}:{model}", at, prompt)
        return price.cost(completion.usage) if price else None

    planned, served = cost(intent.model_planned), cost(completion.model_served)
    if planned is not None and served is not None and served > planned:
        return completion.model_served
    return intent.model_planned


def _upper_bound(project: int, target: str, request: Request) -> int | None:
    """UTF-8 bytes of the prompt at the dearest way to read them + max_output_tokens at the output price (architecture 3)."""
    prompt = request.prompt_bytes
    price = pricing.price(project, target, timezone.now(), prompt)
    if price is None:
        return None
    written = price.cache_write_5m or Decimal(0)
    dearest = "cache_write_5m" if price.input is None or written > price.input else "input"
    return price.cost(Usage(**{dearest: prompt}, output=request.max_output_tokens))


def _prefix_tokens(request: Request, usage: Usage) -> int:
    """What the provider counted as cached, else the prefix's share of the prompt by bytes (an estimate)."""
    if counted := usage.cache_read + usage.cache_write_5m + usage.cache_write_1h:
        return counted
    return round(usage.prompt * len(request.prefix.encode()) / max(1, request.prompt_bytes))


def _payload(call: Call, request: Request, completion: Completion | None) -> Payload:
    """The prompt's stable part needs no look: a definition with a secret in it is refused."""
    known = keeping(call.project)
    asked = {
        "system": [block.text for block in request.system],
        "user": known.policy.text(request.user),
        "schema": request.schema,
        "max_output_tokens": request.max_output_tokens,
    }
    told = {"provider_request_id": completion.provider_request_id, "response": completion.text} if completion else {}
    return Payload(call=call, request=asked if known.call_texts else {}, transient=not known.call_texts or None, **told)
