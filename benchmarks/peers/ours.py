"""This product: a published version of one code step and two model steps, accepted by the queue, executed by
`manage.py run_worker`. It runs in the environment of the checkout."""

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from .protocol import Client, Place, play
from .work import MODEL

if TYPE_CHECKING:
    from workflows.models import Publication

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "common-work"
IN_FLIGHT = 300  # its default; a call that waits costs no thread
DEFINITION = {
    "title": "The common work",
    "purpose": "Normalise a message, classify it, draft an answer.",
    "input_schema": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    "steps": [
        {
            "id": "normalise",
            "kind": "code",
            "code": "def run(input, steps):\n    return ' '.join(input['text'].split()).lower()",
        },
        {
            "id": "classify",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Classify this message.",
            "prompt": "{{ steps.normalise }}",
            "output_schema": {
                "type": "object",
                "required": ["category"],
                "properties": {"category": {"type": "string"}},
            },
        },
        {
            "id": "draft",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Write a reply.",
            "prompt": "Category: {{ steps.classify.category }}\n{{ steps.normalise }}",
        },
    ],
}


def configured(place: Place) -> dict[str, str]:
    """The environment of an operator with a database server, a broker and a key."""
    return {
        "DATABASE_URL": place.database,
        "BROKER_URL": place.broker,
        "ANTHROPIC_BASE_URL": place.provider,
        "ANTHROPIC_API_KEY": "none",
        "MODEL_CHEAP": f"anthropic:{MODEL}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # One key asks for everything, as fast as it can.
        "THROTTLE_KEY": "0",
        "THROTTLE_PROJECT": "0",
    }


class OurClient(Client):
    """Starts by the queue, as the API does after it has checked key and body."""

    def __init__(self, place: Place) -> None:
        os.environ.update(configured(place))
        import django

        django.setup()

    def prepare(self) -> None:
        from django.core.management import call_command

        from projects.models import Project
        from workflows.models import Examined, Workflow

        call_command("migrate", verbosity=0, skip_checks=True)
        project = Project.objects.establish("bench")
        workflow = Workflow.objects.create(project=project, name=NAME)
        workflow.draft(Examined.of(DEFINITION, project), "1.0.0", created_by="bench").publish("bench")

    def submit(self, text: str) -> UUID:
        from executions import queue

        return queue.submit(self._live.version, self._live, {"text": text}, actor="bench").pk

    def submit_all(self, texts: list[str]) -> None:
        from executions import queue

        inputs = [{"text": text} for text in texts]
        queue.submit_batch(self._live.version, self._live, inputs, actor="bench")

    @cached_property
    def _live(self) -> "Publication":
        from workflows.models import Workflow

        return Workflow.objects.get(name=NAME).live

    def unfinished(self) -> int:
        from executions.models import Execution, Status

        return Execution.objects.filter(status__in=[Status.QUEUED, Status.RUNNING, Status.WAITING]).count()

    def completed(self) -> int:
        from executions.models import Execution, Status

        return Execution.objects.filter(status=Status.COMPLETED).count()

    def is_completed(self, execution: object) -> bool:
        from executions.models import Execution, Status

        return Execution.objects.filter(pk=execution, status=Status.COMPLETED).exists()


def work(place: Place) -> None:
    os.environ.update(configured(place), IN_FLIGHT=str(max(place.in_flight, IN_FLIGHT)))
    os.execv(sys.executable, [sys.executable, str(ROOT / "manage.py"), "run_worker"])


if __name__ == "__main__":
    play(OurClient, work)
