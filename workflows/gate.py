"""What stands in front of a publication. Cases and verdicts are known above; the app that knows them guards the gate, and no
publication goes around it: `Version.publish` asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from .models import Version


@dataclass(frozen=True)
class Evidence:
    """On what a version goes live: `passed` with the evaluation that says so, `overridden` with the reason, or `none`."""

    word: str
    evaluation: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is to go live. `tier_map`, `calls`: as the publication pins them. `override`: why, whatever the evidence says."""

    version: Version
    tier_map: dict[str, str]
    calls: dict[str, int] | None
    prompt_format: int
    override: str = ""


Guard = Callable[[Wanted], Evidence]  # raises `Conflict`

_guards: list[Guard] = []


def guard(judge: Guard) -> None:
    """From now on this one is asked, and no other."""
    _guards[:] = [judge]


def judge(wanted: Wanted) -> Evidence:
    """Raises `Conflict` that says what is missing. Without a guard nothing passes."""
    return _guards[0](wanted)
