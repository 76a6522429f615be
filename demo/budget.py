"""What a live demo may cost: an estimate before, and a stop that cannot be overrun."""

from decimal import Decimal

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from gateway import pricing
from gateway.models import Call
from gateway.prices import listed_price
from gateway.providers.registry import price_list_of
from gateway.types import Usage
from wire.money import to_pico, to_usd, usd_text
from workflows.compiled import compiled
from workflows.definition import ModelStep
from workflows.models import Workflow

from . import story

TYPICAL_MESSAGE = 250  # tokens of one ticket with its marked values
TYPICAL_ANSWER = 150
BYTES_PER_TOKEN = 4


def unpriced(tiers: dict[str, tuple[str, str]]) -> list[str]:
    """The tiers whose model has no price, so that nothing bounds what its calls cost."""
    now = timezone.now()
    prices = {
        tier: listed_price(price_list_of(provider), model, now, TYPICAL_MESSAGE)
        for tier, (provider, model) in tiers.items()
    }
    return [tier for tier, price in prices.items() if price is None or None in (price.input, price.output)]


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
        return f"Expected: about {expected:.2f} USD for {count} messages; never more than {limit} USD."

    def in_flight(self) -> int:
        return story.executions(self.workflow).exclude(status__in=story.STANDING).count()

    def covers_another(self) -> bool:
        """In this order: what ends between the two questions is counted in both, and never in neither."""
        flying = self.in_flight()
        spent = Call.objects.filter(workflow=self.workflow.pk).aggregate(sum=Sum("cost"))["sum"] or 0
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
