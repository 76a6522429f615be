"""`manage.py import_workflow FILE --project P [--name NAME] [--publish] [--json]`: takes in what export_workflow wrote, or, by
`--skill DIR NAME`, an Agent Skill."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import Progress

from projects.models import Project
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows import skills
from workflows.names import Name
from workflows.transfer import MAX_FILE, Arrival, bring, read

BY = "command:import_workflow"
SHOWN = 20  # faults
MAX_BYTES = 4 * MAX_FILE + 1  # so many a character has at most

HELP = """Takes a workflow into a project: a file that export_workflow wrote, or an Agent Skill.

Versions come in as drafts with the same content hash, all or none. What the project has already stays as it is, so the
same import twice changes nothing. A definition that does not fit the project (a tool that is not registered in it, say)
is refused, and so is another definition under a number that the project has.

  import_workflow refund.yaml --project shop
  import_workflow refund.yaml --project shop --name refund-copy --publish
  export_workflow refund --project shop | import_workflow - --project another-shop
  import_workflow --skill skills/refund refund --project shop
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *names: str, **options: object) -> CommandParser:
        parser = super().create_parser(*names, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source",
            nargs="?",
            metavar="FILE",
            help="The exported file, or - for standard input. With --skill: the workflow's name; by default the skill's own.",
        )
        parser.add_argument("--project", required=True, help="The project that it goes to.")
        parser.add_argument("--name", help="What it is called there; by default as in the file.")
        parser.add_argument(
            "--skill",
            metavar="DIR",
            help="A folder with a SKILL.md. Its text becomes a draft of one model step that follows it; its front matter and "
            "the text files beside it are kept as design context, which no model reads.",
        )
        parser.add_argument(
            "--publish", action="store_true", help="Publishes the version that was live, with this project's models."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of a sentence.")

    def handle(self, *, source: str | None, project: str, name: str | None, skill: str | None, **options: bool) -> None:
        bring_up_to_date()
        owner = Project.objects.filter(name=project).first()
        if owner is None:
            raise CommandError(f"There is no project {project!r}; create_api_key --project {project} makes it.")
        if skill is None and source is None:
            raise CommandError("Name the file that export_workflow wrote, or a folder by --skill.")
        if skill is not None and options["publish"]:
            raise CommandError("A skill comes in as a draft: look at it, and publish it through the API.")
        try:
            if skill is None:
                said = self._file(source, owner, name, options["publish"])
            else:
                said = self._skill(Path(skill), owner, name or source)
        except Problem as problem:
            raise CommandError(_complaint(problem)) from problem
        self.stdout.write(json.dumps(said, ensure_ascii=False) if options["json"] else _sentence(said))

    def _file(self, source: str, owner: Project, name: str | None, publish: bool) -> dict[str, object]:
        carried = read(_text(source))
        carried = carried.model_copy(update={"name": _name(name or carried.name)})
        # Progress is for a person's eyes: it goes to a terminal's error output, and nowhere else.
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty(), transient=True) as progress:
            arrival = bring(
                carried, owner, BY, publish=publish, track=partial(progress.track, description=carried.name)
            )
        return _said(arrival) | {"published_there": carried.published}

    def _skill(self, folder: Path, owner: Project, name: str | None) -> dict[str, object]:
        found = skills.read(folder)
        arrival = skills.bring(found, owner, _name(name or found.name), BY)
        return _said(arrival) | {"left_out": found.left_out}


def _text(source: str) -> str:
    try:
        content = sys.stdin.buffer.read(MAX_BYTES) if source == "-" else _content(Path(source))
        return content.decode("utf-8")
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{source} is not UTF-8.") from error


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def _name(text: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(text)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise CommandError(f"{text[:100]!r}: {said}; say one by --name.") from error


def _complaint(problem: Problem) -> str:
    """The sentence, and where there are several faults a line for each."""
    lines = [f"  {fault.pointer or '/'}: {fault.detail}" for fault in problem.faults[:SHOWN]]
    if len(problem.faults) > SHOWN:
        lines.append(f"  and {len(problem.faults) - SHOWN} more")
    return "\n".join(["Nothing was imported:", *lines]) if lines else f"Nothing was imported: {problem.detail}"


def _said(arrival: Arrival) -> dict[str, object]:
    return {
        "project": arrival.workflow.project.name,
        "workflow": arrival.workflow.name,
        "added": arrival.added,
        "there": arrival.there,
        "baselines": arrival.baselines,
        "published": arrival.published,
        "changed": arrival.changed,
    }


def _sentence(said: dict) -> str:
    where = f"{said['workflow']} in {said['project']}"
    done = [f"the draft{'s' if len(said['added']) > 1 else ''} {', '.join(said['added'])}"] if said["added"] else []
    if said["baselines"]:
        done.append(f"{said['baselines']} baseline{'s' if said['baselines'] > 1 else ''}")
    sentences = [f"{where}: added {' and '.join(done)}." if done else ""]
    if said["published"]:
        sentences.append(f"{where}: published {said['published']}.")
    elif said["added"] and said.get("published_there"):
        sentences.append(f"{said['published_there']} was live where it comes from; --publish publishes it here.")
    if said.get("left_out"):
        sentences.append(f"Left out, because it is no text: {', '.join(said['left_out'][:SHOWN])}.")
    if not said["changed"]:
        sentences.insert(0, f"{where}: everything was there already, and nothing has changed.")
    return " ".join(one for one in sentences if one)
