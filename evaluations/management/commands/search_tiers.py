"""`manage.py search_tiers NAME --project P`: the cheapest model of each step that passes, with an estimate before and the evidence
behind it."""

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from evaluations import search_terminal, terminal, tier_search
from evaluations.commands import Job, version_of
from evaluations.models import TierSearch
from evaluations.tier_search import Wanted
from evaluations.tier_search_representation import represent_search
from workflows.models import Workflow

BY = "command:search_tiers"
REFUSED = 3  # what it exits with where what was chosen does not pass together


class Command(Job):
    kind, counted = "tier search", "evaluations"
    help = (
        "Searches, for each model step of a version, the cheapest model that passes against the frontier over the confirmed cases, "
        "and makes a draft of what it found. A worker has to run (`make run`). Exits "
        f"{REFUSED} where what was chosen does not pass all together. Interrupted, it goes on: --follow shows it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workflow-version", help="Its number; the newest, if not given.")
        parser.add_argument(
            "--models",
            action="append",
            default=[],
            metavar="STEP=MODEL,…",
            help="What one step is tried on, tiers or provider:model; a step that is not named: every tier.",
        )

    def rows(self, whose: Workflow) -> QuerySet[TierSearch]:
        return whose.tier_searches

    def begun(self, whose: Workflow, options: dict) -> TierSearch | None:
        version = version_of(whose, options["workflow_version"])
        search = tier_search.examine(Wanted(version, _candidates(options["models"]), options["budget"]), BY)
        found = tier_search.estimate(search)
        several = len(tier_search.assignments(search))
        cost = terminal.cost_in_words(found, simulated=search.simulated)
        self.stderr.write(f"{several} evaluations or more, {found.executions} executions; {cost}")
        return None if options["estimate"] else tier_search.begin(search)

    def far(self, row: TierSearch) -> tuple[int, None]:
        return row.evaluations.count(), None

    def represent(self, row: TierSearch) -> dict:
        return represent_search(row)

    def show(self, row: TierSearch) -> None:
        search_terminal.show(row, self.console)

    def judge(self, row: TierSearch) -> None:
        if row.status == TierSearch.Status.WAITING:
            raise CommandError(f"Its budget has no room: raise it at PUT /api/v1/tier-searches/{row.pk}/budget.")
        if row.status == TierSearch.Status.CANCELLED:
            raise CommandError(row.said or "It was cancelled.")
        if row.passed is None:
            raise CommandError("Nothing could be compared, so nothing is chosen.")
        if not row.passed:
            raise CommandError("What was chosen does not pass against the frontier.", returncode=REFUSED)


def _candidates(given: list[str]) -> dict[str, list[str]]:
    found = {}
    for one in given:
        step, _, models = one.partition("=")
        if not step or not models.strip(", "):
            raise CommandError(f"--models {one}: write STEP=MODEL, with commas between several.")
        found[step] = [model.strip() for model in models.split(",") if model.strip()]
    return found
