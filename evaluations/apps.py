"""The app of evaluations: the gate in front of every publication is its own."""

from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    name = "evaluations"

    def ready(self) -> None:
        from executions.proposing import case_proposed
        from executions.retention import forgotten
        from workflows import gate

        from . import forgetting, proposals
        from .gate import judge

        gate.guard(judge)
        forgotten.connect(forgetting.forget, dispatch_uid="results")
        case_proposed.connect(proposals.take, dispatch_uid="cases")
