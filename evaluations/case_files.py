"""Cases in a file: one JSON object a line, or a table (CSV). What was exported gives the same set when it is imported."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path

from wire import strict_json
from wire.problems import Fault, Invalid, Malformed, Problem, TooLarge
from workflows.models import Workflow

from . import cases
from .case_api import NewCase
from .case_shown import plain
from .models import Case

COLUMNS = ("kind", "weight", "tags", "note", "input", "expected", "expects_flag", "steps", "answers", "proposed")
IN_JSON = ("input", "expected", "expects_flag", "steps", "answers", "proposed")
PARTED = ("input", "expected")  # of which a column may be one field
MAX_BYTES = 64 * 1024 * 1024
MAX_FAULTS = 100
BEGINS = ("'", "=", "+", "-", "@", "\t", "\r")  # with which a text becomes a formula in a spreadsheet, or looks guarded
Line = tuple[str, cases.NewCase]  # where it stands, what it says
Part = tuple[str, Callable[[], dict[str, object]]]


def is_table(name: str) -> bool:
    """By its ending. Raises `Invalid` for one that is neither."""
    ending = Path(name).suffix.lower()
    if ending not in (".csv", ".jsonl", ".ndjson"):
        raise Invalid(f"{name}: a file of cases ends in .jsonl or .csv.")
    return ending == ".csv"


def take(workflow: Workflow, name: str, content: bytes, by: str, *, proposed: bool = False) -> list[Case]:
    """The cases of a file, all or none. Raises `Problem`, whose faults name the lines."""
    lines = read(name, content)
    where, said = [place for place, _ in lines], [one for _, one in lines]
    if proposed:
        said = [_proposed(one) for one in said]
    found = cases.examined(workflow, said, by, Case.Source.IMPORT, where)
    return cases.keep(workflow, found, where)


def _proposed(said: cases.NewCase) -> cases.NewCase:
    """The same, proposed."""
    return cases.NewCase(**{**vars(said), "proposed": True})


def read(name: str, content: bytes) -> list[Line]:
    """Raises `Problem` with the lines that cannot be read."""
    found, wrong = [], []
    for place, said in parted(name, content):
        try:
            found.append((place, NewCase.read(said()).said()))
        except Problem as problem:
            wrong += [fault.under(place) for fault in problem.faults or [Fault("", problem.detail)]]
        if len(wrong) >= MAX_FAULTS:
            break
        if len(found) > cases.MOST:
            raise TooLarge(f"A workflow has at most {cases.MOST} cases.")
    _refuse(wrong, found)
    return found


def parted(name: str, content: bytes, needed: Sequence[str] = ("kind", "input")) -> Iterator[Part]:
    """Line by line: where it stands, and what gives the object that it says, or raises a `Problem`. Of a table `needed` are the
    columns without which it is none."""
    text = _text(content)
    return _of_table(text, needed) if is_table(name) else _of_lines(text)


def _refuse(wrong: list[Fault], found: list[Line]) -> None:
    if wrong:
        raise Invalid.of(wrong)
    if not found:
        raise Invalid("The file has no case.")


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise TooLarge(f"A file of cases has at most {MAX_BYTES} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("The file is not UTF-8.") from error


def write(name: str, rows: Iterable[Case]) -> str:
    """The text of a file."""
    return "".join(lines(name, rows))


def lines(name: str, rows: Iterable[Case]) -> Iterator[str]:
    """A file piece by piece: of a table the cells are JSON, and no cell is a formula."""
    if not is_table(name):
        yield from (f"{json.dumps(told(case), ensure_ascii=False)}\n" for case in rows)
        return
    yield _row(COLUMNS)
    for case in rows:
        said = told(case)
        yield _row(_cell(column, said[column]) if column in said else "" for column in COLUMNS)


def _row(cells: Iterable[str]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def told(case: Case) -> dict[str, object]:
    """As it would be posted; what goes without saying is left out."""
    said = {"kind": case.kind, "input": case.input}
    if not case.expects_flag:
        said["expected"] = case.expected
    elif case.kind == Case.Kind.BOUNDARY:
        said["expects_flag"] = True
    for name in ("steps", "answers", "tags", "note"):
        if value := getattr(case, name):
            said[name] = value
    if case.weight != 1:
        said["weight"] = plain(case.weight)
    if case.state == Case.State.PROPOSED:
        said["proposed"] = True
    return said


def _of_lines(text: str) -> Iterator[Part]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}: ", lambda line=line: _object(strict_json.loads(line))


def _object(value: object) -> dict:
    if not isinstance(value, dict):
        raise Malformed("A line is a JSON object.")
    return value


def _of_table(text: str, needed: Sequence[str]) -> Iterator[Part]:
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_header(header, needed)
        before = reader.line_num
        for row in reader:
            if any(row):
                yield f"line {before + 1}: ", lambda row=row: _of_row(header, row)
            before = reader.line_num
    except csv.Error as error:
        raise Malformed(f"line {reader.line_num}: this is not CSV: {error}.") from error


def _check_header(header: list[str], needed: Sequence[str]) -> None:
    wrong = [name for name in header if name not in COLUMNS and name.partition(".")[0] not in PARTED]
    wrong += [name for name in header if name.endswith(".") or header.count(name) > 1]
    wrong += [name for name in PARTED if name in header and any(one.startswith(f"{name}.") for one in header)]
    if wrong:
        raise Malformed(f"line 1: the column {wrong[0][:60]!r} is unknown, or stands there twice.")
    if lack := [name for name in needed if name not in {one.partition(".")[0] for one in header}]:
        raise Malformed(f"line 1: there is no column {lack[0]}{' (or input.FIELD)' if lack[0] == 'input' else ''}.")


def _of_row(header: list[str], row: list[str]) -> dict[str, object]:
    """An empty cell says nothing."""
    if len(row) != len(header):
        raise Malformed(f"There are {len(row)} cells in {len(header)} columns.")
    said: dict[str, object] = {}
    for column, cell in zip(header, row, strict=True):
        whole, _, name = column.partition(".")
        if not cell:
            continue
        if name:
            said.setdefault(whole, {})[name] = strict_json.check(cell)
        elif column in IN_JSON:
            said[column] = _json(column, cell)
        else:
            text = _unguarded(strict_json.check(cell))
            said[column] = text.split() if column == "tags" else text
    return said


def _json(column: str, cell: str) -> object:
    try:
        return strict_json.loads(cell)
    except Problem as problem:
        raise Invalid.at(f"/{column}", problem.detail) from problem


def _cell(column: str, value: object) -> str:
    if column in IN_JSON:
        return json.dumps(value, ensure_ascii=False)
    text = " ".join(value) if column == "tags" else str(value)
    return f"'{text}" if text.startswith(BEGINS) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(BEGINS) else text
