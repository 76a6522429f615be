"""`manage.py purge --project NAME [--before DATE] [--dry-run] [--json]`: deletes the texts of executions that have ended."""

import json
from datetime import UTC, date, datetime, time, timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from executions import retention
from executions.models import Execution
from projects import audit
from projects.audit import Verb
from projects.models import Project
from projects.schema import bring_up_to_date

BY = "command:purge"


class Command(BaseCommand):
    help = (
        "Deletes the texts of executions that ended before a day: input, output, metadata, what steps and models said, "
        "explanations, notes. Money, counts, hashes, statuses and times stay. There is no way back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument(
            "--before",
            metavar="DATE",
            help="Those that ended before this day in UTC, as in 2026-11-01. Without it: as the project's retention says.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only counts them.")
        parser.add_argument("--json", action="store_true", help="One JSON object instead of a sentence.")

    def handle(self, *, project: str, before: str | None, dry_run: bool, **options: object) -> None:
        bring_up_to_date()
        owner = Project.objects.filter(name=project).first()
        if owner is None:
            raise CommandError(f"There is no project {project!r}.")
        moment = _midnight(before) if before else _by_retention(owner)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")  # counting what was never purged may take a while
        found = Execution.objects.to_purge(owner.pk, moment).count()
        if not dry_run:  # before it begins: it may be stopped at any time
            audit.record(owner.pk, BY, Verb.PURGED, owner, before=moment.isoformat(), executions=found)
        purged = 0 if dry_run else self._purge(owner, moment, found)
        self._say(owner, moment, found if dry_run else purged, dry_run, bool(options["json"]))

    def _purge(self, owner: Project, before: datetime, found: int) -> int:
        """In batches, each a transaction: it can be stopped at any time, and goes on where it was."""
        done = 0
        # Progress is for a person's eyes: it goes to a terminal's error output, and nowhere else.
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty(), transient=True) as progress:
            bar = progress.add_task(f"{owner.name}: deleting texts", total=found)
            while some := retention.purge(owner.pk, before, BY):
                done += some
                progress.update(bar, completed=done)
        return done

    def _say(self, owner: Project, before: datetime, count: int, dry_run: bool, as_json: bool) -> None:
        if as_json:
            said = {"project": owner.name, "before": before.isoformat(), "executions": count, "dry_run": dry_run}
            self.stdout.write(json.dumps(said))
            return
        which = f"{count} execution{'' if count == 1 else 's'} of {owner.name} that ended before {before:%Y-%m-%d %H:%M} UTC"
        self.stdout.write(f"It would delete the texts of {which}." if dry_run else f"Deleted the texts of {which}.")


def _midnight(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError as error:
        raise CommandError(f"--before {day}: write a day such as 2026-11-01.") from error


def _by_retention(owner: Project) -> datetime:
    if owner.retention_days is None:
        raise CommandError(f"{owner.name} keeps its texts; say --before DATE, or set its days in the admin.")
    return timezone.now() - timedelta(days=owner.retention_days)
