"""The address of a request with `{name}` where an argument goes: in the path and the query alone, each value percent-encoded, so
that no value names another host, another path or another parameter. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from wire.addresses import parts_of

MAX_URL = 2_000  # characters of the template
MAX_FILLED = 8_000
_FORM = re.compile(r"(?P<origin>https?://[^/?#{}]+)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?\Z")
_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)


class Malformed(ValueError):
    """Its message is a sentence."""


@dataclass(frozen=True)
class Template:
    origin: str
    path: str
    query: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(_PLACE.findall("".join([self.path, *self.query])))

    @property
    def in_path(self) -> frozenset[str]:
        return frozenset(_PLACE.findall(self.path))

    def filled(self, arguments: Mapping[str, object]) -> str:
        """The address. A pair of the query whose argument is missing or null is left out. Raises `Malformed`."""
        path = _PLACE.sub(lambda place: quote(_segment(place[1], arguments.get(place[1])), safe=""), self.path)
        pairs = [one for pair in self.query for one in _pairs(pair, arguments)]
        found = self.origin + path + ("?" + "&".join(pairs) if pairs else "")
        if len(found) > MAX_FILLED:
            raise Malformed(f"The address has more than {MAX_FILLED} characters.")
        return found


def read(url: str) -> Template:
    """Raises `Malformed`."""
    found = _FORM.match(url)
    if len(url) > MAX_URL or found is None:
        raise Malformed("Write an address such as https://api.example.com/orders/{number}?lang={language}.")
    bare = _PLACE.sub("x", url)
    if "{" in bare or "}" in bare:
        raise Malformed("A place for an argument is its name in braces, such as {number}, in the path or the query.")
    parts = parts_of(bare)
    if parts is None or "\\" in bare:
        raise Malformed("This is no address: write what is not plain ASCII percent-encoded.")
    if "@" in parts.netloc:
        raise Malformed("An address without a user: a secret goes into a header, by its variable's name.")
    query = tuple((found["query"] or "").split("&")) if found["query"] else ()
    return Template(found["origin"], found["path"] or "/", query)


def _segment(name: str, value: object) -> str:
    """Servers that decode twice, or slashes too early, would go up where a value says so; and an empty one names the folder."""
    text = _text(name, value)
    if not text or any(part in (".", "..") for part in re.split(r"[/\\]", text)):
        raise Malformed(f"The argument {name!r} cannot stand in the path of an address.")
    return text


def _pairs(pair: str, arguments: Mapping[str, object]) -> list[str]:
    names = _PLACE.findall(pair)
    values = [arguments.get(name) for name in names]
    if any(value is None for value in values):
        return []
    if len(names) == 1 and isinstance(values[0], list):
        return [_PLACE.sub(quote(_text(names[0], one), safe=""), pair) for one in values[0]]
    return [_PLACE.sub(lambda place: quote(_text(place[1], arguments[place[1]]), safe=""), pair)]


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise Malformed(f"The argument {name!r} is a text, a number, true or false where it stands in an address.")
