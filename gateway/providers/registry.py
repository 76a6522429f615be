"""The providers, by the name before the colon: those that every project has, made from the environment, and a project's own
rows. One client per endpoint and process, whoever asks."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from projects.models import Provider as Row
from projects.remembered import PerProject
from projects.targets import PROVIDERS, SIMULATED

from ..types import AccessDenied
from . import Provider

# Whose public price list a model is looked up in. A simulated model is priced as the one it plays, whoever's that is.
PRICE_LISTS = {"anthropic": "anthropic", "openai": "openai", "scripted": "any", "recorded": "any"}


@dataclass(frozen=True)
class Endpoint:
    """Where and how: two rows that say the same share one client. `key_variable` None: the protocol's own."""

    protocol: str
    base_url: str = ""
    key_variable: str | None = None

    def __str__(self) -> str:
        """Empty for one that every project has."""
        return f"{self.base_url} {self.key_variable or ''}".strip()


NOWHERE = Endpoint("")


@dataclass(frozen=True)
class Known:
    """A provider as a project knows it. `aliases`: planned id → served id. One that it does not know (any more: what was
    published names it, and its row is gone) is `NOWHERE`, has no prices, and cannot be asked."""

    name: str
    endpoint: Endpoint = NOWHERE
    price_list: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Provider:
        """Raises `AccessDenied` where there is none: like a missing key, that waits until a person has mended it."""
        if self.endpoint == NOWHERE:
            mend = "make one of this name in the admin, or publish on another model"
            raise AccessDenied(f"The project has no provider {self.name!r} any more: {mend}.")
        with _lock:
            if self.endpoint not in _clients:
                _clients[self.endpoint] = _made(self.endpoint)
            return _clients[self.endpoint]


def _load(project: int) -> dict[str, Known]:
    found = Row.objects.filter(project=project)
    return {row.name: Known(row.name, _endpoint(row), row.price_list, row.aliases) for row in found}


def _endpoint(row: Row) -> Endpoint:
    is_usual = not row.base_url and not row.key_variable
    return Endpoint(row.protocol, row.base_url, None if is_usual else row.key_variable)


EVERYONES = {name: Known(name, Endpoint(name), PRICE_LISTS[name]) for name in PROVIDERS}

_lock = threading.Lock()
_clients: dict[Endpoint, Provider] = {}
_own = PerProject(_load)


def provider_of(project: int, name: str) -> Known:
    """May ask the database."""
    return _found(_own.of(project), name)


def provider_met(project: int, name: str) -> Known:
    """The same for a project whose providers this process was asked for before: on the event loop nobody waits for the
    database."""
    return _found(_own.latest(project) or {}, name)


def register(name: str, provider: Provider) -> None:
    """Puts this client under a name that every project has, for this process."""
    with _lock:
        _clients[EVERYONES[name].endpoint] = provider


def is_simulated(project: int, target: str) -> bool:
    """Whether `provider:model` answers from a script or a recording: its money is a story, and never added to real money."""
    return provider_of(project, target.partition(":")[0]).endpoint.protocol in SIMULATED


def forget() -> None:
    """As in a process that has just started."""
    _own.clear()
    with _lock:
        _clients.clear()


def _found(own: Mapping[str, Known], name: str) -> Known:
    return own.get(name) or EVERYONES.get(name) or Known(name)


@receiver([post_save, post_delete], sender=Row)
def _forget(instance: Row, **kwargs: object) -> None:
    _own.forget(instance.project_id)


def _made(endpoint: Endpoint) -> Provider:
    provider = _speaking(endpoint)
    if settings.RECORD_TO and not provider.simulated:
        from .recorded import Recorder

        return Recorder(provider, settings.RECORD_TO)
    return provider


def _speaking(endpoint: Endpoint) -> Provider:
    where = {"base_url": endpoint.base_url or None, "key_variable": endpoint.key_variable}
    match endpoint.protocol:
        case "anthropic":
            from .anthropic import AnthropicProvider

            return AnthropicProvider(**where)
        case "openai":
            from .openai import OpenAIProvider

            return OpenAIProvider(**where)
        case "scripted":
            from .scripted import ScriptedProvider

            return ScriptedProvider([Path(script) for script in settings.SCRIPTS])
        case "recorded":
            from .recorded import RecordedProvider

            return RecordedProvider([Path(recording) for recording in settings.RECORDINGS])
    raise AccessDenied(f"There is no protocol {endpoint.protocol!r}.")
