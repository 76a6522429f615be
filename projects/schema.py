"""The database is made and brought up to date by whichever command comes first: nobody has to prepare it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 7_033_112_026  # any number that nothing else of ours takes


def bring_up_to_date() -> None:
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


@contextmanager
def alone(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Several processes that start together on one PostgreSQL server migrate one after the other, and however long it
    takes: what holds for the statements of a service does not for these."""
    if database.vendor != "postgresql":
        yield
        return
    with database.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = 0")
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        finally:
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")
