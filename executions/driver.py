"""The plain driver: one thread takes one execution as far as it goes. Blocking, simple; for tests and the embedded worker."""

import logging
import time
from uuid import UUID

from django.db import OperationalError

from gateway import gateway
from projects.tools import ToolError, tool_of
from wire.problems import Unavailable
from workflows import sandbox
from workflows.schemas import Schema

from . import engine, store, worker
from .effects import AskModel, CallTool, Deferred, Effect, Ending, Evaluate, Failed, Pause, RunCode
from .run import Journal, Run
from .store import Lease

logger = logging.getLogger(__name__)

HICCUP = 5.0  # seconds


def advance(execution_id: UUID, worker_id: UUID) -> None:
    """Claims the execution and runs it to its end, or to where it stands still. Safe to call twice, from anywhere."""
    with worker.holding(execution_id) as free:
        lease = store.claim(execution_id, worker_id) if free else None
        if lease is not None:
            _advance(lease)


def _advance(lease: Lease) -> None:
    run = None
    try:
        run = store.load(lease.execution)
        store.end(lease, run.journal, _drive(lease, run), store.resolver(run))
    except store.LeaseLost:
        logger.warning("lost the lease of execution %s; what was paid is recorded as discarded", lease.execution)
        store.discard(run.journal if run else Journal())
    except (OperationalError, Unavailable) as error:
        # The database is locked or the sandbox is full: a hiccup of this machine delays, it fails nothing.
        logger.warning("execution %s is given back: %s", lease.execution, error)
        _end_all_the_same(lease, run, Deferred(HICCUP, "service", "This service was too busy; it goes on by itself."))
    except Exception:
        logger.exception("execution %s broke", lease.execution)
        _end_all_the_same(lease, run, Failed("internal", "We broke on this execution; the error is logged."))


def _drive(lease: Lease, run: Run) -> Ending:
    generator, answer = engine.advance(run), None
    while True:
        try:
            effect = generator.send(answer)
        except StopIteration as stop:
            return stop.value
        answer = _perform(lease, run, effect)


def _perform(lease: Lease, run: Run, effect: Effect) -> object:
    match effect:
        case Evaluate(expressions, names):
            return sandbox.evaluate(expressions, names, run.now, run.compiled.definition.timezone)
        case RunCode(code, names):
            zone = run.compiled.definition.timezone
            return sandbox.run(code, names["input"], names["steps"], names["constants"], run.now, zone)
        case AskModel(intent, request):
            store.checkpoint(lease, run.journal, intent)
            return gateway.send(intent, request)
        case CallTool(name, arguments, key):
            store.checkpoint(lease, run.journal)
            return _call_tool(run, name, arguments, key)
        case Pause(seconds):
            return time.sleep(seconds)
    raise TypeError(f"no such effect: {effect!r}")


def _call_tool(run: Run, name: str, arguments: dict, key: str) -> object:
    """The tool's answer, or a `ToolError`: also where arguments or answer are not what its registration promises."""
    try:
        tool = tool_of(run.execution.project_id, name)
        _hold(f"An argument of {name} is wrong", tool.input_schema, arguments)
        answer = tool.call(arguments, key)
        if tool.output_schema is not None:
            _hold(f"{name} answered what it was not registered with", tool.output_schema, answer)
    except ToolError as error:
        return error
    return answer


def _hold(what: str, schema: dict, value: object) -> None:
    if faults := Schema(schema).faults(value):
        raise ToolError(f"{what}: {faults[0].pointer} {faults[0].detail}"[:500])


def _end_all_the_same(lease: Lease, run: Run | None, ending: Ending) -> None:
    """Ends what broke in the middle; what was paid is in the ledger all the same. Where even that fails, the execution
    stays `running` in nobody's hands, and the sweeper takes it up behind its last checkpoint."""
    journal = run.journal if run else Journal()
    if isinstance(ending, Failed):
        journal.steps, journal.flags = [], []
    try:
        store.end(lease, journal, ending)
    except store.LeaseLost:
        store.discard(journal)
