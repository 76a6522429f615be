"""Tools at work: each call in a thread of its own, of a project so many at once, and each is waited for as long as its
registration says."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from gateway.pressure import Entry, Gate, Refusal, Share
from projects.tools import NoAnswer, NotCalled, RegisteredTool, ToolError, in_own_thread, tool_of
from wire.logs import about
from workflows.schemas import Schema

from .effects import CallTool
from .run import Run

logger = logging.getLogger(__name__)

PLACES = 32  # calls of one project in this process at once

_lock = threading.Lock()
_gates: dict[int, Gate] = {}
_hanging: Counter[int] = Counter()  # calls that nobody waits for any more, by project


def gate(project: int) -> Gate:
    """In front of the tools of a project. A thread that hangs cannot be ended, so it keeps its place: it stops the tools of
    its own project in the end, and nobody else's."""
    with _lock:
        if project not in _gates:
            _gates[project] = Gate(("tools", str(project)), Share(PLACES))
        return _gates[project]


def enter(project: int, who: Hashable) -> Entry | Refusal:
    answer = gate(project).enter(who, 0)
    if isinstance(answer, Entry):
        return answer
    said = f"All {PLACES} places for tools of this project are taken"
    hanging = f", {_hanging[project]} of them by calls that do not answer." if _hanging[project] else "."
    return replace(answer, detail=said + hanging)


def look_up(run: Run, effect: CallTool) -> RegisteredTool:
    """The tool that is to be called. Raises `NotCalled` where the project has none, or it does not take the arguments."""
    tool = tool_of(run.execution.project_id, effect.tool)
    if fault := _fault(tool.input_schema, effect.arguments):
        raise NotCalled(run.policy.text(f"An argument of {effect.tool} is wrong: {fault}"))
    return tool


async def call(run: Run, effect: CallTool, tool: RegisteredTool, entry: Entry) -> object:
    """The tool's answer, or a `ToolError`, both without secrets. The place that `entry` stands for is free when its thread ends."""
    future = in_own_thread(partial(_answer, run, effect, tool))
    future.add_done_callback(lambda _: entry.leave())
    done, _ = await asyncio.wait([asyncio.wrap_future(future)], timeout=tool.timeout + tool.grace)
    if done:
        return future.result()
    with about(execution=run.execution.pk):
        _give_up(run.execution.project_id, tool, future)
    return NoAnswer(f"{tool.name} did not answer within {tool.timeout:g} s.")


def _answer(run: Run, effect: CallTool, tool: RegisteredTool) -> object:
    try:
        with about(execution=run.execution.pk):
            # Before it is compared: a complaint shows the beginning of a value, and half of a secret is found by nobody.
            answer = run.policy.value(tool.call(effect.arguments, effect.key))
    except ToolError as error:
        error.args = (run.policy.text(str(error)),)
        return error
    if tool.output_schema is not None and (fault := _fault(tool.output_schema, answer)):
        return ToolError(f"{tool.name} answered what it was not registered with: {fault}")
    return answer


def _give_up(project: int, tool: RegisteredTool, future: Future) -> None:
    with _lock:
        _hanging[project] += 1
    logger.error(
        "the tool %s has not answered for %g s: its thread cannot be ended, and keeps one of the %d places of project %s",
        *(tool.name, tool.timeout, PLACES, project),
    )

    def ended(_: Future) -> None:
        with _lock:
            _hanging[project] -= 1
        logger.warning("the tool %s ended, when nobody waited for it any more", tool.name)

    future.add_done_callback(ended)


def _fault(schema: dict, value: object) -> str:
    faults = Schema(schema).faults(value)
    return f"{faults[0].pointer} {faults[0].detail}"[:500] if faults else ""
