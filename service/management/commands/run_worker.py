"""`manage.py run_worker` (`make worker`): one more process that executes, on any host that reaches database and broker."""

import logging
import os
import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from executions import worker
from executions.working import working
from projects.schema import bring_up_to_date

from ...duties import DUTIES, PARTINGS


class Command(BaseCommand):
    help = "Runs one more worker, where BROKER_URL and DATABASE_URL name a broker and a database server."

    def handle(self, **options: object) -> None:
        if not settings.BROKER_URL:
            raise CommandError(
                "the embedded broker lives inside `make run`; set BROKER_URL and DATABASE_URL to add workers",
                returncode=2,
            )
        told = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.set())
        bring_up_to_date()
        with working(DUTIES, PARTINGS):
            self.stdout.write(
                f"The worker {worker.name()} executes up to {settings.IN_FLIGHT} at once (stop with Ctrl-C)."
            )
            self.stdout.flush()
            told.wait()
            self.stdout.write("It takes nothing more, and waits for the calls in flight.")
            self.stdout.flush()
        # Everything is given back: neither a tool that does not answer nor the interpreter's farewell keeps the process.
        logging.shutdown()
        os._exit(0)
