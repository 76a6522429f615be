from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        """A script or a recording that cannot be read is said at the start, and not by the first execution that needs it."""
        from .providers.recorded import RecordingError
        from .providers.registry import EVERYONES
        from .providers.scripted import ScriptError

        try:
            EVERYONES["scripted"].client  # noqa: B018
        except ScriptError as error:
            raise ImproperlyConfigured(f"SCRIPTS: {error}") from error
        try:
            EVERYONES["recorded"].client  # noqa: B018
        except RecordingError as error:
            raise ImproperlyConfigured(f"RECORDINGS: {error}") from error
