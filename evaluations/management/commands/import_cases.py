"""`manage.py import_cases NAME --project P FILE [--proposed] [--json]`: adds the cases of a file to a workflow, all or none."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from evaluations import case_files, cases
from evaluations.commands import workflow_named
from projects.schema import bring_up_to_date
from wire.problems import Problem

BY = "command:import_cases"
SHOWN = 100  # faults

HELP = """Adds the cases of a file to a workflow, all or none; every wrong line is named.

FILE ends in .jsonl: one JSON object a line, with the keys of a case in the API (kind, input, expected, …).
Or in .csv, with the columns kind, weight, tags (separated by spaces), note, and input and expected as JSON. Instead of
input and expected, columns such as input.message and expected.kind are fields with texts; an empty cell says nothing.

  import_cases refund --project shop cases.jsonl
  import_cases refund --project shop mailbox.csv --proposed
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *names: str, **options: object) -> CommandParser:
        parser = super().create_parser(*names, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("file", metavar="FILE", help="Cases: .jsonl or .csv.")
        parser.add_argument("--proposed", action="store_true", help="They count once somebody has confirmed them.")
        parser.add_argument("--json", action="store_true", help="One JSON object instead of a sentence.")

    def handle(self, *, name: str, project: str, file: str, proposed: bool, **options: object) -> None:
        bring_up_to_date()
        workflow = workflow_named(name, project)
        try:
            content = Path(file).read_bytes()
            with Console(stderr=True).status(f"Reading {file}") if sys.stderr.isatty() else _Quiet():
                added = case_files.take(workflow, file, content, BY, proposed=proposed)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except Problem as problem:
            raise CommandError(_complaint(problem)) from problem
        standing = cases.standing(workflow)
        if options["json"]:
            self.stdout.write(json.dumps({"added": len(added), **standing}))
            return
        more = f"{standing['confirmed']} count now, {standing['proposed']} are proposed"
        self.stdout.write(f"{name} in {project}: added {len(added)}; {more}. The set is {standing['hash']}.")


class _Quiet:
    """In a pipe nothing moves."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _complaint(problem: Problem) -> str:
    lines = [f"  {fault.pointer} {fault.detail}" for fault in problem.faults[:SHOWN]]
    if len(problem.faults) > SHOWN:
        lines.append(f"  and {len(problem.faults) - SHOWN} more")
    return "\n".join(["Nothing was imported:", *lines]) if lines else f"Nothing was imported: {problem.detail}"
