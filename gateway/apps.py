from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        """A script that cannot be read is said at the start, and not by the first execution that needs it."""
        from .providers.registry import provider_named
        from .providers.scripted import ScriptError

        try:
            provider_named("scripted")
        except ScriptError as error:
            raise ImproperlyConfigured(f"SCRIPTS: {error}") from error
