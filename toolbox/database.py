"""Tools of the kind `sql`: a query that a person wrote, on a database that an operator named, with arguments as bound parameters.

It asks and cannot write: it stands inside of a SELECT of ours, in a transaction that reads only, as a role that is no superuser;
an SQLite file is opened for reading. How long it takes, how many rows come and how many bytes is bounded.
"""

import asyncio
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import date
from datetime import time as clock
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings as installation
from psycopg import errors

from projects.models import Tool
from projects.tools import NoAnswer, NotTaken, ToolError
from wire.strict_json import MAX_INTEGER

from . import statement
from .patience import within
from .variables import fault_of_variable, value_of

MAX_ROWS, USUAL_ROWS = 10_000, 100
MAX_BYTES, USUAL_BYTES = 4 * 2**20, 256 * 1024
POSTGRESQL = ("postgres://", "postgresql://")
SQLITE = "sqlite:///"
OURS = "This is the service's own database: no tool asks it."
SCALARS = frozenset({"string", "number", "integer", "boolean", "null", "array"})


def faults(tool: Tool) -> dict[str, str]:
    said = tool.settings
    found = {"source": fault_of_variable(tool.project_id, said["source"]), "query": _fault_of_query(tool)}
    if tool.side_effects:
        found["side_effects"] = "A query changes nothing."
    return found


def _fault_of_query(tool: Tool) -> str:
    try:
        names = statement.read(tool.settings["query"]).names
    except statement.Malformed as fault:
        return str(fault)
    arguments = tool.input_schema["properties"]
    for name in names:
        if name not in arguments:
            return f"The parameter :{name} is no argument: name it in the input schema."
    for name, schema in arguments.items():
        if name not in names:
            return f"The argument {name!r} stands nowhere in the query: write :{name} where it belongs."
        if isinstance(schema, dict) and schema.get("type") == "object":
            return f"The argument {name!r} is an object, and a parameter is a text, a number, true, false or null."
    return ""


def build(tool: Tool) -> Callable[..., object]:
    return partial(_ask, tool)


def _ask(tool: Tool, /, **arguments: object) -> object:
    said = tool.settings
    address = value_of(tool.project_id, said["source"])
    if _is_ours(address):
        raise ToolError(OURS)
    try:
        asked = statement.read(said["query"])
    except statement.Malformed as fault:
        raise ToolError(str(fault)) from fault
    values = {name: arguments.get(name) for name in asked.names}
    if any(isinstance(value, dict) for value in values.values()):
        raise ToolError("A parameter is a text, a number, true, false or null.")
    taking = _Taking(said["max_rows"], said["max_bytes"])
    if address.startswith(POSTGRESQL):
        _ask_postgresql(tool, address, asked, values, taking)
    elif address.startswith(SQLITE):
        _ask_sqlite(tool, address, asked, values, taking)
    else:
        raise ToolError(f"{said['source']} is no address such as postgres://user:password@host/database.")
    return taking.one() if said["one"] else taking.answer()


class _Taking:
    """Rows as they come, as JSON values, until there are enough of them."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self.max_rows, self.max_bytes = max_rows, max_bytes
        self.rows: list[dict[str, object]] = []
        self.truncated = False
        self._bytes = 0

    def take(self, columns: list[str], row: Iterable[object]) -> bool:
        """False: no more."""
        if len(self.rows) == self.max_rows:
            self.truncated = True
            return False
        found = {name: _plain(name, value) for name, value in zip(columns, row, strict=True)}
        if len(found) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise ToolError(f"Two columns are called {twice[:60]!r}: give one of them another name with AS.")
        self._bytes += len(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
        if self._bytes > self.max_bytes:
            self.truncated = True
            return False
        self.rows.append(found)
        return True

    def answer(self) -> dict[str, object]:
        return {"rows": self.rows, "count": len(self.rows), "truncated": self.truncated}

    def one(self) -> dict[str, object]:
        if self.truncated and not self.rows:
            raise ToolError(f"The row has more than {self.max_bytes} bytes.")
        if len(self.rows) > 1 or self.truncated:
            raise ToolError("More than one row.")
        if not self.rows:
            raise ToolError("No row.")
        return self.rows[0]


def _plain(name: str, value: object) -> object:
    """As JSON has it; what JSON cannot say exactly is a text."""
    if isinstance(value, list | tuple):
        return [_plain(name, one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(name, one) for key, one in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        raise ToolError(f"The column {name[:60]!r} is binary: encode it in the query.")
    return next((plain(value) for kind, plain in _AS_JSON if isinstance(value, kind)), str(value))


# The first that fits; a `bool` is an `int`.
_AS_JSON: tuple[tuple[type | tuple[type, ...], Callable[[Any], object]], ...] = (
    ((type(None), str, bool), lambda value: value),
    (int, lambda value: value if abs(value) <= MAX_INTEGER else str(value)),
    (float, lambda value: value if math.isfinite(value) else str(value)),
    (Decimal, lambda value: format(value, "f")),
    ((date, clock), lambda value: value.isoformat()),
)


# PostgreSQL


def _ask_postgresql(
    tool: Tool, address: str, asked: statement.Statement, values: dict[str, object], taking: _Taking
) -> None:
    query = asked.for_postgresql(taking.max_rows + 1, taking.max_bytes)
    try:
        within(tool.timeout, _stream(address, tool.timeout, query, values, taking))
    except (TimeoutError, errors.QueryCanceled) as error:
        raise NoAnswer(f"The database did not answer within {tool.timeout:g} s.") from error
    except errors.LockNotAvailable as error:
        raise NotTaken("What is asked for is locked.") from error
    except errors.ReadOnlySqlTransaction as error:
        raise ToolError("The query changes something: a tool asks only.") from error
    except psycopg.Error as error:
        raise _said(error) from error


def _said(error: psycopg.Error) -> ToolError:
    """With the server's own sentence about the query."""
    said = error.diag.message_primary or ""
    if isinstance(error, errors.InvalidTextRepresentation) and statement.TOO_LARGE in said:
        return ToolError("A row has more bytes than the tool may take.")
    if isinstance(error, psycopg.OperationalError):
        return NotTaken("The database broke off.")
    return ToolError(f"The database refuses the query: {said[:300]} ({error.sqlstate or type(error).__name__})")


