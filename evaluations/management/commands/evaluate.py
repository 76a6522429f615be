"""`manage.py evaluate NAME --project P`: a version over its cases, with an estimate before and the verdict behind it."""

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from evaluations import asking, running, terminal
from evaluations.asking import Asked
from evaluations.commands import Job, version_of
from evaluations.models import Evaluation
from evaluations.representation import represent_evaluation
from workflows.models import Workflow

BY = "command:evaluate"
REFUSED = 3  # what it exits with where the verdict does not pass


class Command(Job):
    kind, counted = "evaluation", "judged"
    help = (
        "Runs a version over the confirmed cases of its workflow and compares it with what it is to replace. A worker has to run "
        f"(`make run`). Exits {REFUSED} where the verdict does not pass. Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workflow-version", help="Its number; the newest, if not given.")
        parser.add_argument("--against", choices=Evaluation.Against.values, help="The incumbent, else the frontier.")
        parser.add_argument("--model", action="append", default=[], metavar="STEP=PROVIDER:MODEL", help="Of one step.")
        parser.add_argument("--tier", action="append", default=[], metavar="TIER=PROVIDER:MODEL", help="Of one tier.")
        parser.add_argument("--tag", action="append", default=[], help="Only cases with one of these tags.")
        parser.add_argument("--repeats", type=int, default=1, choices=range(1, 11), metavar="1-10")

    def rows(self, whose: Workflow) -> QuerySet[Evaluation]:
        return whose.evaluations

    def begun(self, whose: Workflow, options: dict) -> Evaluation | None:
        ready = asking.examine(_asked(whose, options), BY)
        found = asking.estimate(ready)
        cost = terminal.cost_in_words(found, simulated=ready.evaluation.simulated)
        self.stderr.write(f"{found.executions} executions over {len(ready.cases)} cases; {cost}")
        return None if options["estimate"] else asking.begin(ready)

    def far(self, row: Evaluation) -> tuple[int, int]:
        return running.progress(row)["done"], row.total

    def represent(self, row: Evaluation) -> dict:
        return represent_evaluation(row)

    def show(self, row: Evaluation) -> None:
        terminal.show(row, self.console)

    def judge(self, row: Evaluation) -> None:
        if row.status == Evaluation.Status.WAITING:
            raise CommandError(f"Its budget has no room: raise it at PUT /api/v1/evaluations/{row.pk}/budget.")
        if row.status == Evaluation.Status.CANCELLED:
            raise CommandError("It was cancelled.")
        if row.passed is False:
            raise CommandError("The verdict does not pass.", returncode=REFUSED)


def _asked(workflow: Workflow, options: dict) -> Asked:
    return Asked(
        version_of(workflow, options["workflow_version"]),
        models=_pairs(options["model"], "--model"),
        tiers=_pairs(options["tier"], "--tier"),
        against=options["against"],
        tags=options["tag"],
        repeats=options["repeats"],
        budget=options["budget"],
    )


def _pairs(given: list[str], option: str) -> dict[str, str]:
    if wrong := [one for one in given if not all(one.partition("="))]:
        raise CommandError(f"{option} {wrong[0]}: write NAME=PROVIDER:MODEL.")
    return dict(one.split("=", 1) for one in given)
