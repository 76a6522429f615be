"""How alike two flags of one kind are: by the words of what was found and of what came in. Nothing is asked of a model, so the same
flags are always as alike, and the words that they share say why.

Compared are words of four letters and more: shorter ones stand in every text, and what has a digit in it (an id, an amount, a
date) is another one each time. Where a script writes no spaces, each sign is a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz.distance import Indel

THRESHOLD = 0.5  # from here on two belong together; tests/designs/test_similarity.py says of which pairs that is true
MOST = 2_000  # characters of a text that stands for a flag
MOST_EXPLAINED = 500  # of them what was found
SHOWN = 6  # shared words in an explanation
FIRST = "The first of its group: the others are compared with it."

_MARK = re.compile(r"\[redacted:[a-z-]+\]")
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # kana, ideographs, hangul
_SIGN = re.compile(f"[{_SIGNS}]")
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+")

Words = tuple[str, ...]


@dataclass(frozen=True)
class Alike:
    """`similarity` from 0 to 1, and why, in a sentence."""

    similarity: float
    explanation: str


def text_of(explanation: str, input: object) -> str:
    """What stands for a flag: what was found, and the texts of the input in their order. Their keys are the same in every input
    of a workflow, so they are left out."""
    text = explanation[:MOST_EXPLAINED]
    for said in _texts(input):
        if len(text) >= MOST:
            break
        text += f"\n{said[:MOST]}"
    return text.strip()[:MOST]


def words_of(text: str) -> Words:
    """What is compared, each once and in order."""
    found = _WORD.findall(_MARK.sub(" ", text).casefold())
    return tuple(sorted({word for word in found if _tells(word)}))


def alike(first: Words, other: Words) -> float:
    """Twice the words that are in both, by the words of each; 1 where neither has any, for then nothing tells them apart."""
    return round(Indel.normalized_similarity(first, other), 4)


def explained(first: Words, other: Words) -> Alike:
    similarity = alike(first, other)
    shared = sorted({*first} & {*other}, key=lambda word: (-len(word), word))
    if not shared:
        said = "they share no word" if first or other else "neither has words"
        return Alike(similarity, f"{similarity:.0%} alike with the first: {said} that could be compared.")
    quoted = ", ".join(f"“{word[:40]}”" for word in shared[:SHOWN])
    more = f" and {len(shared) - SHOWN} more" if len(shared) > SHOWN else ""
    return Alike(similarity, f"{similarity:.0%} alike with the first: both say {quoted}{more}.")


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
