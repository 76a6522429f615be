"""One turn of an execution: everything between two waits, in one thread. The drivers do the waiting.

A turn understands what was waited for, runs the engine as far as it goes (the sandbox included), and commits what came of
it: before a call leaves, its intent and all that is known stand in the database.
"""

import logging
import time
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from gateway import gateway, pressure
from gateway.gateway import Reply
from gateway.models import Call, Intent
from gateway.pressure import Entry, Gate, Refusal
from gateway.providers.registry import provider_met
from projects import tools
from projects.tools import RegisteredTool, ToolError
from wire import crash
from wire.logs import about
from wire.problems import Unavailable
from workflows import sandbox
from workflows.budgets import OverBudget
from workflows.sandbox import Failure

from . import calling, engine, purses, queue, spot_checks, store, tool_calls, worker
from .effects import (
    AskModel,
    CallTool,
    CallWorkflow,
    Deferred,
    Ending,
    Evaluate,
    Failed,
    KnowTool,
    LookAt,
    Pause,
    RunCode,
)
from .engine import Advance
from .models import StepResult
from .patience import LONGEST_PAUSE
from .purses import Purse
from .run import Journal, Run
from .store import Lease

logger = logging.getLogger(__name__)

HICCUP = 5.0  # seconds

AT_ONCE = Evaluate | RunCode | KnowTool | CallWorkflow | LookAt
Wait = AskModel | CallTool | Pause


@dataclass
class Held:
    """An execution in this worker's hands. `run` and `advance` come with the first turn. `asking`: what it wants to call, and
    pauses before; `tool`: the one that is called; `entry`: that a gate has let its call in; `sent_away`: the gate or the purse
    that did not, and ended this advance. `unsettled`: a call of which the database may say that it begins, and the journal
    says nothing."""

    lease: Lease
    run: Run | None = None
    advance: Advance | None = None
    asking: AskModel | CallTool | None = None
    tool: RegisteredTool | None = None
    unsettled: AskModel | CallTool | None = None
    entry: Entry | None = None
    sent_away: Gate | Purse | None = None

    def leave(self, reply: Reply | None = None) -> None:
        """The gate, where it stands behind one; with a reply, the gate learns from it."""
        entry, self.entry = self.entry, None
        if entry:
            entry.leave(reply and reply.completion, reply and reply.error)


def claim(execution_id: UUID, worker_id: UUID) -> Held | None:
    """None where there is nothing to take, or where the database does not answer: the sweeper comes by again."""
    try:
        lease = store.claim(execution_id, worker_id)
    except (OperationalError, InterfaceError) as error:
        logger.warning("execution %s could not be claimed: %s", execution_id, error)
        connection.close()
        return None
    if lease is None:
        return None
    crash.at("after-claim")
    return Held(lease)


def turn(held: Held, came: object = None) -> Wait | None:
    """Goes on with what came of the last wait: a `Reply`, a tool's answer, or nothing. None: this advance is over."""
    with about(execution=held.lease.execution, worker=held.lease.worker):
        return _turn(held, came)


def _turn(held: Held, came: object) -> Wait | None:
    wait = None
    try:
        wait = _go_on(held, came)
    except store.LeaseLost:
        logger.warning("lost the lease of execution %s; what was paid is recorded as discarded", held.lease.execution)
        store.discard(_journal(held))
    except (OperationalError, InterfaceError, Unavailable) as error:
        # The database is locked or away, or the sandbox is full: a hiccup of this machine delays, it fails nothing.
        logger.warning("execution %s is given back: %s", held.lease.execution, error)
        connection.close_if_unusable_or_obsolete()
        _end_all_the_same(held, Deferred(HICCUP, "service", "This service was too busy; it goes on by itself."))
    except Exception:
        logger.exception("execution %s broke", held.lease.execution)
        _end_all_the_same(held, Failed("internal", "We broke on this execution; the error is logged."))
    finally:
        if not isinstance(wait, AskModel | CallTool):
            held.leave()
    return wait


async def call(held: Held, effect: CallTool) -> object:
    """The tool's answer, or a `ToolError`: also where its answer is not what its registration promises."""
    entry, held.entry = held.entry, None
    return await tool_calls.call(held.run, effect, held.tool, entry)


async def ask(held: Held, effect: AskModel) -> Reply:
    """The call itself, which the gate has let in."""
    reply = None
    try:
        reply = await gateway.send(effect.intent, effect.request)
    finally:
        held.leave(reply)
    return reply


def compute(run: Run, effect: AT_ONCE) -> object:
    """What the sandbox or the database says, at once: it takes no longer than a thread may stand still."""
    if isinstance(effect, KnowTool):
        return tools.known(run.execution.project_id, effect.tool)
    if isinstance(effect, CallWorkflow | LookAt):
        return calling.answer(run, effect)
    names, zone = effect.names, run.compiled.definition.timezone
    if isinstance(effect, Evaluate):
        return [_discreet(run, one) for one in sandbox.evaluate(effect.expressions, names, run.now, zone)]
    said = sandbox.run(effect.code, names, run.now, zone)
    return _discreet(run, said) if isinstance(said, Failure) else run.policy.value(said)


