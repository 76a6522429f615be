"""The database is made and brought up to date by whichever command comes first: nobody has to prepare it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

LOCK = 7_033_112_026  # any number that nothing else of ours takes


def bring_up_to_date() -> None:
    with _alone():
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Several processes that start together on one PostgreSQL server migrate one after the other."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
