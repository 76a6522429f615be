"""`manage.py export_workflow NAME --project P [--versions 1.0.0,1.1.0] [--output FILE] [--json]`: a workflow as one document."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects import audit
from projects.audit import Verb
from projects.models import Project
from projects.schema import bring_up_to_date
from wire import strict_yaml
from wire.problems import Problem
from workflows.models import Workflow
from workflows.transfer import exported

BY = "command:export_workflow"
HEAD = (
    "# A workflow, as `manage.py export_workflow` wrote it. `manage.py import_workflow` takes it to another project.\n"
)


class Command(BaseCommand):
    help = (
        "Writes a workflow as YAML, for import_workflow: its versions with their definitions, design context and changelog, the "
        "baselines that were stated, and which version is live. No executions, no keys, no budgets."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow's name.")
        parser.add_argument("--project", required=True, help="The project's name.")
        parser.add_argument(
            "--versions",
            default="",
            metavar="NUMBERS",
            help="Only these, comma-separated, as in 1.0.0,1.1.0; all by default.",
        )
        parser.add_argument(
            "--output", metavar="FILE", help="The file to write, anew if it is there; else standard output."
        )
        parser.add_argument("--json", action="store_true", help="JSON instead of YAML; import_workflow takes both.")

    def handle(self, *, name: str, project: str, versions: str, output: str | None, **options: object) -> None:
        bring_up_to_date()
        workflow = Workflow.objects.filter(project__name=project, name=name).select_related("live__version").first()
        if workflow is None:
            raise CommandError(_absent(name, project))
        try:
            document = exported(workflow, [one.strip() for one in versions.split(",") if one.strip()])
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        # Before it leaves: what goes out is written down, also where nobody takes it.
        told = {"versions": [one["version"] for one in document["versions"]]}
        audit.record(workflow.project_id, BY, Verb.EXPORTED, workflow, **told)
        text = _written(document, bool(options["json"]))
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        count = len(document["versions"])
        self.stderr.write(f"Wrote {count} version{'' if count == 1 else 's'} of {name} to {output}.")


def _written(document: dict, as_json: bool) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else HEAD + strict_yaml.dumps(document)


def _absent(name: str, project: str) -> str:
    if not Project.objects.filter(name=project).exists():
        return f"There is no project {project!r}."
    known = Workflow.objects.filter(project__name=project).order_by("name").values_list("name", flat=True)[:20]
    return f"There is no workflow {name!r} in {project}; there are {', '.join(known) or 'none'}."
