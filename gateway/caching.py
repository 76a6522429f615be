"""How large the stable part of a prompt has to be before a provider caches it. Providers state it on their pages and in no
list that a program reads, so it stands here, with where it was read and when. What is not here is unknown.
"""

from datetime import date
from functools import lru_cache

from .prices import same_entry
from .providers.registry import provider_of

READ_ON = date(2026, 10, 8)
SOURCES = {
    "anthropic": "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
    "openai": "https://developers.openai.com/api/docs/guides/prompt-caching",
}

# Tokens. Newer models do not always need fewer: each is looked up by its id.
ANTHROPIC = {
    512: (
        *("claude-fable-5-1", "claude-mythos-5-1", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
        *("claude-opus-5", "claude-fable-5", "claude-mythos-5"),
    ),
    1024: (
        *("claude-opus-4-8", "claude-sonnet-5", "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-opus-4-1"),
        *("claude-opus-4-0", "claude-sonnet-4-0"),
    ),
    2048: ("claude-opus-4-7", "claude-3-5-haiku-latest"),
    4096: ("claude-opus-4-6", "claude-opus-4-5", "claude-haiku-4-5"),
}
# "gpt-4o and newer": every model whose id begins so.
OPENAI = {1024: ("gpt-4o", "chatgpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-6", "o1", "o3", "o4")}


def cacheable_minimum(project: int, provider: str, model: str) -> int | None:
    """Tokens; None: nobody states it."""
    return _minimum(provider_of(project, provider).price_list, model)


@lru_cache(maxsize=1024)
def _minimum(price_list: str, model: str) -> int | None:
    """A simulated model follows the list of whichever vendor it plays."""
    if price_list in ("anthropic", "any"):
        for tokens, models in ANTHROPIC.items():
            if model in models or any(same_entry("anthropic", model, one) for one in models):
                return tokens
    if price_list in ("openai", "any"):
        for tokens, begins in OPENAI.items():
            if model.startswith(begins):
                return tokens
    return None