async def _stream(address: str, seconds: float, query: str, values: dict[str, object], taking: _Taking) -> None:
    limit = f"{max(1, round(seconds * 1000))}ms"
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": limit,
        "lock_timeout": limit,
        "idle_in_transaction_session_timeout": limit,
        "jit": "off",
    }
    async with await _connected(address, seconds, options) as connection:
        if connection.info.parameter_status("is_superuser") == "on":
            raise ToolError("The role of this database may do everything: name one that may only read.")
        await connection.set_read_only(True)
        await _take_all(connection, query, values, taking)
        await connection.rollback()


async def _connected(address: str, seconds: float, options: dict[str, str]) -> psycopg.AsyncConnection:
    """What a driver says of a connection holds hosts and users: none of it is repeated."""
    try:
        return await psycopg.AsyncConnection.connect(
            address,
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
            connect_timeout=max(2, round(seconds)),
            application_name="workflow-memory tool",
        )
    except psycopg.OperationalError as error:
        raise NotTaken("The database cannot be reached.") from error
    except (psycopg.Error, ValueError) as error:
        raise ToolError("The address of the database cannot be read.") from error


async def _take_all(
    connection: psycopg.AsyncConnection, query: str, values: dict[str, object], taking: _Taking
) -> None:
    """Row by row, as the driver asks for one statement alone: two of them are refused by the protocol."""
    columns: list[str] = []
    async with connection.cursor() as cursor:
        rows = cursor.stream(query, values)
        try:
            async for row in rows:
                columns = columns or [column.name for column in cursor.description]
                if not taking.take(columns, row):
                    break
        finally:
            with suppress(asyncio.CancelledError, psycopg.Error):
                await rows.aclose()


# SQLite

_MAY = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_MAY_NOT_CALL = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def _ask_sqlite(
    tool: Tool, address: str, asked: statement.Statement, values: dict[str, object], taking: _Taking
) -> None:
    if any(isinstance(value, list) for value in values.values()):
        raise ToolError("A parameter of an SQLite file is a text, a number, true, false or null.")
    deadline = time.monotonic() + tool.timeout
    try:
        with closing(_opened(_file(address), tool.timeout)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 1000)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, taking.max_bytes)
            connection.set_authorizer(_authorized)
            cursor = connection.execute(asked.query, values)
            columns = [column[0] for column in cursor.description or ()]
            for row in cursor:
                if not taking.take(columns, row):
                    break
    except sqlite3.Error as error:
        raise _sqlite_said(error, tool, deadline) from error


def _opened(file: Path, seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=min(seconds, 5.0))
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _authorized(action: int, first: str | None, second: str | None, *_: object) -> int:
    allowed = action in _MAY and not (action == sqlite3.SQLITE_FUNCTION and second in _MAY_NOT_CALL)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _sqlite_said(error: sqlite3.Error, tool: Tool, deadline: float) -> ToolError:
    if time.monotonic() > deadline:
        return NoAnswer(f"The database did not answer within {tool.timeout:g} s.")
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR")):
        return NotTaken("The database cannot be read at this moment.")
    if code.startswith("SQLITE_TOOBIG"):
        return ToolError("A row has more bytes than the tool may take.")
    if code.startswith(("SQLITE_AUTH", "SQLITE_READONLY")):
        return ToolError("The query does more than to ask, and a tool asks only.")
    return ToolError(f"The database refuses the query: {str(error)[:300]}")


def _file(address: str) -> Path:
    return Path(unquote(address.removeprefix(SQLITE)))


def _is_ours(address: str) -> bool:
    """An operator who names it by mistake would show one project the rows of all."""
    own = installation.DATABASES["default"]
    if address.startswith(SQLITE):
        return "sqlite" in own["ENGINE"] and _file(address).resolve() == Path(own["NAME"]).resolve()
    try:
        parts = urlsplit(address)
        there = (parts.hostname or "localhost", parts.port or 5432, unquote(parts.path[1:]) or parts.username)
    except ValueError:
        return False
    here = (own.get("HOST") or "localhost", int(own.get("PORT") or 5432), own["NAME"])
    return _near(there) == _near(here)


def _near(place: tuple[object, ...]) -> tuple[object, ...]:
    host, *rest = place
    return ("localhost" if host in ("127.0.0.1", "::1") else host, *rest)
