"""`manage.py run_worker`: there is none beside `make run` on the embedded default, and this says so."""

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Runs one more worker, where a broker and a database server are configured."

    def handle(self, **options: object) -> None:
        raise CommandError(
            "the embedded broker lives inside `make run`; set BROKER_URL and DATABASE_URL to add workers", returncode=2
        )
