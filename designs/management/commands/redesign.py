"""`manage.py redesign NAME --project P`: has the frontier patch what is live so that it covers what flags show."""

from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from designs import designing, redesigning
from designs.group_models import Group
from designs.models import Design
from designs.redesigning import Asked
from designs.terminal import DesignJob, estimate
from workflows.models import Workflow

BY = "command:redesign"


class Command(DesignJob):
    kind = "redesign"
    budget = redesigning.BUDGET
    help = (
        "Has the frontier patch the live version of a workflow from groups of its flags: a draft that closes them when it is "
        "published, with its cases. A worker has to run (`make run`). Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--group", type=UUID, action="append", default=[], metavar="ID", help="Of flags; once for each."
        )
        parser.add_argument("--note", default="", help="What a person says to it.")
        parser.add_argument(
            "--model", default="", metavar="PROVIDER:MODEL", help="Who designs; by default the frontier."
        )
        parser.add_argument("--rounds", type=int, default=3, choices=range(1, designing.MAX_ROUNDS + 1), metavar="1-10")

    def begun(self, whose: Workflow, options: dict) -> Design | None:
        ready = redesigning.examine(_asked(whose, options), BY)
        self.stderr.write(estimate(ready.design, redesigning.request(ready.design, [])))
        return None if options["estimate"] else redesigning.begin(ready)


def _asked(workflow: Workflow, options: dict) -> Asked:
    groups = list(Group.objects.filter(workflow=workflow, pk__in=options["group"]))
    if missing := sorted(map(str, set(options["group"]) - {group.pk for group in groups})):
        raise CommandError(f"{workflow.name} has no group {missing[0]}.")
    return Asked(
        workflow,
        groups,
        note=options["note"],
        target=options["model"],
        max_rounds=options["rounds"],
        budget=options["budget"],
    )
