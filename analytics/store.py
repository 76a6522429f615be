"""Writing cells, many rows in one statement. Called by one transaction at a time (see `snapshot.alone`)."""

from collections.abc import Iterable, Iterator
from functools import cache
from operator import add
from uuid import UUID

from django.db import models

from executions.statements import ALWAYS, Kind, write
from wire.ids import new_id

from . import latency
from .contributions import Row, added
from .latency import Histogram
from .models import DailyCell


def put(model: type[DailyCell], rows: Iterable[Row]) -> None:
    """Adds rows to their cells. Cells of one key are added up when they are read, so a sum that no longer fits 64 bits
    goes on in a further one."""
    cells = {model.id_of(key): row for key, row in added(model, rows, model.KEY, model.FIGURES).items()}
    for pk, *figures in model.objects.filter(pk__among=cells).values_list("pk", *model.FIGURES):
        pairs = zip(model.FIGURES.items(), figures, strict=True)
        summed = {name: combine(mine, cells[pk][name]) for (name, combine), mine in pairs}
        if all(map(_fits, summed.values())):
            cells[pk].update(summed)
        else:
            cells[new_id()] = cells.pop(pk)
    save(model(id=pk, **part) for whole, row in cells.items() for pk, part in _fitting(model, whole, row))


def put_histograms(model: type[DailyCell], rows: dict[tuple, tuple[Histogram, ...]]) -> None:
    """Adds histograms to those of their cells: by key, in the order of the model's `HISTOGRAMS`."""
    cells = {model.id_of(key): key for key in rows}
    kept = {pk: said for pk, *said in model.objects.filter(pk__among=cells).values_list("pk", *model.HISTOGRAMS)}
    nothing = [{} for _ in model.HISTOGRAMS]
    save(
        model(
            id=pk,
            **dict(zip(model.HISTOGRAMS, map(latency.both, kept.get(pk, nothing), rows[key]), strict=True)),
            **dict(zip(model.KEY, key, strict=True)),
        )
        for pk, key in cells.items()
    )


def save(rows: Iterable[models.Model]) -> None:
    """Those that are there already are brought up to date."""
    given = [(_kind(type(row)), row) for row in rows]
    if given:
        write(ALWAYS, (), given)


@cache
def _kind(model: type[models.Model]) -> Kind:
    key = model._meta.pk.column
    return Kind(model, unique=(key,), renew=tuple(f.column for f in model._meta.concrete_fields if f.column != key))


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
