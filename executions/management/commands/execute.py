"""`manage.py execute NAME --project P --input file.jsonl --output out.jsonl`: a workflow on a file, resumable."""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from executions import files
from executions.files import FileError, Work
from executions.models import Worker
from projects.models import Project
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows.models import Publication, Version, Workflow

LOOK = 0.5  # seconds between two looks at what has ended
SILENT = 10.0  # seconds after which a missing worker is worth a word


class Command(BaseCommand):
    help = (
        "Executes a workflow on a file of inputs, one JSON value a line, and writes what came of each line. Interrupted, the same "
        "command goes on where it was: no line is executed twice. A worker has to run (`make run`)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("--input", required=True, type=Path, help="A file with one JSON value a line.")
        parser.add_argument(
            "--output", required=True, type=Path, help="Written at the end; OUTPUT.ids is kept until then."
        )
        parser.add_argument(
            "--workflow-version", help="Another version than the one that is live; a draft makes trials."
        )
        parser.add_argument("--json", action="store_true", help="The counts as one line of JSON.")

    def handle(self, *, name: str, project: str, workflow_version: str | None, **options: object) -> None:
        bring_up_to_date()
        version, publication = _chosen(project, name, workflow_version)
        try:
            work = files.begin(options["input"], options["output"], version)
            found = self._executed(work, version, publication)
            files.write_result(work)
        except (FileError, Problem) as error:
            raise CommandError(str(error) if isinstance(error, FileError) else error.detail) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. The same command goes on where this one was.") from None
        self._tell(work, found, as_json=bool(options["json"]))

    def _executed(self, work: Work, version: Version, publication: Publication | None) -> Counter[str]:
        """Accepts all and waits until nothing goes on by itself."""
        console = Console(stderr=True)
        with Progress(console=console, disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task("accepted", total=len(work.ids))
            for seen in files.submit(work, version, publication, actor="command:execute"):
                progress.update(bar, completed=seen)
            bar, silent = progress.add_task("done", total=len(work.ids)), time.monotonic() + SILENT
            while left := files.at_work(found := files.standing(work)):
                progress.update(bar, completed=len(work.ids) - left)
                if time.monotonic() > silent and not Worker.objects.alive().exists():
                    self.stderr.write("No worker lives: start one with `make run`.")
                    silent = time.monotonic() + 60
                time.sleep(LOOK)
            progress.update(bar, completed=len(work.ids))
        return found

    def _tell(self, work: Work, found: Counter[str], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(
                json.dumps({"output": str(work.result), "executions": len(work.ids), "by_status": dict(found)})
            )
            return
        said = ", ".join(f"{number} {status}" for status, number in sorted(found.items()))
        self.stdout.write(f"{work.result}: {said}.")
        if waits := found["escalated"] + found["review"]:
            self.stdout.write(f"{waits} wait for a person: give the same command again when they are decided.")


def _chosen(project: str, name: str, number: str | None) -> tuple[Version, Publication | None]:
    if not Project.objects.filter(name=project).exists():
        raise CommandError(f"There is no project {project!r}.")
    workflow = Workflow.objects.filter(project__name=project, name=name).select_related("live__version").first()
    if workflow is None:
        raise CommandError(f"The project {project} has no workflow {name!r}.")
    try:
        workflow.must_be_in_use()
    except Problem as problem:
        raise CommandError(problem.detail) from problem
    if number is None:
        if workflow.live is None:
            raise CommandError(
                f"{name} has no published version; publish one, or name a draft with --workflow-version."
            )
        return workflow.live.version, workflow.live
    version = workflow.versions.filter(number=number).first()
    if version is None:
        raise CommandError(f"{name} has no version {number!r}.")
    return version, version.publications.order_by("-pk").first()
