"""From how many tokens on a model's prompt can be cached: below it, a cache marker does nothing, and nobody says so.

As the vendors' documents state it, in November 2026. A model that is not among these is not guessed.
"""

import re

_LEAST = {
    1024: (
        *("claude-opus-4", "claude-opus-4-0", "claude-opus-4-1", "claude-3-7-sonnet"),
        *("claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-5", "claude-sonnet-4-6"),
        *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5", "gpt-5-mini", "gpt-5-nano"),
    ),
    2048: ("claude-opus-4-7", "claude-3-5-haiku", "claude-3-haiku"),
    4096: ("claude-opus-4-5", "claude-opus-4-6", "claude-haiku-4-5"),
}
_BY_NAME = {name: least for least, names in _LEAST.items() for name in names}
_SNAPSHOT = re.compile(r"([-@](latest|\d{8}|\d{4}-\d{2}-\d{2}))?(-v\d+)?(:\d+)?$")


def minimum(model: str) -> int | None:
    """Tokens of the stable part of the prompt, by the model's id up to the date of its snapshot. None: not known."""
    return _BY_NAME.get(_SNAPSHOT.sub("", model.lower().rpartition("/")[2]))
