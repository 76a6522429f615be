"""A target names a model and who provides it: `anthropic:claude-haiku-5-5`. Without Django: the settings read it too."""

import re

PROVIDERS = ("anthropic", "scripted")

_MODEL = re.compile(r"[!-~]{1,200}")  # no vendor's id has a blank or a letter beyond ASCII


def parse_target(text: str) -> tuple[str, str]:
    """`"anthropic:claude-haiku-5-5"` → `("anthropic", "claude-haiku-5-5")`. Raises `ValueError` with a sentence."""
    provider, _, model = text.partition(":")
    if provider not in PROVIDERS or not _MODEL.fullmatch(model):
        known = " or ".join(f"{name}:NAME" for name in PROVIDERS)
        raise ValueError(f"Write the model as {known}; other providers are not available yet.")
    return provider, model
