"""What the engine asks of its driver. The engine yields one of these and is sent the answer; it does nothing itself."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.models import Intent
from gateway.types import Request

from .models import StepResult


@dataclass(frozen=True)
class Evaluate:
    """→ a list: for each expression its value, or a `sandbox.Failure`."""

    expressions: tuple[str, ...]
    names: dict[str, object]


@dataclass(frozen=True)
class RunCode:
    """→ what the step's `run(input, steps)` returned, or a `sandbox.Failure`."""

    code: str
    names: dict[str, object]


@dataclass(frozen=True)
class AskModel:
    """→ a `gateway.Answer`. The driver commits the journal and the intent before the call leaves."""

    intent: Intent
    request: Request


@dataclass(frozen=True)
class KnowTool:
    """→ what its registration says of a tool of the project, a `RegisteredTool`, or None where there is none."""

    tool: str


@dataclass(frozen=True)
class CallTool:
    """→ the tool's answer, or a `ToolError`. The driver commits the journal before the call, and with it `started`, the
    attempt of a tool with side effects: it stands in the database only where the call began."""

    tool: str
    arguments: dict[str, object]
    key: str
    started: StepResult | None = None


@dataclass(frozen=True)
class Pause:
    """→ None, after so many seconds (few: a long wait gives the execution back instead). The driver commits the journal."""

    seconds: float


@dataclass(frozen=True)
class CallWorkflow:
    """→ an `Execution` of another workflow, not accepted yet: the journal's next commit does that; or a sentence that says
    why there is none. `workflow`: as the step names it."""

    workflow: str
    input: object


@dataclass(frozen=True)
class LookAt:
    """→ the `Execution` that was called, as it stands now."""

    execution: UUID


Effect = Evaluate | RunCode | KnowTool | AskModel | CallTool | CallWorkflow | LookAt | Pause


@dataclass(frozen=True)
class Completed:
    output: object


CALLED = "called"


@dataclass(frozen=True)
class Escalated:
    """A flag waits for a person, for this reason; `CALLED`: one of an execution that this one called."""

    reason: str


@dataclass(frozen=True)
class Deferred:
    """Give it back; it is queued again after so many seconds, or, with None, once a person has changed something."""

    seconds: float | None
    waiting_for: str
    detail: str


@dataclass(frozen=True)
class Failed:
    """We broke, or the provider did for good: `code` is a word, `detail` a sentence."""

    code: str
    detail: str


@dataclass(frozen=True)
class Asked:
    """A review waits for its answer, for so long, or, with None, for ever."""

    patience: timedelta | None


@dataclass(frozen=True)
class Called:
    """Executions that it called are on their way; the last one to end sets it going again."""


Ending = Completed | Escalated | Deferred | Failed | Asked | Called


class Stopped(Exception):
    """Raised inside the generator, from any depth, to end this advance."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending
