"""Tools of the kind `text`: find patterns and phrases in a text that comes, or search texts that are kept with the tool by words.

Patterns run where the Python of a definition does, in processes without I/O that end after a second; and only those are taken
that need time linear in the text.
"""

import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from projects.models import Tool
from projects.tools import NotTaken, ToolError
from wire.problems import Unavailable
from workflows import sandbox
from workflows.sandbox import Failure
from workflows.schemas import check_schema

from .arguments import Schemas, named, sentence

FIND, SEARCH = "find", "search"
MAX_TEXT = 200_000  # characters of the text that comes
MAX_PATTERNS, MAX_PHRASES, MAX_TEXTS = 100, 1_000, 500
MAX_KEPT = 500_000  # characters of all that is kept with a tool
MAX_FOUND = 100
MAX_MET = 100_000  # places in one text at which a phrase begins
EXCERPT = 300  # characters
_WORD = re.compile(r"\w+")
_ANYWHERE = datetime(2000, 1, 1, tzinfo=UTC)  # patterns have no clock

# Runs in the sandbox. What is found of each pattern is bounded, so that the answer is.
_FINDER = """
import re

def run(input, steps):
    flags = re.IGNORECASE if input['fold'] else 0
    found = []
    for name, pattern in input['patterns']:
        count = 0
        for match in re.finditer(pattern, input['text'], flags):
            if match.end() > match.start():
                found.append([name, match.start(), match.end()])
                count += 1
            if count > input['most']:
                break
    return found
"""


def faults(tool: Tool) -> dict[str, str]:
    said = tool.settings
    found = {"side_effects": "It changes nothing." if tool.side_effects else ""}
    if said["mode"] == SEARCH:
        return found | {"texts": _fault_of_texts(said["texts"])}
    found |= {"patterns": _fault_of_patterns(said["patterns"], said["fold_case"])}
    if len(said["phrases"]) > MAX_PHRASES or sum(map(len, said["phrases"])) > MAX_KEPT:
        found["phrases"] = f"At most {MAX_PHRASES} phrases, of {MAX_KEPT} characters together."
    if not said["patterns"] and not said["phrases"]:
        found["phrases"] = "Name a phrase or a pattern that is looked for."
    return found


def _fault_of_texts(texts: list[dict[str, str]]) -> str:
    if not texts:
        return "Write a text that is searched, under a line such as # Returns."
    if len(texts) > MAX_TEXTS or sum(len(one["title"]) + len(one["text"]) for one in texts) > MAX_KEPT:
        return f"At most {MAX_TEXTS} texts, of {MAX_KEPT} characters together."
    return ""


def _fault_of_patterns(patterns: list[dict[str, str]], fold: bool) -> str:
    if len(patterns) > MAX_PATTERNS:
        return f"At most {MAX_PATTERNS} patterns."
    for one in patterns:
        if fault := sentence(check_schema({"type": "string", "pattern": one["pattern"]})):
            return f"{one['name']}: {fault}"
        found = _matched([one], "", fold)
        if isinstance(found, Failure):
            return f"{one['name']}: this pattern cannot be used: {found.detail[:200]}"
    return ""


def schemas(tool: Tool) -> Schemas:
    text, number = {"type": "string"}, {"type": "integer"}
    if tool.settings["mode"] == SEARCH:
        found = named(title=text, excerpt=text, score={"type": "number"})
        asked = named(query=text)
    else:
        found = named(name=text, match=text, start=number, end=number)
        asked = named(text=text)
    return asked, named(found={"type": "array", "items": found}, count=number, truncated={"type": "boolean"})


def build(tool: Tool) -> Callable[..., object]:
    return partial(_search if tool.settings["mode"] == SEARCH else _find, tool.settings)


