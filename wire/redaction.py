"""What must not be kept, found in texts and JSON values and replaced by a mark such as `[redacted:api-key]`.

A policy looks for patterns (secrets that can be told by their form) and for fields that a project has named. Called
wherever a text comes in from outside, before anything is written, and for each line of the log. Marks are found by no
pattern, so that redacting twice is redacting once. Nothing here backtracks: the time is linear in the text.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from django.conf import settings

from . import strict_json
from .problems import Fault, Problem, pointer

SHORTEST = 7  # characters of a text that can hold a secret: `://u:p@`
SMALLEST_CARD = 10**12
MAX_SEGMENT = 200  # characters of a field's name

Path = tuple[str, ...]


_MARK = re.compile(r"\[redacted:([a-z-]+)\]")


def mark(name: str) -> str:
    return f"[redacted:{name}]"


@dataclass(frozen=True)
class Pattern:
    """`hints`: what a text has in which there may be one, each beginning with a letter that is rare in texts: looking for
    all hints of all patterns at once is what an innocent text costs. `put`: what stands for what `find` found."""

    name: str
    says: str
    hints: tuple[str, ...]
    find: re.Pattern[str]
    put: Callable[[re.Match[str]], str]
    usual: bool = True


def _whole(name: str) -> Callable[[re.Match[str]], str]:
    return lambda found: mark(name)


def _behind(name: str) -> Callable[[re.Match[str]], str]:
    """Keeps what stands before the secret: `Bearer `, `://user:`."""
    return lambda found: found[1] + mark(name)


_API_KEY = re.compile(
    r"""(?<![0-9A-Za-z])(?:
      sk-ant-[\w-]{8,}                                                   # Anthropic
    | sk-(?:(?=[a-z_-]{0,32}[0-9A-Z])[\w-]{16,} | [\w-]{32,})            # OpenAI and those who do as it does
    | (?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])                           # AWS
    | AIza[\w-]{30,}                                                     # Google
    | gh[pousr]_[0-9A-Za-z]{20,} | github_pat_\w{20,} | glpat-[\w-]{20,} # GitHub, GitLab
    | xox[abeoprs]-[0-9A-Za-z-]{10,} | xapp-[0-9A-Za-z-]{10,}            # Slack
    | [prs]k_(?:live|test)_[0-9A-Za-z]{10,} | whsec_[0-9A-Za-z+/]{20,}   # Stripe, Standard Webhooks
    | gsk_[0-9A-Za-z]{20,} | xai-[0-9A-Za-z]{20,} | hf_[0-9A-Za-z]{30,}  # Groq, xAI, Hugging Face
    | npm_[0-9A-Za-z]{30,} | pypi-[\w-]{30,}
    | SG\.[\w-]{16,}\.[\w-]{16,}                                         # SendGrid
    | wm_[0-9a-f]{8}_[\w-]{20,}                                          # our own
    )""",
    re.ASCII | re.VERBOSE,
)
_API_KEY_HINTS = (
    r"-(?:(?<=sk-)|(?<=xox[a-z]-)|(?<=xapp-)|(?<=glpat-)|(?<=xai-)|(?<=pypi-))",
    r"_(?:(?<=gh[a-z]_)|(?<=github_pat_)|(?<=[prs]k_)(?=live_|test_)|(?<=gsk_)|(?<=hf_)|(?<=npm_)|(?<=wm_)|(?<=whsec_))",
    r"A(?:KIA|SIA|Iza)",
    r"G(?<=SG)\.",
)
# Legacy keys have headers with hyphens in them; one that was cut has no end.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-\"]*(?:-(?!----)[^-\"]*)*-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|(?:[0-9A-Za-z+/=\r\n]|\\[nr])*)"
)
_AUTHORIZATION = re.compile(
    r"(\b(?:[Bb]earer|BEARER)\s{1,8}(?=[\w.~+/-]{16})(?=[\w.~+/-]{0,20}[0-9]|[\w.~+/-]{20})"
    r"|[Aa]uthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?[Bb]asic\s{1,8}(?=[\w.~+/-]{8}))[\w.~+/-]+={0,2}",
    re.ASCII,
)
_URL_PASSWORD = re.compile(r"(://[^\s/@:\"'\\]{0,200}:)(?!\[redacted:)[^\s/@\"'\\]{1,200}(?=@)")
# Thirteen digits or more, in a row or in groups as they are printed; of them, those of a network with a right last digit.
_CARD = re.compile(
    r"(?<![0-9A-Za-z.])[2-6](?:[0-9]{12,18}|[0-9]{3}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,3})?|[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})"
    r"(?![0-9A-Za-z]|\.[0-9])"
)
_NETWORKS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}|62[0-9]{14,17}"
)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?(?![0-9A-Za-z])")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card(digits: str) -> bool:
    """Of a card network, and right by Luhn's formula (ISO/IEC 7812)."""
    if not _NETWORKS.fullmatch(digits):
        return False
    plain, doubled = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, plain)) + sum(_DOUBLED[int(one)] for one in doubled)) % 10 == 0


