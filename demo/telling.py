"""The story as it is told in a terminal: each chapter begins something, waits for it, and says what came of it."""

import time
from collections.abc import Callable, Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo import loop, story
from designs import designing, spending
from designs.models import Design
from evaluations import asking
from evaluations.models import Evaluation
from executions.models import Execution, Status
from projects.models import Project
from wire.money import to_usd
from workflows.models import Version, Workflow

PATIENCE = 600  # seconds without any progress
AT_ONCE = 8  # messages of a live demo: where its budget ends, few are left that were begun
PAUSE = 0.1


class Ended(Exception):
    """The story ends here, and why, in a sentence."""


class Stuck(Exception):
    """Nothing has moved for a long time."""


class Telling:
    """`live`: on real models, so each part is estimated before it begins. `workflow` is there as soon as it is designed."""

    def __init__(self, console: Console, project: Project, live: bool) -> None:
        self.console, self.project, self.live = console, project, live
        self.workflow: Workflow | None = None

    def tell(self) -> None:
        """Raises `Ended` where it cannot go on, and `Problem`."""
        ready = loop.ready_to_design(self.project)
        if self.live:
            expected = loop.cost_of_designing(ready)
            self.say(
                f"Expected: about {_usd(expected.expected)} USD for the design; what follows is estimated behind it."
            )
        version = self.design(ready)
        self.console.print(story.steps_table(version))
        self.prove_and_publish(version)
        story.state_baseline(self.workflow)
        self.execute(story.messages())
        self.console.print(*story.outcome_tables(self.workflow))
        self.redesign()
        after = self.execute(story.messages("later"))
        self.say(
            f"\n[bold]A week later[/]: {len(after)} more messages in other languages, {story.flagged(after)} of them flagged.\n"
        )

    def design(self, ready: designing.Ready) -> Version:
        design = loop.design(ready)
        self.workflow = design.workflow
        self.say("\n[bold]The frontier designs it[/], once, and the service checks what it wrote:")
        version = self.draft_of(design)
        proposed = self.workflow.cases.count()
        self.say(f"{version} with {proposed} cases for {_usd(spending.spent(design))} USD.")
        return version

    def draft_of(self, design: Design) -> Version:
        told = 0
        for _ in self.moving(lambda: (_status(design), design.rounds.exclude(finished_at=None).count())):
            several = list(design.rounds.exclude(finished_at=None).order_by("number"))
            for one in several[told:]:
                self.say(f"  round {one.number}: {_of_round(one.faults)}", markup=False)
            told = len(several)
            if design.status != Design.Status.RUNNING:
                break
            self.must_have_budget(design.said)
        if design.draft is None:
            raise Ended(design.said or f"The {design.kind} is {design.status}.")
        return design.draft

    def prove_and_publish(self, version: Version) -> None:
        """A person stands for the cases: here the demo does. The gate wants evidence of the version."""
        count = loop.confirm_cases(self.workflow)
        self.say(f"\n[bold]A person confirms[/] {count} cases (here the demo does); the gate asks for a proof:")
        loop.state_gate(self.workflow)
        ready = loop.ready_to_evaluate(version)
        if self.live:
            expected = asking.estimate(ready).expected
            self.say(f"Expected: about {_usd(expected)} USD for {ready.evaluation.total} executions of cases.")
        evaluation = loop.evaluate(ready)
        for _ in self.moving(lambda: (_status(evaluation), evaluation.results.exclude(finished_at=None).count())):
            if evaluation.status != Evaluation.Status.RUNNING:
                break
            self.must_have_budget("")
        if not evaluation.passed:
            raise Ended(_why_not(evaluation))
        self.say(_of_evaluation(evaluation))
        publication = loop.publish(version)
        self.workflow.refresh_from_db()
        self.say(f"{version} is live, on evidence: {publication.evidence}.")

    def redesign(self) -> None:
        several = loop.groups(self.workflow)
        chosen = loop.of_the_gap(several)
        if not chosen:
            raise Ended("Nothing was flagged for its language, so there is nothing to redesign.")
        self.console.print(story.groups_table(several, chosen))
        self.say(f"[bold]A person says what is right[/]: {loop.NOTE}\nThe frontier patches what is live:")
        ready = loop.ready_to_redesign(self.workflow, chosen)
        if self.live:
            self.say(f"Expected: about {_usd(loop.cost_of_redesigning(ready).expected)} USD for the redesign.")
        design = loop.redesign(ready)
        version = self.draft_of(design)
        for change in design.answer["changes"]:
            self.say(f"  {change['op']} {change['path']}: {change['why']}", markup=False)
        self.say(f"{version} for {_usd(spending.spent(design))} USD.")
        self.prove_and_publish(version)
        again = Execution.objects.filter(workflow=self.workflow, version=version, rerun_of__isnull=False)
        for _ in self.moving(lambda: self.stand(again)):
            if sum(self.stand(again)) == again.count():
                break
        left = again.filter(status=Status.ESCALATED).count()
        self.say(
            f"It closes {len(version.resolves)} flags. Executed again: {again.count()} that waited; {left} of that waits still."
        )

    def execute(self, messages: list[dict]) -> list[Execution]:
        """Those of these messages. Raises `Ended` where the budget does."""
        live, total = self.workflow.live.version, len(messages)
        if self.live:
            expected = story.expected_cost(live, messages)
            self.say(f"\nExpected: about {_usd(expected)} USD for {total} messages.")
        waiting, begun = iter(messages), []
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as progress:
            bar, exhausted = progress.add_task("executing", total=total), False
            for done, parked in self.moving(lambda: self.stand(begun)):
                progress.update(bar, completed=done)
                exhausted = exhausted or self.feed(waiting, begun, done, parked)
                if exhausted and done + parked == len(begun):
                    break
        if parked:
            self.say(f"{parked} more wait for a higher budget: raise it in the admin, then make run.")
            raise Ended(f"Stopped after {done} of {total} messages: the budget does not cover another call.")
        return begun

    def feed(self, waiting: Iterator[dict], begun: list[Execution], done: int, parked: int) -> bool:
        """Submits what may be submitted now; whether nothing more will be: there is none, or the budget is used up."""
        if parked:
            return True
        room = AT_ONCE - len(begun) + done if self.live else len(story.messages())
        for _ in range(room):
            message = next(waiting, None)
            if message is None:
                return True
            begun.append(story.submit(self.workflow, message))
        return False

    def stand(self, begun: Iterable[Execution]) -> tuple[int, int]:
        """How many of them do not move any more: for good, and until the budget is raised."""
        rows = Execution.objects.filter(pk__in=[one.pk for one in begun])
        return rows.filter(status__in=story.STANDING).count(), story.parked(rows).count()

    def must_have_budget(self, said: str) -> None:
        """Raises `Ended` where something waits for the budget of the project."""
        rows = Execution.objects.filter(workflow=self.workflow)
        if story.parked(rows).exists() or "budget" in said:
            raise Ended("Stopped: the budget does not cover another call.")

    def moving(self, look: Callable[[], tuple]) -> Iterator[tuple]:
        """What is seen, again and again. Raises `Stuck` where it has not changed for a long time."""
        seen, moved = None, time.monotonic()
        while True:
            before, seen = seen, look()
            if seen != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE:
                raise Stuck("Nothing has moved for ten minutes; is the model's provider reachable?")
            yield seen
            time.sleep(PAUSE)

    def say(self, text: str, *, markup: bool = True) -> None:
        self.console.print(text, markup=markup)


def _status(row: Design | Evaluation) -> str:
    row.refresh_from_db()
    return row.status


def _of_round(faults: list[dict]) -> str:
    if not faults:
        return "it holds."
    first, more = faults[0], len(faults) - 1
    return f"{first['pointer']}: {first['detail']}{f' (and {more} more)' if more else ''} It goes back."


def _of_evaluation(evaluation: Evaluation) -> str:
    arm = evaluation.figures["arms"]["candidate"]
    right, caught = arm["quality"], arm["escalation_recall"]
    other = evaluation.incumbent.version.number if evaluation.incumbent else "the frontier"
    said = f"Right in {right['count']} of {right['n']}, flagged {caught['count']} of {caught['n']} that should be"
    return f"{said}: passed against {other}."


def _why_not(evaluation: Evaluation) -> str:
    if evaluation.status == Evaluation.Status.WAITING:
        return "Stopped: the budget does not cover another call."
    reasons = " ".join((evaluation.figures or {}).get("verdict", {}).get("reasons", ()))
    return f"It did not prove itself, so it does not go live. {reasons}"


def _usd(pico: int | None) -> str:
    """Rounded for reading."""
    return "an unknown number of" if pico is None else f"{to_usd(pico):.2f}"
