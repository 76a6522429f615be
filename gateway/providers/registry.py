"""The providers of this process, by the name before the colon; made on first use from the environment."""

import threading
from pathlib import Path

from django.conf import settings

from . import Provider

# Whose public price list a provider's models are looked up in. A scripted model is priced as the one it plays.
PRICE_LISTS = {"anthropic": "anthropic", "scripted": "anthropic"}

_lock = threading.Lock()
_providers: dict[str, Provider] = {}


def provider_named(name: str) -> Provider:
    with _lock:
        if name not in _providers:
            _providers[name] = _made(name)
        return _providers[name]


def register(name: str, provider: Provider) -> None:
    """Puts this provider under the name, for this process."""
    with _lock:
        _providers[name] = provider


def is_simulated(target: str) -> bool:
    """Whether `provider:model` answers from a script: its money is a story, and never added to real money."""
    return provider_named(target.partition(":")[0]).simulated


def price_list_of(name: str) -> str:
    return PRICE_LISTS[name]


def _made(name: str) -> Provider:
    match name:
        case "anthropic":
            from .anthropic import AnthropicProvider

            return AnthropicProvider()
        case "scripted":
            from .scripted import ScriptedProvider

            return ScriptedProvider([Path(script) for script in settings.SCRIPTS])
    raise LookupError(f"There is no provider {name!r}.")
