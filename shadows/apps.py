"""The app of shadows."""

from django.apps import AppConfig


class ShadowsConfig(AppConfig):
    name = "shadows"

    def ready(self) -> None:
        from executions.retention import forgotten

        from . import forgetting

        forgotten.connect(forgetting.forget, dispatch_uid="shadows")
