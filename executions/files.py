"""Executing a workflow on a file of inputs, one JSON value a line. Interrupted at any moment and begun again it goes on: which
execution is which line's is written down before the first one is accepted."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from wire import strict_json
from wire.ids import new_id
from wire.problems import Fault, Problem
from workflows.compiled import compiled
from workflows.models import Publication, Version

from . import queue
from .models import FINAL, Execution, Status
from .representation import represent_executions

AT_ONCE = 100  # executions that are accepted, or asked about, in one statement
MAX_FAULTS = 20
Line = tuple[int, UUID, object]  # its number from 1, its execution's id, its input


class FileError(Exception):
    """The file cannot be executed. The message is for a person."""


@dataclass(frozen=True)
class Work:
    """`ids`: of each line's execution, in their order."""

    source: Path
    result: Path
    ids: list[UUID]

    @property
    def plan(self) -> Path:
        return plan_of(self.result)


def plan_of(result: Path) -> Path:
    return result.with_name(f"{result.name}.ids")


def begin(source: Path, result: Path, version: Version) -> Work:
    """Checks every line, and writes down the ids, or reads them where they are. Raises `FileError`."""
    print_of, count = _examined(source, version)
    if plan_of(result).exists():
        return Work(source, result, _planned(plan_of(result), print_of, count))
    if result.exists():
        raise FileError(f"{result} is there already: remove it, or name another --output.")
    work = Work(source, result, [new_id() for _ in range(count)])
    _write(work.plan, [print_of, *map(str, work.ids)])
    return work


def submit(work: Work, version: Version, publication: Publication | None, actor: str) -> Iterator[int]:
    """Accepts what is not accepted yet; how many were looked at so far."""
    seen = 0
    for several in _batches(work):
        there = set(Execution.objects.filter(pk__in=[pk for _, pk, _ in several]).values_list("pk", flat=True))
        missing = [(pk, given) for _, pk, given in several if pk not in there]
        if missing:
            ids, inputs = [pk for pk, _ in missing], [given for _, given in missing]
            queue.submit_batch(version, publication, inputs, actor=actor, metadata={"file": work.source.name}, ids=ids)
        seen += len(several)
        yield seen


def standing(work: Work) -> Counter[str]:
    """How many have each status; `review` for those that wait for one."""
    found: Counter[str] = Counter()
    for start in range(0, len(work.ids), AT_ONCE * 10):
        rows = Execution.objects.filter(pk__in=work.ids[start : start + AT_ONCE * 10])
        for status, waiting_for in rows.values_list("status", "waiting_for"):
            found["review" if status == Status.WAITING and waiting_for == "review" else status] += 1
    return found


def at_work(found: Counter[str]) -> int:
    """How many still go on by themselves."""
    return sum(number for status, number in found.items() if status not in (*FINAL, Status.ESCALATED, "review"))


def write_result(work: Work) -> None:
    """One line for each of the source: `{line, id, status, output, resolved_by, error, cost}`. The ids stay where somebody still
    has to decide: begun again, it brings the rest."""
    _write(work.result, _results(work))
    if set(standing(work)) <= set(FINAL):
        work.plan.unlink()


def _results(work: Work) -> Iterator[str]:
    for start in range(0, len(work.ids), AT_ONCE):
        several = work.ids[start : start + AT_ONCE]
        rows = Execution.objects.select_related("workflow", "version").in_bulk(several)
        shown = {one["id"]: one for one in represent_executions(list(rows.values()))}
        for number, pk in enumerate(several, start + 1):
            one = shown[str(pk)]
            kept = {key: one[key] for key in ("id", "status", "output", "resolved_by", "error", "cost")}
            yield json.dumps({"line": number, **kept}, ensure_ascii=False)


def _examined(source: Path, version: Version) -> tuple[str, int]:
    """The file's fingerprint, and how many inputs it has."""
    schema, digest, count, wrong = compiled(version.pk).input_schema, hashlib.sha256(), 0, []
    try:
        for count, text in enumerate(_lines(source), 1):
            digest.update(text.encode())
            try:
                wrong += [fault.under(f"line {count}: ") for fault in schema.faults(strict_json.loads(text))]
            except Problem as problem:
                wrong.append(Fault(f"line {count}: ", problem.detail))
            if len(wrong) >= MAX_FAULTS:
                break
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{source} cannot be read: {error}") from error
    if wrong:
        raise FileError("\n".join([f"{source} was not executed:", *(f"{one.pointer} {one.detail}" for one in wrong)]))
    if not count:
        raise FileError(f"{source} has no line.")
    return f"{digest.hexdigest()} {version.pk}", count


def _planned(plan: Path, print_of: str, count: int) -> list[UUID]:
    first, *ids = plan.read_text(encoding="ascii").splitlines()
    if first != print_of or len(ids) != count:
        raise FileError(f"{plan} belongs to another input or version: remove it to begin anew.")
    return [UUID(one) for one in ids]


def _batches(work: Work) -> Iterator[list[Line]]:
    several: list[Line] = []
    for number, (pk, text) in enumerate(zip(work.ids, _lines(work.source), strict=True), 1):
        several.append((number, pk, strict_json.loads(text)))
        if len(several) == AT_ONCE or number == len(work.ids):
            yield several
            several = []


def _lines(source: Path) -> Iterator[str]:
    """Those that are not empty."""
    with source.open(encoding="utf-8") as file:
        yield from (line for line in file if line.strip())


def _write(path: Path, lines: Iterator[str] | Sequence[str]) -> None:
    """All of it, or nothing."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
