"""Two kinds of transaction: one that reads everything as of one moment, and one that is alone in changing the cells."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

FOLDING = 0x0F01D  # the number of our advisory lock


@contextmanager
def snapshot() -> Iterator[None]:
    """What is read inside is of one moment, and keeps nobody from writing. Inside another transaction it is that one's."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        connection.ensure_connection()
        ours, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # takes no write lock
        try:
            with transaction.atomic():
                yield
        finally:
            connection.transaction_mode = ours


@contextmanager
def alone() -> Iterator[bool]:
    """A transaction in which nobody else changes cells; False, at once, where somebody does so now. SQLite has one
    writer anyway, and waits for it. The lock ends with the transaction, also when the process is killed."""
    with transaction.atomic():
        if connection.vendor != "postgresql":
            yield True
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLDING])
            yield cursor.fetchone()[0]
