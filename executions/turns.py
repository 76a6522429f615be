"""One turn of an execution: everything between two waits, in one thread. The drivers do the waiting.

A turn understands what was waited for, runs the engine as far as it goes (the sandbox included), and commits what came of
it: before a call leaves, its intent and all that is known stand in the database.
"""

import logging
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from gateway import gateway, pressure
from gateway.gateway import Reply
from gateway.models import Intent
from gateway.pressure import Entry, Gate, Refusal
from projects.tools import ToolError, tool_of
from wire import crash
from wire.logs import about
from wire.problems import Unavailable
from workflows import sandbox
from workflows.budgets import OverBudget
from workflows.schemas import Schema

from . import engine, queue, store, worker
from .effects import AskModel, CallTool, Deferred, Ending, Evaluate, Failed, Pause, RunCode
from .engine import Advance
from .patience import LONGEST_PAUSE
from .run import Journal, Run
from .store import Lease

logger = logging.getLogger(__name__)

HICCUP = 5.0  # seconds

Wait = AskModel | CallTool | Pause


@dataclass
class Held:
    """An execution in this worker's hands. `run` and `advance` come with the first turn. `asking`: what it wants to ask, and
    pauses before; `entry`: that a gate has let its call in; `sent_away`: the gate that did not, and ended this advance.
    `unsettled`: a call whose intent may be committed, and of which nothing is in the journal yet."""

    lease: Lease
    run: Run | None = None
    advance: Advance | None = None
    asking: AskModel | None = None
    unsettled: AskModel | None = None
    entry: Entry | None = None
    sent_away: Gate | None = None

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
        if not isinstance(wait, AskModel):
            held.leave()
    return wait


async def ask(held: Held, effect: AskModel) -> Reply:
    """The call itself, which the gate has let in."""
    reply = None
    try:
        reply = await gateway.send(effect.intent, effect.request)
    finally:
        held.leave(reply)
    return reply


def compute(run: Run, effect: Evaluate | RunCode) -> object:
    """What the sandbox says, at once: it takes no longer than a thread may stand still."""
    names, zone = effect.names, run.compiled.definition.timezone
    if isinstance(effect, Evaluate):
        return sandbox.evaluate(effect.expressions, names, run.now, zone)
    return sandbox.run(effect.code, names["input"], names["steps"], names["constants"], run.now, zone)


def call_tool(run: Run, effect: CallTool) -> object:
    """The tool's answer, or a `ToolError`: also where arguments or answer are not what its registration promises."""
    try:
        tool = tool_of(run.execution.project_id, effect.tool)
        _hold(f"An argument of {effect.tool} is wrong", tool.input_schema, effect.arguments)
        with about(execution=run.execution.pk):
            answer = tool.call(effect.arguments, effect.key)
        if tool.output_schema is not None:
            _hold(f"{effect.tool} answered what it was not registered with", tool.output_schema, answer)
    except ToolError as error:
        return error
    return answer


def _go_on(held: Held, came: object) -> Wait | None:
    effect, held.asking = held.asking or _next(held, came), None
    if effect is None:
        return None
    if worker.leaving.is_set():
        store.release(held.lease, held.run.journal)
        queue.ring(held.lease.execution)
        return None
    if isinstance(effect, AskModel) and (refusal := _refusal(held, effect)):
        return _stay_or_go(held, effect, refusal)
    held.unsettled = effect if isinstance(effect, AskModel) else None
    try:
        if not isinstance(effect, Pause):
            store.checkpoint(held.lease, held.run.journal, effect.intent if isinstance(effect, AskModel) else None)
    except OverBudget as over:
        store.end(held.lease, held.run.journal, Deferred(over.seconds, "budget", str(over)))
        return None
    return effect


def _next(held: Held, came: object) -> Wait | None:
    """Runs the engine to its next wait. None: it came to its end."""
    if held.run is None:
        held.run = store.begin(held.lease)
        held.advance = engine.advance(held.run)
    run, answer = held.run, came
    if isinstance(came, Reply):
        crash.at("after-response")
        answer = store.patiently(partial(gateway.settle, came))
        held.unsettled = None  # the engine journals it before anything else
    try:
        effect = held.advance.send(answer)
        while isinstance(effect, Evaluate | RunCode):
            effect = held.advance.send(compute(run, effect))
    except StopIteration as stop:
        store.end(held.lease, run.journal, stop.value, store.resolver(run))
        return None
    return effect


def _refusal(held: Held, effect: AskModel) -> Refusal | None:
    """Asks the gate, before the intent is committed: an intent is a call that leaves. None: it is let in."""
    intent = effect.intent
    answer = _gate(effect).enter(held.lease.execution, pressure.tokens_of(effect.request))
    if isinstance(answer, Refusal):
        return answer
    held.entry, intent.intended_at = answer, timezone.now()
    return None


def _stay_or_go(held: Held, effect: AskModel, refusal: Refusal) -> Wait | None:
    """A short wait is spent in this worker's hands, behind a checkpoint; a long one occupies nobody."""
    if refusal.seconds <= LONGEST_PAUSE:
        store.checkpoint(held.lease, held.run.journal)
        held.asking = effect
        return Pause(refusal.seconds)
    store.end(held.lease, held.run.journal, Deferred(refusal.seconds, refusal.reason, refusal.detail))
    held.sent_away = _gate(effect)
    return None


def _gate(effect: AskModel) -> Gate:
    return pressure.gate(effect.intent.provider, effect.intent.model_planned)


def _hold(what: str, schema: dict, value: object) -> None:
    if faults := Schema(schema).faults(value):
        raise ToolError(f"{what}: {faults[0].pointer} {faults[0].detail}"[:500])


def _end_all_the_same(held: Held, ending: Ending) -> None:
    """Ends what broke in the middle; what was paid is in the ledger all the same. Where even that fails, the execution
    stays `running` in nobody's hands, and the sweeper takes it up behind its last checkpoint."""
    journal = _journal(held)
    if isinstance(ending, Failed):
        journal.steps, journal.flags = [], []
    store.patiently(partial(_doubt, held))
    try:
        store.end(held.lease, journal, ending)
    except store.LeaseLost:
        store.discard(journal)


def _doubt(held: Held) -> None:
    """No intent stays without its row in the ledger: what came of this call is not known any more."""
    asked = held.unsettled
    if asked and Intent.objects.filter(pk=asked.intent.pk, calls=None).exists():
        held.run.paid(gateway.unsettled(asked.intent, asked.request))


def _journal(held: Held) -> Journal:
    return held.run.journal if held.run else Journal()
