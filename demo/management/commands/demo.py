"""`manage.py demo` (`make demo`): the whole loop as a story, on messages that ship with the project."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console

from config import environment
from demo import story
from demo.telling import Ended, Stuck, Telling
from executions.working import AnotherProcess, working
from gateway.prices import listed_price
from gateway.providers.registry import EVERYONES
from projects.schema import bring_up_to_date
from service.duties import DUTIES, PARTINGS
from wire.money import usd_text
from wire.problems import Problem

TYPICAL_PROMPT = 1000  # tokens


class Command(BaseCommand):
    help = (
        "Designs the ten-step support ticket, executes it on the demo's messages, mends it, and shows what that saved."
    )

    def handle(self, **options: object) -> None:
        console = Console(highlight=False)
        live, usd = environment.flag("LIVE"), environment.usd("BUDGET", "2.00")
        tiers = _priced_models() if live else story.SCRIPTED
        bring_up_to_date()
        project = story.establish(tiers)
        kind = "[bold red]LIVE: real calls, real money[/]" if live else "[bold yellow]SIMULATED: from a script[/]"
        console.print(f"\n[bold]Workflow Memory[/]: {project}  ({kind})")
        if live:
            story.limit(project, usd)
            console.print(f"It costs never more than {usd_text(usd)} USD.")
        telling = Telling(console, project, live)
        with _worker(console):
            try:
                telling.tell()
            except Ended as ended:
                console.print(f"\n{ended}", markup=False, soft_wrap=True)
            except Problem as problem:
                console.print(f"\nThe service refused it: {problem.detail}", markup=False, soft_wrap=True)
            except Stuck as stuck:
                raise CommandError(str(stuck)) from stuck
        if telling.workflow:
            story.print_report(console, telling.workflow)


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


@contextmanager
def _worker(console: Console) -> Iterator[None]:
    """A Celery worker of our own, or the one of the `make run` beside us."""
    try:
        with working(DUTIES, PARTINGS):
            yield
    except AnotherProcess:
        console.print(
            "`make run` is executing for this database; it does the work, with the SCRIPTS it was started with."
        )
        yield
