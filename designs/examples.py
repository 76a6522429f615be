"""Past examples: which of thousands the frontier is shown, which are held out and become cases, and what all of them say together.

Pure. What is chosen follows from the contents and the seed alone: not from the order in which examples came, and not from chance.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from statistics import median

from rapidfuzz import fuzz

from wire.problems import Fault, pointer

BYTES_OF_A_TOKEN = 4
MOST = 10_000
MAX_HELD_OUT = 50
HELD_OUT_OF = 5  # one of so many is held out
MAX_CATEGORY = 60  # characters of a value that may be one of a few
MAX_CATEGORIES = 200  # a definition has to name them all
MAX_FIELDS = 40
MAX_CONTRADICTIONS = 20
MAX_EXCERPT = 120
ALIKE = 92  # of 100: two texts of which one is enough
COMPARED = (80, 600)  # characters of each: in a shorter one a single number may be what matters
LOOKED_BACK = 20  # examples of the same stratum that one is compared with
LARGE = 4  # one that takes more than this part of the budget waits until the others have been placed

Example = Mapping[str, object]
_KEYS = frozenset({"input", "output", "note"})
_SPACE = re.compile(r"(?:\\[nrt]|\s)+")
_WORDLESS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Sample:
    """Indexes into the examples. `held_out`: never told to the frontier, so that they can be its cases. `summary`: of all."""

    shown: list[int]
    held_out: list[int]
    summary: dict[str, object]


def faults(examples: object) -> list[Fault]:
    """What is wrong with examples that came from outside: a list of `{input, output?, note?}`."""
    if not isinstance(examples, list):
        return [Fault("", "Examples are a list of {input, output, note}.")]
    found = [Fault("", f"At most {MOST} examples, not {len(examples)}.")] if len(examples) > MOST else []
    for index, one in enumerate(examples[:MOST]):
        if not isinstance(one, dict) or "input" not in one:
            found.append(
                Fault(pointer(index), "An example is an object with an 'input', and where it is known 'output'.")
            )
        elif unknown := [key for key in one if key not in _KEYS]:
            found.append(Fault(pointer(index), f"Unknown key {unknown[0][:60]!r}; there are input, note, output."))
        elif not isinstance(one.get("note", ""), str):
            found.append(Fault(pointer(index, "note"), "'note' must be a text."))
    return found[:50]


def sample(examples: Sequence[Example], tokens: int, seed: str = "") -> Sample:
    """`tokens`: what those that are shown may take, at 4 bytes each; the summary is small, and not counted.

    Of each kind of output, and within it of each form and length of input, one after the other, so that what is rare is there
    too. Of near duplicates there is one. What contradicts is neither shown nor held out: it stands in the summary.
    """
    known = [_Known(index, one, seed) for index, one in enumerate(examples)]
    contradicting = _contradictions(known)
    disputed = {one.index for group in contradicting for one in group}
    single = _one_of_each([one for one in known if one.index not in disputed])
    categories = _categories(known)
    groups = _by_output(single, categories)
    held_out = _held_out(groups)
    apart = {one.index for one in held_out}
    order = _in_turn([[one for one in group if one.index not in apart] for group in groups])
    shown = _within(order, tokens * BYTES_OF_A_TOKEN)
    summary = _summary(known, categories, contradicting) | {"shown": len(shown), "held_out": len(held_out)}
    return Sample([one.index for one in shown], [one.index for one in held_out], summary)


def told(example: Example) -> dict[str, object]:
    """What of an example is shown."""
    return {key: example[key] for key in ("input", "output", "note") if key in example}


class _Known:
    """An example, with what is asked of it often."""

    def __init__(self, index: int, example: Example, seed: str) -> None:
        self.index, self.example = index, example
        self.input, self.output = example["input"], example.get("output")
        self.has_output = "output" in example
        self.input_text = _canonical(self.input)
        self.output_text = _canonical(self.output) if self.has_output else ""
        content = "\x00".join((seed, self.input_text, self.output_text, str(example.get("note", ""))))
        self.rank = hashlib.sha256(content.encode(errors="replace")).hexdigest()

    @cached_property
    def size(self) -> int:
        """Bytes, as it is shown, with the marks around it."""
        return len(json.dumps(told(self.example), ensure_ascii=False).encode(errors="replace")) + 64

    @cached_property
    def same(self) -> str:
        """Equal for inputs that differ in capitals and spaces only."""
        return _SPACE.sub(" ", self.input_text).casefold()

    @cached_property
    def near(self) -> tuple[str, str]:
        """Equal where punctuation alone differs: one of them is enough."""
        return _WORDLESS.sub(" ", self.same) or self.same, self.output_text

    @cached_property
    def words(self) -> str:
        """The beginning of its longest text; empty where that is short."""
        longest = max(_texts(self.input), key=len, default="")
        return longest[: COMPARED[1]] if len(longest) >= COMPARED[0] else ""

    @cached_property
    def form(self) -> tuple[object, ...]:
        """Which keys its input has, and how long it is, in powers of four."""
        keys = tuple(sorted(self.input)) if isinstance(self.input, dict) else (_type(self.input),)
        return keys, len(self.input_text).bit_length() // 2


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _texts(value: object) -> Iterator[str]:
    todo = [value]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case dict() as found:
                todo += found.values()
            case list() as found:
                todo += found


def _contradictions(known: Iterable[_Known]) -> list[list[_Known]]:
    """Groups of the same input with different outputs, the largest first."""
    groups: dict[str, list[_Known]] = defaultdict(list)
    for one in known:
        if one.has_output:
            groups[one.same].append(one)
    found = [sorted(group, key=_rank) for group in groups.values() if len({one.output_text for one in group}) > 1]
    return sorted(found, key=lambda group: (-len(group), group[0].rank))


def _rank(one: _Known) -> tuple[str, int]:
    return one.rank, one.index


def _one_of_each(known: Iterable[_Known]) -> list[_Known]:
    """Without what is there twice, or nearly so."""
    found: dict[tuple[str, str], _Known] = {}
    for one in sorted(known, key=_rank):
        found.setdefault(one.near, one)
    return list(found.values())


def _fields(output: object) -> dict[str, object]:
    """The parts of an output that may be one of a few values: `output` itself, or its fields."""
    return dict(output) if isinstance(output, dict) else {"": output}


def _categories(known: Sequence[_Known]) -> dict[str, Counter[str]]:
    """Field of the outputs → how often it has which value, where there are few and they come again."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    long: set[str] = set()
    for one in known:
        for name, value in _fields(one.output).items() if one.has_output else ():
            if name in long:
                continue
            if _is_long(value) or len(values[name]) > MAX_CATEGORIES:
                long.add(name)
            else:
                values[name][_canonical(value)] += 1
    names = sorted(name for name in values if name not in long and _come_again(values[name]))
    return {name: values[name] for name in names[:MAX_FIELDS]}


