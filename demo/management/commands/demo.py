"""`manage.py demo` (`make demo`): the main job as a story, on messages that ship with the project."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import environment
from demo import story
from executions.working import AnotherProcess, working
from gateway.prices import listed_price
from gateway.providers.registry import EVERYONES
from projects.schema import bring_up_to_date
from wire.money import usd_text
from workflows.models import Workflow

PATIENCE = 600  # seconds without any progress
AT_ONCE = 8  # messages of a live demo: where its budget ends, few are left that were begun
TYPICAL_PROMPT = 1000  # tokens


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
        if live:
            count, expected = len(messages), story.expected_cost(workflow)
            limit = f"never more than {usd_text(usd)} USD"
            console.print(f"Expected: about {expected:.2f} USD for {count} messages; {limit}.")
            story.limit(workflow, usd)
        with _worker(console):
            self._execute(console, workflow, messages, AT_ONCE if live else len(messages))
        story.print_report(console, workflow)

    def _execute(self, console: Console, workflow: Workflow, messages: list[dict], at_once: int) -> None:
        waiting = iter(messages)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("executing", total=len(messages))
            stand, moved, exhausted = (0, 0), time.monotonic(), False
            while not exhausted or sum(stand) < story.executions(workflow).count():
                exhausted = exhausted or _feed(workflow, waiting, at_once)
                before, stand = stand, _stand(workflow)
                progress.update(bar, completed=stand[0])
                if stand != before:
                    moved = time.monotonic()
                elif time.monotonic() - moved > PATIENCE:
                    raise CommandError("Nothing has moved for ten minutes; is the model's provider reachable?")
                time.sleep(0.1)
        done, parked = stand
        if parked:
            console.print(f"Stopped after {done} of {len(messages)} messages: the budget does not cover another call.")
            console.print(f"{parked} more wait for a higher budget: raise it in the admin, then make run.")


def _stand(workflow: Workflow) -> tuple[int, int]:
    """How many do not move any more: for good, and until the budget is raised."""
    return story.executions(workflow).filter(status__in=story.STANDING).count(), story.parked(workflow).count()


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


def unpriced(tiers: dict[str, tuple[str, str]]) -> list[str]:
    """The tiers whose model has no price, so that nothing bounds what its calls cost."""
    now = timezone.now()
    prices = {
        tier: listed_price(EVERYONES[provider].price_list, model, now, TYPICAL_PROMPT)
        for tier, (provider, model) in tiers.items()
    }
    return [tier for tier, price in prices.items() if price is None or None in (price.input, price.output)]


def _feed(workflow: Workflow, waiting: Iterator[dict], at_once: int) -> bool:
    """Submits what may be submitted now; says whether nothing more will be: there is none, or the budget is used up."""
    done, parked = _stand(workflow)
    if parked:
        return True
    for _ in range(at_once - story.executions(workflow).count() + done):
        message = next(waiting, None)
        if message is None:
            return True
        story.submit(workflow, message)
    return False


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
