"""What the commands have in common that begin something which workers do: which workflow and version, money, and waiting for it."""

import json
import sys
import time
from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model, QuerySet
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import Progress

from executions.models import Worker
from projects.models import Project
from projects.schema import bring_up_to_date
from wire.bodies import Usd
from wire.money import pico_text, to_pico
from wire.problems import Problem
from workflows.models import Version, Workflow

LOOK = 0.5  # seconds between two looks
SILENT = 10.0  # seconds after which a missing worker is worth a word
SHOWN = 20  # faults
USD = TypeAdapter(Usd)


class Job(ABC, BaseCommand):
    """Says what something may cost, begins it, waits until the workers have done it, and tells what came. It is a row with a
    `status`, one of which is running."""

    kind: str  # what sentences call it
    counted: str  # what its progress counts
    named = "The workflow."
    budget: int | None = None  # pico-dollars, where nothing is said

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=self.named)
        parser.add_argument("--project", required=True, help="Whose it is.")
        usual = f" {pico_text(self.budget)} where nothing is said." if self.budget else ""
        parser.add_argument("--budget", help=f"USD, of everything together; it stops where that has no room.{usual}")
        parser.add_argument("--estimate", action="store_true", help="Say what it would cost, and begin nothing.")
        parser.add_argument("--follow", type=UUID, metavar="ID", help="One that was begun before.")
        parser.add_argument("--json", action="store_true", help="What came of it as one line of JSON.")

    def handle(self, *, name: str, project: str, **options: Any) -> None:
        bring_up_to_date()
        options["budget"] = self.budget if options["budget"] is None else _pico(options["budget"])
        whose, row = self.whose(name, project), None
        try:
            row = self._followed(whose, options["follow"]) if options["follow"] else self.begun(whose, options)
            if row is None:
                return
            self._wait(row)
        except Problem as problem:
            raise complaint(problem) from problem
        except KeyboardInterrupt:
            later = f"It goes on by itself; see it again with --follow {row.pk}." if row else "Nothing was begun."
            raise CommandError(later) from None
        if options["json"]:
            self.stdout.write(json.dumps(self.represent(row)))
        elif row.status == row.Status.COMPLETED:
            self.show(row)
        self.judge(row)

    def whose(self, name: str, project: str) -> Workflow | Project:
        return workflow_named(name, project)

    @abstractmethod
    def rows(self, whose: Any) -> QuerySet:
        """Among which one can be followed."""

    @abstractmethod
    def begun(self, whose: Any, options: dict) -> Model | None:
        """None: only the estimate was asked for. The budget among the options is in pico-dollars. Raises `Problem`."""

    @abstractmethod
    def far(self, row: Any) -> tuple[int, int | None]:
        """How many of how many are done, the latter None where nobody knows."""

    @abstractmethod
    def represent(self, row: Any) -> dict:
        """As the API shows it."""

    @abstractmethod
    def show(self, row: Any) -> None:
        """Of one that is completed."""

    @abstractmethod
    def judge(self, row: Any) -> None:
        """Raises `CommandError` where it came to nothing good."""

    @property
    def console(self) -> Console:
        return Console(file=self.stdout, width=None if sys.stdout.isatty() else 120)

    def _followed(self, whose: Workflow | Project, pk: UUID) -> Model:
        row = self.rows(whose).filter(pk=pk).first()
        if row is None:
            raise CommandError(f"{whose.name} has no {self.kind} {pk}.")
        return row

    def _wait(self, row: Any) -> None:
        silent = time.monotonic() + SILENT
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
            bar = bars.add_task(self.counted, total=None)
            while True:
                done, total = self.far(row)
                bars.update(bar, completed=done, total=total)
                if row.status != row.Status.RUNNING:
                    return
                if time.monotonic() > silent and not Worker.objects.alive().exists():
                    self.stderr.write("No worker lives: start one with `make run`.")
                    silent = time.monotonic() + 60
                time.sleep(LOOK)
                row.refresh_from_db()


def project_named(name: str) -> Project:
    """Raises `CommandError`."""
    project = Project.objects.filter(name=name).first()
    if project is None:
        raise CommandError(f"There is no project {name!r}.")
    return project


def workflow_named(name: str, project: str) -> Workflow:
    """Raises `CommandError` that says which there are."""
    rows = Workflow.objects.filter(project=project_named(project)).select_related("project", "live__version")
    if (workflow := rows.filter(name=name).first()) is None:
        known = rows.order_by("name").values_list("name", flat=True)[:20]
        raise CommandError(f"There is no workflow {name!r} in {project}; there are {', '.join(known) or 'none'}.")
    return workflow


def version_of(workflow: Workflow, number: str | None) -> Version:
    """The newest, where none is named. Raises `CommandError`."""
    versions = workflow.versions.select_related("workflow__project")
    version = versions.filter(number=number).first() if number else versions.order_by("-pk").first()
    if version is None:
        raise CommandError(
            f"{workflow.name} has no version {number!r}." if number else f"{workflow.name} has no version."
        )
    return version


def _pico(text: str) -> int:
    try:
        return to_pico(USD.validate_python(text))
    except ValidationError:
        raise CommandError(f"--budget {text}: an amount in USD, such as 2.50.") from None


def complaint(problem: Problem) -> CommandError:
    lines = [f"  {fault.pointer} {fault.detail}" for fault in problem.faults[:SHOWN]]
    return CommandError("\n".join([problem.detail, *lines]))
