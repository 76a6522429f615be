"""`manage.py demo` (`make demo`): the main job as a story, on messages that ship with the project."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import environment
from demo import story
from demo.budget import Budget, unpriced
from executions.working import AnotherProcess, working
from projects.schema import bring_up_to_date
from workflows.models import Workflow

PATIENCE = 600  # seconds without any progress


class Command(BaseCommand):
    help = "Stores the ten-step support ticket, executes it on the demo's messages, and shows what that saved."

    def handle(self, **options: object) -> None:
        console = Console(highlight=False)
        live, usd = environment.flag("LIVE"), environment.usd("BUDGET", "2.00")
        tiers = _priced_models() if live else story.SCRIPTED
        bring_up_to_date()
        workflow, messages = story.establish(tiers), story.messages()
        kind = "[bold red]LIVE: real calls, real money[/]" if live else "[bold yellow]SIMULATED: from a script[/]"
        console.print(f"\n[bold]Workflow Memory[/]: {workflow} {workflow.live.version.number}  ({kind})")
        console.print(story.steps_table(workflow.live))
        budget = Budget(workflow, usd) if live else None
        if budget:
            console.print(budget.estimate(len(messages)))
        with _worker(console):
            self._execute(console, workflow, messages, budget)
        story.print_report(console, workflow)

    def _execute(self, console: Console, workflow: Workflow, messages: list[dict], budget: Budget | None) -> None:
        waiting = iter(messages)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("executing", total=len(messages))
            done, moved, exhausted = 0, time.monotonic(), False
            while not exhausted or done < story.executions(workflow).count():
                exhausted = exhausted or _feed(workflow, waiting, budget)
                before, done = done, story.executions(workflow).filter(status__in=story.STANDING).count()
                progress.update(bar, completed=done)
                if done != before:
                    moved = time.monotonic()
                elif time.monotonic() - moved > PATIENCE:
                    raise CommandError("Nothing has moved for ten minutes; is the model's provider reachable?")
                time.sleep(0.1)
        if budget and done < len(messages):
            console.print(f"Stopped after {done} of {len(messages)} messages: the budget does not cover another one.")


def _priced_models() -> dict[str, tuple[str, str]]:
    """The models of the environment. All of them are real, and have a price: without one no budget could hold."""
    tiers = settings.DEFAULT_TIERS
    if any(provider == "scripted" for provider, _ in tiers.values()):
        raise CommandError("LIVE=1 needs models to call: set ANTHROPIC_API_KEY, and MODEL_CHEAP and so on if you like.")
    for tier in unpriced(tiers):
        name = ":".join(tiers[tier])
        raise CommandError(
            f"LIVE=1: {name} has no price, so no budget could hold; set MODEL_{tier.upper()} to another."
        )
    return tiers


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
        with working():
            yield
    except AnotherProcess:
        console.print(
            "`make run` is executing for this database; it does the work, with the SCRIPTS it was started with."
        )
        yield
