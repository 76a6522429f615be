"""Calls to a model that no execution makes: what a judge is asked, and a designer. Each is planned, reserved in the budgets and
committed before it leaves, and settled together with what it led to.

Where it stands is in a row of whoever asks, behind the lock of that row. The housekeeping's thread does all that touches the
database; what waits for a model waits on the event loop. A process that ends leaves intents without a call: whoever comes by
next finds them in doubt (`doubted`) and asks those again, and no other.
"""

from __future__ import annotations

import logging
import threading
from asyncio import run_coroutine_threadsafe
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent import futures
from concurrent.futures import Future
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError

from gateway import gateway, pressure, retry
from gateway.event_loop import event_loop
from gateway.gateway import Answer, Cause, Reply
from gateway.models import Call, Intent
from gateway.pressure import Entry, Refusal
from gateway.providers.registry import provider_met
from gateway.types import AccessDenied, OutcomeUnknown, Request
from wire import crash
from workflows import budgets
from workflows.budgets import OverBudget

from . import worker
from .models import Worker

logger = logging.getLogger(__name__)

LATER = 60.0  # seconds at most between two looks at a budget

Take = Callable[
    [object, Reply], None
]  # writes down what came, of what was asked under this key, in a transaction of its own


class Errand(NamedTuple):
    """A call on its way, or about to leave."""

    key: Hashable
    take: Take
    intent: Intent
    request: Request
    entry: Entry


class Later(NamedTuple):
    """It cannot leave now: in so many seconds it may. `budget`: a budget has no room."""

    seconds: float
    why: str
    budget: bool = False


_lock = threading.Lock()
_settling = threading.Lock()
_in_flight: dict[UUID, Future[Reply] | None] = {}  # None: it is about to leave
_came: deque[tuple[Take, object, Reply]] = deque()


def begin(key: Hashable, take: Take, target: str, request: Request, cause: Cause) -> Errand | Later | None:
    """An errand with its intent saved, in the caller's transaction: behind its commit it is to be sent, or else dropped. None: no
    gate lets it in, so the next round asks again."""
    try:
        intent = gateway.plan(target, request, cause)
    except AccessDenied as denied:
        return Later(retry.LONG_WAIT, denied.detail)
    endpoint = provider_met(intent.project, intent.provider).endpoint
    gate = pressure.gate(intent.provider, intent.model_planned, str(endpoint))
    entry = gate.enter(key, pressure.tokens_of(request))
    if isinstance(entry, Refusal):
        return None
    try:
        budgets.reserve(budgets.limiting(intent.project, intent.workflow), intent)
        intent.save(force_insert=True)
    except OverBudget as over:
        entry.leave()
        return Later(min(over.seconds or LATER, LATER), str(over), budget=True)
    except BaseException:
        entry.leave()
        raise
    _in_flight[intent.pk] = None
    return Errand(key, take, intent, request, entry)


def send(errands: Sequence[Errand]) -> None:
    """Behind the commit of their intents."""
    for one in errands:
        crash.at("after-intent")
        with _lock:
            began = run_coroutine_threadsafe(_answer(one), event_loop())
            _in_flight[one.intent.pk] = began


def drop(errands: Sequence[Errand]) -> None:
    """Their intents were not committed."""
    for one in errands:
        one.entry.leave()
        _in_flight.pop(one.intent.pk, None)


async def _answer(errand: Errand) -> Reply:
    reply = None
    try:
        reply = await gateway.send(errand.intent, errand.request)
        with _lock:
            if errand.intent.pk in _in_flight:
                _came.append((errand.take, errand.key, reply))
        return reply
    finally:
        errand.entry.leave(reply and reply.completion, reply and reply.error)


def settle() -> bool:
    """Has written down what has come, of whatever kind; whether there was something. While the database is away it stays until the
    next round; what breaks otherwise is in doubt, and holds up nothing."""
    did = False
    with _settling:
        while _came:
            take, key, reply = _came[0]
            try:
                take(key, reply)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                logger.exception("what a model answered about %s could not be written", key)
            _came.popleft()
            with _lock:
                _in_flight.pop(reply.intent.pk, None)
            did = True
    return did


def book(answer: Answer, keeps_texts: bool = True) -> bool:
    """Writes the call down, and its texts, in the caller's transaction; whether it counts. Where it was called in doubt meanwhile,
    its money comes to the truth and nothing else."""
    intent = answer.call.intent
    if doubted := Call.objects.filter(intent=intent.pk, corrects=None).first():
        gateway.late(answer.call, doubted).save(force_insert=True)
        return False
    answer.call.save(force_insert=True)
    if keeps_texts:
        answer.payload.save(force_insert=True)
    return True


def is_on_its_way(intent: UUID | str) -> bool:
    """In this process."""
    with _lock:
        return UUID(str(intent)) in _in_flight


def doubted(intent: UUID | str) -> Answer | None:
    """What came of a call that is not on its way here: in doubt, which is written down. None: another worker has it."""
    planned = Intent.objects.get(pk=intent)
    call = Call.objects.filter(intent=planned.pk, corrects=None).first()
    others = Worker.objects.holders().exclude(pk=worker.current())
    if call is None and others.filter(pk=planned.worker).exists():
        return None
    if call is None:  # else somebody has said so
        call = gateway.in_doubt(planned)
        call.save(force_insert=True)
    return Answer(call, None, None, OutcomeUnknown(call.error))


def wait(within: float | None = None) -> None:
    """Until all that is on its way has come, or so many seconds."""
    with _lock:
        moving = [one for one in _in_flight.values() if one is not None]
    futures.wait(moving, within)


def part(within: float) -> None:
    """This process ends: what is on its way may come for so long, and is written down. The rest is in doubt."""
    wait(within)
    settle()


def forget() -> None:
    """As in a process that has just started."""
    with _lock:
        _in_flight.clear()
        _came.clear()
