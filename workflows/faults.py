"""The sentences of the complaints about a definition: what pydantic finds in its structure, said again for a person."""

import re
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches

from pydantic import ValidationError

Location = tuple[str | int, ...]
Keys = tuple[Collection[str], Collection[str]]  # that an object may have; that are designed and not built

MAX_FAULTS = 50  # nobody reads more

_SENTENCES = {
    "missing": "{subject} is missing.",
    "string_type": "{subject} must be a text.",
    "string_pattern_mismatch": "{subject} must not be empty.",
    "int_type": "{subject} must be a whole number.",
    "float_type": "{subject} must be a number.",
    "dict_type": "{subject} must be an object.",
    "model_type": "{subject} must be an object.",
    "model_attributes_type": "{subject} must be an object.",
    "tuple_type": "{subject} must be a list.",
    "greater_than_equal": "{subject} must be at least {ge}.",
    "less_than_equal": "{subject} must be at most {le}.",
    "none_required": "{subject} does not belong to this kind of step.",
    "too_short": "{subject} must not be empty.",
    "too_long": "{subject} may hold at most {max_length}.",
    "value_error": "{error}",
}
_OTHERWISE = "{subject} is not what the format expects here."
_NO_TIER = "'tier' is missing: write cheap, standard or frontier, or name a usual 'task' such as classification."


def short(text: object, limit: int = 60) -> str:
    """What somebody wrote, quoted and bounded, so that a sentence about it stays a sentence."""
    text = str(text)
    return repr(text if len(text) <= limit else text[:limit] + "…")


def subject(place: Sequence[str | int]) -> str:
    """What a sentence is about: `("steps", 0, "checks", 1)` → `'checks[1]'`, `("steps", 0, "when")` → `'when'`."""
    if not place:
        return "This"
    if isinstance(place[-1], int):
        return short(f"{place[-2] if len(place) > 1 else ''}[{place[-1]}]")
    return short(place[-1])


def unknown(what: str, word: object, options: Collection[str]) -> str:
    """`unknown("key", "promt", keys)` → `"Unknown key 'promt'; did you mean 'prompt'?"`"""
    sentence = f"Unknown {what} {short(word)}"
    close = get_close_matches(str(word)[:80], sorted(options), 1)
    if close:
        return f"{sentence}; did you mean {close[0]!r}?"
    if 0 < len(options) <= 6:
        return f"{sentence}; there are {', '.join(sorted(options))}."
    return f"{sentence}."


def of_structure(error: ValidationError, keys_at: Callable[[Location], Keys]) -> list[tuple[Location, str]]:
    """One place and one sentence for each thing that pydantic found, the first of them."""
    found: list[tuple[Location, str]] = []
    for one in error.errors(include_url=False)[:MAX_FAULTS]:
        where, context = one["loc"], one.get("ctx", {})
        match one["type"]:
            case "too_short" if one["input"]:
                continue  # there are some, all of them wrong, and that is said where they stand
            case "extra_forbidden":
                detail = _of_key(str(where[-1]), keys_at(where[:-1]))
            case "literal_error":
                detail = _of_word(where[-1], one["input"], context["expected"])
            case "union_tag_invalid":
                key = context["discriminator"].strip("'")
                where = (*where, key)
                detail = _of_word(key, context["tag"], context["expected_tags"])
            case "union_tag_not_found":
                where = (*where, context["discriminator"].strip("'"))
                detail = f"{context['discriminator']} is missing."
            case "missing" if where[-1] == "tier":
                detail = _NO_TIER
            case other:
                detail = _SENTENCES.get(other, _OTHERWISE).format(subject=subject(where), **context)
        found.append((where, detail))
    return found


def _of_key(key: str, keys: Keys) -> str:
    known, later = keys
    return f"The key {key!r} is not available yet." if key in later else unknown("key", key, known)


def _of_word(what: object, word: object, expected: str) -> str:
    options = re.findall(r"'([^']+)'", expected)
    if not isinstance(word, str):
        return f"{what!r} must be one of {', '.join(options)}."
    return unknown("rung" if what == "to" else str(what), word, options)
