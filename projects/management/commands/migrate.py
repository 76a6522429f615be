"""`manage.py migrate`: Django's own, by one process at a time and without the time limits of a service."""

from django.core.management.commands import migrate
from django.db import connections

from projects.schema import alone


class Command(migrate.Command):
    def handle(self, *arguments: object, **options: object) -> None:
        with alone(connections[options["database"]]):
            super().handle(*arguments, **options)