def is_iban(letters: str) -> bool:
    """Right by its check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    return int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1


def _card(found: re.Match[str]) -> str:
    return mark("card") if is_card(re.sub("[ -]", "", found[0])) else found[0]


def _iban(found: re.Match[str]) -> str:
    return mark("iban") if is_iban(found[0].replace(" ", "")) else found[0]


PATTERNS = (
    Pattern(
        "api-key",
        "API keys of the usual vendors (Anthropic, OpenAI, AWS, Google, GitHub, Slack, Stripe, …), and our own",
        _API_KEY_HINTS,
        _API_KEY,
        _whole("api-key"),
    ),
    Pattern(
        "jwt",
        "JSON Web Tokens",
        (r"J(?<=eyJ)[\w-]{8}",),
        re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]+){0,2}", re.ASCII),
        _whole("jwt"),
    ),
    Pattern("private-key", "private keys in PEM form", (r"-(?<=-----)BEGIN ",), _PRIVATE_KEY, _whole("private-key")),
    Pattern(
        "authorization",
        "what stands behind Bearer or Authorization: Basic",
        (r"b(?=earer\s|asic\s)", r"B(?=earer\s|asic\s|EARER\s)"),
        _AUTHORIZATION,
        _behind("authorization"),
    ),
    Pattern(
        "url-password",
        "the password in an address such as postgres://user:password@host",
        (r":(?=//[^\s/@]{1,400}@)",),
        _URL_PASSWORD,
        _behind("url-password"),
    ),
    Pattern(
        "card",
        "card numbers; by chance one in ten order numbers of their form looks like one",
        tuple(rf"{first}(?=[0-9]{{3}}[ -]?[0-9]{{4}})" for first in "23456"),
        _CARD,
        _card,
    ),
    Pattern(
        "iban",
        "bank accounts (IBAN) with right check digits",
        tuple(rf"{first}(?<=[A-Z]{{2}}{first})[0-9]" for first in "0123456789"),
        _IBAN,
        _iban,
        usual=False,
    ),
)
PERSONAL = frozenset({"card", "iban"})  # no credentials: an example may have a number of that form
NAMES = tuple(pattern.name for pattern in PATTERNS)
USUAL_NAMES = frozenset(pattern.name for pattern in PATTERNS if pattern.usual)


def path_of(field: str) -> Path:
    """A field as a project names it, a name or a JSON pointer, as the keys that lead to it. Raises `ValueError`.

    Case does not matter, and neither do the numbers of a list's elements: `/orders/0/iban` is every order's.
    """
    segments = field[1:].split("/") if field.startswith("/") else [field]
    keys = tuple(_key(one.replace("~1", "/").replace("~0", "~")) for one in segments)
    path = tuple(key for key in keys if not key.isdigit())
    if not path or not all(path) or any(len(key) > MAX_SEGMENT or not key.isprintable() for key in path):
        raise ValueError("A field is a name such as password, or a JSON pointer such as /customer/iban")
    return path


def _key(text: str) -> str:
    return text.strip().casefold()


@dataclass(frozen=True)
class Policy:
    """`names`: of the patterns that are looked for. `fields`: the paths of the fields whose values go, wherever they stand."""

    names: frozenset[str] = USUAL_NAMES
    fields: tuple[Path, ...] = ()

    def text(self, text: str) -> str:
        """The text without secrets; the same object where there is none."""
        if len(text) < SHORTEST:
            return text
        for secret in settings.OWN_SECRETS:
            if secret in text:
                text = text.replace(secret, mark("environment"))
        return self._without_patterns(text) if self._hints.search(text) else text

    def _without_patterns(self, text: str) -> str:
        hinted = {found[0][0] for found in self._hints.finditer(text)}
        before = text
        for pattern in self._patterns:
            if any(hint[0] in hinted for hint in pattern.hints):
                text = pattern.find.sub(pattern.put, text)
        return before if text == before else text

    def value(self, value: object) -> object:
        """The JSON value without secrets and fields; the same object where there are none."""
        return _Cleaning(self).of(value)

    def counted(self, value: object) -> tuple[object, int]:
        """The same, and how many texts, numbers and fields of it were replaced."""
        cleaning = _Cleaning(self)
        return cleaning.of(value), cleaning.count

    def faults(self, value: object, *where: str | int) -> Iterator[Fault]:
        """Where the secrets stand, in a value that must be refused rather than changed."""
        if isinstance(value, str) and self.text(value) is not value:
            yield Fault(pointer(*where), f"This holds what looks like a secret ({', '.join(self._named(value))})")
        elif isinstance(value, dict):
            for key, item in value.items():
                if self.text(key) is not key:
                    yield Fault(pointer(*where), "A key of this holds what looks like a secret")
                yield from self.faults(item, *where, key)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.faults(item, *where, index)

    def _named(self, text: str) -> list[str]:
        return sorted(set(_MARK.findall(self.text(text))) - set(_MARK.findall(text)))

    def document(self, text: str) -> str:
        """A text that may be JSON, such as a model's answer: then its values are what is looked at, and it stays JSON."""
        if not self.fields and "\\" not in text and self.text(text) is text:
            return text
        try:
            value = json.loads(text, object_pairs_hook=_object)
            clean = self.value(value)
            if clean is value:
                return text
            strict_json.loads(text)  # what is not believed as it is must not become better
        except (ValueError, RecursionError, Problem):
            return self.text(text)
        return json.dumps(clean, ensure_ascii=False)

    @cached_property
    def _patterns(self) -> tuple[Pattern, ...]:
        return tuple(pattern for pattern in PATTERNS if pattern.name in self.names)

    @cached_property
    def _hints(self) -> re.Pattern[str]:
        """All of them, as one expression that is led by its few first letters. Without any it finds nothing."""
        hints = [hint for pattern in self._patterns for hint in pattern.hints]
        return re.compile("|".join(hints) or "(?!)", re.ASCII)

    @cached_property
    def heads(self) -> dict[str, list[Path]]:
        """What has to stand before a field, by the field's own name."""
        found: dict[str, list[Path]] = {}
        for *head, last in self.fields:
            found.setdefault(last, []).append(tuple(head))
        return found


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A key that stands twice would hide what it had first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


