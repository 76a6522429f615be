"""What differs between two definitions: each change with its place, and the same as text. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, takewhile

from wire import strict_yaml
from wire.problems import pointer

NAMED = ("steps", "edge_cases")  # lists whose members have an id: one that only moved is not another one
MAX_CHANGES = 1000
# Between the first and the last line that differ. Lines that repeat can take difflib the square of their number, and more.
MAX_ALIGNED = 1500
CONTEXT = 3  # lines around a change
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


def changes(before: dict, after: dict) -> tuple[list[Change], bool]:
    """In the order of the later definition, at most 1,000, and whether these are all."""
    found = list(islice(_changes(before, after), MAX_CHANGES + 1))
    return found[:MAX_CHANGES], len(found) <= MAX_CHANGES


def text(before: dict, after: dict, names: tuple[str, str]) -> str:
    """A unified diff of both as YAML; empty where nothing differs."""
    first, second = (strict_yaml.dumps(one).splitlines() for one in (before, after))
    lines = list(_hunks(first, second))
    head = [f"--- {names[0]}", f"+++ {names[1]}"] if lines else []
    return "".join(f"{line}\n" for line in head + lines)


class _Aligned(SequenceMatcher):
    """What differs lies between lines that both begin with and lines that both end with. Where that is too much to be aligned,
    all of it is told as replaced."""

    def __init__(self, first: list[str], second: list[str]) -> None:
        start = _shared(first, second)
        end = _shared(first[start:][::-1], second[start:][::-1])
        old, new = first[start : len(first) - end], second[start : len(second) - end]
        self._around = [("equal", 0, start, 0, start)]
        self._around += [("equal", len(first) - end, len(first), len(second) - end, len(second))]
        self._start, self._whole = start, max(len(old), len(new)) > MAX_ALIGNED
        super().__init__(None, old, new)

    def get_opcodes(self) -> list[tuple[str, int, int, int, int]]:
        n, head, tail = self._start, *self._around
        inside = [("replace", 0, len(self.a), 0, len(self.b))] if self._whole else super().get_opcodes()
        return [head, *((tag, a + n, b + n, c + n, d + n) for tag, a, b, c, d in inside), tail]


def _shared(first: list[str], second: list[str]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _hunks(first: list[str], second: list[str]) -> Iterator[str]:
    if first == second:
        return
    for group in _Aligned(first, second).get_grouped_opcodes(CONTEXT):
        yield f"@@ -{_range(group[0][1], group[-1][2])} +{_range(group[0][3], group[-1][4])} @@"
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (f" {line}" for line in first[a:b])
            else:
                yield from (f"-{line}" for line in first[a:b])
                yield from (f"+{line}" for line in second[c:d])


def _range(start: int, stop: int) -> str:
    """As patch reads it: from 1; of no lines, the line before."""
    length = stop - start
    return f"{start + 1 if length else start},{length}" if length != 1 else str(start + 1)


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
    matcher = SequenceMatcher(None, before, after, autojunk=False)
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
