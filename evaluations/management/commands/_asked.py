"""What the commands have in common that begin something which workers do: a version, money, and waiting for it."""

import sys
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from django.core.management.base import CommandError, OutputWrapper
from django.db import models
from rich.console import Console
from rich.progress import Progress

from executions.estimates import Estimate
from executions.models import Worker
from wire.money import to_pico, to_usd, usd_text
from workflows.models import Version, Workflow

LOOK = 0.5  # seconds between two looks
SILENT = 10.0  # seconds after which a missing worker is worth a word


def version_of(workflow: Workflow, number: str | None) -> Version:
    """The newest, where none is named. Raises `CommandError`."""
    versions = workflow.versions.select_related("workflow__project")
    version = versions.filter(number=number).first() if number else versions.order_by("-pk").first()
    if version is None:
        raise CommandError(
            f"{workflow.name} has no version {number!r}." if number else f"{workflow.name} has no version."
        )
    return version


def budget_of(text: str | None) -> int | None:
    """Pico-dollars."""
    try:
        return None if text is None else to_pico(Decimal(text))
    except InvalidOperation:
        raise CommandError(f"--budget {text}: an amount in USD, such as 2.50.") from None


def in_words(found: Estimate, *, simulated: bool) -> str:
    cost = "unknown: a model has no price" if found.expected is None else f"{usd_text(to_usd(found.expected))} USD"
    return f"expected cost {cost}{', simulated' if simulated else ''}."


def wait(row: models.Model, what: str, far: Callable[[], tuple[int, int | None]], stderr: OutputWrapper) -> None:
    """Until this row, which has a `status`, runs no more. `far`: how many of how many are done, the latter None where nobody
    knows."""
    silent = time.monotonic() + SILENT
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(what, total=None)
        while True:
            done, total = far()
            bars.update(bar, completed=done, total=total)
            if row.status != row.Status.RUNNING:
                return
            if time.monotonic() > silent and not Worker.objects.alive().exists():
                stderr.write("No worker lives: start one with `make run`.")
                silent = time.monotonic() + 60
            time.sleep(LOOK)
            row.refresh_from_db()
