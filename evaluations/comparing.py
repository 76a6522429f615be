"""JSON values beside each other: what stands at a pointer, where two differ first, and how one is shown in a sentence.

1 and 1.0 are the same number, true and 1 are not the same. The values are models' and users': of any size and depth.
"""

import json
import re
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from wire.problems import pointer

MAX_SHOWN = 80  # characters of one value
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = _Absent()  # null is a value like any other


class Difference(NamedTuple):
    """Where the first one is, and what stands there, which may be `ABSENT`."""

    pointer: str
    expected: object
    found: object


def at(value: object, where: str) -> object:
    """What a JSON pointer (RFC 6901) leads to: `at({"a": [1]}, "/a/0")` → 1; `ABSENT` where nothing is."""
    for part in where.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value


def difference(expected: object, found: object) -> Difference | None:
    """The first place at which two values differ; None where they are the same. A list of another length differs as a whole."""
    todo: list[tuple[Any, object, object]] = [(None, expected, found)]  # a path is a pair: of the path above, and a key
    while todo:
        path, one, other = todo.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            keys = dict.fromkeys([*one, *other])
            inner = [((path, key), one.get(key, ABSENT), other.get(key, ABSENT)) for key in keys]
            todo += reversed(inner)
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            inner = [((path, index), *pair) for index, pair in enumerate(zip(one, other, strict=True))]
            todo += reversed(inner)
        elif not _is_same(one, other):
            return Difference(_written(path), one, other)
    return None


def _is_same(one: object, other: object) -> bool:
    """Of two that are not both objects, nor lists of one length."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return not isinstance(one, list) and one == other


def _written(path: Any) -> str:
    keys = []
    while path is not None:
        path, key = path
        keys.append(key)
    return pointer(*reversed(keys))


def key_of(value: object) -> Hashable:
    """The same for the same value, so that values can be looked up. Raises `RecursionError` for one that is nested too deeply."""
    if isinstance(value, dict):
        return "object", frozenset((key, key_of(child)) for key, child in value.items())
    if isinstance(value, list):
        return "list", tuple(map(key_of, value))
    return isinstance(value, bool), value


def shown(value: object) -> str:
    """As JSON, cut short; nothing more of it is written than what is shown."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    text = ""
    for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        text += piece[: MAX_SHOWN + 1]
        if len(text) > MAX_SHOWN:
            return text[:MAX_SHOWN] + "…"
    return text


def listed(values: Iterable[object], most: int = 3) -> str:
    """`"a", "b", "c" and 4 more`."""
    values = list(values)
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(map(shown, values[:most])) + more
