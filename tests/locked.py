"""A database that another process has locked, for longer than we are told to wait: SQLite's one write lock, or
PostgreSQL's lock of the executions."""

import sqlite3
from types import TracebackType

import psycopg
from django.db import connection


class LockedDatabase:
    """`lock()` and `unlock()`, or a `with` block. Ours waits 50 ms and no longer, until it is connected anew."""

    def __init__(self) -> None:
        if connection.vendor == "sqlite":
            self.other = sqlite3.connect(
                connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False
            )
            impatient, self.takes = "PRAGMA busy_timeout = 50", "BEGIN IMMEDIATE"
        else:
            self.other = psycopg.connect(**_address(), autocommit=True)
            impatient = "SET lock_timeout = '50ms'"
            tables = "executions_execution, gateway_ownprice, django_session, auth_user"
            self.takes = f"BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"
        with connection.cursor() as cursor:
            cursor.execute(impatient)

    def lock(self) -> None:
        self.other.execute(self.takes)

    def unlock(self) -> None:
        self.other.execute("ROLLBACK")
        self.other.close()
        connection.close()

    def __enter__(self) -> None:
        self.lock()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.unlock()


def _address() -> dict[str, object]:
    parameters = connection.get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters}
