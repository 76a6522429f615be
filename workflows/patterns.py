"""What matching the patterns of a schema can cost. They run in linear time, but linear in the text *times* the size of what
the pattern becomes: `[ab]{1,9999}x` takes eleven seconds for 30 KB. `schemas` asks."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import jsonschema_rs
from jsonschema_rs import RegexOptions, ValidationError

MAX_BRACKETS = 100  # what brackets capture is remembered for every state: 5,000 pairs of them need gigabytes
MAX_SIZE = 2 * 2**20  # bytes of what it becomes: `.{1,999}` is 1 MB, a mail address 64 KB, a UUID 4 KB
# Size × bytes of text, summed over all patterns of a schema and the texts that they are matched with. The worst patterns
# that were tried take 0.08 ns for each, and a text that breaks one is matched two or three times.
MAX_MATCHED = 5_000_000_000
_SIZES = [2**power for power in range(8, 25)]

_ANY, _KEYS = ("any",), ("keys",)  # where it is not one key under which the texts stand
_ELSEWHERE = {"propertyNames": _KEYS, "additionalProperties": _ANY, "unevaluatedProperties": _ANY}
Place = str | tuple[str]


class Matching:
    """The patterns of a schema, by the key under which the texts stand that each is matched with."""

    def __init__(self, schemas: Iterable[tuple[tuple, dict]]) -> None:
        """`schemas`: all that there are in it, each with its path, as often as references lead to it."""
        self._sizes: Counter[Place] = Counter()
        for path, one in schemas:
            if "pattern" in one:
                self._sizes[_place(path)] += size_of(one["pattern"])
            self._sizes[_KEYS] += sum(map(size_of, one.get("patternProperties", ())))
        self._sizes = +self._sizes  # without what is 0

    def is_too_much(self, value: object) -> bool:
        if not self._sizes:
            return False
        lengths = _lengths(value)
        return sum(size * lengths[place] for place, size in self._sizes.items()) > MAX_MATCHED


def complaint(pattern: str) -> str:
    """Why this pattern is refused, although it is one; empty where it is not. (What is none, its validator refuses.)"""
    if pattern.count("(") > MAX_BRACKETS:
        return f"A pattern has at most {MAX_BRACKETS} brackets."
    if size_of(pattern) > MAX_SIZE and _fits(pattern, _SIZES[-1]):
        return "This pattern becomes too large: make its repetitions smaller, or state a `maxLength` instead."
    return ""


@lru_cache(maxsize=4096)
def size_of(pattern: str) -> int:
    """Bytes of what the pattern is compiled to, rounded up to a power of two."""
    return next((size for size in _SIZES if _fits(pattern, size)), _SIZES[-1])


def _fits(pattern: str, size: int) -> bool:
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=RegexOptions(size_limit=size))
    except ValidationError:
        return False
    return True


def _place(path: tuple[str | int, ...]) -> Place:
    """The key under which the texts stand that a schema at this path is about; an item of a list stands under the list's."""
    place, parts = "", iter(path)
    for keyword in parts:
        if keyword in ("properties", "patternProperties", "dependentSchemas"):
            place = {"properties": next(parts), "patternProperties": _ANY, "dependentSchemas": place}[keyword]
        elif keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
            next(parts)
        else:
            place = _ELSEWHERE.get(keyword, place)
    return place


def _lengths(value: object) -> Counter[Place]:
    """Bytes of the texts in a value by the key they stand under, of all of them, and of all keys."""
    lengths: Counter[Place] = Counter()
    todo: list[tuple[str, object]] = [("", value)]
    while todo:
        key, one = todo.pop()
        if isinstance(one, str):
            lengths[key] += (size := _bytes(one))
            lengths[_ANY] += size
        elif isinstance(one, dict):
            lengths[_KEYS] += sum(map(_bytes, one))
            todo += one.items()
        elif isinstance(one, list):
            todo += ((key, child) for child in one)
    return lengths


def _bytes(text: object) -> int:
    return len(str(text).encode(errors="replace"))