def _find(said: dict, /, text: str) -> dict[str, object]:
    if len(text) > MAX_TEXT:
        raise ToolError(f"The text has more than {MAX_TEXT} characters.")
    found = _phrases(said["phrases"], text, said["fold_case"], said["whole_words"])
    if said["patterns"]:
        matched = _matched(said["patterns"], text, said["fold_case"])
        if isinstance(matched, Failure):
            raise ToolError(f"The patterns could not be looked for: {matched.detail}")
        found += matched
    found = sorted(map(tuple, found), key=lambda one: (one[1], one[2], one[0]))
    shown = [
        {"name": name, "match": text[start:end], "start": start, "end": end} for name, start, end in found[:MAX_FOUND]
    ]
    return {"found": shown, "count": len(shown), "truncated": len(found) > MAX_FOUND}


def _matched(patterns: list[dict[str, str]], text: str, fold: bool) -> list[list] | Failure:
    """`[name, start, end]` of each; of each pattern so many that what is left out is noticed."""
    asked = [[one["name"], one["pattern"]] for one in patterns]
    given = {"patterns": asked, "text": text, "fold": fold, "most": MAX_FOUND}
    try:
        return sandbox.run(_FINDER, {"input": given, "steps": {}}, _ANYWHERE, "UTC")
    except Unavailable as error:
        raise NotTaken(str(error)) from error


def _phrases(phrases: list[str], text: str, fold: bool, whole: bool) -> list[tuple[str, int, int]]:
    searched, places = _folded(text) if fold else (text, None)
    found, met = [], 0
    for phrase in phrases:
        wanted, at, count = phrase.casefold() if fold else phrase, 0, 0
        while count <= MAX_FOUND and (at := searched.find(wanted, at)) >= 0:
            end, met = at + len(wanted), met + 1
            if met > MAX_MET:
                raise ToolError("These phrases stand in the text too often.")
            if not whole or _stands_alone(searched, at, end):
                found.append((phrase, places[at] if places else at, places[end - 1] + 1 if places else end))
                count += 1
            at = end
    return found


def _folded(text: str) -> tuple[str, list[int]]:
    """Without case, and for each letter of that where it stands in the text: ß is two of them."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        folded = letter.casefold()
        letters.append(folded)
        places += [place] * len(folded)
    return "".join(letters), places


def _stands_alone(text: str, start: int, end: int) -> bool:
    """No letter or digit goes on at either side of it."""
    before = text[start - 1 : start] if start else ""
    return not (_joins(before) and _joins(text[start])) and not (_joins(text[end - 1]) and _joins(text[end : end + 1]))


def _joins(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _search(said: dict, /, query: str) -> dict[str, object]:
    """The texts that have a word of the query, the best first: a word counts for more the fewer texts have it, and a little
    more where it comes again; one in the title counts twice."""
    if len(query) > MAX_TEXT:
        raise ToolError(f"The query has more than {MAX_TEXT} characters.")
    words, texts = dict.fromkeys(_words(query)), said["texts"]
    counted = [Counter([*_words(one["title"]) * 2, *_words(one["text"])]) for one in texts]
    held = {word: sum(1 for one in counted if one[word]) for word in words}
    weights = {word: math.log(1 + len(texts) / many) for word, many in held.items() if many}
    scores = [sum(weight * one[word] / (one[word] + 1) for word, weight in weights.items()) for one in counted]
    best = sorted((place for place, score in enumerate(scores) if score), key=lambda place: (-scores[place], place))
    shown = [
        {
            "title": texts[place]["title"],
            "excerpt": _excerpt(texts[place]["text"], weights),
            "score": round(scores[place], 3),
        }
        for place in best[: said["max_found"]]
    ]
    return {"found": shown, "count": len(shown), "truncated": len(best) > len(shown)}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _excerpt(text: str, weights: dict[str, float]) -> str:
    """So many characters of it, from a little before the word that counts most."""
    found = [
        (weights[word[0].casefold()], -word.start()) for word in _WORD.finditer(text) if word[0].casefold() in weights
    ]
    start = max(0, -max(found)[1] - 60) if found else 0
    return text[start : start + EXCERPT]
