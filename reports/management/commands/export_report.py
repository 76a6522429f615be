"""`manage.py export_report --project P --table T --output FILE`: writes a table to a file."""

from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.baselines import Method
from projects.models import Project
from projects.schema import bring_up_to_date
from reports.exporting import export
from reports.files import KINDS
from reports.tables import table_of, wanted
from wire.problems import Problem

BY = "command:export_report"


class Command(BaseCommand):
    help = "Writes a table (days, workflows, versions, steps, models, executions, calls, flags, …) to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument("--workflow", help="Only this one; without it the whole project.")
        parser.add_argument("--table", required=True)
        parser.add_argument("--output", required=True, metavar="FILE")
        parser.add_argument("--format", choices=sorted(KINDS), help="By default as the file is named, else csv.")
        parser.add_argument("--since", type=date.fromisoformat, metavar="DAY", help="From this day on, in UTC.")
        parser.add_argument("--until", type=date.fromisoformat, metavar="DAY", help="Up to the day before this one.")
        parser.add_argument("--baseline", choices=Method.values, help="What figures compare with; the one in force.")
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--simulated", action="store_true", help="Of scripted and recorded models.")
        kind.add_argument("--real", action="store_true", help="By default, as soon as there is anything real.")

    def handle(self, *, project: str, table: str, output: str, **options: object) -> None:
        bring_up_to_date()
        owner = Project.objects.filter(name=project).first()
        if owner is None:
            raise CommandError(f"There is no project {project!r}.")
        given = {name: options[name] for name in ("since", "until", "baseline") if options[name]}
        if options["simulated"] or options["real"]:
            given["simulated"] = bool(options["simulated"])
        form = options["format"] or (Path(output).suffix[1:] if Path(output).suffix[1:] in KINDS else "csv")
        try:
            count = _write(owner, options["workflow"], table, given, str(form), Path(output))
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}.") from error
        self.stdout.write(f"{output}: {count} row{'' if count == 1 else 's'}.")


def _write(owner: Project, name: object, table: str, given: dict, form: str, output: Path) -> int:
    workflow = owner.workflows.filter(name=name).first() if name else None
    if name and workflow is None:
        raise CommandError(f"There is no workflow {name!r} in {owner.name}.")
    asked = table_of(table, workflow)
    made = export(asked, wanted(owner, workflow, asked, given), form, BY)
    with output.open("wb") as file:
        file.writelines(made.pieces)
    return made.count