class _Cleaning:
    """One walk through a value, which is never nested deeply: that is bounded where values are read."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.count = 0
        self._cards = "card" in policy.names

    def of(self, value: object, path: Path = ()) -> object:
        """The same object where nothing of it was replaced."""
        if isinstance(value, str):
            return self._text(value)
        before = self.count
        if isinstance(value, dict):
            found: object = self._object(value, path)
        elif isinstance(value, list):
            found = [self.of(item, path) for item in value]
        elif self._cards and type(value) is int and value >= SMALLEST_CARD and is_card(str(value)):
            return self._replaced("card")
        else:
            return value
        return value if self.count == before else found

    def _object(self, value: dict[str, object], path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, item in value.items():
            name = self._text(key)
            while name in found:
                name += "'"
            found[name] = self._field(key, item, path) if self.policy.fields else self.of(item)
        return found

    def _field(self, key: str, item: object, path: Path) -> object:
        name = _key(key)
        nothing = item is None or item == mark("field")
        for head in () if nothing else self.policy.heads.get(name, ()):
            if path[max(0, len(path) - len(head)) :] == head:
                return self._replaced("field")
        return self.of(item, path if name.isdigit() else (*path, name))

    def _text(self, text: str) -> str:
        if len(text) < SHORTEST:
            return text
        clean = self.policy.text(text)
        self.count += clean is not text
        return clean

    def _replaced(self, name: str) -> str:
        self.count += 1
        return mark(name)


@lru_cache(maxsize=1000)
def policy_of(names: frozenset[str], fields: tuple[str, ...]) -> Policy:
    """One policy for all who say the same: its expression is put together once."""
    return Policy(names, tuple(map(path_of, fields)))


USUAL = policy_of(USUAL_NAMES, ())
