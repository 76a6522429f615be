"""Variables of the environment that tools of a project may use: addresses of databases and secrets. Asked when a tool is saved
and each time that it is called, so that what an operator takes back is out of reach at once."""

import os

from projects.models import TOOL_VARIABLE, ToolVariable
from projects.tools import ToolError


def fault_of_variable(project_id: int | None, name: str) -> str:
    """What is wrong with its name; whether it is set, only the processes know that call tools."""
    if not TOOL_VARIABLE.regex.search(name):
        return f"{name[:60]!r} is no variable of tools: {TOOL_VARIABLE.message}"
    if not ToolVariable.objects.filter(project_id=project_id, name=name).exists():
        return f"Tools of this project may not use {name}: an operator says which they may, on the project's page."
    return ""


def value_of(project_id: int, name: str) -> str:
    """Raises `ToolError` where the project may not use it, or it is not set."""
    if fault := fault_of_variable(project_id, name):
        raise ToolError(fault)
    if not (value := os.environ.get(name, "")):
        raise ToolError(f"The variable {name} is not set where tools are called.")
    return value
