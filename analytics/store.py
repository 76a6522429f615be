"""The statements that write cells, many rows at a time. Called by one transaction at a time (see `snapshot.alone`)."""

from collections.abc import Iterable, Iterator, Sequence
from operator import add
from uuid import UUID

from django.db import connection, models

from wire.ids import new_id

from . import latency
from .contributions import Row, added
from .latency import Histogram
from .models import DailyCell, LatencyCell, Standing

AT_A_TIME = 1_000  # rows: SQLite bounds the parameters of a statement
STANDING = tuple(field.attname for field in Standing._meta.concrete_fields)


def put(model: type[DailyCell], rows: Iterable[Row]) -> None:
    """Adds rows to their cells. Cells of one key are added up when they are read, so a sum that no longer fits 64 bits
    goes on in a further one."""
    new = {model.id_of(key): row for key, row in added(model, rows, model.KEY, model.FIGURES).items()}
    changed = []
    for pk, *figures in model.objects.filter(pk__in=list(new)).values_list("pk", *model.FIGURES):
        pairs = zip(model.FIGURES.items(), figures, strict=True)
        summed = [combine(mine, new[pk][name]) for (name, combine), mine in pairs]
        if all(map(_fits, summed)):
            changed.append((pk, *summed))
            del new[pk]
        else:
            new[new_id()] = new.pop(pk)
    _update(model, changed)
    model.objects.bulk_create(
        model(id=pk, **part) for whole, row in new.items() for pk, part in _fitting(model, whole, row)
    )


def _update(model: type[DailyCell], rows: list[tuple]) -> None:
    table, names = model._meta.db_table, ("id", *model.FIGURES)
    renewed = ", ".join(f"{name} = new.{name}" for name in model.FIGURES)
    new = f"WITH new ({', '.join(names)}) AS (VALUES %s)"
    _execute(f"{new} UPDATE {table} SET {renewed} FROM new WHERE {table}.id = new.id", _prepared(model, names, rows))  # noqa: S608


def _fitting(model: type[DailyCell], pk: UUID, row: Row) -> Iterator[tuple[UUID, Row]]:
    """The row, or as many parts of it as it takes."""
    if all(_fits(row[name]) for name in model.FIGURES):
        yield pk, row
        return
    half = {name: row[name] // 2 for name, combine in model.FIGURES.items() if combine is add}
    rest = {name: row[name] - one for name, one in half.items()}
    yield from _fitting(model, pk, {**row, **half})
    yield from _fitting(model, new_id(), {**row, **rest})


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def put_latencies(latencies: dict[tuple, Histogram]) -> None:
    cells = {LatencyCell.id_of(key): key for key in latencies}
    kept = dict(LatencyCell.objects.filter(pk__in=list(cells)).values_list("pk", "histogram"))
    merged = (
        LatencyCell(
            id=pk,
            **dict(zip(LatencyCell.KEY, key, strict=True)),
            histogram=latency.merged([kept.get(pk, {}), latencies[key]]),
        )
        for pk, key in cells.items()
    )
    LatencyCell.objects.bulk_create(merged, update_conflicts=True, unique_fields=["id"], update_fields=["histogram"])


def put_standings(standings: Iterable[Sequence]) -> None:
    """Rows of `STANDING`; one execution has one."""
    insert = f"INSERT INTO {Standing._meta.db_table} ({', '.join(STANDING)}) VALUES %s"  # noqa: S608
    renewed = ", ".join(f"{name} = excluded.{name}" for name in STANDING)
    _execute(f"{insert} ON CONFLICT (execution) DO UPDATE SET {renewed}", _prepared(Standing, STANDING, standings))


def _prepared(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence]) -> Iterator[list]:
    """As the database wants them."""
    fields = [model._meta.get_field(name) for name in names]
    return (
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)] for row in rows
    )


def _execute(statement: str, rows: Iterator[list]) -> None:
    """The statement for all of these rows, which stand where its %s is."""
    some = list(rows)
    for first in range(0, len(some), AT_A_TIME):
        part = some[first : first + AT_A_TIME]
        placeholders = ", ".join([f"({', '.join(['%s'] * len(part[0]))})"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(statement % placeholders, [value for row in part for value in row])
