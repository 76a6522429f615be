"""The app of designs."""

from django.apps import AppConfig


class DesignsConfig(AppConfig):
    name = "designs"

    def ready(self) -> None:
        from executions.retention import forgotten

        from . import forgetting, grouping

        forgotten.connect(grouping.forget, dispatch_uid="groups")
        forgotten.connect(forgetting.forget_evidence, dispatch_uid="evidence")
