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
    """Every UPDATE and every DELETE of a row fails from now on, and so does what stands for them: SQLite's REPLACE (with
    recursive triggers on) and PostgreSQL's TRUNCATE."""
    if schema.connection.vendor == "postgresql":
        schema.execute(REFUSAL, params=None)  # its % is no placeholder
    for table in tables:
        for verb in _verbs(schema):
            schema.execute(_trigger(schema, table, verb))


def release(schema: BaseDatabaseSchemaEditor, *tables: str) -> None:
    """Takes the triggers away again: for reversing a migration, and for emptying a test database."""
    where = " ON {}" if schema.connection.vendor == "postgresql" else ""
    for table in tables:
        for verb in _verbs(schema):
            schema.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}{where.format(table)}")


def protected_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables of this database that are append-only now."""
    with connection.cursor() as cursor:
        cursor.execute(LISTED[connection.vendor])
        return sorted(table for (table,) in cursor.fetchall())


LISTED = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_update'",
    "postgresql": "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_no_update'",
}
REFUSAL = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def _verbs(schema: BaseDatabaseSchemaEditor) -> tuple[str, ...]:
    return (*VERBS, "TRUNCATE") if schema.connection.vendor == "postgresql" else VERBS


def _trigger(schema: BaseDatabaseSchemaEditor, table: str, verb: str) -> str:
    create = f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
    if schema.connection.vendor == "postgresql":
        return f"{create} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    return f"{create} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
