"""A table as a file, piece by piece: CSV after RFC 4180, or one JSON object.

UTF-8 without a mark of byte order: RFC 4180 and JSON know none, and a program would read it as part of the first heading. A
spreadsheet asks for the encoding when the file is imported.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from .tables import Row

KINDS = {"csv": "text/csv", "json": "application/json"}
PIECE = 64 * 1024  # characters
# With which a text becomes a formula in a spreadsheet (OWASP, CSV injection), or looks as if it had been guarded.
BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def pieces(form: str, columns: Sequence[str], rows: Iterable[Row], about: dict[str, Any]) -> Iterator[bytes]:
    """`about`: what a JSON file says of itself before its rows. A table has only its rows."""
    lines = _csv(columns, rows) if form == "csv" else _json(columns, rows, about)
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= PIECE:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line(cell(row[column]) for column in columns)


def _line(cells: Iterable[str]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def cell(value: Any) -> str:
    """Unknown is empty. A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that
    begins with an apostrophe: whoever takes one away has what was there. A number is never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if text.startswith(BEGINS) and not NUMBER.fullmatch(text) else text


def _json(columns: Sequence[str], rows: Iterable[Row], about: dict[str, Any]) -> Iterator[str]:
    head = json.dumps({**about, "columns": list(columns)}, ensure_ascii=False)
    yield f'{head[:-1]}, "rows": ['
    between = "\n"
    for row in rows:
        yield between + json.dumps({column: row[column] for column in columns}, ensure_ascii=False)
        between = ",\n"
    yield "\n]}\n"
