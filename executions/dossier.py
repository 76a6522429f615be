"""What a reviewer has to know of one flag: what came, what was done until then, what the design says about it, what was answered,
and what can be decided. The page of the queue shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Count, Q

from gateway.models import Call, Payload
from workflows.compiled import Compiled, compiled
from workflows.definition import Check, EdgeCase, ModelStep, ReviewStep, Step

from . import resolution
from .models import Execution, Flag, StepResult
from .resolution import ABSENT
from .tracking import DESIGNED

MOST_ROWS = 200

# What can be decided: the word, the key, and what the page calls it.
STEP, WHOLE, DISMISS, RETRY, REDESIGN = "step", "whole", "dismissed", "retry", "redesign"


@dataclass(frozen=True)
class Choice:
    word: str
    key: str
    label: str
    help: str


CHOICES = (
    Choice(STEP, "a", "Answer the step", "The execution goes on behind it."),
    Choice(WHOLE, "o", "Answer the whole", "The steps that are left are not run."),
    Choice(DISMISS, "d", "Dismiss", "The flag was wrong: the flagged output is taken."),
    Choice(RETRY, "t", "Retry the step", "What was wrong outside has been mended."),
    Choice(REDESIGN, "r", "Redesign", "The workflow has a gap: its next version should close it."),
)


@dataclass(frozen=True)
class Dossier:
    """`flag`: with its execution, version and project."""

    flag: Flag

    @cached_property
    def compiled(self) -> Compiled:
        return compiled(self.flag.execution.version_id)

    @cached_property
    def step(self) -> Step | None:
        built = self.compiled.steps.get(self.flag.step)
        return built.step if built else None

    @cached_property
    def _rows(self) -> list[StepResult]:
        """Of a list the flagged item alone."""
        rows = self.flag.execution.steps.filter(
            Q(iteration=None) | Q(iteration=self.flag.iteration, step=self.flag.step)
        )
        return list(rows.order_by("pk")[:MOST_ROWS])

    @cached_property
    def attempts(self) -> list[StepResult]:
        """Of the flagged step."""
        return [row for row in self._rows if row.step == self.flag.step and row.iteration == self.flag.iteration]

    @cached_property
    def trace(self) -> list[StepResult]:
        """What was done before the flagged step; all of it, where the flag is about the result."""
        begins = self.attempts[0].pk if self.attempts else None
        return [row for row in self._rows if row.step != self.flag.step and (begins is None or row.pk < begins)]

    @cached_property
    def lists(self) -> list[tuple[str, int]]:
        """The steps that ran once per item, and how many of their items are done: too many to be shown one by one."""
        names = [name for name, built in self.compiled.steps.items() if built.step.for_each is not None]
        if not names:
            return []
        rows = self.flag.execution.steps.filter(step__in=names, iteration__isnull=False, status__in=("done", "skipped"))
        return list(rows.order_by("step").values_list("step").annotate(count=Count("pk")))

    @cached_property
    def flagged(self) -> StepResult | None:
        """The attempt that the flag is about."""
        return next((row for row in self.attempts if row.attempt == self.flag.attempt), None)

    @cached_property
    def frontier(self) -> list[StepResult]:
        """What the frontier answered, where it was asked."""
        return [row for row in self.attempts if row.answered_by == Execution.Resolver.FRONTIER]

    @cached_property
    def said(self) -> dict:
        """By call: what a model said, where it was not in the agreed form."""
        calls = [row.call for row in self.attempts if row.call and row.confidence is None]
        found = Payload.objects.filter(call__in=calls).values_list("call", "response") if calls else ()
        return {call: response for call, response in found if response}

    @cached_property
    def cost(self) -> tuple[int | None, int]:
        """Of the execution so far, in pico-dollars (None: a call has no price), and its calls."""
        costs = list(Call.objects.filter(execution=self.flag.execution_id).values_list("cost", flat=True))
        return (None if None in costs else sum(costs)), len(costs)

    @cached_property
    def item(self) -> object:
        return resolution.item_of(self.flag, self.step) if self.step and not self.flag.execution.purged_at else ABSENT

    @property
    def is_review(self) -> bool:
        return self.flag.reason == Flag.Reason.REVIEW

    @cached_property
    def due_at(self) -> datetime | None:
        """Until when a review is waited for."""
        patience = self.step.patience if isinstance(self.step, ReviewStep) else None
        return patience and self.flag.stands_still and self.flag.created_at + patience

    # What the design says about it.

    @property
    def rule(self) -> EdgeCase | None:
        return next((case for case in self.compiled.edge_cases if case.id == self.flag.edge_case), None)

    @property
    def checks(self) -> Sequence[Check]:
        """That the flag may be about."""
        if self.flag.detector == "precondition":
            return self.compiled.definition.covers
        return self.step.checks if self.step and self.flag.reason == Flag.Reason.CHECK_FAILED else ()

    @property
    def instructions(self) -> str:
        return self.step.instructions if isinstance(self.step, ModelStep) else ""

    # What can be decided.

    @cached_property
    def kept(self) -> object:
        """The flagged output that a dismissal takes."""
        return self.flagged.output if self.flagged and self.flagged.has_output else ABSENT

    @cached_property
    def step_known(self) -> object:
        """What the step is most likely to answer: what holds now, what was kept, or what was said last."""
        held = [row.output for row in self.attempts if row.status == StepResult.Status.DONE and row.has_output]
        said = [row.output for row in reversed(self.attempts) if row.output is not None]
        return next(iter([*held, *([] if self.kept is ABSENT else [self.kept]), *said]), ABSENT)

    @cached_property
    def whole_known(self) -> object:
        definition = self.compiled.definition
        if self.flag.execution.output is not None:
            return self.flag.execution.output
        is_last = self.step is not None and definition.steps[-1].id == self.step.id and self.step.for_each is None
        return self.step_known if is_last and not definition.has_result else ABSENT

    @cached_property
    def choices(self) -> list[Choice]:
        """Those that would not be refused."""
        flag = self.flag
        of_list = self.step is not None and self.step.for_each is not None and flag.iteration is None
        possible = {
            STEP: flag.waiting and self.step is not None and not of_list,
            WHOLE: not self.is_review and (flag.waiting or flag.reason == Flag.Reason.SPOT_CHECK),
            DISMISS: not self.is_review and (not flag.waiting or self.kept is not ABSENT),
            RETRY: flag.waiting and not self.is_review,
            REDESIGN: flag.reason not in DESIGNED,
        }
        return [choice for choice in CHOICES if possible[choice.word]]

    @property
    def likely(self) -> str:
        """What is chosen to begin with, so that confirming takes one key. An output that fails a check is none to confirm."""
        words = [choice.word for choice in self.choices]
        if (DISMISS in words and self.flag.reason != Flag.Reason.CHECK_FAILED) or not self.flag.waiting:
            return DISMISS
        return words[0]
