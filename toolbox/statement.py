"""The text of a query: its parameters, and whether it is one statement that only asks. Reads strings, quoted names and comments
as PostgreSQL does, so that what stands in them is not taken for anything else. Pure; what it lets pass, the database still
refuses to write."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_QUERY = 20_000  # characters
ROW = "asked_row"
_BEGINS = re.compile(r"(select|with|values|table)\b", re.IGNORECASE)
_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<text>
          (?<![A-Za-z0-9_])[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
        | (?<![\w$])\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$)
    | (?P<cast>::)
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*)
    | (?P<mark>%\(|\$[0-9])
    | (?P<open>\() | (?P<close>\))
    | (?P<end>;)
    | (?P<loose>['"])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Malformed(ValueError):
    """Its message is a sentence."""


@dataclass(frozen=True)
class Statement:
    """`query`: as it was written, without what ends it. `names`: of its parameters, each once, in their order."""

    query: str
    names: tuple[str, ...]

    def for_postgresql(self, max_rows: int, max_bytes: int) -> str:
        """As a part of a query of ours: there nothing but a question can stand, and a row that is too large never leaves the
        server. Parameters are written as its driver wants them; the driver sends their values apart."""
        text = _rewritten(self.query, lambda name: f"%({name})s").rstrip()
        row = f"{ROW}::text"
        large = f"({TOO_LARGE!r} || left({row}, 0))::boolean"  # is none, so that the server says so
        limit = f"CASE WHEN octet_length({row}) <= {max_bytes} THEN true ELSE {large} END"
        return f"SELECT {ROW}.* FROM (\n{text}\n) AS {ROW} WHERE {limit} LIMIT {max_rows}"  # noqa: S608


TOO_LARGE = "too large"


def read(query: str) -> Statement:
    """Raises `Malformed`."""
    if len(query) > MAX_QUERY:
        raise Malformed(f"A query has at most {MAX_QUERY} characters.")
    if "\x00" in query:
        raise Malformed("A NUL character cannot stand in a query.")
    query = query.rstrip("; \t\r\n")
    names: list[str] = []
    bare = _rewritten(query, lambda name: names.append(name) or "", keep_texts=False)
    if not _BEGINS.match(bare.lstrip(" \t\r\n(")):
        raise Malformed("A query begins with SELECT or WITH: a tool asks, and changes nothing.")
    return Statement(query, tuple(dict.fromkeys(names)))


def _rewritten(query: str, put: Callable[[str], str], *, keep_texts: bool = True) -> str:
    """The query with something else for each parameter, and `%` as a driver wants it that writes parameters with one. Without
    what stands in texts and comments, where these are not wanted."""
    found, depth = [], 0
    for kind, word in _words(query):
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            raise Malformed("A bracket is closed that was never opened.")
        if kind == "name":
            found.append(put(word[1:]))
        else:
            kept = keep_texts or kind not in ("comment", "block", "text")
            found.append(word.replace("%", "%%") if kept else " ")
    if depth:
        raise Malformed("A bracket is opened and never closed.")
    return "".join(found)


def _words(query: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each piece of the query; an empty kind is whatever stands between what matters here."""
    at = 0
    while token := _TOKEN.search(query, at):
        kind, end = token.lastgroup or "", token.end()
        if kind in _COMPLAINTS:
            raise Malformed(_COMPLAINTS[kind])
        if kind == "block":
            end = _end_of_comment(query, end)
        yield "", query[at : token.start()]
        yield kind, query[token.start() : end]
        at = end
    yield "", query[at:]


_COMPLAINTS = {
    "mark": "Write a parameter as :name.",
    "end": "A query is one statement: there is a semicolon in the middle of it.",
    "loose": "A quotation mark is opened and never closed.",
}


def _end_of_comment(query: str, at: int) -> int:
    """PostgreSQL's comments stand inside of each other."""
    depth = 1
    while depth:
        mark = re.compile(r"/\*|\*/").search(query, at)
        if mark is None:
            raise Malformed("A comment is opened and never closed.")
        depth, at = depth + (1 if mark[0] == "/*" else -1), mark.end()
    return at
