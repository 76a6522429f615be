"""The database is made and brought up to date by whichever command comes first: nobody has to prepare it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 7_033_112_026  # any number that nothing else of ours takes


def bring_up_to_date() -> None:
    """Raises `InconsistentMigrationHistory`, of which `manage.py` makes a sentence, for a database that no version made."""
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


def what_to_do_with_an_older_one() -> str:
    """One sentence on a database from before the first release, whose migrations are not those of today."""
    name, host = connection.settings_dict["NAME"], connection.settings_dict["HOST"]
    made = "was made before the first release, and cannot be brought up to date"
    if connection.vendor == "sqlite":
        return f"{name} {made}: delete this file, or name another one in DATABASE_URL."
    return f"{name} on {host or 'this machine'} {made}: make a new database and name it in DATABASE_URL."
