"""A structured patch of a definition: what a redesign answers, applied change by change. Pure.

What a redesign may not do, and what of it a person should read, is known in `limits`; which number the new version gets in
`bumping`. A definition behind a patch need not be one: `workflows.models.Examined.of` says what is wrong with it.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from wire.problems import Fault, Invalid, Problem, pointer
from wire.strict_json import MAX_NODES, check
from workflows.definition import edge_case_id
from workflows.faults import MAX_FAULTS, short, unknown

from .answers import MAX_CHANGES

OPS = ("add", "replace", "remove")
NAMED = ("steps", "edge_cases")  # lists whose members a path names by their id
MAX_PATH = 500  # characters
MAX_WRITTEN = 1024 * 1024  # characters of JSON: of all values of a patch together, and of the definition behind it

# What the format takes for granted where it is not written: the first member may be added to it.
_ASSUMED: dict[str, type] = {"edge_cases": list, "covers": list, "constants": dict, "escalation": dict, "lanes": dict}
_ASSUMED_OF_STEP: dict[str, type] = {"checks": list, "examples": list, "arguments": dict}
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_PATH = re.compile(r"(?:/(?:[^~/]|~[01])*)+")

Container = dict | list


@dataclass(frozen=True)
class Change:
    """`op`: add, replace or remove. `path`: see `apply`. `value`: JSON; nothing where something is removed."""

    op: str
    path: str
    value: object = None
    why: str = ""


def apply(document: dict, changes: Sequence[Change]) -> dict:
    """A new document; each change sees what those before it have done, and the given one stays as it was.

    A path is a JSON pointer (RFC 6901, with `~0` and `~1`) in which a member of `steps` and of `edge_cases` is named by its
    id, also one that has only a slug for an id; a member of any other list by its index.

        add      /steps/-            appends the step
        add      /steps/pay          inserts the step BEFORE the step `pay`
        add      /edge_cases/-       appends the edge case; so does its own id, where there is none of that id yet
        add      /constants/days     a key that is there already is replaced, as RFC 6902 has it
        add      /steps/pay/checks/0 inserts before the first check; `-` appends
        replace  /steps/pay/when     what is there; what is not there cannot be replaced
        remove   /edge_cases/injury

    Lists that may be left out (`edge_cases`, `covers`, `checks`, …) come into being with their first member. `format`, and
    `steps` and `edge_cases` as wholes, are not for a patch. Raises `Invalid` with a place in the changes
    (`/changes/2/path`) for everything that cannot be done; a change that cannot is passed over by those behind it.
    """
    if len(changes) > MAX_CHANGES:
        raise Invalid.at("/changes", f"A patch has at most {MAX_CHANGES} changes, not {len(changes)}.")
    _refuse_much([change.value for change in changes], "/changes", "The values of a patch")
    patched, found = copy.deepcopy(document), []
    for index, change in enumerate(changes):
        try:
            _apply(patched, change)
        except _Refused as refused:
            found.append(Fault(pointer("changes", index, refused.key), refused.detail))
    if found:
        raise Invalid.of(found[:MAX_FAULTS])
    _refuse_much(patched, "/changes", "The definition behind this patch")
    return patched


class _Refused(Exception):
    """This change cannot be done: `key` of it is to blame."""

    def __init__(self, detail: str, key: str = "path") -> None:
        super().__init__(detail)
        self.detail, self.key = detail, key


def _refuse_much(value: object, where: str, what: str) -> None:
    try:
        check(value, MAX_NODES)
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (Problem, TypeError, ValueError, RecursionError) as error:
        said = error.detail if isinstance(error, Problem) else "they are no JSON values, or nested too deeply."
        raise Invalid.at(where, f"{what} cannot be kept: {said}") from error
    if size > MAX_WRITTEN:
        raise Invalid.at(where, f"{what} have more than {MAX_WRITTEN // 1024} KiB of JSON.")


def _apply(document: dict, change: Change) -> None:
    if change.op not in OPS:
        raise _Refused(unknown("op", change.op, OPS), "op")
    path = _parts(change.path)
    _refuse_head(document, path, change)
    parent = _parent(document, path, assuming=change.op == "add")
    named = path[0] if len(path) == 2 and path[0] in NAMED else ""
    if named and change.op != "remove":
        _refuse_member(named, parent, path[-1], change)
    key = _place(parent, path, change)
    _DONE[change.op](parent, key, copy.deepcopy(change.value))
    if path[0] in NAMED and (twice := _twice(path[0], document[path[0]])):
        raise _Refused(f"The id {short(twice)} would stand twice in {path[0]}.", "value")


def _parts(path: str) -> list[str]:
    if len(path) > MAX_PATH:
        raise _Refused(f"A path has at most {MAX_PATH} characters.")
    if not _PATH.fullmatch(path):
        said = (
            "A path begins with '/' and names a part, such as /steps/classify/instructions; ~ is written ~0, and / ~1"
        )
        raise _Refused(f"{said}: not {short(path)}.")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _refuse_head(document: dict, path: list[str], change: Change) -> None:
    """What a patch leaves alone."""
    head = path[0]
    if head == "format":
        raise _Refused("The format of a definition is not changed by a patch.")
    if len(path) == 1 and head in NAMED and (head in document or change.op != "add"):
        raise _Refused(f"Name one of the {_MANY[head]}, such as /{head}/{_SUCH_AS[head]}, not all of them together.")


_ONE = {"steps": "step", "edge_cases": "edge case"}
_MANY = {"steps": "steps", "edge_cases": "edge cases"}
_SUCH_AS = {"steps": "classify", "edge_cases": "injury"}


def _parent(document: dict, path: list[str], *, assuming: bool) -> Container:
    """What the last part of the path is looked for in."""
    here: object = document
    for depth, part in enumerate(path[:-1]):
        if assuming and isinstance(here, dict) and part not in here:
            known = _ASSUMED if depth == 0 else _ASSUMED_OF_STEP if depth == 2 and path[0] == "steps" else {}
            if part in known:
                here[part] = known[part]()
        here = _inside(here, path, depth)
    if not isinstance(here, Container):
        raise _Refused(f"There is nothing inside of {_shown(path[:-1])}: it is neither a list nor an object.")
    return here


def _inside(here: object, path: list[str], depth: int) -> object:
    part = path[depth]
    if isinstance(here, list):
        return here[_index(here, path, depth)]
    if isinstance(here, dict) and part in here:
        return here[part]
    options = here if isinstance(here, dict) else ()
    raise _Refused(f"{_shown(path[: depth + 1])} names nothing: {unknown('key', part, options)}")


def _index(members: list, path: list[str], depth: int) -> int:
    part = path[depth]
    if depth == 1 and path[0] in NAMED:
        return _named(path[0], members, part)
    if _INDEX.fullmatch(part) and int(part) < len(members):
        return int(part)
    there = f"its members are 0 to {len(members) - 1}" if members else "it is empty"
    raise _Refused(f"{_shown(path[: depth + 1])} names nothing: {there}.")


def _named(which: str, members: list, name: str) -> int:
    places = [place for place, one in enumerate(members) if _id(which, one) == name]
    if len(places) > 1:
        raise _Refused(f"The {_ONE[which]} {short(name)} is there {len(places)} times: nobody can say which is meant.")
    if not places:
        ids = [one for one in (_id(which, member) for member in members) if one]
        by_id = " It is named by its id, not by its place." if _INDEX.fullmatch(name) else ""
        raise _Refused(unknown(_ONE[which], name, ids) + by_id)
    return places[0]


def _id(which: str, member: object) -> str | None:
    if not isinstance(member, dict):
        return None
    name = member.get("id")
    if which == "edge_cases" and not isinstance(name, str):
        return _slug(str(member.get("case", "")))
    return name if isinstance(name, str) else None


@lru_cache(maxsize=8192)
def _slug(case: str) -> str:
    """Each change looks at all of them, and a definition has room for thousands."""
    return edge_case_id({"case": case})


def _twice(which: str, members: object) -> str | None:
    """The first id that stands there for a second time."""
    seen: set[str] = set()
    for name in _ids(which, members):
        if name in seen:
            return name
        seen.add(name)
    return None


def _ids(which: str, members: object) -> Iterator[str]:
    for member in members if isinstance(members, list) else ():
        if (name := _id(which, member)) is not None:
            yield name


def _refuse_member(which: str, members: Container, name: str, change: Change) -> None:
    """What is to become a step or an edge case, at a place that says where."""
    if not isinstance(change.value, dict):
        raise _Refused(f"A member of {which} is an object.", "value")
    if which == "steps" and not isinstance(change.value.get("id"), str):
        raise _Refused("A step has an 'id'.", "value")
    if change.op == "add" and which == "steps" and name != "-" and name not in _ids(which, members):
        said = f"There is no step {short(name)} to insert this one before"
        raise _Refused(f"{said}: /steps/- appends, and /steps/ with the id of a step inserts before that step.")


def _place(parent: Container, path: list[str], change: Change) -> str | int:
    """The key or the index of the part itself; behind the last member for what is appended."""
    part, adding = path[-1], change.op == "add"
    if isinstance(parent, dict):
        if not adding and part not in parent:
            raise _Refused(f"{_shown(path)} is not there, so it cannot be {change.op.rstrip('e')}ed.")
        return part
    if adding and (part == "-" or _is_behind(parent, path, change)):
        return len(parent)
    return _index(parent, path, len(path) - 1)


def _is_behind(members: list, path: list[str], change: Change) -> bool:
    """The index behind the last member; of the edge cases, whose order says nothing, the id of the new one."""
    if len(path) == 2 and path[0] in NAMED:
        new = path[0] == "edge_cases" and path[1] == _id("edge_cases", change.value)
        return new and path[1] not in _ids("edge_cases", members)
    return path[-1] == str(len(members))


def _add(parent: Container, key: str | int, value: object) -> None:
    if isinstance(parent, list):
        parent.insert(int(key), value)
    else:
        parent[key] = value


def _replace(parent: Container, key: str | int, value: object) -> None:
    parent[key] = value


def _remove(parent: Container, key: str | int, value: object) -> None:
    del parent[key]


_DONE: dict[str, Callable[[Container, str | int, object], None]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}


def _shown(path: Sequence[str]) -> str:
    return short(pointer(*path), 80)
