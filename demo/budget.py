"""What a live demo may cost: an estimate before, and a stop that cannot be overrun."""

from decimal import Decimal

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from executions.models import Execution, Status
from gateway import pricing
from gateway.models import Call
from gateway.types import Usage
from wire.money import to_pico, to_usd, usd_text
from workflows.compiled import compiled
from workflows.definition import ModelStep
from workflows.models import Workflow

TYPICAL_MESSAGE = 250  # tokens of one ticket with its marked values
TYPICAL_ANSWER = 150
BYTES_PER_TOKEN = 4


class Budget:
    """Reserves an execution's whole cost cap before it starts, so that the sum can never exceed the budget."""

    def __init__(self, workflow: Workflow, usd: Decimal) -> None:
        self.workflow, self.total = workflow, to_pico(usd)
        project = workflow.project
        project.execution_cap = min(project.execution_cap, self.total // settings.WORKER_THREADS)
        project.save(update_fields=["execution_cap"])
        self.cap = project.execution_cap

    def estimate(self, count: int) -> str:
        expected = to_usd(self._expected_pico() * count)
        limit = usd_text(to_usd(self.total))
        return f"Expected: about {expected:.2f} USD for {count} messages; never more than the budget of {limit} USD."

    def in_flight(self) -> int:
        return Execution.objects.filter(workflow=self.workflow).exclude(status__in=_STANDING).count()

    def covers_another(self) -> bool:
        spent = Call.objects.filter(workflow=self.workflow.pk).aggregate(sum=Sum("cost"))["sum"] or 0
        flying = self.in_flight()
        return flying < settings.WORKER_THREADS and spent + (flying + 1) * self.cap <= self.total

    def _expected_pico(self) -> int:
        built = compiled(self.workflow.live.version_id)
        return sum(self._step_pico(step, built.steps[step.id].system) for step in built.definition.steps)

    def _step_pico(self, step: object, system: tuple) -> int:
        if not isinstance(step, ModelStep):
            return 0
        prompt = sum(len(block.text) for block in system) // BYTES_PER_TOKEN + TYPICAL_MESSAGE
        target = self.workflow.live.tier_map[step.tier]
        price = pricing.price(self.workflow.project_id, target, timezone.now(), prompt)
        return (price and price.cost(Usage(input=prompt, output=TYPICAL_ANSWER))) or 0


_STANDING = (Status.COMPLETED, Status.ESCALATED, Status.FAILED, Status.CANCELLED)
