"""`manage.py design NAME --project P --task TEXT`: has the frontier design a workflow; estimate before, draft behind."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from designs import brief, designing, example_files
from designs.designing import Asked
from designs.models import Design
from evaluations.management.commands._asked import budget_of
from projects.models import Project
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows import skills

from ._told import complaint, estimate, follow, tell

BY = "command:design"

HELP = """Has the project's frontier model design a workflow: a draft with its cases, checked until it holds. A worker has to run
(`make run`). Interrupted, it goes on: --follow shows it again.

  design refund --project shop --task "Decide customer refund requests" --policy refunds.md --examples past.jsonl
  design refund --project shop --task @task.md --requirement "None after 30 days" --estimate
  design refund --project shop --skill skills/refund
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *names: str, **options: object) -> CommandParser:
        parser = super().create_parser(*names, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the workflow is called, or is to be.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("--task", help="What is to be done, in plain words; @FILE reads them from a file.")
        parser.add_argument("--requirement", action="append", default=[], help="What has to hold; once for each.")
        parser.add_argument("--constraint", action="append", default=[], help="What must not be; once for each.")
        parser.add_argument("--policy", action="append", default=[], metavar="FILE", help="A text with its clauses.")
        parser.add_argument("--document", metavar="FILE", help="A Markdown text that says how it is done today.")
        parser.add_argument("--skill", metavar="DIR", help="A folder with a SKILL.md, instead of a document.")
        parser.add_argument("--examples", metavar="FILE", help="Past ones: .jsonl or .csv with input, and output.")
        parser.add_argument("--per-month", type=int, metavar="N", help="How many executions a month are expected.")
        parser.add_argument(
            "--model", default="", metavar="PROVIDER:MODEL", help="Who designs; by default the frontier."
        )
        parser.add_argument("--rounds", type=int, default=4, choices=range(1, designing.MAX_ROUNDS + 1), metavar="1-10")
        parser.add_argument("--budget", help="USD; it stops where that has no room. 5 where nothing is said.")
        parser.add_argument("--estimate", action="store_true", help="Say what it would cost, and begin nothing.")
        parser.add_argument("--follow", type=UUID, metavar="ID", help="One that was begun before.")
        parser.add_argument("--json", action="store_true", help="What came of it as one line of JSON.")

    def handle(self, *, name: str, project: str, **options: object) -> None:
        bring_up_to_date()
        try:
            design = self._begun(name, _project(project), options)
            if design is None:
                return
            follow(design, self.stderr)
        except Problem as problem:
            raise complaint(problem) from problem
        except KeyboardInterrupt:
            raise CommandError(f"It goes on by itself; see it again with --follow {design.pk}.") from None
        tell(design, self.stdout, as_json=bool(options["json"]))

    def _begun(self, name: str, project: Project, options: dict) -> Design | None:
        if options["follow"]:
            found = Design.objects.filter(project=project, pk=options["follow"]).first()
            if found is None:
                raise CommandError(f"{project.name} has no design {options['follow']}.")
            return found
        ready = designing.examine(_asked(name, project, options), BY)
        self.stderr.write(estimate(ready.design, designing.request(ready.design, [])))
        return None if options["estimate"] else designing.begin(ready)


def _asked(name: str, project: Project, options: dict) -> Asked:
    said = {
        "task": _task(options["task"]),
        "requirements": options["requirement"],
        "constraints": options["constraint"],
        "policies": [{"name": Path(path).name, "text": _text(path)} for path in options["policy"]],
        "document": _text(options["document"]) if options["document"] else "",
        "executions_per_month": options["per_month"],
    }
    if options["skill"]:
        skill = skills.read(Path(options["skill"]))
        said |= {"document": skill.text, "files": skill.files, "task": said["task"] or str(skill.definition["purpose"])}
    budget = budget_of(options["budget"])
    return Asked(
        project=project,
        name=name,
        brief=brief.read(said),
        examples=_examples(options["examples"]),
        target=options["model"],
        max_rounds=options["rounds"],
        budget=designing.BUDGET if budget is None else budget,
    )


def _project(name: str) -> Project:
    found = Project.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no project {name!r}.")
    return found


def _task(given: str | None) -> str:
    return _text(given[1:]) if given and given.startswith("@") else given or ""


def _examples(path: str | None) -> list[dict]:
    return example_files.read(path, _bytes(path)) if path else []


def _text(path: str) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8.") from error


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
