"""Whether the cost of an execution grows with what was executed before (goal 8): the same burst on a database without a past,
and on a copy of it with many executions, their steps, events, intents and calls."""

import psycopg
from psycopg import sql

from ..environments import Environment
from ..report import Table, median, ratio, spread
from ..servers import Servers
from ..visits import Burst, Unfit, in_turn, visit
from .throughput import IN_FLIGHT

EMPTY, LOADED = "bench_ours", "bench_history"
# With the column that names the execution. Texts of calls are left out: retention deletes them.
TABLES = {
    "executions_execution": "id",
    "executions_event": "execution_id",
    "executions_stepresult": "execution_id",
    "gateway_intent": "execution",
    "gateway_call": "execution",
}
SHARED = {"worker", "worker_id", "project_id", "version_id", "publication_id", "workflow_id"}  # copied as they are
AT_ONCE = 50_000  # executions in one statement
# A uuid of its own for each copy of a row, its time in front as in those that the product makes.
PAST = """
create function pg_temp.past(id uuid, number bigint) returns uuid language sql immutable strict as $$
    select overlay(md5(id::text || number)
        placing lpad(to_hex((extract(epoch from timestamptz '2026-01-01') * 1000)::bigint - number * 1000), 12, '0') from 1 for 12
    )::uuid
$$
"""
HEAD = ("executions in the past", "executions/s", "to none", "CPU ms per execution", "database", "size on disk")


def measure(servers: Servers, ours: Environment, rounds: int, count: int, past: int) -> Table:
    def one(database: str) -> Burst:
        with visit(servers, ours, in_flight=IN_FLIGHT, database=database) as work:
            return work.burst(count)

    one(EMPTY)
    load(servers, past)
    found = in_turn([EMPTY, LOADED], rounds, one)
    said = f"{count} executions in each of {rounds} rounds in turn; median (range)."
    table = Table("Cost and history", said, HEAD)
    none = found[EMPTY]
    for database, before in ((EMPTY, 0), (LOADED, past)):
        table.add(f"{before:,}", *_cells(found[database], none), _size(servers, database))
    return table


def load(servers: Servers, past: int) -> None:
    """Makes the database with a past: one completed execution of the other one, so many times."""
    with servers.connect("postgres") as connection:
        connection.execute(f"create database {LOADED} template {EMPTY}")
    with servers.connect(LOADED) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(PAST)
        found = connection.execute("select id from executions_execution where status = 'completed' limit 1").fetchone()
        for oldest in range(past, 0, -AT_ONCE):
            span = {"execution": found[0], "oldest": oldest, "newest": max(oldest - AT_ONCE, 0) + 1}
            for table, column in TABLES.items():
                connection.execute(_copy(connection, table, column), span)
            # Millions of rows at once wait to be folded into reports; those of a real past were, as they came.
            connection.execute("truncate analytics_pending")
        # What the server would otherwise do for so many new rows while it is measured.
        connection.execute("vacuum (freeze, analyze)")
        connection.execute("checkpoint")


def _copy(connection: psycopg.Connection, table: str, column: str) -> sql.Composed:
    """Copies of the execution's rows of a table: ids become those of the copy, times move into the past."""
    described = connection.execute(
        "select column_name, data_type, is_identity from information_schema.columns where table_name = %s", [table]
    )
    names, values = [], []
    for name, kind, identity in described:
        if identity == "YES":
            continue
        names.append(sql.Identifier(name))
        values.append(_value(name, kind))
    return sql.SQL(
        "insert into {table} ({names}) select {values} from {source}, {numbers} where {column} = {id}"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(names),
        values=sql.SQL(", ").join(values),
        source=sql.Identifier(table),
        numbers=sql.SQL("generate_series(%(oldest)s, %(newest)s, -1) number"),
        column=sql.Identifier(column),
        id=sql.Placeholder("execution"),
    )


def _value(name: str, kind: str) -> sql.Composable:
    column = sql.Identifier(name)
    if kind == "uuid" and name not in SHARED:
        return sql.SQL("pg_temp.past({}, number)").format(column)
    if kind == "timestamp with time zone":
        return sql.SQL("{} - number * interval '1 second'").format(column)
    return column


def _cells(bursts: list[Burst] | Unfit, none: list[Burst] | Unfit) -> list[str]:
    if isinstance(bursts, Unfit):
        return [f"**not measured**: {bursts}", "", "", ""]
    rate = [burst.per_second for burst in bursts]
    compared = (
        "" if bursts is none or isinstance(none, Unfit) else ratio(median(rate), median(b.per_second for b in none))
    )
    cpu = spread([burst.milliseconds() for burst in bursts], 2)
    return [spread(rate, 0), compared, cpu, f"{median(burst.milliseconds('database') for burst in bursts):.2f}"]


def _size(servers: Servers, database: str) -> str:
    with servers.connect(database) as connection:
        return connection.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone()[0]
