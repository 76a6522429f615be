"""How alike two flags of one kind are: as alike as the words of what came in; less, where what was found is less alike than that.
(What was found often begins with the same sentence of ours, so it can set two apart and not bring them together.) Nothing is asked
of a model: the same flags are always as alike, and the words that they share say why.

Compared are words of four letters and more: shorter ones stand in every text, and what has a digit in it (an id, an amount, a
date) is another one each time. Where a script writes no spaces, each sign is a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import Indel

THRESHOLD = 0.4  # from here on two belong together; tests/designs/test_similarity.py says of which pairs that is true
MOST = 2_000  # characters of a text that stands for a flag
MOST_EXPLAINED = 500  # of them what was found
SHOWN = 6  # shared words in an explanation
FIRST = "The first of its group: the others are compared with it."

_MARK = re.compile(r"\[redacted:[a-z-]+\]")
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # kana, ideographs, hangul
_SIGN = re.compile(f"[{_SIGNS}]")
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+")


class Words(NamedTuple):
    """What is compared, each once and in order: of what was found, and of what came in."""

    found: tuple[str, ...]
    came: tuple[str, ...]


@dataclass(frozen=True)
class Alike:
    """`similarity` from 0 to 1, and why, in a sentence."""

    similarity: float
    explanation: str


def text_of(explanation: str, input: object) -> str:
    """What stands for a flag: what was found, in the first line, and the texts of the input in their order. Their keys are the same
    in every input of a workflow, so they are left out."""
    text = " ".join(explanation[:MOST_EXPLAINED].split())
    for said in _texts(input):
        if len(text) >= MOST:
            break
        text += f"\n{said[:MOST]}"
    return text[:MOST].rstrip()


def words_of(text: str) -> Words:
    found, _, came = text.partition("\n")
    return Words(_words(found), _words(came))


def alike(first: Words, other: Words) -> float:
    """Of either part: twice the words that are in both, by the words of each; of a part that has none in either, nothing tells the
    two apart."""
    found = Indel.normalized_similarity(first.found, other.found)
    if not (first.came or other.came):
        return round(found, 4)
    came = Indel.normalized_similarity(first.came, other.came)
    return round(min(came, (came + found) / 2), 4)


def explained(first: Words, other: Words) -> Alike:
    similarity = alike(first, other)
    parts = [("In both inputs", first.came, other.came), ("In what was found", first.found, other.found)]
    said = [f"{where}: {_quoted(shared)}." for where, one, two in parts if (shared := {*one} & {*two})]
    told = " ".join(said) or "There are no words to compare."
    return Alike(similarity, f"{similarity:.0%} alike with the first. {told}")


def _quoted(words: set[str]) -> str:
    ordered = sorted(words, key=lambda word: (-len(word), word))
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(f"“{word[:40]}”" for word in ordered[:SHOWN]) + more


def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted({word for word in _WORD.findall(_MARK.sub(" ", text).casefold()) if _tells(word)}))


def _tells(word: str) -> bool:
    return bool(_SIGN.match(word)) or (len(word) > 3 and not any(letter.isdigit() for letter in word))


def _texts(value: object) -> Iterator[str]:
    """Of any depth: what came in is anybody's."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            todo += reversed(one.values())
        elif isinstance(one, list):
            todo += reversed(one)
