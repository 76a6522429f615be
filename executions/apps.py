"""The app of executions: what a publication closes is its own."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"

    def ready(self) -> None:
        from workflows import closing as publications

        from . import closing

        publications.closer(closing)