def _discreet(run: Run, value: object) -> object:
    """What an exception says may hold a secret that the code put together."""
    return Failure(run.policy.text(value.detail)) if isinstance(value, Failure) else value


def _go_on(held: Held, came: object) -> Wait | None:
    effect, held.asking = held.asking or _next(held, came), None
    while isinstance(effect, CallTool) and (error := _look_up(held, effect)):
        effect = _next(held, error)
    if effect is None:
        return None
    if worker.leaving.is_set():
        store.release(held.lease, held.run.journal)
        queue.ring(held.lease.execution)
        return None
    if isinstance(effect, Pause):
        store.checkpoint(held.lease, held.run.journal)
        return effect
    if refusal := _refusal(held, effect):
        return _stay_or_go(held, effect, refusal)
    return effect if _let_out(held, effect) else None


def _next(held: Held, came: object) -> Wait | None:
    """Runs the engine to its next wait. None: it came to its end."""
    if held.run is None:
        held.run = store.begin(held.lease)
        held.advance = engine.advance(held.run)
    run, answer = held.run, came
    run.turn_began = time.monotonic()
    if isinstance(came, Reply):
        crash.at("after-response")
        answer = store.patiently(partial(gateway.settle, came))
        held.unsettled = None  # the engine journals it before anything else
    try:
        effect = held.advance.send(answer)
        while isinstance(effect, AT_ONCE):
            effect = held.advance.send(compute(run, effect))
    except StopIteration as stop:
        spot_checks.draw(run, stop.value)
        store.end(held.lease, run.journal, stop.value, store.resolver(run))
        calling.settle(run.execution, stop.value)
        return None
    return effect


def _look_up(held: Held, effect: CallTool) -> ToolError | None:
    """Before the call is said to begin: a database that does not answer here is a hiccup, and no side effect in doubt."""
    try:
        held.tool = tool_calls.look_up(held.run, effect)
    except ToolError as error:
        return error
    return None


def _refusal(held: Held, effect: AskModel | CallTool) -> Refusal | None:
    """Asks the gate, before anything says that the call begins. None: it is let in."""
    if isinstance(effect, CallTool):
        answer = tool_calls.enter(held.run.execution.project_id, held.lease.execution)
    else:
        answer = _gate(held, effect).enter(held.lease.execution, pressure.tokens_of(effect.request))
        effect.intent.intended_at = timezone.now()
    if isinstance(answer, Refusal):
        return answer
    held.entry = answer
    return None


def _let_out(held: Held, effect: AskModel | CallTool) -> bool:
    """Commits what is known, and that this call begins now. False: no budget has room for it, and this advance is over."""
    held.unsettled, journal = effect, held.run.journal
    try:
        if isinstance(effect, AskModel):
            store.checkpoint(held.lease, journal, intent=effect.intent)
        else:
            store.checkpoint(held.lease, journal, started=effect.started)
            held.unsettled = None
    except OverBudget as over:
        held.sent_away = purses.emptied(effect.intent) if over.passing else None
        return False
    return True


def _stay_or_go(held: Held, effect: AskModel | CallTool, refusal: Refusal) -> Wait | None:
    """A short wait is spent in this worker's hands, behind a checkpoint; a long one occupies nobody."""
    if refusal.seconds <= LONGEST_PAUSE:
        store.checkpoint(held.lease, held.run.journal)
        held.asking = effect
        return Pause(refusal.seconds)
    store.end(held.lease, held.run.journal, Deferred(refusal.seconds, refusal.reason, refusal.detail))
    held.sent_away = _gate(held, effect)
    return None


def _gate(held: Held, effect: AskModel | CallTool) -> Gate:
    if isinstance(effect, CallTool):
        return tool_calls.gate(held.run.execution.project_id)
    intent = effect.intent
    endpoint = provider_met(intent.project, intent.provider).endpoint
    return pressure.gate(intent.provider, intent.model_planned, str(endpoint))


def _end_all_the_same(held: Held, ending: Ending) -> None:
    """Ends what broke in the middle; what was paid is in the ledger all the same. Where even that fails, the execution
    stays `running` in nobody's hands, and the sweeper takes it up behind its last checkpoint."""
    journal = _journal(held)
    if isinstance(ending, Failed):
        journal.steps, journal.flags, journal.called = [], [], []
    store.patiently(partial(_account, held))
    try:
        store.end(held.lease, journal, ending)
    except store.LeaseLost:
        store.discard(journal)


def _account(held: Held) -> None:
    """Brings the journal and what the database says into line, where nobody confirmed the last commit: no row of the ledger
    is written twice, no intent stays without one, for what came of it is not known any more, and a tool was not called."""
    journal = _journal(held)
    written = set(Call.objects.filter(pk__in=[call.pk for call, _ in journal.calls]).values_list("pk", flat=True))
    journal.calls = [(call, payload) for call, payload in journal.calls if call.pk not in written]
    match held.unsettled:
        case AskModel(intent, request) if Intent.objects.filter(pk=intent.pk, calls=None).exists():
            held.run.paid(gateway.unsettled(intent, request))
        case CallTool(started=StepResult() as started):
            store.take_back(held.lease, started)


def _journal(held: Held) -> Journal:
    return held.run.journal if held.run else Journal()
