"""`manage.py redesign NAME --project P`: has the frontier patch what is live so that it covers what flags show."""

from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from designs import designing, redesigning
from designs.group_models import Group
from designs.models import Design
from designs.redesigning import Asked
from evaluations.management.commands._asked import budget_of
from evaluations.management.commands._named import workflow_named
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows.models import Workflow

from ._told import complaint, estimate, follow, tell

BY = "command:redesign"


class Command(BaseCommand):
    help = (
        "Has the frontier patch the live version of a workflow from groups of its flags: a draft that closes them when it is "
        "published, with its cases. A worker has to run (`make run`). Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument(
            "--group", type=UUID, action="append", default=[], metavar="ID", help="Of flags; once for each."
        )
        parser.add_argument("--note", default="", help="What a person says to it.")
        parser.add_argument(
            "--model", default="", metavar="PROVIDER:MODEL", help="Who designs; by default the frontier."
        )
        parser.add_argument("--rounds", type=int, default=3, choices=range(1, designing.MAX_ROUNDS + 1), metavar="1-10")
        parser.add_argument("--budget", help="USD; it stops where that has no room. 1 where nothing is said.")
        parser.add_argument("--estimate", action="store_true", help="Say what it would cost, and begin nothing.")
        parser.add_argument("--follow", type=UUID, metavar="ID", help="One that was begun before.")
        parser.add_argument("--json", action="store_true", help="What came of it as one line of JSON.")

    def handle(self, *, name: str, project: str, **options: object) -> None:
        bring_up_to_date()
        workflow = workflow_named(name, project)
        try:
            design = self._begun(workflow, options)
            if design is None:
                return
            follow(design, self.stderr)
        except Problem as problem:
            raise complaint(problem) from problem
        except KeyboardInterrupt:
            raise CommandError(f"It goes on by itself; see it again with --follow {design.pk}.") from None
        tell(design, self.stdout, as_json=bool(options["json"]))

    def _begun(self, workflow: Workflow, options: dict) -> Design | None:
        if options["follow"]:
            found = Design.objects.filter(workflow=workflow, pk=options["follow"]).first()
            if found is None:
                raise CommandError(f"{workflow.name} has no redesign {options['follow']}.")
            return found
        ready = redesigning.examine(_asked(workflow, options), BY)
        self.stderr.write(estimate(ready.design, redesigning.request(ready.design, [])))
        return None if options["estimate"] else redesigning.begin(ready)


def _asked(workflow: Workflow, options: dict) -> Asked:
    groups = list(Group.objects.filter(workflow=workflow, pk__in=options["group"]))
    if missing := sorted(map(str, set(options["group"]) - {group.pk for group in groups})):
        raise CommandError(f"{workflow.name} has no group {missing[0]}.")
    budget = budget_of(options["budget"])
    return Asked(
        workflow,
        groups,
        note=options["note"],
        target=options["model"],
        max_rounds=options["rounds"],
        budget=redesigning.BUDGET if budget is None else budget,
    )
