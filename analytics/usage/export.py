"""Reads a provider's usage export: JSON as its API answers, one page or several. Hostile until `read` returns.

Which pages there are: Anthropic's `usage_report/messages` and `cost_report`, OpenAI's `usage/completions` and `costs`. What
their results say, `shapes` knows.
"""

import codecs
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from django.utils import timezone

from wire import strict_json
from wire.bodies import moment
from wire.problems import Malformed, TooLarge

from .models import UsageImport
from .shapes import EXPECTED, Said, counted, shape_of

MAX_BYTES = 50_000_000
MAX_VALUES = 2_000_000  # of a file, or of a line of it
LARGEST = 2**53  # of a figure of a day, in tokens; of its cost, see `MOST`
MOST = 2**62  # pico-dollars
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST_SECOND = 253_402_300_799  # of the year 9999


@dataclass(frozen=True)
class Export:
    """`rows`: what is said of each day and model, added up; `days`: all that are spoken of, in order."""

    kind: UsageImport.Kind
    sha256: str
    days: list[date]
    rows: dict[tuple[date, str], Said]


@dataclass(frozen=True)
class Bucket:
    start: datetime
    end: datetime
    results: list[dict]

    def __str__(self) -> str:
        return f"the bucket from {self.start:%Y-%m-%dT%H:%M:%SZ} to {self.end:%Y-%m-%dT%H:%M:%SZ}"


def read(file: Path) -> Export:
    """Raises a `Problem` with a sentence for a person, and `OSError`."""
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TooLarge(f"The file is larger than {MAX_BYTES // 1_000_000} MB: import fewer days at a time.")
    return parse(content)


def parse(content: bytes) -> Export:
    """The same of what stands in a file."""
    pages = list(_pages(content))
    if not pages:
        raise Malformed(f"There is nothing in the file. {EXPECTED}")
    if any(type(page.get("has_more", False)) is not bool for page in pages):
        raise Malformed(f"has_more of a page is neither true nor false. {EXPECTED}")
    if pages[-1].get("has_more") or pages[-1].get("next_page") is not None:
        raise Malformed("The last page of the file says that there are more (has_more, next_page): export all of them.")
    buckets = sorted((_bucket(one) for page in pages for one in _listed(page, "data")), key=lambda one: one.start)
    days = _whole_days(buckets)
    results = [(bucket, result) for bucket in buckets for result in bucket.results]
    kinds = {shape_of(result) for _, result in results}
    if len(kinds) != 1:
        several = "The file mixes different exports." if kinds else "No bucket of it has a result, so it says nothing."
        raise Malformed(f"{several} {EXPECTED}")
    (shape,) = kinds
    rows: dict[tuple[date, str], Said] = defaultdict(Said)
    for bucket, result in results:
        model, said = shape.read(result, str(bucket))
        rows[bucket.start.date(), model] += said
    for (day, model), said in rows.items():
        if max(counted(said).values()) > LARGEST or max(abs(said.cost), abs(said.other_cost)) > MOST:
            raise Malformed(f"What it says of {model or 'the cost'} on {day} is more than can be.")
    return Export(shape.kind, hashlib.sha256(content).hexdigest(), days, dict(rows))


def _pages(content: bytes) -> Iterator[dict]:
    """One page, an array of pages, or a page on each line."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Malformed("The file is UTF-16: save it as UTF-8.")
    text = content.removeprefix(codecs.BOM_UTF8).strip()
    if not text:
        return
    if text[:1] not in (b"{", b"["):
        raise Malformed(f"The file is not JSON. {EXPECTED}")
    lines = [line for line in text.splitlines() if line.strip()]
    by_line = len(lines) > 1 and lines[0].startswith(b"{") and lines[0].rstrip().endswith(b"}")
    for part in lines if by_line else [text]:
        value = strict_json.loads(part, MAX_VALUES)
        for page in value if isinstance(value, list) else [value]:
            if not isinstance(page, dict):
                raise Malformed(f"A page of the file is no JSON object. {EXPECTED}")
            yield page


def _listed(value: dict, name: str) -> list[dict]:
    found = value.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"{name} is missing, or no list of objects. {EXPECTED}")
    return found


def _bucket(value: dict) -> Bucket:
    if "starting_at" in value:
        start, end = (_rfc3339(value.get(name), name) for name in ("starting_at", "ending_at"))
    elif "start_time" in value:
        start, end = (_unix(value.get(name), name) for name in ("start_time", "end_time"))
    else:
        raise Malformed(f"A bucket has neither starting_at nor start_time. {EXPECTED}")
    bucket = Bucket(start, end, _listed(value, "results"))
    if end <= start:
        raise Malformed(f"{_first_up(bucket)} ends before it begins.")
    if start.date() != (end - timedelta(microseconds=1)).date():
        raise Malformed(f"{_first_up(bucket)} goes over midnight (UTC): export with bucket_width=1d or 1h.")
    return bucket


def _rfc3339(value: object, name: str) -> datetime:
    try:
        return moment(value)
    except ValueError as error:
        raise Malformed(f"{name} of a bucket: {error}.") from error


def _unix(value: object, name: str) -> datetime:
    if type(value) is not int or not 0 <= value <= LAST_SECOND:
        raise Malformed(f"{name} of a bucket is no time in whole seconds since 1970.")
    return datetime.fromtimestamp(value, UTC)


def _whole_days(buckets: list[Bucket]) -> list[date]:
    """The days of the buckets, which cover each of them whole and once. In order; `buckets` are in order too."""
    for before, after in pairwise(buckets):
        if (before.start, before.end) == (after.start, after.end):
            raise Malformed(f"{_first_up(after)} stands twice in the file.")
        if after.start < before.end:
            raise Malformed(f"{_first_up(after)} overlaps {before}.")
    covered: dict[date, timedelta] = defaultdict(timedelta)
    for bucket in buckets:
        covered[bucket.start.date()] += bucket.end - bucket.start
    today = timezone.now().astimezone(UTC).date()
    for day, length in covered.items():
        if length != DAY:
            raise Malformed(f"Of {day} the file has {length / HOUR:g} hours only: export whole days (UTC).")
        if day >= today:
            raise Malformed(f"{day} is not over (UTC): export days that are.")
    return list(covered)


def _first_up(bucket: Bucket) -> str:
    text = str(bucket)
    return text[:1].upper() + text[1:]
