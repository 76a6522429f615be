"""Tries a tool for a person: called once, with arguments of theirs, outside of any execution. Never one with side effects."""

import threading
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from functools import partial

from projects.keeping import redaction
from projects.models import Tool
from projects.tools import RegisteredTool, ToolError, in_own_thread, of_row
from workflows.schemas import Schema

from .arguments import sentence

LONGEST = 15.0  # seconds that a page is waited for
AT_ONCE = threading.BoundedSemaphore(2)  # in this process: whoever tries occupies one of its few threads


@dataclass(frozen=True)
class Trial:
    """What came of it: an answer, or a sentence on why there is none."""

    answer: object = None
    error: str = ""


def attempt(row: Tool, arguments: dict) -> Trial:
    row.timeout = min(row.timeout, LONGEST)
    tool = of_row(row)
    if tool is None:
        return Trial(error="No module of TOOL_MODULES has this function.")
    if tool.side_effects:
        return Trial(error="It has side effects: it is called by an execution alone.")
    if fault := sentence(Schema(tool.input_schema).faults(arguments)):
        return Trial(error=f"An argument is wrong: {fault}")
    policy = redaction(row.project_id)
    try:
        answer = policy.value(_called(tool, arguments))
    except ToolError as error:
        return Trial(error=policy.text(str(error)))
    if tool.output_schema is not None and (fault := sentence(Schema(tool.output_schema).faults(answer))):
        return Trial(answer, f"This answer breaks the output schema: {fault}")
    return Trial(answer)


def _called(tool: RegisteredTool, arguments: dict) -> object:
    if not AT_ONCE.acquire(blocking=False):
        raise ToolError("Others are trying tools at this moment: try again in a few seconds.")
    future = in_own_thread(partial(tool.call, arguments, "trial"))
    future.add_done_callback(lambda _: AT_ONCE.release())
    try:
        return future.result(min(tool.timeout, LONGEST) + tool.grace)
    except NotYet as error:
        raise ToolError(f"It did not answer within {min(tool.timeout, LONGEST):g} s.") from error
