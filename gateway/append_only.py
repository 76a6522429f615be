"""Triggers that make a table append-only in the database itself, below the ORM. Used by migrations."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VERBS = ("UPDATE", "DELETE")


def append_only(*tables: str) -> migrations.RunPython:
    """The operation of a migration after which these tables can only be added to."""

    def forwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
        protect(schema, *tables)

    def backwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
        release(schema, *tables)

    return migrations.RunPython(forwards, backwards)


def protect(schema: BaseDatabaseSchemaEditor, *tables: str) -> None:
    """Every UPDATE and every DELETE of a row fails from now on; so does REPLACE, with recursive triggers on."""
    for table in tables:
        for verb in VERBS:
            schema.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def release(schema: BaseDatabaseSchemaEditor, *tables: str) -> None:
    """Takes the triggers away again: for reversing a migration, and for emptying a test database."""
    for table in tables:
        for verb in VERBS:
            schema.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}")


def protected_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables of this database that are append-only now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_update'")
        return sorted(table for (table,) in cursor.fetchall())
