"""`manage.py search_tiers NAME --project P`: the cheapest model of each step that passes, with an estimate before and the evidence
behind it."""

import json
import sys
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from evaluations import search_terminal, tier_search
from evaluations.models import TierSearch
from evaluations.tier_search import Wanted
from evaluations.tier_search_representation import represent_search
from projects.schema import bring_up_to_date
from wire.problems import Problem
from workflows.models import Workflow

from ._asked import budget_of, in_words, version_of, wait
from ._named import workflow_named

BY = "command:search_tiers"
REFUSED = 3  # what it exits with where what was chosen does not pass together


class Command(BaseCommand):
    help = (
        "Searches, for each model step of a version, the cheapest model that passes against the frontier over the confirmed cases, "
        "and makes a draft of what it found. A worker has to run (`make run`). Exits "
        f"{REFUSED} where what was chosen does not pass all together. Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The workflow.")
        parser.add_argument("--project", required=True, help="Whose it is.")
        parser.add_argument("--workflow-version", help="Its number; the newest, if not given.")
        parser.add_argument(
            "--models",
            action="append",
            default=[],
            metavar="STEP=MODEL,…",
            help="What one step is tried on, tiers or provider:model; a step that is not named: every tier.",
        )
        parser.add_argument("--budget", help="USD, of everything together; it stops where that has no room.")
        parser.add_argument("--estimate", action="store_true", help="Say what it would cost, and begin nothing.")
        parser.add_argument("--follow", type=UUID, metavar="ID", help="One that was begun before.")
        parser.add_argument("--json", action="store_true", help="What came of it as one line of JSON.")

    def handle(self, *, name: str, project: str, **options: object) -> None:
        bring_up_to_date()
        workflow = workflow_named(name, project)
        try:
            search = self._begun(workflow, options)
            if search is None:
                return
            wait(search, "evaluations", lambda: (search.evaluations.count(), None), self.stderr)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        except KeyboardInterrupt:
            raise CommandError(f"It goes on by itself; see it again with --follow {search.pk}.") from None
        self._tell(search, as_json=bool(options["json"]))

    def _begun(self, workflow: Workflow, options: dict) -> TierSearch | None:
        if options["follow"]:
            found = workflow.tier_searches.filter(pk=options["follow"]).first()
            if found is None:
                raise CommandError(f"{workflow.name} has no tier search {options['follow']}.")
            return found
        version = version_of(workflow, options["workflow_version"])
        wanted = Wanted(version, _candidates(options["models"]), budget_of(options["budget"]))
        search = tier_search.examine(wanted, BY)
        found = tier_search.estimate(search)
        several = len(tier_search.assignments(search))
        cost = in_words(found, simulated=search.simulated)
        self.stderr.write(f"{several} evaluations or more, {found.executions} executions; {cost}")
        return None if options["estimate"] else tier_search.begin(search)

    def _tell(self, search: TierSearch, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(represent_search(search)))
        elif search.status == TierSearch.Status.COMPLETED:
            search_terminal.show(search, Console(file=self.stdout, width=None if sys.stdout.isatty() else 120))
        if search.status == TierSearch.Status.WAITING:
            raise CommandError(f"Its budget has no room: raise it at PUT /api/v1/tier-searches/{search.pk}/budget.")
        if search.status == TierSearch.Status.CANCELLED:
            raise CommandError(search.said or "It was cancelled.")
        if search.passed is None:
            raise CommandError("Nothing could be compared, so nothing is chosen.")
        if not search.passed:
            raise CommandError("What was chosen does not pass against the frontier.", returncode=REFUSED)


def _candidates(given: list[str]) -> dict[str, list[str]]:
    found = {}
    for one in given:
        step, _, models = one.partition("=")
        if not step or not models.strip(", "):
            raise CommandError(f"--models {one}: write STEP=MODEL, with commas between several.")
        found[step] = [model.strip() for model in models.split(",") if model.strip()]
    return found
