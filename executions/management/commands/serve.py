"""`manage.py serve` (`make run`): web, worker and sweeper in one process, on the embedded default."""

import os
import secrets
import signal
import sys

import waitress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from config.wsgi import application
from executions.embedded import AnotherProcess, embedded_worker
from projects.schema import bring_up_to_date


class Command(BaseCommand):
    help = "Serves the API and the admin, and executes: web threads, one worker, the sweeper, in one process."

    def handle(self, **options: object) -> None:
        bring_up_to_date()
        signal.signal(signal.SIGTERM, _leave)
        try:
            with embedded_worker():
                self._announce()
                waitress.serve(application, host=settings.HOST, port=settings.PORT, threads=8, ident=None)
        except AnotherProcess as error:
            raise CommandError(f"{error} Stop it first, or give this one another DATABASE_URL.") from error
        except OSError as error:
            raise CommandError(f"Cannot listen on {settings.HOST}:{settings.PORT}: {error.strerror}.") from error

    def _announce(self) -> None:
        address = f"http://{settings.HOST}:{settings.PORT}"
        User = get_user_model()
        if not User.objects.exists():
            password = os.environ.get("ADMIN_PASSWORD") or secrets.token_urlsafe(12)
            User.objects.create_superuser("admin", password=password)
            self.stdout.write(f"The first administrator is admin, password {password} (shown once).")
        self.stdout.write(f"Workflow Memory is at {address}/admin/ and {address}/api/v1/ (stop with Ctrl-C).")
        self.stdout.flush()


def _leave(*_: object) -> None:
    sys.exit(0)
