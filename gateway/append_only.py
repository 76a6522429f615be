"""Triggers that make a table append-only in the database itself, below the ORM. Used by migrations."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VERBS = ("UPDATE", "DELETE")


def protect(schema: BaseDatabaseSchemaEditor, table: str) -> None:
    """Every UPDATE and every DELETE of a row of `table` fails from now on."""
    for verb in VERBS:
        schema.execute(
            f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def release(schema: BaseDatabaseSchemaEditor, table: str) -> None:
    """Takes the triggers away again: for reversing a migration, and for emptying a test database."""
    for verb in VERBS:
        schema.execute(f"DROP TRIGGER IF EXISTS {_name(table, verb)}")


def _name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"
