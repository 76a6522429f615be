"""One execution in a worker's hands: what is known of it, and the journal of what is not written yet."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from gateway.gateway import Answer
from gateway.models import Call, Payload
from gateway.types import ANSWERED
from wire.redaction import Policy
from workflows.compiled import Compiled
from workflows.definition import Step

from .coverage import Finding
from .effects import Escalated, Stopped
from .models import NO_ESCALATION, Execution, Flag, StepResult

TURN = 0.5  # seconds of steps or items, after which others have the thread; what is done until then is committed

Place = tuple[str, int | None]  # a step's id, and which item of its list


@dataclass(frozen=True)
class Item:
    """What a step with `for_each` is performed on at the moment."""

    index: int
    value: object


@dataclass
class Journal:
    """Rows that the next checkpoint writes, together. `called`: executions that it accepts with them. `lane`: that the design
    has chosen, for the row."""

    steps: list[StepResult] = field(default_factory=list)
    calls: list[tuple[Call, Payload]] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    called: list[Execution] = field(default_factory=list)
    lane: str = ""

    def __bool__(self) -> bool:
        return bool(self.steps or self.calls or self.flags)

    def clear(self) -> None:
        self.steps, self.calls, self.flags, self.called = [], [], [], []


@dataclass
class Run:
    """`outputs`: of the steps that are done or skipped. `items`: of the items that are, of lists that are not done; `waiting`:
    those that wait for a person; `overdue`: reviews that nobody answered in time. `results`: the rows of all that is done;
    `sent_back`: by judge, its attempts that sent the step it judges back; `taken_back`: what held until then, the last.
    By place: `attempts`, `asked`: rows and calls so far. `failures`: with the outcome, since the last answer. `recorded`:
    answers of what was interrupted between them, in their order. `started`: side effects whose outcome is not known, or, with
    an output, not judged, and reviews that were asked. `spent`: pico-dollars. `policy`: what may not be kept. `item`: the one
    that is at work. `flagged`: that this advance has raised a flag that escalates. `spot_check_share`: of what completes
    without one. `record`: of an evaluation or a shadow, what is answered instead of being called; None: everything is.
    `turn_began`: when it got the thread, by the monotonic clock."""

    execution: Execution
    compiled: Compiled
    cap: int
    policy: Policy
    outputs: dict[str, object] = field(default_factory=dict)
    items: dict[str, dict[int, object]] = field(default_factory=lambda: defaultdict(dict))
    waiting: set[Place] = field(default_factory=set)
    overdue: set[Place] = field(default_factory=set)
    attempts: dict[Place, int] = field(default_factory=dict)
    asked: dict[Place, int] = field(default_factory=dict)
    results: dict[Place, StepResult] = field(default_factory=dict)
    sent_back: dict[str, list[StepResult]] = field(default_factory=dict)
    taken_back: dict[Place, StepResult] = field(default_factory=dict)
    failures: Counter[tuple[Place, str]] = field(default_factory=Counter)
    recorded: dict[Place, list[tuple[StepResult, Answer]]] = field(default_factory=dict)
    started: dict[Place, StepResult] = field(default_factory=dict)
    item: Item | None = None
    spent: int = 0
    spot_check_share: Decimal = Decimal(0)
    flagged: bool = False
    record: dict[str, object] | None = None
    journal: Journal = field(default_factory=Journal)
    turn_began: float = field(default_factory=time.monotonic)

    @property
    def has_had_its_turn(self) -> bool:
        """Whether it is time to leave the thread to others: asked where all that is known can be committed."""
        return time.monotonic() - self.turn_began > TURN

    def names(self, **more: object) -> dict[str, object]:
        """The names that an expression or a prompt of this moment may read."""
        return {
            "input": self.execution.input,
            "steps": self.outputs,
            "constants": self.compiled.definition.constants,
            "now": self.now.isoformat(),
            **({"item": self.item.value, "index": self.item.index} if self.item else {}),
            **more,
        }

    @property
    def iteration(self) -> int | None:
        return self.item.index if self.item else None

    def place(self, step: Step) -> Place:
        return step.id, self.iteration

    def has(self, place: Place) -> bool:
        """Whether it is done or skipped."""
        step, iteration = place
        return step in self.outputs or iteration in self.items.get(step, ())

    @property
    def now(self) -> datetime:
        """When it was accepted, in the workflow's zone: the same moment however often it is resumed."""
        return self.execution.created_at.astimezone(ZoneInfo(self.compiled.definition.timezone))

    def attempt(self, step: Step, status: StepResult.Status, **fields: object) -> StepResult:
        """Journals the next attempt of a step."""
        row = self.next_attempt(step, status, **fields)
        self.journal.steps.append(row)
        return row

    def next_attempt(self, step: Step, status: StepResult.Status, **fields: object) -> StepResult:
        """The next attempt of a step, which is not journaled yet."""
        place = self.place(step)
        number = self.attempts[place] = self.attempts.get(place, 0) + 1
        of = {"execution_id": self.execution.pk, "step": step.id, "iteration": self.iteration, "kind": step.kind}
        return StepResult(**of, attempt=number, status=status, **fields)

    def recall(self, step: Step) -> tuple[StepResult, Answer] | None:
        """The next answer of this step that is recorded already: it is judged again, never asked for and paid again."""
        answers = self.recorded.get(self.place(step))
        return answers.pop(0) if answers else None

    def settle(self, row: StepResult, output: object) -> None:
        """This attempt is the step's result."""
        if row not in self.journal.steps:
            self.journal.steps.append(row)
        row.status = row.status if row.status == StepResult.Status.SKIPPED else StepResult.Status.DONE
        row.output = output
        self.done(row)

    def done(self, row: StepResult) -> None:
        """Knows this result from now on."""
        if row.iteration is None:
            self.outputs[row.step] = row.output
        else:
            self.items[row.step][row.iteration] = row.output
        self.results[row.place] = row

    def take_up(self, row: StepResult) -> None:
        """What an earlier advance left; the rows come in their order."""
        self.attempts[row.place] = row.attempt
        match row.status:
            case StepResult.Status.DONE | StepResult.Status.SKIPPED:
                self.done(row)
            case StepResult.Status.STARTED:
                self.started[row.place] = row
            case StepResult.Status.SUPERSEDED:
                self.taken_back[row.place] = row
                if row.explanation:
                    self.sent_back.setdefault(row.step, []).append(row)

    def is_past(self, row: StepResult) -> bool:
        """Whether its step is done, or a judge has sent back what stands behind it."""
        back = self.taken_back.get(row.place)
        return self.has(row.place) or (back is not None and row.attempt <= back.attempt)

    def forget(self, step: Step) -> list[StepResult]:
        """Knows no result of this step any more; the rows that were."""
        self.outputs.pop(step.id, None)
        self.items.pop(step.id, None)
        return [self.results.pop(place) for place in list(self.results) if place[0] == step.id]

    @property
    def resolvers(self) -> set[str]:
        """Who answered. Whom the design asks resolves nothing that it left open."""
        return {row.answered_by for row in self.results.values() if row.kind != "review"}

    def paid(self, answer: Answer) -> None:
        """Journals a call that was made, whatever came of it."""
        self.journal.calls.append((answer.call, answer.payload))
        self.count(answer.call)

    def count(self, call: Call) -> None:
        """Counts a row of the ledger: its attempt, its cost, and whether it is one more of the same failures."""
        place = call.step, call.iteration
        self.asked[place] = max(self.asked.get(place, 0), call.attempt)
        self.spent += call.cost or 0
        if call.outcome in ANSWERED:
            self.failures = Counter({key: n for key, n in self.failures.items() if key[0] != place})
        else:
            self.failures[place, call.outcome] += 1

    def flag(
        self, finding: Finding, row: StepResult | None = None, *, answered_by: str = "", waiting: bool = True
    ) -> Flag:
        """Journals a flag. It waits for a person, unless somebody has answered it already or another one waits."""
        flag = Flag(
            execution_id=self.execution.pk,
            workflow_id=self.execution.workflow_id,
            step=row.step if row else "",
            iteration=row.iteration if row else None,
            attempt=row.attempt if row else None,
            reason=finding.reason,
            detector=finding.detector,
            edge_case=finding.edge_case,
            explanation=finding.explanation,
            waiting=waiting and not answered_by,
            answered_by=answered_by,
            state=Flag.State.OPEN if self.record is None else Flag.State.RECORDED,
        )
        self.journal.flags.append(flag)
        self.flagged |= finding.reason not in NO_ESCALATION
        return flag

    def ask_person(self, finding: Finding, row: StepResult | None = None) -> Stopped:
        """Journals the flag that waits; raise what comes back."""
        self.flag(finding, row)
        return Stopped(Escalated(finding.reason))
