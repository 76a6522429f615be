"""What a publication closes: the flags that its version was made for. Flags and executions are known above; the app that knows
them closes, and no publication goes around it: `Workflow.draft` and `Version.publish` ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wire.problems import Fault

if TYPE_CHECKING:
    from .models import Publication, Version, Workflow

MOST = 1_000  # flags of one version


@dataclass(frozen=True)
class Closed:
    """How many flags were closed, or would be, and how many executions that waited run again. `left`: why others go on waiting,
    and how many for each reason."""

    flags: int = 0
    run_again: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Closed) -> Closed:
        return Closed(self.flags + other.flags, self.run_again + other.run_again, self.left + other.left)


class Closer(Protocol):
    def faults(self, workflow: Workflow, flags: Sequence[str]) -> list[Fault]:
        """What is wrong with a list of flags that a version is to close; pointers are those of the list."""

    def hold(self, version: Version) -> None:
        """Locks what closing will change. Asked before the workflow is locked: whoever answers a flag locks in that order."""

    def close(self, publication: Publication, by: str) -> Closed:
        """Within the transaction that publishes."""

    def foretell(self, version: Version) -> Closed:
        """What `close` would do at this moment; changes nothing."""


_closers: list[Closer] = []


def closer(one: Closer) -> None:
    """From now on this one is asked, and no other."""
    _closers[:] = [one]


def faults(workflow: Workflow, flags: Sequence[str]) -> list[Fault]:
    if len(flags) > MOST:
        return [Fault("", f"A version closes at most {MOST} flags.")]
    return _closers[0].faults(workflow, flags) if flags else []


def hold(version: Version) -> None:
    if version.resolves:
        _closers[0].hold(version)


def close(publication: Publication, by: str) -> Closed:
    return _closers[0].close(publication, by) if publication.version.resolves else Closed()


def foretell(version: Version) -> Closed:
    return _closers[0].foretell(version) if version.resolves else Closed()
