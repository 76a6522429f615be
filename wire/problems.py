"""What can be wrong with a request, in the words of RFC 9457. Domain code raises these; the REST edge renders them.

Problem
├── Malformed    400  cannot be read
├── NotFound     404  unknown, or another project's
├── Conflict     409  not in this state
├── TooLarge     413
└── Invalid      422  can be read, and is wrong: one `Fault` for each place
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (a JSON pointer, RFC 6901) and a sentence that a person can act on."""

    pointer: str
    detail: str

    def under(self, prefix: str) -> "Fault":
        return Fault(prefix + self.pointer, self.detail)


def pointer(*parts: str | int) -> str:
    """`pointer("steps", 0, "a/b")` → `"/steps/0/a~1b"`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class Problem(Exception):
    status = 500
    title = "Internal error"

    def __init__(self, detail: str, faults: Iterable[Fault] = (), **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults)
        self.extra = extra


class Malformed(Problem):
    status = 400
    title = "Malformed request"


class NotFound(Problem):
    status = 404
    title = "Not found"


class Conflict(Problem):
    status = 409
    title = "Conflict"


class TooLarge(Problem):
    status = 413
    title = "Too large"


class Unavailable(Problem):
    """Too busy at this moment. The same request may go through in a few seconds."""

    status = 503
    title = "Unavailable"


class Invalid(Problem):
    status = 422
    title = "Invalid"

    @classmethod
    def at(cls, where: str, detail: str) -> "Invalid":
        return cls(detail, [Fault(where, detail)])

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> "Invalid":
        faults = list(faults)
        first = faults[0].detail if faults else "invalid"
        return cls(first if len(faults) == 1 else f"{first} ({len(faults)} problems in all)", faults)
