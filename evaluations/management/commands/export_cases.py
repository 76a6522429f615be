"""`manage.py export_cases NAME --project P FILE [--proposed]`: writes the cases of a workflow, for import_cases."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evaluations import case_files
from evaluations.commands import workflow_named
from evaluations.models import Case, set_hash
from projects import audit
from projects.audit import Verb
from projects.schema import bring_up_to_date
from wire.problems import Problem

BY = "command:export_cases"


class Command(BaseCommand):
    help = (
        "Writes the confirmed cases of a workflow to a file, oldest first: .jsonl (one JSON object a line) or .csv. What "
        "import_cases reads of it is the same set, with the same hash."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("file", metavar="FILE", help="Written anew if it is there.")
        parser.add_argument("--proposed", action="store_true", help="The proposed ones too, marked as such.")

    def handle(self, *, name: str, project: str, file: str, proposed: bool, **options: object) -> None:
        bring_up_to_date()
        workflow = workflow_named(name, project)
        states = [Case.State.CONFIRMED, *([Case.State.PROPOSED] if proposed else [])]
        rows = list(workflow.cases.filter(state__in=states).order_by("pk"))
        try:
            text = case_files.write(file, rows)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        # Before it leaves: what goes out is written down, also where nobody takes it.
        told = {"cases": len(rows), "hash": set_hash(case.content_hash for case in rows)}
        audit.record(workflow.project_id, BY, Verb.EXPORTED, workflow, **told)
        try:
            Path(file).write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {len(rows)} case{'' if len(rows) == 1 else 's'} of {name} to {file}.")
