"""Bringing the database up to date: one process after the other, however long it takes; and a sentence where it cannot be."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError, connection

from projects import schema

ROOT = Path(__file__).parent.parent.parent
of_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has no such limits")


def manage(command: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "BROKER_URL": "", **variables}
    words = [sys.executable, "manage.py", *command.split()]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


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


# From before the first release.

REWRITTEN = "DELETE FROM django_migrations WHERE app = 'workflows' AND name = '0003_settle_budgets'"


@pytest.fixture(scope="module")
def older(tmp_path_factory) -> str:
    """A database whose first migrations are not those of today: one is recorded, and what it stands on now is not."""
    file = tmp_path_factory.mktemp("older") / "older.sqlite3"
    assert manage("migrate -v0", DATABASE_URL=f"sqlite:///{file}").returncode == 0
    with sqlite3.connect(file) as database:
        database.execute(REWRITTEN)
    database.close()
    return str(file)


@pytest.mark.parametrize(
    "command",
    ["migrate", "makemigrations --check", "serve", "demo", "create_api_key --project alice", "reconcile"],
)
def test_a_database_that_is_too_old_is_named_with_what_to_do(older, command):
    done = manage(command, DATABASE_URL=f"sqlite:///{older}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Database: {older} was made before the first release, and cannot be brought up to date: delete this file, or "
        "name another one in DATABASE_URL.\n"
    )


@of_a_server
@pytest.mark.django_db
def test_a_database_of_a_server_that_is_too_old_is_named_too():
    known = connection.settings_dict
    where = f"postgres://{known['USER']}@{known['HOST']}:{known['PORT']}"
    with psycopg.connect(f"{where}/postgres", autocommit=True) as server:
        server.execute("CREATE DATABASE older")
        try:
            assert manage("migrate -v0", DATABASE_URL=f"{where}/older").returncode == 0
            with psycopg.connect(f"{where}/older", autocommit=True) as database:
                database.execute(REWRITTEN)
            done = manage("run_worker", DATABASE_URL=f"{where}/older", BROKER_URL="redis://127.0.0.1:1")
        finally:
            server.execute("DROP DATABASE older WITH (FORCE)")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Database: older on {known['HOST']} was made before the first release, and cannot be brought up to date: make a "
        "new database and name it in DATABASE_URL.\n"
    )


def test_whichever_command_comes_first_makes_the_database(tmp_path):
    done = manage("reconcile", DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3")
    assert (done.returncode, done.stderr) == (0, "")
