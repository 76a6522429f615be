"""The one YAML reader for what comes from outside: YAML 1.2 with the core schema, as strict as `strict_json`. `no`, `on`,
`12:30` and dates are text; what could be meant otherwise than it would be read is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from .problems import Malformed, TooLarge
from .strict_json import MAX_DEPTH, MAX_NODES, check, too_many

MAX_TEXT = 1024 * 1024  # characters, also once aliases are followed
MAX_NUMBER = 40
_FOREIGN_BREAK = re.compile("[\x85\u2028\u2029]")  # ends a line in YAML 1.1, and in YAML 1.2 none
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")  # that other readers take for ends of lines
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OF_ANOTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNCLEAR = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_Container = dict[str, object] | list[object]


def loads(text: str, max_nodes: int = MAX_NODES, max_text: int = MAX_TEXT, max_depth: int = MAX_DEPTH) -> object:
    """Text → JSON value. Raises `Malformed`, with line and column, and what `strict_json.loads` raises."""
    if len(text) > max_text:
        raise TooLarge(f"A YAML document has at most {max_text} characters.")
    if foreign := _FOREIGN_BREAK.search(text):
        said = f"Write {foreign[0]!r} as an escape in double quotes: it is a line break to some, and none to others"
        raise Malformed(f"{said}{_place(text, foreign.start())}.")
    try:
        value = _Builder(max_nodes, max_text, max_depth).read(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise Malformed(f"Not YAML: {error.problem or error.context}{_at(error.problem_mark)}.") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise Malformed(f"Not YAML: {str(error).splitlines()[0][:200]}.") from error
    return check(value, max_nodes)


@dataclass(frozen=True)
class _Weight:
    """Of a value with its aliases followed: what writing it out would take."""

    nodes: int = 0
    letters: int = 0

    def __add__(self, other: "_Weight") -> "_Weight":
        return _Weight(self.nodes + other.nodes, self.letters + other.letters)

    def __sub__(self, other: "_Weight") -> "_Weight":
        return _Weight(self.nodes - other.nodes, self.letters - other.letters)


class _Builder:
    """Events → a value. Nothing recurses, and an alias is the value that it names, counted as often as it stands."""

    def __init__(self, max_nodes: int, max_text: int, max_depth: int) -> None:
        self._most, self._deepest = _Weight(max_nodes, max_text), max_depth
        self._open: list[tuple[_Container, str | None, _Weight]] = []  # a container, its anchor, what came before it
        self._keys: list[str | None] = []  # of each open container the key that waits for its value
        self._anchored: dict[str, tuple[object, _Weight]] = {}
        self._weight = _Weight()
        self._root: list[object] = []

    def read(self, events: Iterator[yaml.Event]) -> object:
        for event in events:
            match event:
                case yaml.DocumentStartEvent() if self._root:
                    raise Malformed(f"More than one document{_at(event.start_mark)}.")
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._begin(event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end()
        if not self._root:
            raise Malformed("The YAML document is empty.")
        return self._root[0]

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._open) == self._deepest:
            raise Malformed(f"Nested deeper than {self._deepest} levels{_at(event.start_mark)}.")
        if self._wants_key():
            raise Malformed(f"A key is a text{_at(event.start_mark)}.")
        found: _Container = {} if isinstance(event, yaml.MappingStartEvent) else []
        before = self._weight
        self._put(found, _Weight(1))
        self._open.append((found, event.anchor, before))
        self._keys.append(None)

    def _end(self) -> None:
        found, anchor, before = self._open.pop()
        self._keys.pop()
        if anchor:
            self._anchored[anchor] = found, self._weight - before

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        value = _meant(event) if event.implicit[0] else event.value
        if self._wants_key():
            self._key(value, event)
            return
        weight = _Weight(1, len(event.value))
        self._put(value, weight)
        if event.anchor:
            self._anchored[event.anchor] = value, weight

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchored:
            raise Malformed(f"The alias *{event.anchor} names nothing that is complete here{_at(event.start_mark)}.")
        value, weight = self._anchored[event.anchor]
        if len(self._open) + _height(value) > self._deepest:
            raise Malformed(f"Nested deeper than {self._deepest} levels{_at(event.start_mark)}.")
        if self._wants_key():
            self._key(value, event)
        else:
            self._put(value, weight)

    def _key(self, value: object, event: yaml.NodeEvent) -> None:
        found = self._open[-1][0]
        if not isinstance(value, str):
            raise Malformed(f"A key is a text: write it in quotes{_at(event.start_mark)}.")
        if value in found:
            raise Malformed(f"The key {value[:80]!r} stands twice in one object{_at(event.start_mark)}.")
        self._count(_Weight(letters=len(value)))
        self._keys[-1] = value

    def _put(self, value: object, weight: _Weight) -> None:
        self._count(weight)
        if not self._open:
            self._root.append(value)
        elif isinstance(found := self._open[-1][0], dict):
            found[self._keys[-1]] = value
            self._keys[-1] = None
        else:
            found.append(value)

    def _count(self, weight: _Weight) -> None:
        self._weight += weight
        if self._weight.nodes > self._most.nodes:
            raise too_many(self._most.nodes)
        if self._weight.letters > self._most.letters:
            raise TooLarge(f"With its aliases followed this YAML has more than {self._most.letters} characters.")

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._keys[-1] is None

    def _refuse_tag(self, event: yaml.NodeEvent) -> None:
        if event.tag is not None:
            raise Malformed(f"A tag such as {event.tag[:40]!r} says nothing here{_at(event.start_mark)}.")


def _height(value: object) -> int:
    """Levels of objects and lists in it."""
    height, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        height += 1
        level = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]
    return height


def _meant(event: yaml.ScalarEvent) -> object:
    """A plain scalar by the core schema."""
    text = event.value
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _UNCLEAR.fullmatch(text):
        raise Malformed(
            f"{text[:40]!r} is no number that JSON has; as a text it stands in quotes{_at(event.start_mark)}."
        )
    number = _number(text)
    if number in (float("inf"), float("-inf")):
        raise Malformed(f"{text} is too large for a number{_at(event.start_mark)}.")
    return text if number is None else number


def _number(text: str) -> int | float | None:
    """None where it is no number that is exact."""
    if len(text) > MAX_NUMBER:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OF_ANOTHER_BASE.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else None


def _place(text: str, position: int) -> str:
    before = text[:position].split("\n")
    return f" at line {len(before)}, column {len(before[-1]) + 1}"


def _at(mark: yaml.Mark | None) -> str:
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def dumps(value: object) -> str:
    """JSON value → YAML that `loads` reads back as the same value: in the order of the keys, long texts as blocks."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """As a block where it has lines; in quotes where it would be read as something else than this text."""
    style = "|" if "\n" in text else None
    if _BREAKS.search(text):
        style = '"'
    elif not style and (text in _NULL or text in _BOOL or _UNCLEAR.fullmatch(text) or _number(text) is not None):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _write_text)
