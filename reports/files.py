"""A table as a file, piece by piece: CSV after RFC 4180, or one JSON object.

UTF-8 without a mark of byte order: RFC 4180 and JSON know none, and a program would read it as part of the first heading. A
spreadsheet asks for the encoding when the file is imported.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from .tables import Row

KINDS = {"csv": "text/csv", "json": "application/json"}
PIECE = 64 * 1024  # characters
# What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), in every width there is.
SIGNS = "=+@＝＋－＠﹢﹣﹦−-"
# Where a cell may begin for a program that separates otherwise than we do.
SEPARATED = re.compile(rf"""([;\t|\r\n][\s"']*)(?=[{re.escape(SIGNS)}])""")
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
    """Unknown is empty. Where a spreadsheet would read a formula, at the beginning of a text or behind what other programs take for
    a separator, an apostrophe comes before it; and before one that stands at the beginning. A number is never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if NUMBER.fullmatch(text):
        return text
    text = SEPARATED.sub(r"\1'", text)
    return f"'{text}" if _begins(text) else text


def _begins(text: str) -> bool:
    """Blanks, controls and what is not seen are taken away by programs that read a file."""
    if text[:1] in {"'", "\t", "\r", "\n"}:
        return True
    seen = next((one for one in text if unicodedata.category(one)[0] not in "ZC"), "")
    return seen != "" and seen in SIGNS


def _json(columns: Sequence[str], rows: Iterable[Row], about: dict[str, Any]) -> Iterator[str]:
    head = json.dumps({**about, "columns": list(columns)}, ensure_ascii=False)
    yield f'{head[:-1]}, "rows": ['
    between = "\n"
    for row in rows:
        yield between + json.dumps({column: row[column] for column in columns}, ensure_ascii=False)
        between = ",\n"
    yield "\n]}\n"
