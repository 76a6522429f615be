"""`manage.py demo` (`make demo`): the main job as a story, on messages that ship with the project."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo import story
from demo.budget import Budget
from executions.embedded import AnotherProcess, embedded_worker
from executions.models import Execution, Status
from projects.schema import bring_up_to_date
from workflows.models import Workflow

STANDING = (Status.COMPLETED, Status.ESCALATED, Status.FAILED, Status.CANCELLED)
PATIENCE = 600  # seconds without any progress


class Command(BaseCommand):
    help = "Stores the ten-step support ticket, executes it on the demo's messages, and shows what that saved."

    def handle(self, **options: object) -> None:
        console = Console(highlight=False)
        live = os.environ.get("LIVE") == "1"
        bring_up_to_date()
        workflow = story.establish(settings.DEFAULT_TIERS if live else story.SCRIPTED)
        messages = story.messages()
        kind = (
            "[bold red]LIVE: real calls, real money[/]" if live else "[bold yellow]SIMULATED: answers from a script[/]"
        )
        console.print(f"\n[bold]Workflow Memory[/]: {workflow} {workflow.live.version.number}  ({kind})")
        console.print(story.steps_table(workflow.live))
        budget = self._budget(console, workflow, len(messages)) if live else None
        with _worker(console):
            self._execute(console, workflow, messages, budget)
        story.print_report(console, workflow)

    def _budget(self, console: Console, workflow: Workflow, count: int) -> Budget:
        """The estimate is printed before anything is paid."""
        if any(target.startswith("scripted:") for target in workflow.live.tier_map.values()):
            raise CommandError(
                "LIVE=1 needs models to call: set ANTHROPIC_API_KEY, and MODEL_CHEAP and so on if you like."
            )
        budget = Budget(workflow, Decimal(os.environ.get("BUDGET", "2.00")))
        console.print(budget.estimate(count))
        return budget

    def _execute(self, console: Console, workflow: Workflow, messages: list[dict], budget: Budget | None) -> None:
        waiting = iter(messages)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("executing", total=len(messages))
            done, moved, exhausted = 0, time.monotonic(), False
            while not exhausted or done < Execution.objects.filter(workflow=workflow).count():
                exhausted = exhausted or _feed(workflow, waiting, budget)
                before, done = done, Execution.objects.filter(workflow=workflow, status__in=STANDING).count()
                progress.update(bar, completed=done)
                if done != before:
                    moved = time.monotonic()
                elif time.monotonic() - moved > PATIENCE:
                    raise CommandError("Nothing has moved for ten minutes; is the model's provider reachable?")
                time.sleep(0.1)
        if budget and done < len(messages):
            console.print(f"Stopped after {done} of {len(messages)} messages: the budget does not cover another one.")


def _feed(workflow: Workflow, waiting: Iterator[dict], budget: Budget | None) -> bool:
    """Submits what may be submitted now; says whether there is nothing more to come."""
    while True:
        if budget and not budget.covers_another():
            return not budget.in_flight()
        message = next(waiting, None)
        if message is None:
            return True
        story.submit(workflow, message)


@contextmanager
def _worker(console: Console) -> Iterator[None]:
    """A Celery worker of our own, or the one of the `make run` beside us."""
    try:
        with embedded_worker():
            yield
    except AnotherProcess:
        console.print("`make run` is executing for this database; it does the work.")
        yield
