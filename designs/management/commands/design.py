"""`manage.py design NAME --project P --task TEXT`: has the frontier design a workflow; estimate before, draft behind."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from designs import brief, designing, example_files
from designs.designing import Asked
from designs.models import Design
from designs.terminal import DesignJob, estimate
from evaluations.commands import project_named
from projects.models import Project
from workflows import skills

BY = "command:design"

HELP = """Has the project's frontier model design a workflow: a draft with its cases, checked until it holds. A worker has to run
(`make run`). Interrupted, it goes on: --follow shows it again.

  design refund --project shop --task "Decide customer refund requests" --policy refunds.md --examples past.jsonl
  design refund --project shop --task @task.md --requirement "None after 30 days" --estimate
  design refund --project shop --skill skills/refund
"""


class Command(DesignJob):
    kind, named = "design", "What the workflow is called, or is to be."
    budget = designing.BUDGET
    help = HELP

    def create_parser(self, *names: str, **options: object) -> CommandParser:
        parser = super().create_parser(*names, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
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

    def whose(self, name: str, project: str) -> Project:
        self.name = name
        return project_named(project)

    def begun(self, whose: Project, options: dict) -> Design | None:
        ready = designing.examine(_asked(self.name, whose, options), BY)
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
    return Asked(
        project=project,
        name=name,
        brief=brief.read(said),
        examples=_examples(options["examples"]),
        target=options["model"],
        max_rounds=options["rounds"],
        budget=options["budget"],
    )


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
