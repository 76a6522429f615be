"""Python functions that a person registered as tools. A definition names one and passes arguments; nothing more.

Write `@tool("shop.order", …)` above a function in a module of `TOOL_MODULES`, then register it in a project:
`manage.py register_tool shop.order --project NAME`.
"""

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

import rfc8785
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

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
    """The tool takes longer than it may. Whether it takes effect is not known."""


@dataclass(frozen=True)
class RegisteredTool:
    """`takes_key`: the function accepts `idempotency_key` and repeats nothing for a key it has seen. `timeout`: seconds that
    its answer is waited for; `retries`: how often it is called again where none came by then."""

    name: str
    function: Callable[..., object]
    description: str
    input_schema: dict
    output_schema: dict | None
    side_effects: bool
    takes_key: bool
    timeout: float
    retries: int

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
            raise ToolError(_storable(str(error))) from error
        except (rfc8785.CanonicalizationError, UnicodeError, Problem) as error:
            raise ToolError(f"{self.name} answered something that cannot be kept as JSON.") from error
        except (Exception, SystemExit) as error:  # `sys.exit` in a tool ends the tool, not the event loop
            # Its text may hold anything, a password too: only its kind goes to the reviewer, and its frames to the log.
            logger.exception("the tool %s raised", self.name)
            raise ToolError(f"{self.name} raised {type(error).__name__}; the log says more.") from error
        return answer


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
    return dict(_registry)


def tools_of(project: Project) -> dict[str, RegisteredTool]:
    """The tools that this project's definitions may name."""
    names = Tool.objects.filter(project=project, enabled=True).values_list("name", flat=True)
    return {name: _registry[name] for name in names if name in _registry}


def tool_of(project_id: int, name: str) -> RegisteredTool:
    """The tool, looked up anew at each call, so that disabling one works at once. Raises `NotCalled`."""
    allowed = Tool.objects.filter(project_id=project_id, name=name, enabled=True).exists()
    if not allowed or name not in _registry:
        raise NotCalled(f"The tool {name} is not registered in this project, or it is disabled.")
    return _registry[name]
