"""The app of designs."""

from django.apps import AppConfig


class DesignsConfig(AppConfig):
    name = "designs"

    def ready(self) -> None:
        from executions.retention import forgotten

        from . import grouping

        forgotten.connect(grouping.forget, dispatch_uid="groups")
