"""What a table is, and which there are. A table is registered by the module that makes its rows; `exporting` imports those.

Another one takes a dozen lines: of figures that are few, `figures(name, columns, make)`; of the rows of a model, `listing(name,
columns, select, represent)`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Model, QuerySet

from analytics.api import compared_with
from analytics.baselines import Method
from analytics.costs import is_simulated
from analytics.extent import Extent
from projects.models import Project
from shadows.models import Subject
from wire.filters import check_days
from wire.problems import Invalid, Malformed, NotFound
from workflows.models import Workflow

MOST = 1_000_000  # rows of a file: as many as a spreadsheet opens
BLOCK = 2_000  # rows in memory at once

# Column → what stands there: text, a whole number, true or false, or None, which is unknown. Money is text, exact.
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Of which extent a table is asked, and by which method figures compare; None: the one in force. `subject`: of measured."""

    extent: Extent
    method: Method | None = None
    subject: Subject | None = None


@dataclass(frozen=True)
class Opened:
    """How many rows there are, and the rows, which are read as they are taken."""

    count: int
    rows: Iterable[Row]


@dataclass(frozen=True)
class Table:
    """`compares`: its figures are held against a baseline. `of_projects`: it is no workflow's."""

    name: str
    columns: tuple[str, ...]
    open: Callable[[Wanted], Opened]
    compares: bool = False
    of_projects: bool = False


_tables: dict[str, Table] = {}


def register(table: Table) -> Table:
    _tables[table.name] = table
    return table


def tables(workflow: Workflow | None) -> list[Table]:
    """Those that there are of a workflow, or of a project as a whole, by name."""
    return [table for _, table in sorted(_tables.items()) if not (workflow and table.of_projects)]


def table_of(name: str, workflow: Workflow | None) -> Table:
    """Raises `NotFound`."""
    found = {table.name: table for table in tables(workflow)}
    if name not in found:
        raise NotFound(f"There is no such table; there are {', '.join(found)}.")
    return found[name]


def wanted(project: Project, workflow: Workflow | None, table: Table, given: dict[str, Any]) -> Wanted:
    """Of what a caller says: `since`, `until`, `simulated`, `baseline`, `subject`. Raises `Malformed`, `Invalid`."""
    since, until, method, subject = (given.get(name) for name in ("since", "until", "baseline", "subject"))
    check_days(since, until)
    if (method or subject) and not table.compares:
        raise Malformed(f"The table {table.name} compares nothing, so it takes no baseline.")
    simulated = given.get("simulated")
    simulated = is_simulated(project, workflow) if simulated is None else simulated
    extent = Extent(project, workflow, simulated, since, until)
    if subject:
        method, _, subject = compared_with(extent, given)
    return Wanted(extent, Method(method) if method else None, subject)


def figures(
    name: str, columns: Sequence[str], make: Callable[[Wanted], list[Row]], *, of_projects: bool = False, **said: bool
) -> Table:
    """A table of figures: all are made before the first is sent."""

    def opened(wanted: Wanted) -> Opened:
        rows = make(wanted)
        return Opened(len(rows), rows)

    return register(Table(name, tuple(columns), opened, of_projects=of_projects, **said))


def listing(
    name: str,
    columns: Sequence[str],
    select: Callable[[Wanted], QuerySet],
    represent: Callable[[list[Model], Extent], list[Row]],
) -> Table:
    """A table of a model's rows. They are counted, and then read block by block in the order of their keys, each block by a
    statement of its own: no transaction stays open for as long as a slow reader takes. Keys grow with time, so what comes
    meanwhile stands behind the last one, and is left out."""

    def opened(wanted: Wanted) -> Opened:
        rows = select(wanted)
        count = rows.order_by()[: MOST + 1].count()
        if count > MOST:
            raise Invalid(f"There are more than {MOST:,} rows; a file has at most so many: ask for fewer days.")
        return Opened(count, islice(_walked(rows, lambda block: represent(block, wanted.extent)), count))

    return register(Table(name, tuple(columns), opened))


def _walked(rows: QuerySet, represent: Callable[[list[Model]], list[Row]]) -> Iterator[Row]:
    rows = rows.order_by("pk")
    block = list(rows[:BLOCK])
    while block:
        yield from represent(block)
        block = list(rows.filter(pk__gt=block[-1].pk)[:BLOCK])
