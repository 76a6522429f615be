"""Tools that a person registered. A definition names one and passes arguments; nothing more.

A Python function: write `@tool("shop.order", …)` above it in a module of `TOOL_MODULES`, then register it in a project:
`manage.py register_tool shop.order --project NAME`. Every other kind is data, a row of the project, and what calling it does
is said by whoever registered its `kind` here. Whoever calls a tool need not know which it is.
"""

import importlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import rfc8785
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from wire import strict_json
from wire.problems import Problem
from wire.redaction import USUAL

from .models import Project, Tool

logger = logging.getLogger(__name__)

MAX_ANSWER_NODES = 100_000


class ToolError(Exception):
    """The tool answers an error (not found, refused). Its message is what the definition's `otherwise` reads."""


class NotCalled(ToolError):
    """The tool was not called at all: it is not there, or it does not take these arguments."""


class NoAnswer(ToolError):
    """The tool takes longer than it may, or broke. Whether it takes effect is not known."""


class NotTaken(ToolError):
    """The tool could not be reached, or has no time now: nothing took effect, and it may at another time."""


@dataclass(frozen=True)
class RegisteredTool:
    """`takes_key`: the function accepts `idempotency_key` and repeats nothing for a key it has seen. `timeout`: seconds that
    its answer is waited for; `retries`: how often it is called again where none came by then. `grace`: seconds more that are
    waited for one that keeps the time by itself, so that its thread ends."""

    name: str
    function: Callable[..., object]
    description: str
    input_schema: dict
    output_schema: dict | None
    side_effects: bool
    takes_key: bool
    timeout: float
    retries: int
    grace: float = 0.0

    def __post_init__(self) -> None:
        if self.timeout <= 0 or self.retries < 0:
            raise ValueError(f"{self.name}: timeout is more than 0 seconds, and retries are 0 or more.")
        if self.retries and self.side_effects and not self.takes_key:
            raise ValueError(f"{self.name}: a tool with side effects is called again only where it takes a key.")

    def call(self, arguments: dict, idempotency_key: str) -> object:
        """The function's answer, a JSON value. Raises `ToolError`, also for whatever else the function raises."""
        extra = {"idempotency_key": idempotency_key} if self.takes_key else {}
        try:
            answer = strict_json.loads(rfc8785.dumps(self.function(**arguments, **extra)), MAX_ANSWER_NODES)
        except ToolError as error:
            raise _kind_of(error)(_storable(str(error))) from error
        except (rfc8785.CanonicalizationError, UnicodeError, Problem) as error:
            raise ToolError(f"{self.name} answered something that cannot be kept as JSON.") from error
        except (Exception, SystemExit) as error:  # `sys.exit` in a tool ends the tool, not the event loop
            # Its text may hold anything, a password too: only its kind goes to the reviewer, and its frames to the log.
            logger.exception("the tool %s raised", self.name)
            raise ToolError(f"{self.name} raised {type(error).__name__}; the log says more.") from error
        return answer


def _kind_of(error: ToolError) -> type[ToolError]:
    return next((kind for kind in (NoAnswer, NotTaken) if isinstance(error, kind)), ToolError)


def _storable(text: str) -> str:
    """Without secrets before it is cut: half of one is found by nobody."""
    return USUAL.text(text.encode("utf-8", "backslashreplace").decode().replace("\x00", ""))[:500]


_registry: dict[str, RegisteredTool] = {}


def tool(
    name: str,
    *,
    description: str,
    input_schema: dict,
    output_schema: dict | None = None,
    side_effects: bool = False,
    takes_key: bool = False,
    timeout: float = 60.0,
    retries: int = 0,
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Registers the function under this name, for all projects to choose from."""

    def register(function: Callable[..., object]) -> Callable[..., object]:
        _registry[name] = RegisteredTool(
            name, function, description, input_schema, output_schema, side_effects, takes_key, timeout, retries
        )
        return function

    return register


def load_modules() -> None:
    for module in settings.TOOL_MODULES:
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as error:  # a module may do anything, `sys.exit` too: it is named all the same
            said = f"TOOL_MODULES: {module!r} cannot be imported: {type(error).__name__}: {error}"
            raise ImproperlyConfigured(said) from error


def registered() -> dict[str, RegisteredTool]:
    """The functions."""
    return dict(_registry)


Build = Callable[[Tool], Callable[..., object]]
_kinds: dict[str, Build] = {}
GRACE = 2.0  # seconds


def kind(name: str, build: Build) -> None:
    """Tools of this kind are data: `build` makes the function that calls one, of its row."""
    _kinds[name] = build


def of_row(row: Tool) -> RegisteredTool | None:
    """None where it is a function that no module has."""
    if row.kind == Tool.Kind.FUNCTION:
        return _registry.get(row.name)
    said = (row.description, row.input_schema or {}, row.output_schema, row.side_effects, row.takes_key)
    return RegisteredTool(row.name, _kinds[row.kind](row), *said, row.timeout, row.retries, GRACE)


def tools_of(project: Project) -> dict[str, RegisteredTool]:
    """The tools that this project's definitions may name."""
    found = {row.name: of_row(row) for row in Tool.objects.filter(project=project, enabled=True)}
    return {name: tool for name, tool in found.items() if tool}


def known(project_id: int, name: str) -> RegisteredTool | None:
    """The tool, whether it is enabled or not: what it says of itself holds for calls that began before."""
    row = Tool.objects.filter(project_id=project_id, name=name).first()
    return of_row(row) if row else None


def tool_of(project_id: int, name: str) -> RegisteredTool:
    """The tool, looked up anew at each call, so that disabling one works at once. Raises `NotCalled`."""
    row = Tool.objects.filter(project_id=project_id, name=name, enabled=True).first()
    if row is None or (found := of_row(row)) is None:
        raise NotCalled(f"The tool {name} is not registered in this project, or it is disabled.")
    return found


def in_own_thread(function: Callable[[], object]) -> Future:
    """A tool may take for ever: its thread must not keep a process that was told to end, as one of a pool would. Tools
    work seldom, so it keeps no connection either."""
    future: Future = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, name="tool", daemon=True).start()
    return future
