"""The JSON parsers for what comes from outside. Hostile until they return: `loads` is strict, for bodies of requests and answers
of models; `bounded` only bounds what reading costs, for the envelope in which a provider sends such an answer."""

import json
import re
from collections.abc import Iterator

from .problems import Fault, Invalid, Malformed, TooLarge, pointer

MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_INTEGER = 2**53
MARKS_OF_A_VALUE = 4

_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)  # a long text is one step of it
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(text: str | bytes, max_nodes: int = MAX_NODES, max_depth: int = MAX_DEPTH) -> object:
    """Text → JSON value.

    Raises `Malformed` (not JSON, NaN, a key twice, too deep), `TooLarge` (too many values) or `Invalid` (a NUL, a lone
    surrogate, an integer beyond ±2⁵³: legal JSON that no store can keep faithfully).
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("The body is not UTF-8.") from error
    _refuse_size(text, max_nodes, max_depth)
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    return check(value, max_nodes)


def bounded(body: bytes, max_nodes: int = MAX_NODES, max_depth: int = MAX_DEPTH) -> object:
    """The JSON value of a body whose size is bounded, but not what is in it. Raises `Malformed` or `TooLarge`.

    An odd character in an answer, or a key twice beside it, would have the strict parser refuse the whole, and lose what it
    says was paid.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        _refuse_size(text, max_nodes, max_depth)
        return json.loads(text)
    except ValueError as error:
        raise Malformed("Not JSON.") from error


def check(value: object, max_nodes: int = MAX_NODES) -> object:
    """The value, where it can be kept faithfully. Raises `TooLarge` or `Invalid`."""
    faults, nodes = [], 0
    for nodes, (where, leaf) in enumerate(_walk(value), 1):
        if nodes > max_nodes:
            raise too_many(max_nodes)
        faults += [Fault(_SURROGATE.sub("\ufffd", pointer(*where)), detail) for detail in _complaints(leaf)]
    if faults:
        raise Invalid.of(faults[:20])
    return value


def _refuse_size(text: str, max_nodes: int, max_depth: int) -> None:
    """Reads strings, brackets and commas, before anything recurses or is built.

    A value has at most four of these (its key, its text or two brackets, a comma), so that what parsing costs is bounded
    by what is allowed, whatever comes.
    """
    depth = 0
    for read, token in enumerate(_MARK.finditer(text)):
        if read > MARKS_OF_A_VALUE * max_nodes:
            raise too_many(max_nodes)
        if token[0] in "[{":
            depth += 1
            if depth > max_depth:
                raise Malformed(f"Nested deeper than {max_depth} levels.")
        elif token[0] in "]}":
            depth -= 1


def too_many(max_nodes: int) -> TooLarge:
    return TooLarge(f"More than {max_nodes} values in one document.")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise Malformed(f"The key {key[:80]!r} stands twice in one object.")
        found[key] = value
    return found


def _constant(name: str) -> None:
    raise Malformed(f"{name} is not a JSON number.")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed(f"{text[:40]} is too large for a number.")
    return value


def _integer(text: str) -> int:
    """A number of thousands of digits is never converted: that alone would cost seconds."""
    if len(text) > 17:
        raise Invalid(f"The integer {text[:20]}… is beyond ±2^53; send it as text.")
    return int(text)


def _walk(value: object) -> Iterator[tuple[tuple[str | int, ...], object]]:
    todo: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while todo:
        where, node = todo.pop()
        yield where, node
        if isinstance(node, dict):
            todo += [((*where, key), child) for key, child in node.items()]
            todo += [((*where, key), key) for key in node if _complaints(key)]
        elif isinstance(node, list):
            todo += [((*where, index), child) for index, child in enumerate(node)]


def _complaints(leaf: object) -> list[str]:
    if isinstance(leaf, str):
        if "\x00" in leaf:
            return ["A NUL character cannot be stored."]
        if _SURROGATE.search(leaf):
            return ["A lone surrogate is not a character."]
    elif isinstance(leaf, int) and abs(leaf) > MAX_INTEGER:
        return ["An integer beyond ±2^53 cannot be read everywhere; send it as text."]
    return []
