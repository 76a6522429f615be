"""What an answer repeats, word for word, of what its model was told. A compiled step has what was told, made ready once; the
executions ask about every answer.

A stranger's text can talk a model into reciting its instructions. Who recites is noticed here. Who paraphrases, translates
or encodes is not: this is a tripwire, and what keeps a secret is that no prompt has one.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

from . import prompts
from .schemas import subschemas

# Letters and digits in a row. Ours: about sixty characters, ten words, which nobody has a reason to say.
RUN_OF_RULES = 48
# The author's words, about a hundred characters: agents quote their policy to customers. In 4,143 messages of real ones
# (tau2-bench, ten models, three policies) the longest such run has 72 letters; 60 would flag 9 of the messages, 48 19.
RUN = 80
# A rationale is asked which rule it applies: of 794 sentences of real policies the longest has 235 letters.
RUN_IN_RATIONALE = 240
QUICK = 1_000_000  # pieces × letters
MARGIN = 10  # letters at either end of a run that can be the same by chance

_NOT_A_LETTER = re.compile(r"[\W_]+")
_QUOTED = re.compile(r'"[^"\n]+"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|`[^`\n]+`')
_MARK = re.compile(r"</?data-[0-9a-f]{8}>")  # as `prompts.marked` writes it
_LITERALS = ("enum", "const", "default", "examples")


def letters(text: str) -> str:
    """What is left of a text when spelling, spaces, punctuation and invisible characters do not count."""
    return _NOT_A_LETTER.sub("", (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold())


class Passages:
    """A text, its letters cut so that one pass over another text finds every run of `run` letters that both have.

    Any such run holds at least one whole piece of half its length, wherever it begins.
    """

    def __init__(self, text: str, run: int = RUN) -> None:
        self.source, self._text, self._piece = text, letters(text), run // 2
        last = len(self._text) - self._piece
        self._pieces = {self._text[at : at + self._piece]: at for at in range(0, last + 1, self._piece)}

    def repeated(self, said: str, least: int) -> Iterator[str]:
        """The runs of at least so many letters that `said` (letters too) has in common with the text."""
        # What C does at once is worth asking first, as long as texts made for it cannot draw it out.
        quick = len(self._pieces) * len(said) <= QUICK
        at, last = 0, len(said) - self._piece
        if quick and not any(map(said.__contains__, self._pieces)):
            return
        while at <= last:
            found = self._pieces.get(said[at : at + self._piece])
            if found is None:
                at += 1
                continue
            begin, end = self._around(said, at, found)
            if end - begin >= least:
                yield said[begin:end]
            at = end

    def _around(self, said: str, at: int, found: int) -> tuple[int, int]:
        """How far the two agree on both sides of a piece. To the left it is less than a piece, or that one was found."""
        text, before, behind = self._text, 0, self._piece
        while before < min(at, found, self._piece) and said[at - before - 1] == text[found - before - 1]:
            before += 1
        while (
            max(at + behind - len(said), found + behind - len(text)) < 0 and said[at + behind] == text[found + behind]
        ):
            behind += 1
        return at - before, at + behind


class Told:
    """What the model of one step is told before it sees any data, and what of it may be said word for word: what stands in
    quotation marks, constants, and the values that a schema spells out."""

    def __init__(self, prefix: Passages, instructions: str, constants: Mapping[str, object], schema: dict) -> None:
        """`prefix` is the same for all steps of a version."""
        self._passages = (prefix, Passages(instructions))
        self._constants, self._schema = constants, schema

    def leak(self, output: object, rationale: str, user: str, marker: str) -> str:
        """Where an answer recites, as a sentence; empty where it does not. `user` and `marker`: of the step's own message.
        What stands in it came as data, or was written for it: repeating that is no leak."""
        values, keys = _texts(output)
        values += [key for key in keys if key not in self._named]
        heard = (user, marker)
        return self._complaint("output", values, RUN, *heard) or self._complaint(
            "rationale", [rationale], RUN_IN_RATIONALE, *heard
        )

    def _complaint(self, where: str, texts: list[str], least: int, user: str, marker: str) -> str:
        if any((marker and marker in text) or _MARK.search(text) for text in texts):
            return f"The {where} holds the mark that stands around the data; leave it out."
        run = next(self._recited(letters("".join(texts)), least, user), "")
        if not run:
            return ""
        told = f"The {where} repeats {len(run)} letters in a row of what the model was told before the data"
        return f"{told}; say it in other words, or leave it out."

    def _recited(self, said: str, least: int, user: str) -> Iterator[str]:
        if len(said) < RUN_OF_RULES:
            return
        heard = ""
        for passages, enough in [*((passages, least) for passages in self._passages), (_rules(), RUN_OF_RULES)]:
            for run in passages.repeated(said, enough):
                heard = heard or f"{letters(user)}\n{self._sayable}"
                if run[MARGIN:-MARGIN] not in heard:
                    yield run

    @cached_property
    def _sayable(self) -> str:
        """Looked into where something was repeated, which is seldom: so it is not made before."""
        quoted = [quote for passages in self._passages for quote in _QUOTED.findall(passages.source)]
        spelt_out = [one[word] for _, one in subschemas(self._schema) for word in _LITERALS if word in one]
        written = [*quoted, *("".join(_texts(value)[0]) for value in (self._constants, *spelt_out))]
        return "\n".join(map(letters, written))

    @cached_property
    def _named(self) -> set[str]:
        """The keys that an output has by design."""
        return {name for _, one in subschemas(self._schema) for name in one.get("properties", ())}


@lru_cache(maxsize=1)
def _rules() -> Passages:
    return Passages(prompts.rules(), RUN_OF_RULES)


def _texts(value: object) -> tuple[list[str], list[str]]:
    """The texts in a JSON value, in their order, and the keys of its objects."""
    found, keys, todo = [], [], [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            keys += one
            todo += reversed(one.values())
        elif isinstance(one, list):
            todo += reversed(one)
    return found, keys
