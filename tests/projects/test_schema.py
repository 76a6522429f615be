"""Bringing the database up to date: one process after the other, however long it takes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, connection

from projects import schema

of_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has no such limits")


# In which time.


@pytest.fixture
def impatient(monkeypatch):
    """Every connection that is made from now on gives up after 200 ms."""
    monkeypatch.setitem(
        connection.settings_dict["OPTIONS"], "options", "-c statement_timeout=200ms -c lock_timeout=200ms"
    )


def in_a_thread(function):
    """Its answer, from a connection of its own."""

    def done():
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(done).result(30)


def limits() -> list[str]:
    with connection.cursor() as cursor:
        return [cursor.execute(f"SHOW {name}").fetchone()[0] for name in ("lock_timeout", "statement_timeout")]


def sleep() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5)")


@of_a_server
@pytest.mark.django_db(transaction=True)
def test_whoever_comes_while_another_migrates_waits_for_as_long_as_that_takes(impatient):
    known = connection.settings_dict
    where = f"postgres://{known['USER']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"
    with psycopg.connect(where, autocommit=True) as another:
        another.execute("SELECT pg_advisory_lock(%s)", [schema.LOCK])
        unlock = threading.Timer(1.0, lambda: another.execute("SELECT pg_advisory_unlock(%s)", [schema.LOCK]))
        began = time.monotonic()
        unlock.start()
        assert in_a_thread(lambda: (schema.bring_up_to_date(), limits())[1]) == ["200ms", "200ms"]
        assert time.monotonic() - began >= 1.0
        unlock.join()


@of_a_server
@pytest.mark.django_db(transaction=True)
def test_no_migration_is_cut_off_and_everything_after_it_is(impatient):
    def work():
        with schema.alone(connection):
            sleep()
        with pytest.raises(OperationalError):
            sleep()
        return True

    assert in_a_thread(work)


@of_a_server
@pytest.mark.django_db(transaction=True)
def test_a_migration_that_fails_leaves_the_limits_as_they_were(impatient):
    def work():
        with pytest.raises(ZeroDivisionError), schema.alone(connection):
            raise ZeroDivisionError
        return limits()

    assert in_a_thread(work) == ["200ms", "200ms"]
