"""Django's ORM and Celery as they are usually put together: one task per execution, one row and one commit per step,
threads that wait for the model; acknowledged late, resumed by what rows there are."""
# /// script
# dependencies = [
#   "anthropic==2.12.0", "celery==5.7.0", "django==5.2.19", "packaging==26.3", "psycopg[binary]==3.3.9",
#   "redis==8.1.0",
# ]
# ///

from urllib.parse import urlsplit

import django
from celery import Celery
from django.conf import settings

from .protocol import Client, Place, play
from .work import Steps, normalise

PLACE = Place.here()
_where = urlsplit(PLACE.database)
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _where.path.strip("/"),
            "USER": _where.username,
            "HOST": _where.hostname,
            "PORT": _where.port,
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

celery = Celery("bench", broker=PLACE.broker)
celery.conf.update(
    task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, worker_hijack_root_logger=False
)


class Execution(models.Model):
    status = models.CharField(max_length=10, default="queued", db_index=True)
    input = models.JSONField()
    output = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"


class Step(models.Model):
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="steps")
    number = models.IntegerField()
    result = models.JSONField()

    class Meta:
        app_label = "bench"
        unique_together = [("execution", "number")]


class DjangoClient(Client):
    def __init__(self, place: Place) -> None:
        pass  # the settings above read it

    def prepare(self) -> None:
        with connection.schema_editor() as editor:
            editor.create_model(Execution)
            editor.create_model(Step)

    def submit(self, text: str) -> int:
        execution = Execution.objects.create(input={"text": text})
        execute.delay(execution.pk)
        return execution.pk

    def unfinished(self) -> int:
        return Execution.objects.filter(status="queued").count()

    def completed(self) -> int:
        return Execution.objects.filter(status="completed").count()

    def is_completed(self, execution: object) -> bool:
        return Execution.objects.filter(pk=execution, status="completed").exists()


STEPS = Steps(PLACE.provider)


@celery.task(name="execute")
def execute(execution_id: int) -> None:
    execution = Execution.objects.get(pk=execution_id)
    done = {step.number: step.result for step in execution.steps.all()}
    if 1 not in done:
        done[1] = normalise(execution.input["text"])
        Step.objects.create(execution=execution, number=1, result=done[1])
    if 2 not in done:
        done[2] = STEPS.classify(done[1])
        Step.objects.create(execution=execution, number=2, result=done[2])
    if 3 not in done:
        done[3] = STEPS.draft(done[1], done[2]["category"])
        with transaction.atomic():
            Step.objects.create(execution=execution, number=3, result=done[3])
            finished = {"status": "completed", "output": done[3], "finished_at": timezone.now()}
            Execution.objects.filter(pk=execution_id).update(**finished)


def work(place: Place) -> None:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    celery.worker_main(["worker", "--pool=threads", f"--concurrency={place.in_flight}", *quiet])


if __name__ == "__main__":
    play(DjangoClient, work)
