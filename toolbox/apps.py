from django.apps import AppConfig


class ToolboxConfig(AppConfig):
    name = "toolbox"

    def ready(self) -> None:
        from projects.tools import kind

        from .kinds import KINDS

        for name, one in KINDS.items():
            kind(name, one.build)
