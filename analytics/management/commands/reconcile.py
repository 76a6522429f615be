"""`manage.py reconcile [--project NAME] [--rebuild] [--json]`: proves the reports against the ledger, or builds them anew."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from rich.console import Console
from rich.progress import Progress

from analytics.rebuilding import rebuild
from analytics.reconcile import Difference, checks, missing_triggers
from projects.models import Project
from projects.schema import bring_up_to_date


class Command(BaseCommand):
    help = (
        "Proves that ledger = daily cells + pending rows = summaries, for every workflow and day, to the last "
        "pico-dollar, and that no id dangles. Names what differs, and exits 1 where anything does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="Only this one; all by default.")
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="First builds all cells anew from the ledger and the executions, a day at a time; reports stay exact.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of sentences.")

    def handle(self, *, project: str | None, **options: bool) -> None:
        bring_up_to_date()
        projects = Project.objects.order_by("name")
        if project:
            projects = projects.filter(name=project)
            if not projects:
                raise CommandError(f"There is no project {project!r}.")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")  # it reads everything there is
        # Progress is for a person's eyes: it goes to a terminal's error output, and nowhere else.
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty(), transient=True) as progress:
            if options["rebuild"]:
                for one in projects:
                    _rebuild(one, progress)
            found = [*missing_triggers(), *(difference for one in projects for difference in _check(one, progress))]
        self._say(found, len(projects), options["json"])
        if found:
            raise SystemExit(1)

    def _say(self, found: list[Difference], projects: int, as_json: bool) -> None:
        if as_json:
            said = {"projects": projects, "differences": [asdict(one) for one in found]}
            self.stdout.write(json.dumps(said, default=str, ensure_ascii=False))
            return
        for one in found:
            about = ", ".join(f"{name} {value}" for name, value in one.about.items())
            self.stdout.write(f"{one.where}: {one.figure} of {about} is {one.found}, the ledger says {one.ledger}")
        verdict = (
            _many(len(found), "difference") if found else "ledger = cells + pending = summaries, and no id dangles"
        )
        self.stdout.write(f"{_many(projects, 'project')}: {verdict}")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _rebuild(project: Project, progress: Progress) -> None:
    task = progress.add_task(f"{project.name}: building anew", total=None)
    for done, steps in rebuild(project):
        progress.update(task, completed=done, total=steps)


def _check(project: Project, progress: Progress) -> Iterator[Difference]:
    steps = checks(project)
    for check in progress.track(steps, description=f"{project.name}: comparing"):
        yield from check()
