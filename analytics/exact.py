"""Sums that stay whole numbers, however large: reports add them up in Python, where integers have no end."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Sum
from django.db.models.sql.compiler import SQLCompiler

HALF = 10**9  # a 64-bit number has at most ten digits above and nine below, so each half can be added 9 * 10**9 times


class Total(Sum):
    """Σ of a 64-bit column as an exact `int`; 0 of nothing.

    PostgreSQL adds `bigint` as `numeric`, without a bound. SQLite stops at 64 bits, 9.2 million USD in pico-dollars, so
    there the digits above and below `HALF` are added apart.
    """

    output_field = BigIntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, list]:
        halves = f"SUM(%(expressions)s / {HALF}) || ' ' || SUM(%(expressions)s %%%% {HALF})"
        sql, params = super().as_sql(compiler, connection, template=halves, **context)
        return sql, [*params, *params]

    def convert_value(self, value: Any, expression: Any, connection: Any) -> int:
        if isinstance(value, str):
            above, below = map(int, value.split())
            return above * HALF + below
        return int(value or 0)