def _is_long(value: object) -> bool:
    return isinstance(value, dict | list | float) or (isinstance(value, str) and len(value) > MAX_CATEGORY)


def _come_again(values: Counter[str]) -> bool:
    return len(values) == 1 or len(values) <= min(MAX_CATEGORIES, values.total() // 2)


def _by_output(known: Sequence[_Known], categories: Mapping[str, object]) -> list[list[_Known]]:
    """One list for each kind of output, the usual ones first; within it one of each form after the other."""
    groups: dict[object, dict[object, list[_Known]]] = defaultdict(lambda: defaultdict(list))
    for one in known:
        groups[_kind(one, categories)][one.form].append(one)
    counted = [(sum(map(len, forms.values())), forms) for forms in groups.values()]
    first = [(-count, _in_turn(sorted(forms.values(), key=lambda form: _rank(form[0])))) for count, forms in counted]
    return [group for _, group in sorted(first, key=lambda pair: (pair[0], _rank(pair[1][0])))]


def _kind(one: _Known, categories: Mapping[str, object]) -> tuple[object, ...]:
    if not one.has_output:
        return ()
    fields = _fields(one.output)
    return tuple(
        (name, _canonical(value) if name in categories else _type(value)) for name, value in sorted(fields.items())
    )


def _in_turn(groups: Iterable[Sequence[_Known]]) -> list[_Known]:
    """The first of each, then the second of each, …"""
    return [one for row in zip_longest(*groups) for one in row if one is not None]


def _held_out(groups: Iterable[Sequence[_Known]]) -> list[_Known]:
    """Some of each kind of output, but none that is the only one of its kind; never of those without an output."""
    answered = [[one for one in group if one.has_output] for group in groups]
    share = sum(map(len, answered)) // HELD_OUT_OF
    return _in_turn([group[1::HELD_OUT_OF] for group in answered])[: min(share, MAX_HELD_OUT)]


def _within(order: Sequence[_Known], budget: int) -> list[_Known]:
    """As many as have room, in their order; of what is nearly said already none, and the large ones last."""
    shown: list[_Known] = []
    recent: dict[object, list[str]] = defaultdict(list)
    small = [one for one in order if one.size * LARGE <= budget]
    for one in [*small, *sorted((one for one in order if one.size * LARGE > budget), key=lambda one: one.size)]:
        if one.size > budget:
            continue
        said = recent[one.output_text]
        if one.words and any(fuzz.ratio(one.words, other, score_cutoff=ALIKE) for other in said[-LOOKED_BACK:]):
            continue
        said.append(one.words)
        shown.append(one)
        budget -= one.size
    return shown


def _summary(
    known: Sequence[_Known], categories: Mapping[str, Counter[str]], contradicting: Sequence[Sequence[_Known]]
) -> dict[str, object]:
    """A few hundred tokens about all of them."""
    answered = [one for one in known if one.has_output]
    exact = len(known) - len({(one.input_text, one.output_text) for one in known})
    near = len(known) - len({one.near for one in known}) - exact
    return {
        "count": len(known),
        "with_output": len(answered),
        "inputs": _inputs(known),
        "outputs": [
            {"field": name[:80] or "the output", "values": _told_counts(values)} for name, values in categories.items()
        ],
        "characters": {"input": _lengths([len(one.input_text) for one in known])}
        | ({"output": _lengths([len(one.output_text) for one in answered])} if answered else {}),
        "duplicates": {"exact": exact, "near": max(near, 0)},
        "contradictions": _told_contradictions(contradicting),
        "of_contradictions": _SAID if contradicting else _UNSEEN if answered else "No example has an output.",
    }


_SAID = (
    "The same input has different outputs, so some of them are wrong. They are neither shown nor held out. Which is right is "
    "for a person to say. An output that is wrong wherever its input comes is not found like this."
)
_UNSEEN = (
    "No two examples contradict each other. An output that is wrong wherever its input comes is not found like this."
)


def _inputs(known: Sequence[_Known]) -> dict[str, object]:
    """Which types the inputs are of, and of objects which keys, how often and of which types."""
    types, keys = Counter(_type(one.input) for one in known), defaultdict(Counter)
    for one in known:
        for key, value in one.input.items() if isinstance(one.input, dict) else ():
            keys[key][_type(value)] += 1
    often = sorted(keys.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    found = [{"key": key[:80], "count": kinds.total(), "types": sorted(kinds)} for key, kinds in often[:MAX_FIELDS]]
    more = len(often) - len(found)
    return {"types": sorted(types), "keys": found} | ({"more_keys": more} if more else {})


def _told_counts(values: Counter[str]) -> list[list[object]]:
    """Pairs of a value and how often it comes, the usual ones first."""
    often = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
    return [[json.loads(text), count] for text, count in often]


def _lengths(lengths: Sequence[int]) -> dict[str, int]:
    return {"median": int(median(lengths)), "max": max(lengths)} if lengths else {"median": 0, "max": 0}


def _told_contradictions(groups: Sequence[Sequence[_Known]]) -> dict[str, object]:
    """`examples`: their places, from 0, in the list as it came."""
    named = [
        {
            "examples": sorted(one.index for one in group)[:10],
            "input": _excerpt(group[0].input_text),
            "outputs": [
                {"output": _excerpt(text), "count": count}
                for text, count in sorted(
                    Counter(one.output_text for one in group).items(), key=lambda pair: (-pair[1], pair[0])
                )[:5]
            ],
        }
        for group in groups[:MAX_CONTRADICTIONS]
    ]
    return {"inputs": len(groups), "examples": sum(map(len, groups)), "named": named}


def _excerpt(text: str) -> str:
    return text if len(text) <= MAX_EXCERPT else text[:MAX_EXCERPT] + "…"


def _type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case int() | float():
            return "number"
        case list():
            return "list"
        case _:
            return "object"
