"""`manage.py serve` (`make run`): web, worker and sweeper in one process; with `--no-worker` (`make web`) the web alone."""

import secrets
import signal
import sys
from contextlib import nullcontext

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from waitress.server import BaseWSGIServer, MultiSocketServer

from config import environment
from config.wsgi import application
from executions.working import AnotherProcess, working
from projects import audit
from projects.audit import Verb
from projects.schema import bring_up_to_date

from ... import gate, http
from ...duties import DUTIES, PARTINGS


class Command(BaseCommand):
    help = "Serves the API and the admin, and executes: web threads, one worker, the sweeper, in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-worker", action="store_true", help="Serve only; others execute (`run_worker`).")

    def handle(self, no_worker: bool, **options: object) -> None:
        if no_worker and not settings.BROKER_URL:
            raise CommandError(
                "on the embedded default nobody else can execute; set BROKER_URL and DATABASE_URL to serve only",
                returncode=2,
            )
        if complaint := gate.complaint():
            raise CommandError(complaint, returncode=2)
        signal.signal(signal.SIGTERM, _leave)
        bring_up_to_date()
        server = _listening()
        try:
            with nullcontext() if no_worker else working(DUTIES, PARTINGS):
                self._announce()
                server.run()
        except AnotherProcess as error:
            raise CommandError(f"{error} Stop it first, or give this one another DATABASE_URL.") from error

    def _announce(self) -> None:
        address = f"http://{settings.HOST}:{settings.PORT}"
        if not get_user_model().objects.exists():
            self.stdout.write(f"The first administrator is admin, {_first_administrator()}.")
        places = [f"{address}/{path}/" for path in ("admin", "reports", "api/v1")]
        self.stdout.write("Workflow Memory is at {}, {} and {} (stop with Ctrl-C).".format(*places))
        self.stdout.flush()


def _listening() -> BaseWSGIServer | MultiSocketServer:
    where = f"{settings.HOST}:{settings.PORT}"
    try:
        return http.listen(application, settings.HOST, settings.PORT, settings.WEB_THREADS, **_proxy())
    except OSError as error:
        raise CommandError(f"Cannot listen on {where}: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError(f"Cannot listen on {where}: HOST is no name or address of this machine.") from error


def _proxy() -> dict[str, object]:
    """From the one proxy that is trusted these headers are believed; from anybody else none is."""
    if not settings.TRUSTED_PROXY:
        return {"clear_untrusted_proxy_headers": True}
    return {
        "trusted_proxy": settings.TRUSTED_PROXY,
        "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
        "clear_untrusted_proxy_headers": True,
    }


def _first_administrator() -> str:
    """Makes it. A password that the operator gave is not repeated: what is printed ends up in a log."""
    given = environment.text("ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    with transaction.atomic():
        account = get_user_model().objects.create_superuser("admin", password=password)
        audit.record(None, audit.SERVICE, Verb.CREATED, account, superuser=True)
    return "with the password in ADMIN_PASSWORD" if given else f"password {password} (shown once)"


def _leave(*_: object) -> None:
    sys.exit(0)
