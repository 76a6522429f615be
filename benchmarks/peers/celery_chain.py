"""A Celery chain of three tasks over Valkey, results in Valkey: nothing reaches a disk, so it is **not durable**."""
# /// script
# dependencies = ["anthropic==2.12.0", "celery==5.7.0", "packaging==26.3", "redis==8.1.0"]
# ///

import redis
from celery import Celery, chain
from celery.result import AsyncResult

from .protocol import Client, Place, play
from .work import Answer, Steps, normalise

PLACE = Place.here()
STEPS = Steps(PLACE.provider)
VALKEY = redis.Redis.from_url(PLACE.broker)
DONE = "done"
FEW = 16

celery = Celery("bench", broker=PLACE.broker, backend=PLACE.broker)
celery.conf.update(worker_prefetch_multiplier=4, worker_hijack_root_logger=False, result_expires=600)


@celery.task(name="normalise")
def normalised(text: str) -> str:
    return normalise(text)


@celery.task(name="classify")
def classified(text: str) -> tuple[str, Answer]:
    return text, STEPS.classify(text)


@celery.task(name="draft")
def drafted(found: tuple[str, Answer]) -> Answer:
    text, classification = found
    answer = STEPS.draft(text, classification["category"])
    VALKEY.incr(DONE)
    return answer


class CeleryClient(Client):
    def __init__(self, place: Place) -> None:
        self._started = self.completed()

    def prepare(self) -> None:
        """Nothing: it has no tables."""

    def submit(self, text: str) -> AsyncResult:
        self._started += 1
        return chain(normalised.s(text), classified.s(), drafted.s()).apply_async()

    def unfinished(self) -> int:
        return self._started - self.completed()

    def completed(self) -> int:
        return int(VALKEY.get(DONE) or 0)

    def is_completed(self, execution: AsyncResult) -> bool:
        return execution.ready()


def work(place: Place) -> None:
    # Where calls take no time, one process without threads is its fastest; where they wait, a thread for each.
    pool, size = ("prefork", 1) if place.in_flight <= FEW else ("threads", place.in_flight)
    options = [f"--pool={pool}", f"--concurrency={size}", "--loglevel=ERROR"]
    celery.worker_main(["worker", *options, "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    play(CeleryClient, work)
