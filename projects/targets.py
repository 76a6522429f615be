"""A target names a model and who provides it: `anthropic:claude-haiku-5-5`. Without Django: the settings read it too."""

import re
from collections.abc import Iterable

PROVIDERS = ("anthropic", "openai", "scripted", "recorded")  # what every project has; its own stand beside them
SIMULATED = ("scripted", "recorded")  # these, and protocols of the same names: their money is a story

MODEL = re.compile(r"[!-~]{1,200}")  # no vendor's id has a blank or a letter beyond ASCII


def parse_target(text: str, providers: Iterable[str] = PROVIDERS) -> tuple[str, str]:
    """`"anthropic:claude-haiku-5-5"` → `("anthropic", "claude-haiku-5-5")`. Raises `ValueError` with a sentence."""
    provider, _, model = text.partition(":")
    providers = list(providers)
    if provider not in providers or not MODEL.fullmatch(model):
        raise ValueError(f"Write the model as PROVIDER:MODEL, with one of these providers: {', '.join(providers)}.")
    return provider, model
