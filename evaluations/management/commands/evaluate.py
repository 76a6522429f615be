"""`manage.py evaluate NAME --project P`: a version over its cases, with an estimate before and the verdict behind it."""

import json
import sys
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from evaluations import asking, running, terminal
from evaluations.asking import Asked, Ready
from evaluations.models import Evaluation
from evaluations.representation import represent_evaluation
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows.models import Workflow

from ._asked import budget_of, in_words, version_of, wait
from ._named import workflow_named

BY = "command:evaluate"
REFUSED = 3  # what it exits with where the verdict does not pass


class Command(BaseCommand):
    help = (
        "Runs a version over the confirmed cases of its workflow and compares it with what it is to replace. A worker has to run "
        f"(`make run`). Exits {REFUSED} where the verdict does not pass. Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("--workflow-version", help="Its number; the newest, if not given.")
        parser.add_argument("--against", choices=Evaluation.Against.values, help="The incumbent, else the frontier.")
        parser.add_argument("--model", action="append", default=[], metavar="STEP=PROVIDER:MODEL", help="Of one step.")
        parser.add_argument("--tier", action="append", default=[], metavar="TIER=PROVIDER:MODEL", help="Of one tier.")
        parser.add_argument("--tag", action="append", default=[], help="Only cases with one of these tags.")
        parser.add_argument("--repeats", type=int, default=1, choices=range(1, 11), metavar="1-10")
        parser.add_argument("--budget", help="USD; it stops where that has no room.")
        parser.add_argument("--estimate", action="store_true", help="Say what it would cost, and begin nothing.")
        parser.add_argument("--follow", type=UUID, metavar="ID", help="One that was begun before.")
        parser.add_argument("--json", action="store_true", help="What came of it as one line of JSON.")

    def handle(self, *, name: str, project: str, **options: object) -> None:
        bring_up_to_date()
        workflow = workflow_named(name, project)
        try:
            evaluation = self._begun(workflow, options)
            if evaluation is None:
                return
            wait(evaluation, "judged", lambda: _far(evaluation), self.stderr)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        except KeyboardInterrupt:
            raise CommandError(f"It goes on by itself; see it again with --follow {evaluation.pk}.") from None
        self._tell(evaluation, as_json=bool(options["json"]))

    def _begun(self, workflow: Workflow, options: dict) -> Evaluation | None:
        if options["follow"]:
            found = workflow.evaluations.filter(pk=options["follow"]).first()
            if found is None:
                raise CommandError(f"{workflow.name} has no evaluation {options['follow']}.")
            return found
        ready = asking.examine(_asked(workflow, options), BY)
        self._estimate(ready)
        return None if options["estimate"] else asking.begin(ready)

    def _estimate(self, ready: Ready) -> None:
        found = asking.estimate(ready)
        cost = in_words(found, simulated=ready.evaluation.simulated)
        self.stderr.write(f"{found.executions} executions over {len(ready.cases)} cases; {cost}")

    def _tell(self, evaluation: Evaluation, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(represent_evaluation(evaluation)))
        elif evaluation.status == Evaluation.Status.COMPLETED:
            terminal.show(evaluation, Console(file=self.stdout, width=None if sys.stdout.isatty() else 120))
        if evaluation.status == Evaluation.Status.WAITING:
            raise CommandError(f"Its budget has no room: raise it at PUT /api/v1/evaluations/{evaluation.pk}/budget.")
        if evaluation.status == Evaluation.Status.CANCELLED:
            raise CommandError("It was cancelled.")
        if evaluation.passed is False:
            raise CommandError("The verdict does not pass.", returncode=REFUSED)


def _far(evaluation: Evaluation) -> tuple[int, int]:
    return running.progress(evaluation)["done"], evaluation.total


def _asked(workflow: Workflow, options: dict) -> Asked:
    return Asked(
        version_of(workflow, options["workflow_version"]),
        models=_pairs(options["model"], "--model"),
        tiers=_pairs(options["tier"], "--tier"),
        against=options["against"],
        tags=options["tag"],
        repeats=options["repeats"],
        budget=budget_of(options["budget"]),
    )


def _pairs(given: list[str], option: str) -> dict[str, str]:
    if wrong := [one for one in given if not all(one.partition("="))]:
        raise CommandError(f"{option} {wrong[0]}: write NAME=PROVIDER:MODEL.")
    return dict(one.split("=", 1) for one in given)
