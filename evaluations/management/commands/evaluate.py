"""`manage.py evaluate NAME --project P`: a version over its cases, with an estimate before and the verdict behind it."""

import json
import sys
import time
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from evaluations import asking, running, terminal
from evaluations.asking import Asked, Ready
from evaluations.models import Evaluation
from evaluations.representation import represent_evaluation
from executions.models import Worker
from projects.models import Project
from projects.schema import bring_up_to_date
from wire.money import to_pico, to_usd, usd_text
from wire.problems import Problem
from workflows.models import Workflow

BY = "command:evaluate"
LOOK = 0.5  # seconds between two looks
SILENT = 10.0  # seconds after which a missing worker is worth a word
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
        workflow = _workflow(project, name)
        try:
            evaluation = self._begun(workflow, options)
            if evaluation is None:
                return
            self._wait(evaluation)
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
        cost = "unknown: a model has no price" if found.expected is None else f"{usd_text(to_usd(found.expected))} USD"
        kind = ", simulated" if ready.evaluation.simulated else ""
        self.stderr.write(f"{found.executions} executions over {len(ready.cases)} cases; expected cost {cost}{kind}.")

    def _wait(self, evaluation: Evaluation) -> None:
        silent = time.monotonic() + SILENT
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
            bar = bars.add_task("judged", total=evaluation.total)
            while evaluation.status == Evaluation.Status.RUNNING:
                bars.update(bar, completed=running.progress(evaluation)["done"])
                if time.monotonic() > silent and not Worker.objects.alive().exists():
                    self.stderr.write("No worker lives: start one with `make run`.")
                    silent = time.monotonic() + 60
                time.sleep(LOOK)
                evaluation.refresh_from_db()
            bars.update(bar, completed=running.progress(evaluation)["done"])

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


def _workflow(project: str, name: str) -> Workflow:
    if not Project.objects.filter(name=project).exists():
        raise CommandError(f"There is no project {project!r}.")
    rows = Workflow.objects.filter(project__name=project, name=name)
    workflow = rows.select_related("project", "live__version__workflow").first()
    if workflow is None:
        raise CommandError(f"The project {project} has no workflow {name!r}.")
    return workflow


def _asked(workflow: Workflow, options: dict) -> Asked:
    number, versions = options["workflow_version"], workflow.versions.select_related("workflow__project")
    version = versions.filter(number=number).first() if number else versions.order_by("-pk").first()
    if version is None:
        raise CommandError(
            f"{workflow.name} has no version {number!r}." if number else f"{workflow.name} has no version."
        )
    return Asked(
        version,
        models=_pairs(options["model"], "--model"),
        tiers=_pairs(options["tier"], "--tier"),
        against=options["against"],
        tags=options["tag"],
        repeats=options["repeats"],
        budget=_usd(options["budget"]),
    )


def _pairs(given: list[str], option: str) -> dict[str, str]:
    if wrong := [one for one in given if not all(one.partition("="))]:
        raise CommandError(f"{option} {wrong[0]}: write NAME=PROVIDER:MODEL.")
    return dict(one.split("=", 1) for one in given)


def _usd(text: str | None) -> int | None:
    try:
        return None if text is None else to_pico(Decimal(text))
    except InvalidOperation:
        raise CommandError(f"--budget {text}: an amount in USD, such as 2.50.") from None
