"""The plain driver: one thread takes one execution as far as it goes. Blocking, simple; for tests and the embedded worker."""

import logging
import time
from uuid import UUID

from gateway import gateway
from projects.tools import ToolError, tool_of
from workflows import sandbox
from workflows.schemas import Schema

from . import engine, store
from .effects import AskModel, CallTool, Effect, Evaluate, Failed, Pause, RunCode
from .run import Run
from .store import Lease

logger = logging.getLogger(__name__)


def advance(execution_id: UUID, worker_id: UUID) -> None:
    """Claims the execution and runs it to its end, or to where it stands still. Safe to call twice, from anywhere."""
    lease = store.claim(execution_id, worker_id)
    if lease is None:
        return
    try:
        run = store.load(execution_id)
    except Exception:
        logger.exception("execution %s could not be loaded", execution_id)
        store.end(lease, store.Journal(), Failed("internal", "We could not load this execution; the error is logged."))
        return
    try:
        ending = _drive(lease, run)
        store.end(lease, run.journal, ending, store.resolver(run))
    except store.LeaseLost:
        logger.warning("lost the lease of execution %s; what was paid is recorded as discarded", execution_id)
        store.discard(run.journal)
    except Exception:
        logger.exception("execution %s broke", execution_id)
        _fail(lease, run)


def _drive(lease: Lease, run: Run) -> engine.Ending:
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


def _fail(lease: Lease, run: Run) -> None:
    """A fault of ours: the execution is `failed`, and what was paid is in the ledger all the same."""
    run.journal.steps, run.journal.flags = [], []
    try:
        store.end(lease, run.journal, Failed("internal", "We broke on this execution; the error is logged."))
    except store.LeaseLost:
        store.discard(run.journal)
