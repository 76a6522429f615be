"""What differs between two definitions: each change with its place, and the same as text. Pure."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from wire import strict_yaml
from wire.problems import pointer

NAMED = ("steps", "edge_cases")  # lists whose members have an id: one that only moved is not another one
MAX_CHANGES = 1000
ABSENT = object()

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """`op`: added, removed, changed or moved. `pointer`: in the later definition; of what was removed, in the earlier one.
    `about`: the id of the step or edge case, empty for the rest."""

    op: str
    pointer: str
    about: str = ""
    before: object = None
    after: object = None


def changes(before: dict, after: dict) -> list[Change]:
    """In the order of the later definition, at most 1,000."""
    found: list[Change] = []
    for change in _changes(before, after):
        found.append(change)
        if len(found) == MAX_CHANGES:
            break
    return found


def text(before: dict, after: dict, names: tuple[str, str]) -> str:
    """A unified diff of both as YAML; empty where nothing differs."""
    first, second = (strict_yaml.dumps(one).splitlines(keepends=True) for one in (before, after))
    return "".join(difflib.unified_diff(first, second, *names))


def _changes(before: dict, after: dict) -> Iterator[Change]:
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if key in NAMED and isinstance(old, list) and isinstance(new, list):
            yield from _members(key, old, new)
        else:
            yield from _values((key,), old, new, "")


def _members(key: str, before: list, after: list) -> Iterator[Change]:
    old, new = _by_id(before), _by_id(after)
    kept = [name for name in new if name in old]
    steady = _steady([name for name in old if name in new], kept)
    for name, (place, member) in new.items():
        if name not in old:
            yield Change("added", pointer(key, place), name, after=member)
            continue
        if name not in steady:
            yield Change("moved", pointer(key, place), name, before=old[name][0], after=place)
        yield from _values((key, place), old[name][1], member, name)
    for name, (place, member) in old.items():
        if name not in new:
            yield Change("removed", pointer(key, place), name, before=member)


def _by_id(members: list) -> dict[str, tuple[int, object]]:
    named = ((str(one.get("id", one.get("case", place))), place, one) for place, one in enumerate(members))
    return {name: (place, one) for name, place, one in named}


def _steady(before: list[str], after: list[str]) -> set[str]:
    """Of the same names in two orders, those that can be said to have stayed: the fewest others moved."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return {before[block.a + n] for block in matcher.get_matching_blocks() for n in range(block.size)}


def _values(path: Path, old: object, new: object, about: str) -> Iterator[Change]:
    if old is ABSENT:
        yield Change("added", pointer(*path), about, after=new)
    elif new is ABSENT:
        yield Change("removed", pointer(*path), about, before=old)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _values((*path, key), old.get(key, ABSENT), new.get(key, ABSENT), about)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _values((*path, index), one, other, about)
    elif old != new or type(old) is not type(new):
        yield Change("changed", pointer(*path), about, before=old, after=new)
