"""Statements written by hand for the hot path: rows that stand or fall with a fence, which says that they may be written.

On PostgreSQL all of it is one statement: one round trip, one commit, planned once. The rows of a table travel as one JSON
array, which the server takes apart by its own types. On SQLite, where there is no round trip to save, the statements run one after
the other in one transaction.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property
from uuid import UUID

from django.db import connection, models, transaction


@dataclass(frozen=True)
class Kind:
    """How rows of a model are written. `unique`: where a row with the same values of these columns is there (and `where`
    holds for it), its columns `renew` are brought up to date instead."""

    model: type[models.Model]
    unique: tuple[str, ...] = ()
    renew: tuple[str, ...] = ()
    where: str = ""

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @cached_property
    def fields(self) -> list[models.Field]:
        """All but a key that the database counts itself."""
        return [field for field in self.model._meta.concrete_fields if not isinstance(field, models.AutoField)]

    @property
    def columns(self) -> str:
        return ", ".join(field.column for field in self.fields)

    @property
    def on_conflict(self) -> str:
        if not self.unique:
            return ""
        where = f" WHERE {self.where}" if self.where else ""
        renewed = ", ".join(f"{column} = excluded.{column}" for column in self.renew)
        return f" ON CONFLICT ({', '.join(self.unique)}){where} DO UPDATE SET {renewed}"


Row = tuple[Kind, models.Model]
ALWAYS = "SELECT 1"  # the fence of rows that nobody has to hold anything for


def write(fence: str, values: Sequence[object], rows: Sequence[Row]) -> tuple | None:
    """Writes the rows if the fence, a SELECT or an `UPDATE … RETURNING` with these values, finds its row; what it found.
    None: it found none, and nothing is written."""
    on_postgresql = connection.vendor == "postgresql"
    given = [_plain(value, on_postgresql) for value in values]
    by_kind: dict[Kind, list[models.Model]] = {}
    for kind, row in rows:
        by_kind.setdefault(kind, []).append(row)
    return (_at_once if on_postgresql else _in_turn)(fence, given, by_kind)


def instance(kind: Kind, values: Sequence[object]) -> models.Model:
    """The row that a `RETURNING` with `kind.columns` gave, as a model."""
    read = list(values)
    for place, convert in _converters(kind, connection.vendor):
        read[place] = convert(read[place], None, connection)
    return kind.model.from_db(connection.alias, [field.attname for field in kind.fields], read)


def changes(**fields: object) -> tuple[str, list[object]]:
    """`("a = %s, b = %s", [values])`, JSON as text."""
    return ", ".join(f"{name} = %s" for name in fields), list(fields.values())


def as_json(value: object) -> str | None:
    """What a JSON column is given in `values`."""
    return None if value is None else json.dumps(value)


def _at_once(fence: str, values: list[object], rows: dict[Kind, list[models.Model]]) -> tuple | None:
    from psycopg import Cursor

    said = _statement(fence, tuple(rows))
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(said, [*values, *map(_as_array, rows, rows.values())])
        return cursor.fetchone()


def _in_turn(fence: str, values: list[object], rows: dict[Kind, list[models.Model]]) -> tuple | None:
    with transaction.atomic(), connection.cursor() as cursor:
        held = cursor.execute(fence, values).fetchone()
        for kind, several in rows.items() if held else ():
            fields = kind.fields
            cursor.executemany(
                _insertion(kind),
                [[_in_sqlite(field, getattr(row, field.attname)) for field in fields] for row in several],
            )
        return held


@cache
def _statement(fence: str, kinds: tuple[Kind, ...]) -> str:
    """`WITH held AS (…), rows_0 AS (INSERT … FROM held), … SELECT * FROM held`"""
    locking = " FOR UPDATE" if fence.startswith("SELECT") and fence != ALWAYS else ""
    parts = [f"held AS ({fence}{locking})"]
    for number, kind in enumerate(kinds):
        given = ", ".join(map(_given, kind.fields))
        source = f"held, json_populate_recordset(NULL::{kind.table}, %s) AS given"
        insertion = f"INSERT INTO {kind.table} ({kind.columns}) SELECT {given} FROM {source}{kind.on_conflict}"
        parts.append(f"rows_{number} AS ({insertion})")
    return f"WITH {', '.join(parts)} SELECT * FROM held"


def _given(field: models.Field) -> str:
    """The server takes JSON's null for NULL; where NULL is not allowed, it was JSON's."""
    return f"coalesce(given.{field.column}, 'null')" if _is_never_null(field) else f"given.{field.column}"


def _is_never_null(field: models.Field) -> bool:
    return isinstance(field, models.JSONField) and not field.null


@cache
def _insertion(kind: Kind) -> str:
    places = ", ".join(["%s"] * len(kind.fields))
    return f"INSERT INTO {kind.table} ({kind.columns}) VALUES ({places}){kind.on_conflict}"


def _as_array(kind: Kind, rows: list[models.Model]) -> str:
    fields = kind.fields
    return json.dumps([{field.column: getattr(row, field.attname) for field in fields} for row in rows], default=str)


def _in_sqlite(field: models.Field, value: object) -> object:
    if _is_never_null(field):
        return json.dumps(value)
    return as_json(value) if isinstance(field, models.JSONField) else _plain(value)


@cache
def _converters(kind: Kind, vendor: str) -> list[tuple[int, Callable]]:
    """What has to be made of a column before Django knows it, with the column's place."""
    found = []
    for place, field in enumerate(kind.fields):
        column = field.get_col(kind.table)
        several = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
        found += [(place, convert) for convert in several]
    return found


def _plain(value: object, on_postgresql: bool = False) -> object:
    """As both databases read it in a parameter. Numbers as text: PostgreSQL would plan anew for each size of integer."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        return str(utc if on_postgresql else utc.replace(tzinfo=None))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int) and on_postgresql:
        return str(value)
    return value
