"""The app of evaluations: the gate in front of every publication is its own."""

from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    name = "evaluations"

    def ready(self) -> None:
        from workflows import gate

        from . import forgetting  # noqa: F401
        from .gate import judge

        gate.guard(judge)
