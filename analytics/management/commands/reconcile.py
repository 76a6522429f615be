"""`manage.py reconcile [--project NAME] [--rebuild] [--json]`: proves the reports against the ledger, or builds them anew.
`--usage FILE --provider NAME` compares the ledger with what a provider says.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from rich.console import Console
from rich.progress import Progress

from analytics.rebuilding import rebuild
from analytics.reconcile import Difference, checks, missing_triggers
from analytics.usage import export, imports, told
from analytics.usage.comparison import compare
from analytics.usage.models import UsageImport
from analytics.usage.representation import represent, represent_import
from gateway.providers.registry import provider_of
from projects.models import Project
from projects.schema import bring_up_to_date
from projects.targets import SIMULATED
from wire.problems import Problem

BY = "command:reconcile"


class Command(BaseCommand):
    help = (
        "Proves that ledger = daily cells + pending rows = summaries, for every workflow and day, to the last "
        "pico-dollar, and that no id dangles. With --usage it keeps what a provider says of its days, and compares that with "
        "the ledger. Names what differs, and exits 1 where anything does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", help="Only this one; all by default.")
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="First builds all cells anew from the ledger and the executions, a day at a time; reports stay exact.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of sentences.")
        parser.add_argument(
            "--usage", type=Path, metavar="FILE", help="The usage export of a provider; see --provider."
        )
        parser.add_argument("--provider", help="With --usage: whose export it is, as the ledger names it.")
        parser.add_argument(
            "--tolerance", type=int, help="With --usage: how many tokens of a kind are no difference; 0."
        )

    def handle(self, **options: object) -> None:
        """Raises `CommandError` with exit code 2 for what cannot be compared, and exits 1 where something differs."""
        try:
            self._run(**options)
        except KeyboardInterrupt:
            self._refuse("Interrupted: not everything was compared.", options)
        except CommandError as error:
            self._refuse(str(error), options)

    def _refuse(self, sentence: str, options: dict[str, object]) -> NoReturn:
        if options["json"]:
            self.stdout.write(json.dumps({"error": sentence}, ensure_ascii=False))
        raise CommandError(sentence, returncode=2) from None

    def _run(self, *, project: str | None, usage: Path | None, **options: object) -> None:
        if options["tolerance"] is not None and not usage:
            raise CommandError("--tolerance is of a comparison with --usage FILE and --provider NAME.")
        if options["rebuild"] and usage:
            raise CommandError("--rebuild builds cells, which --usage does not read: say one of them.")
        bring_up_to_date()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")  # it reads everything there is
        if usage or options["provider"]:
            self._compare(_project(project), usage, **options)
            return
        projects = [_project(project)] if project else list(Project.objects.order_by("name"))
        # Progress is for a person's eyes: it goes to a terminal's error output, and nowhere else.
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty(), transient=True) as progress:
            if options["rebuild"]:
                for one in projects:
                    _rebuild(one, progress)
            found = [*missing_triggers(), *(difference for one in projects for difference in _check(one, progress))]
        self._say(found, len(projects), options["json"])
        if found:
            raise SystemExit(1)

    def _compare(
        self, project: Project, usage: Path | None, *, provider: str | None, tolerance: int | None, **options: object
    ) -> None:
        """Keeps the file, and compares the days that it speaks of."""
        if not usage or not provider:
            raise CommandError("--usage FILE and --provider NAME go together.")
        tolerance = tolerance or 0
        if tolerance < 0:
            raise CommandError("A tolerance is a number of tokens, 0 or more.")
        _must_be_asked(project, provider)
        kept, new = _kept(project, provider, usage)
        found = compare(project, provider, kept.first_day, kept.last_day + timedelta(days=1), tolerance)
        if options["json"]:
            said = {
                "import": represent_import(kept),
                "new": new,
                **represent(found, lines=found.lines, costs=found.costs),
            }
            self.stdout.write(json.dumps(said, ensure_ascii=False))
        else:
            if not new:
                self.stdout.write(
                    f"This file was imported before, on {kept.imported_at:%Y-%m-%d} by {kept.imported_by}"
                )
            for sentence in told.sentences(found):
                self.stdout.write(sentence)
        if not found.agrees:
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
            told.many(len(found), "difference") if found else "ledger = cells + pending = summaries, and no id dangles"
        )
        self.stdout.write(f"{told.many(projects, 'project')}: {verdict}")


def _project(name: str | None) -> Project:
    if not name:
        raise CommandError("--usage is about one project: name it with --project.")
    found = Project.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no project {name!r}.")
    return found


def _must_be_asked(project: Project, provider: str) -> None:
    try:
        project.must_know(provider)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    if provider_of(project.pk, provider).endpoint.protocol in SIMULATED:
        raise CommandError(f"{provider} is simulated: nobody is paid, so there is no export of it.")


def _kept(project: Project, provider: str, file: Path) -> tuple[UsageImport, bool]:
    """The import, and whether it is new."""
    try:
        return imports.keep(project, provider, export.read(file), BY)
    except Problem as problem:
        raise CommandError(" ".join([problem.detail, *(one.detail for one in problem.faults[:1])])) from problem
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def _rebuild(project: Project, progress: Progress) -> None:
    task = progress.add_task(f"{project.name}: building anew", total=None)
    for done, steps in rebuild(project):
        progress.update(task, completed=done, total=steps)


def _check(project: Project, progress: Progress) -> Iterator[Difference]:
    steps = checks(project)
    for check in progress.track(steps, description=f"{project.name}: comparing"):
        yield from check()
